
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <errno.h>
#include <math.h>
#include <string.h>

#include "chart.h"


/* between the outer rectangle and the axes */

#define SIM_LEFT    62
#define SIM_RIGHT   22
#define SIM_TOP     30
#define SIM_BOTTOM  46

/* an axis of logarithms starts there, whatever the values */

#define SIM_LEAST   0.001


static void sim_axis_round(sim_axis_t *axis);
static double sim_axis_next(const sim_axis_t *axis, double mark);
static double sim_axis_share(const sim_axis_t *axis, double value);
static double sim_chart_x(const sim_chart_t *chart, double value);
static double sim_chart_y(const sim_chart_t *chart, double value);
static void sim_chart_escape(FILE *out, const char *text);


FILE *
sim_chart_open(const char *file, double width, double height,
    const char *title)
{
    FILE  *out;

    out = fopen(file, "w");

    if (out == NULL) {
        sim_die(1, "%s: %s", file, strerror(errno));
    }

    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" "
            "height=\"%g\" viewBox=\"0 0 %g %g\" font-family=\"sans-serif\" "
            "font-size=\"12\">\n<title>", width, height, width, height);
    sim_chart_escape(out, title);
    fprintf(out, "</title>\n<rect width=\"%g\" height=\"%g\" fill=\"#fff\"/>"
            "\n", width, height);

    return out;
}


void
sim_chart_close(FILE *out, const char *file)
{
    fprintf(out, "</svg>\n");

    if (ferror(out) || fclose(out) != 0) {
        sim_die(1, "%s: %s", file, strerror(errno));
    }
}


void
sim_axis_add(sim_axis_t *axis, double value)
{
    if (axis->log) {
        value = fmax(value, SIM_LEAST);
    }

    axis->min = axis->max > 0 ? fmin(axis->min, value) : value;
    axis->max = fmax(axis->max, value);
}


/* to the marks: 1, 2 and 5 of each decade, or from 0 in even steps */

static void
sim_axis_round(sim_axis_t *axis)
{
    double  mark, low;

    if (axis->cap > 0) {
        axis->max = fmin(axis->max, axis->min * axis->cap);
    }

    if (!axis->log) {
        axis->min = 0;

        for (mark = 0; mark < axis->max; /* void */ ) {
            mark = sim_axis_next(axis, mark);
        }

        axis->max = mark > 0 ? mark : 1;
        return;
    }

    low = pow(10, floor(log10(axis->min) - 1));

    for (mark = low; mark <= axis->min * 1.0001; /* void */ ) {
        low = mark;
        mark = sim_axis_next(axis, mark);
    }

    axis->min = low;

    while (mark < axis->max * 0.9999) {
        mark = sim_axis_next(axis, mark);
    }

    axis->max = mark;
}


static double
sim_axis_next(const sim_axis_t *axis, double mark)
{
    double  decade, step;

    if (axis->log) {
        decade = pow(10, floor(log10(mark * 1.0001)));
        step = mark / decade;

        return decade * (step < 1.5 ? 2 : step < 3 ? 5 : 10);
    }

    /* about five steps of 1, 2 or 5 */

    decade = pow(10, floor(log10(axis->max / 5)));
    step = axis->max / 5 / decade;

    return mark + decade * (step <= 1 ? 1 : step <= 2 ? 2 : step <= 5 ? 5
                                                                     : 10);
}


static double
sim_axis_share(const sim_axis_t *axis, double value)
{
    if (axis->log) {
        value = fmax(value, axis->min);

        return log(value / axis->min) / log(axis->max / axis->min);
    }

    return (value - axis->min) / (axis->max - axis->min);
}


static double
sim_chart_x(const sim_chart_t *chart, double value)
{
    return chart->left + SIM_LEFT + sim_axis_share(&chart->x, value)
           * (chart->width - SIM_LEFT - SIM_RIGHT);
}


static double
sim_chart_y(const sim_chart_t *chart, double value)
{
    return chart->top + SIM_TOP + (1 - sim_axis_share(&chart->y, value))
           * (chart->height - SIM_TOP - SIM_BOTTOM);
}


