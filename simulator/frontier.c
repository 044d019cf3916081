
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The frontier: how few calls are made for how much more latency, by patience,
 * by windows of fixed times, and at the least.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "suggest.h"


#define SIM_WIDTH    900
#define SIM_HEIGHT   340
#define SIM_MARGIN   16

/* latency above that share of a lone call's is out of the picture */

#define SIM_SHOWN    0.75

/* of the bound, how many times are drawn up to that */

#define SIM_POINTS   31


typedef struct {
    const sim_options_t  *options;
    const sim_runs_t     *runs;
    uint32_t              load;
    sim_chart_t           chart;
} sim_frontier_t;


static double sim_added(const sim_options_t *options, const sim_runs_t *runs,
    uint32_t load, uint32_t setting);
static double sim_frontier_time(const sim_options_t *options, uint32_t point);
static void sim_frontier_axes(sim_frontier_t *f);
static void sim_frontier_family(const sim_frontier_t *f, uint32_t color,
    sim_window_e window);
static void sim_frontier_label(const sim_frontier_t *f, uint32_t setting,
    double x, double y, uint32_t color);
static void sim_frontier_least(const sim_frontier_t *f, uint32_t color);


/* calls for each request, of each load and time; a mean of all seeds */

static double  sim_least[SIM_LOADS][SIM_POINTS];


static double
sim_frontier_calls(const sim_summary_t *s)
{
    return s->calls_per_request;
}


static double
sim_frontier_p99(const sim_summary_t *s)
{
    return s->latency.p99;
}


void
sim_frontier_bound(const sim_options_t *options, const sim_runs_t *runs,
    uint32_t load, const sim_run_t *run, const sim_backend_t *backend)
{
    uint32_t  i;

    for (i = 0; i < SIM_POINTS; i++) {
        sim_least[load][i] += (double) sim_bound(run, backend,
                                          sim_frontier_time(options, i) * 1000)
                              / run->trace->n / runs->seeds;
    }
}


/* ms */

static double
sim_frontier_time(const sim_options_t *options, uint32_t point)
{
    return sim_lone(options) * SIM_SHOWN * point / (SIM_POINTS - 1);
}


/* p99 above a lone call, ms */

static double
sim_added(const sim_options_t *options, const sim_runs_t *runs, uint32_t load,
    uint32_t setting)
{
    return fmax(sim_range(runs, load, setting, sim_frontier_p99).mean
                - sim_lone(options), 0);
}


void
sim_frontier(const sim_options_t *options, const sim_runs_t *runs)
{
    char             title[256], load[64];
    FILE            *out;
    double           top, height;
    uint32_t         i, columns;
    sim_frontier_t   f;

    static const char *const  names[] = { "slot, with patience",
        "window fixed", "least calls of any policy, nobody slower" };

    columns = runs->loads > 1 ? 2 : 1;
    height = 70 + SIM_HEIGHT * ((runs->loads + columns - 1) / columns);

    snprintf(title, sizeof(title), "Calls against added latency: %s, an "
             "upstream of %g + %g n ms", runs->all[0].trace->source,
             options->backend.costs[0].fixed / 1000,
             options->backend.costs[0].each / 1000);

    out = sim_chart_open(options->frontier, SIM_WIDTH, height, title);

    sim_chart_text(out, SIM_MARGIN, 24, "start",
                   " font-size=\"14\" font-weight=\"bold\"", title);
    top = sim_chart_legend(out, SIM_MARGIN, 48, SIM_WIDTH - 2 * SIM_MARGIN,
                           names, runs->all[0].trace->maker ? 2 : 3);

    memset(&f, 0, sizeof(sim_frontier_t));
    f.options = options;
    f.runs = runs;

    for (i = 0; i < runs->loads; i++) {
        f.load = i;

        memset(&f.chart, 0, sizeof(sim_chart_t));

        snprintf(load, sizeof(load), "%g %s", runs->all[0].trace->load > 0
                 ? sim_run_of(runs, i, 0, 0)->trace->load
                 : (double) runs->all[0].trace->n,
                 options->generator.kind == SIM_GENERATE_CLIENTS ? "clients"
                 : runs->all[0].trace->load > 0 ? "requests/s" : "requests");

        f.chart.out = out;
        f.chart.number = i;
        f.chart.title = load;
        f.chart.left = i % columns * SIM_WIDTH / (double) columns;
        f.chart.top = top - 10 + i / columns * SIM_HEIGHT;
        f.chart.width = SIM_WIDTH / (double) columns;
        f.chart.height = SIM_HEIGHT;
        f.chart.x.label = "calls per request";
        f.chart.y.label = "p99 above a lone call, ms";

        sim_frontier_axes(&f);

        if (runs->all[0].trace->maker == NULL) {
            sim_frontier_least(&f, 2);
        }

        sim_frontier_family(&f, 1, SIM_WINDOW_FIXED);
        sim_frontier_family(&f, 0, SIM_WINDOW_SLOT);
    }

    sim_chart_close(out, options->frontier);
}


static void
sim_frontier_axes(sim_frontier_t *f)
{
    double    shown, added;
    uint32_t  j;

    shown = sim_lone(f->options) * SIM_SHOWN;

    sim_axis_add(&f->chart.x, 1);
    sim_axis_add(&f->chart.y, 0.001);

    for (j = 1; j < f->runs->settings; j++) {
        added = sim_added(f->options, f->runs, f->load, j);
        sim_axis_add(&f->chart.y, fmin(added, shown));
        sim_axis_add(&f->chart.x, sim_range(f->runs, f->load, j,
                                            sim_frontier_calls).mean);
    }

    sim_chart_axes(&f->chart);
}


/* the settings of a window, in the order of their times */

static void
sim_frontier_family(const sim_frontier_t *f, uint32_t color,
    sim_window_e window)
{
    double            x, y, x_before, y_before;
    uint32_t          j, n;
    const sim_run_t  *run;

    n = 0;
    x_before = 0;
    y_before = 0;

    for (j = 1; j < f->runs->settings; j++) {
        run = sim_run_of(f->runs, f->load, j, 0);

        if (run->settings->window != window) {
            continue;
        }

        x = sim_range(f->runs, f->load, j, sim_frontier_calls).mean;
        y = sim_added(f->options, f->runs, f->load, j);

        if (n++) {
            sim_chart_line(&f->chart, x_before, y_before, x, y, color, 0);
        }

        sim_chart_dot(&f->chart, x, y, color, 0);
        sim_frontier_label(f, j, x, y, color);

        x_before = x;
        y_before = y;
    }
}


/* what a setting of the family has that others have not */

static void
sim_frontier_label(const sim_frontier_t *f, uint32_t setting, double x,
    double y, uint32_t color)
{
    char         label[32];
    const char  *name, *value;

    name = sim_run_of(f->runs, f->load, setting, 0)->settings->name;
    value = strchr(name, '=');

    if (value == NULL) {
        return;
    }

    snprintf(label, sizeof(label), "%.*s", (int) strcspn(value + 1, " "),
             value + 1);

    sim_chart_label(&f->chart, x, y, color, color != 0, label);
}


static void
sim_frontier_least(const sim_frontier_t *f, uint32_t color)
{
    uint32_t  i;

    for (i = 1; i < SIM_POINTS; i++) {
        sim_chart_line(&f->chart, sim_least[f->load][i - 1],
                       sim_frontier_time(f->options, i - 1),
                       sim_least[f->load][i],
                       sim_frontier_time(f->options, i), color, 0);
    }
}
