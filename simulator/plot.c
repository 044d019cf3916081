
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


typedef double (*sim_value_pt)(const sim_run_t *run);


typedef struct {
    const sim_run_t  *runs;       /* of each rate, one for each setting */
    uint32_t          settings;
    uint32_t          rates;
} sim_plot_t;


static void sim_plot_title(const sim_options_t *options, const sim_run_t *run,
    char *buf, size_t size);
static void sim_plot_trace(const sim_plot_t *plot, FILE *out, double top);
static void sim_plot_sweep(const sim_plot_t *plot, sim_chart_t *chart,
    sim_value_pt x, sim_value_pt y);


static double
sim_plot_rate(const sim_run_t *run)
{
    return run->trace->rate;
}


static double
sim_plot_calls(const sim_run_t *run)
{
    return run->summary.calls_per_request;
}


static double
sim_plot_p50(const sim_run_t *run)
{
    return run->summary.latency.p50;
}


static double
sim_plot_p99(const sim_run_t *run)
{
    return run->summary.latency.p99;
}


void
sim_plot(const sim_options_t *options, const sim_run_t *runs, uint32_t n)
{
    char         title[256];
    FILE        *out;
    double       top, height;
    uint32_t     i;
    sim_plot_t   plot;
    sim_chart_t  chart;
    const char  *names[SIM_COMPARED];

    static const struct {
        const char    *title;
        const char    *x_label;
        const char    *y_label;
        sim_value_pt   x;
        sim_value_pt   y;
    } charts[] = {
        { "Latency, median", "requests per second", "p50, ms", sim_plot_rate,
          sim_plot_p50 },
        { "Latency, 99 %", "requests per second", "p99, ms", sim_plot_rate,
          sim_plot_p99 },
        { "Calls", "requests per second", "calls per request", sim_plot_rate,
          sim_plot_calls },
        { "Latency against calls", "calls per request", "p99, ms",
          sim_plot_calls, sim_plot_p99 }
    };

    plot.runs = runs;
    plot.rates = llmb_max(options->generator.nrates, 1);
    plot.settings = n / plot.rates;

    for (i = 0; i < plot.settings; i++) {
        names[i] = runs[i].settings->name;
    }

    /* the legend at most has a line for each */

    height = plot.rates > 1 ? 2 * SIM_HEIGHT : SIM_HEIGHT + 140;
    height += 60 + 20 * (double) (plot.settings / 4 + 1);

    sim_plot_title(options, runs, title, sizeof(title));

    out = sim_chart_open(options->plot, SIM_WIDTH, height, title);

    sim_chart_text(out, SIM_MARGIN, 24, "start",
                   " font-size=\"14\" font-weight=\"bold\"", title);
    top = sim_chart_legend(out, SIM_MARGIN, 48, SIM_WIDTH - 2 * SIM_MARGIN,
                           names, plot.settings);

    if (plot.rates == 1) {
        sim_plot_trace(&plot, out, top);
    }

    for (i = 0; i < 4 && plot.rates > 1; i++) {
        memset(&chart, 0, sizeof(sim_chart_t));

        chart.out = out;
        chart.number = i;
        chart.title = charts[i].title;
        chart.left = i % 2 * SIM_WIDTH / 2.0;
        chart.top = top - 10 + i / 2 * SIM_HEIGHT;
        chart.width = SIM_WIDTH / 2.0;
        chart.height = SIM_HEIGHT;
        chart.x.label = charts[i].x_label;
        chart.y.label = charts[i].y_label;

        /* what cannot keep up does not hide the others */
        chart.y.cap = charts[i].y == sim_plot_calls ? 0 : SIM_CAP;

        sim_plot_sweep(&plot, &chart, charts[i].x, charts[i].y);
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
             run->trace->source, backend->fixed / 1000, backend->each / 1000,
             places);
}


/* of each setting p99, p50, and a line between them */

static void
sim_plot_trace(const sim_plot_t *plot, FILE *out, double top)
{
    uint32_t              i;
    sim_chart_t           chart;
    const sim_summary_t  *s;

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

    for (i = 0; i < plot->settings; i++) {
        s = &plot->runs[i].summary;

        sim_axis_add(&chart.x, s->calls_per_request);
        sim_axis_add(&chart.y, s->latency.p50);
        sim_axis_add(&chart.y, s->latency.p99);
    }

    sim_chart_axes(&chart);

    for (i = 0; i < plot->settings; i++) {
        s = &plot->runs[i].summary;

        sim_chart_line(&chart, s->calls_per_request, s->latency.p50,
                       s->calls_per_request, s->latency.p99, i, 1);
        sim_chart_dot(&chart, s->calls_per_request, s->latency.p50, i, 0);
        sim_chart_dot(&chart, s->calls_per_request, s->latency.p99, i, 1);
    }
}


static void
sim_plot_sweep(const sim_plot_t *plot, sim_chart_t *chart, sim_value_pt x,
    sim_value_pt y)
{
    uint32_t          i, j, n;
    const sim_run_t  *run, *before;

    chart->x.log = 1;
    chart->y.log = 1;
    n = plot->rates * plot->settings;

    for (i = 0; i < n; i++) {
        sim_axis_add(&chart->x, x(&plot->runs[i]));
        sim_axis_add(&chart->y, y(&plot->runs[i]));
    }

    sim_chart_axes(chart);

    for (j = 0; j < plot->settings; j++) {

        for (i = 0; i < plot->rates; i++) {
            run = &plot->runs[i * plot->settings + j];

            if (i) {
                before = run - plot->settings;
                sim_chart_line(chart, x(before), y(before), x(run), y(run), j,
                               0);
            }

            sim_chart_dot(chart, x(run), y(run), j, 0);
        }
    }
}