void
sim_chart_axes(sim_chart_t *chart)
{
    char    buf[32];
    FILE   *out;
    double  v, x, y, left, right, top, bottom;

    sim_axis_round(&chart->x);
    sim_axis_round(&chart->y);

    out = chart->out;
    left = chart->left + SIM_LEFT;
    right = chart->left + chart->width - SIM_RIGHT;
    top = chart->top + SIM_TOP;
    bottom = chart->top + chart->height - SIM_BOTTOM;

    for (v = chart->x.min; v <= chart->x.max * 1.0001;
         v = sim_axis_next(&chart->x, v))
    {
        x = sim_chart_x(chart, v);
        fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"#ddd\"/>\n", x, top,
                bottom);
        snprintf(buf, sizeof(buf), "%.6g", v);
        sim_chart_text(out, x, bottom + 16, "middle", "", buf);
    }

    for (v = chart->y.min; v <= chart->y.max * 1.0001;
         v = sim_axis_next(&chart->y, v))
    {
        y = sim_chart_y(chart, v);
        fprintf(out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/>\n", left,
                y, right);
        snprintf(buf, sizeof(buf), "%.6g", v);
        sim_chart_text(out, left - 6, y + 4, "end", "", buf);
    }

    fprintf(out, "<path d=\"M%.1f %.1fV%.1fH%.1f\" fill=\"none\" "
            "stroke=\"#444\"/>\n", left, top, bottom, right);

    sim_chart_text(out, left, chart->top + 20, "start",
                   " font-weight=\"bold\"", chart->title);
    sim_chart_text(out, (left + right) / 2, bottom + 34, "middle", "",
                   chart->x.label);

    fprintf(out, "<g transform=\"translate(%.1f %.1f) rotate(-90)\">",
            chart->left + 14, (top + bottom) / 2);
    sim_chart_text(out, 0, 0, "middle", "", chart->y.label);
    fprintf(out, "</g>\n");

    /* lines may lead out of the chart */

    fprintf(out, "<clipPath id=\"chart%u\"><rect x=\"%.1f\" y=\"%.1f\" "
            "width=\"%.1f\" height=\"%.1f\"/></clipPath>\n", chart->number,
            left - 1, top - 1, right - left + 2, bottom - top + 2);
}


/* colors that most people can tell apart, printed or not */

const char *
sim_chart_color(uint32_t i)
{
    static const char *const  colors[] = {
        "#000000", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00",
        "#56b4e9", "#7f7f7f", "#8c564b", "#6a3d9a"
    };

    return colors[i % (sizeof(colors) / sizeof(colors[0]))];
}


void
sim_chart_line(const sim_chart_t *chart, double x1, double y1, double x2,
    double y2, uint32_t color, unsigned thin)
{
    fprintf(chart->out, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\" "
            "stroke-width=\"%s\" clip-path=\"url(#chart%u)\"/>\n",
            sim_chart_x(chart, x1), sim_chart_y(chart, y1),
            sim_chart_x(chart, x2), sim_chart_y(chart, y2),
            sim_chart_color(color), thin ? "1" : "1.8", chart->number);
}


void
sim_chart_dot(const sim_chart_t *chart, double x, double y, uint32_t color,
    unsigned hollow)
{
    if (y > chart->y.max * 1.0001) {
        return;
    }

    fprintf(chart->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" "
            "fill=\"%s\" stroke=\"%s\" stroke-width=\"1.5\"/>\n",
            sim_chart_x(chart, x), sim_chart_y(chart, y), hollow ? "4" : "3",
            hollow ? "#fff" : sim_chart_color(color), sim_chart_color(color));
}


void
sim_chart_label(const sim_chart_t *chart, double x, double y, uint32_t color,
    unsigned below, const char *text)
{
    char  style[64];

    if (y > chart->y.max * 1.0001) {
        return;
    }

    snprintf(style, sizeof(style), " font-size=\"9\" fill=\"%s\"",
             sim_chart_color(color));

    sim_chart_text(chart->out, sim_chart_x(chart, x) + (below ? -6 : 6),
                   sim_chart_y(chart, y) + (below ? 11 : -4),
                   below ? "end" : "start", style, text);
}


double
sim_chart_legend(FILE *out, double x, double y, double width,
    const char *const *names, uint32_t n)
{
    double    left, room;
    uint32_t  i;

    left = x;

    for (i = 0; i < n; i++) {
        room = 34 + 7 * (double) strlen(names[i]) + 12;

        if (x > left && x + room > left + width) {
            x = left;
            y += 20;
        }

        fprintf(out, "<path d=\"M%.1f %.1fh22\" stroke=\"%s\" "
                "stroke-width=\"4\"/>\n", x, y - 4, sim_chart_color(i));
        sim_chart_text(out, x + 28, y, "start", "", names[i]);
        x += room;
    }

    return y + 20;
}


void
sim_chart_text(FILE *out, double x, double y, const char *anchor,
    const char *style, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y,
            anchor, style);
    sim_chart_escape(out, text);
    fprintf(out, "</text>\n");
}


static void
sim_chart_escape(FILE *out, const char *text)
{
    for ( /* void */ ; *text; text++) {

        switch (*text) {

        case '<':
            fputs("&lt;", out);
            break;

        case '&':
            fputs("&amp;", out);
            break;

        default:
            /* what no XML may have */
            fputc((unsigned char) *text < ' ' ? ' ' : *text, out);
        }
    }
}
