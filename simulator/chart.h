
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Charts in an SVG: axes with labels, lines and points.
 */


#ifndef _CHART_H_INCLUDED_
#define _CHART_H_INCLUDED_


#include "sim.h"


typedef struct {
    const char    *label;
    double         min;           /* of the values; the axis ends further out,
                                     at marks */
    double         max;
    double         cap;           /* most times "min" that is shown; 0: any */
    unsigned       log;
} sim_axis_t;


/* the outer rectangle, in pixels */

typedef struct {
    FILE          *out;
    uint32_t       number;        /* each chart of a picture has its own */
    const char    *title;
    double         left;
    double         top;
    double         width;
    double         height;
    sim_axis_t     x;
    sim_axis_t     y;
} sim_chart_t;


/* a picture of one or more charts */
FILE *sim_chart_open(const char *file, double width, double height,
    const char *title);
void sim_chart_close(FILE *out, const char *file);

/* an axis takes in a value */
void sim_axis_add(sim_axis_t *axis, double value);

/* draws the axes, which must have taken in all values by then */
void sim_chart_axes(sim_chart_t *chart);

const char *sim_chart_color(uint32_t i);

void sim_chart_line(const sim_chart_t *chart, double x1, double y1, double x2,
    double y2, uint32_t color, unsigned thin);
void sim_chart_dot(const sim_chart_t *chart, double x, double y,
    uint32_t color, unsigned hollow);

/* above a point, or below, if that is in the chart */
void sim_chart_label(const sim_chart_t *chart, double x, double y,
    uint32_t color, unsigned below, const char *text);

/* lines with a color and a name, from (x, y) on; returns where they end */
double sim_chart_legend(FILE *out, double x, double y, double width,
    const char *const *names, uint32_t n);

void sim_chart_text(FILE *out, double x, double y, const char *anchor,
    const char *style, const char *text);


#endif /* _CHART_H_INCLUDED_ */
