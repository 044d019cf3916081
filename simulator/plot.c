
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The picture: of one trace, the latency of each setting against its calls;
 * of a sweep, how both change with the rate.
 */


#include <string.h>

#include "chart.h"


#define SIM_WIDTH   900
#define SIM_HEIGHT  320
#define SIM_MARGIN  16
#define SIM_CAP     100


static void sim_plot_title(const sim_options_t *options, const sim_run_t *run,
    char *buf, size_t size);
static void sim_plot_trace(const sim_runs_t *runs, FILE *out, double top);
static void sim_plot_sweep(const sim_runs_t *runs, sim_chart_t *chart,
    sim_figure_pt x, sim_figure_pt y);
static double sim_plot_value(const sim_runs_t *runs, uint32_t load,
    uint32_t setting, sim_figure_pt figure);


static double
sim_plot_calls(const sim_summary_t *s)
{
    return s->calls_per_request;
}


static double
sim_plot_p50(const sim_summary_t *s)
{
    return s->latency.p50;
}


static double
sim_plot_p99(const sim_summary_t *s)
{
    return s->latency.p99;
}


void
sim_plot(const sim_options_t *options, const sim_runs_t *runs)
{
    char         title[256];
    FILE        *out;
    double       top, height;
    uint32_t     i;
    sim_chart_t  chart;
    const char  *load, *names[SIM_COMPARED];

    static const struct {
        const char    *title;
        const char    *x_label;
        const char    *y_label;
        sim_figure_pt  x;         /* NULL: the load */
        sim_figure_pt  y;
    } charts[] = {
        { "Latency, median", NULL, "p50, ms", NULL, sim_plot_p50 },
        { "Latency, 99 %", NULL, "p99, ms", NULL, sim_plot_p99 },
        { "Calls", NULL, "calls per request", NULL, sim_plot_calls },
        { "Latency against calls", "calls per request", "p99, ms",
          sim_plot_calls, sim_plot_p99 }
    };

    load = options->generator.kind == SIM_GENERATE_CLIENTS
           ? "clients" : "requests per second";

    for (i = 0; i < runs->settings; i++) {
        names[i] = sim_run_of(runs, 0, i, 0)->settings->name;
    }

    /* the legend at most has a line for each */

    height = runs->loads > 1 ? 2 * SIM_HEIGHT : SIM_HEIGHT + 140;
    height += 60 + 20 * (double) (runs->settings / 4 + 1);

    sim_plot_title(options, runs->all, title, sizeof(title));

    out = sim_chart_open(options->plot, SIM_WIDTH, height, title);

    sim_chart_text(out, SIM_MARGIN, 24, "start",
                   " font-size=\"14\" font-weight=\"bold\"", title);
    top = sim_chart_legend(out, SIM_MARGIN, 48, SIM_WIDTH - 2 * SIM_MARGIN,
                           names, runs->settings);

    if (runs->loads == 1) {
        sim_plot_trace(runs, out, top);
    }

    for (i = 0; i < 4 && runs->loads > 1; i++) {
        memset(&chart, 0, sizeof(sim_chart_t));

        chart.out = out;
        chart.number = i;
        chart.title = charts[i].title;
        chart.left = i % 2 * SIM_WIDTH / 2.0;
        chart.top = top - 10 + i / 2 * SIM_HEIGHT;
        chart.width = SIM_WIDTH / 2.0;
        chart.height = SIM_HEIGHT;
        chart.x.label = charts[i].x_label ? charts[i].x_label : load;
        chart.y.label = charts[i].y_label;

        /* what cannot keep up does not hide the others */
        chart.y.cap = charts[i].y == sim_plot_calls ? 0 : SIM_CAP;

        sim_plot_sweep(runs, &chart, charts[i].x, charts[i].y);
    }

    sim_chart_close(out, options->plot);
}


static void
sim_plot_title(const sim_options_t *options, const sim_run_t *run, char *buf,
    size_t size)
{
    char                  places[32];
    const sim_backend_t  *backend;

    backend = &options->backend;

    if (backend->parallel) {
        snprintf(places, sizeof(places), "%u", backend->parallel);

    } else {
        snprintf(places, sizeof(places), "any number");
    }

    snprintf(buf, size, "%s, an upstream of %g + %g n ms, %s at a time",
             run->trace->source, backend->costs[0].fixed / 1000,
             backend->costs[0].each / 1000, places);
}


/* of each setting p99, p50, and a line between them */

static void
sim_plot_trace(const sim_runs_t *runs, FILE *out, double top)
{
    double       calls, p50, p99;
    uint32_t     i, pass;
    sim_chart_t  chart;

    memset(&chart, 0, sizeof(sim_chart_t));

    chart.out = out;
    chart.title = "Latency against calls: p50 filled, p99 hollow";
    chart.left = 0;
    chart.top = top - 10;
    chart.width = SIM_WIDTH;
    chart.height = SIM_HEIGHT + 140;
    chart.x.label = "calls per request";
    chart.y.label = "latency, ms";
    chart.y.log = 1;

    for (pass = 0; pass < 2; pass++) {

        for (i = 0; i < runs->settings; i++) {
            calls = sim_plot_value(runs, 0, i, sim_plot_calls);
            p50 = sim_plot_value(runs, 0, i, sim_plot_p50);
            p99 = sim_plot_value(runs, 0, i, sim_plot_p99);

            if (pass == 0) {
                sim_axis_add(&chart.x, calls);
                sim_axis_add(&chart.y, p50);
                sim_axis_add(&chart.y, p99);
                continue;
            }

            sim_chart_line(&chart, calls, p50, calls, p99, i, 1);
            sim_chart_dot(&chart, calls, p50, i, 0);
            sim_chart_dot(&chart, calls, p99, i, 1);
        }

        if (pass == 0) {
            sim_chart_axes(&chart);
        }
    }
}


static void
sim_plot_sweep(const sim_runs_t *runs, sim_chart_t *chart, sim_figure_pt x,
    sim_figure_pt y)
{
    double    at, value, at_before, before;
    uint32_t  i, j;

    chart->x.log = 1;
    chart->y.log = 1;

    for (i = 0; i < runs->loads; i++) {
        for (j = 0; j < runs->settings; j++) {
            sim_axis_add(&chart->x, sim_plot_value(runs, i, j, x));
            sim_axis_add(&chart->y, sim_plot_value(runs, i, j, y));
        }
    }

    sim_chart_axes(chart);

    for (j = 0; j < runs->settings; j++) {
        at_before = 0;
        before = 0;

        for (i = 0; i < runs->loads; i++) {
            at = sim_plot_value(runs, i, j, x);
            value = sim_plot_value(runs, i, j, y);

            if (i) {
                sim_chart_line(chart, at_before, before, at, value, j, 0);
            }

            sim_chart_dot(chart, at, value, j, 0);

            at_before = at;
            before = value;
        }
    }
}


static double
sim_plot_value(const sim_runs_t *runs, uint32_t load, uint32_t setting,
    sim_figure_pt figure)
{
    if (figure == NULL) {
        return sim_run_of(runs, load, setting, 0)->trace->load;
    }

    return sim_range(runs, load, setting, figure).mean;
}
