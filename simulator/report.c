
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The report for people: the batches and a summary of one run, or a table of
 * several.
 */


#include <string.h>

#include "suggest.h"


/* ids of a batch that are printed; the JSON has all */

#define SIM_IDS  6


static void sim_report_head(const sim_options_t *options,
    const sim_runs_t *runs);
static void sim_report_source(const sim_options_t *options,
    const sim_runs_t *runs);
static void sim_report_keys(const sim_options_t *options,
    const sim_trace_t *trace);
static void sim_report_batches(const sim_run_t *run);
static void sim_report_summary(const sim_options_t *options,
    const sim_run_t *run);
static void sim_report_table(const sim_options_t *options,
    const sim_runs_t *runs);
static void sim_report_columns(const sim_options_t *options, int width);
static void sim_report_row(const sim_options_t *options,
    const sim_runs_t *runs, uint32_t load, uint32_t setting, int width);
static unsigned sim_report_shows(const sim_options_t *options,
    size_t column);
static void sim_print_spread(const char *name, const sim_spread_t *spread);
static void sim_print_counts(const char *name, const uint32_t *counts,
    const llmb_str_t *names, uint32_t n, const char *none);


void
sim_report(const sim_options_t *options, const sim_runs_t *runs)
{
    sim_report_head(options, runs);

    if (options->suggest) {
        sim_suggest(options, runs);
        return;
    }

    if (runs->loads * runs->settings * runs->seeds > 1) {
        sim_report_table(options, runs);
        return;
    }

    if (!options->brief) {
        sim_report_batches(runs->all);
    }

    sim_report_summary(options, runs->all);
}


static void
sim_report_head(const sim_options_t *options, const sim_runs_t *runs)
{
    uint32_t               i;
    const sim_cost_t      *cost;
    const sim_backend_t   *backend;
    const sim_settings_t  *settings;

    backend = &options->backend;
    settings = runs->all[0].settings;

    sim_report_source(options, runs);

    printf("\nupstream: ");

    for (i = 0; i < backend->ncosts; i++) {
        cost = &backend->costs[i];

        printf("%s%g + %g n", i ? ", " : "", cost->fixed / 1000,
               cost->each / 1000);

        if (cost->token > 0) {
            printf(" + %g t", cost->token / 1000);
        }
    }

    printf(" ms%s, ", backend->ncosts > 1 ? " by model" : "");

    if (backend->parallel) {
        printf("%u at a time", backend->parallel);

    } else {
        printf("any number at a time");
    }

    if (backend->jitter > 0) {
        printf(", +-%g %%", backend->jitter * 100);
    }

    if (backend->reject > 0) {
        printf(", %g %% answered 429", backend->reject * 100);
    }

    if (backend->limit > 0) {
        printf(", 429 above %g calls/s", backend->limit);
    }

    printf("\n");

    if (runs->loads * runs->settings * runs->seeds == 1) {
        printf("settings: %s\n", settings->name);
    }

    if (runs->settings == 1 && settings->nodes > 1) {
        printf("nodes: %u, %s\n", settings->nodes,
               settings->by_key ? "by key" : "at random");
    }

    printf("\n");

    sim_report_keys(options, runs->all[0].trace);
}


static void
sim_report_source(const sim_options_t *options, const sim_runs_t *runs)
{
    const sim_trace_t      *trace;
    const sim_generator_t  *generator;

    trace = runs->all[0].trace;
    generator = &options->generator;

    if (runs->loads > 1) {
        printf("%u loads", runs->loads);

    } else if (runs->settings * runs->seeds > 1 && trace->maker) {
        printf("%g s", generator->seconds);

    } else if (runs->seeds > 1 && trace->load > 0) {
        printf("%g s of %g requests/s", generator->seconds, trace->load);

    } else {
        printf("%u requests in %.3f s", trace->n, (double) trace->span / 1e6);
    }

    if (trace->maker == NULL) {
        printf(" of %s", trace->source);

    } else if (runs->loads > 1) {
        printf(" of clients that think for %g ms", generator->think / 1000);

    } else {
        printf(" of %g clients that think for %g ms", trace->load,
               generator->think / 1000);
    }

    if (runs->loads > 1) {
        printf(", for %g s", generator->seconds);
    }

    if (runs->seeds > 1) {
        printf(", %u seeds", runs->seeds);
    }

    if (trace->skipped) {
        printf(", %u lines without a status skipped", trace->skipped);
    }
}


/* what is promised of requests depends on who may share a call */

static void
sim_report_keys(const sim_options_t *options, const sim_trace_t *trace)
{
    const sim_generator_t  *generator;

    generator = &options->generator;

    if (generator->unique) {
        printf("keys: each request has its own\n\n");

    } else if (generator->keys) {
        printf("keys: %u", generator->keys);

        if (generator->zipf > 0) {
            printf(", of which the i-th is used 1/i^%g as often",
                   generator->zipf);
        }

        printf("\n\n");

    } else if (trace->unkeyed) {
        printf("WARNING: %u of %u requests come without a key, so those of "
               "one model and task are\ntaken to share calls.  In nginx they "
               "also have to be equal in tenant, headers and\nall other "
               "members of the body: there may be more calls than this says.  "
               "How to have\nkeys logged is told in docs/simulator.md.\n\n",
               trace->unkeyed, trace->n);
    }
}


static void
sim_report_batches(const sim_run_t *run)
{
    uint32_t              i, j;
    uint64_t              wait;
    char                  id[16];
    const char           *why;
    const sim_batch_t    *batch;
    const sim_request_t  *rq;

    printf("%6s %11s  %-20s %5s %7s  %-14s %9s %9s  %s\n", "batch",
           "sent ms", "model", "size", "tokens", "close", "wait ms",
           "call ms", "requests");

    for (i = 0; i < run->nbatches; i++) {
        batch = &run->batches[i];
        rq = &run->trace->requests[run->members[batch->first]];
        wait = 0;

        for (j = 0; j < batch->size; j++) {
            wait = llmb_max(wait, batch->sent
                            - run->trace->requests[run->members[batch->first
                                                                + j]].at);
        }

        why = batch->how == LLMB_STATUS_BYPASS
              ? (const char *) llmb_reason_names[batch->reason].data
              : (const char *) llmb_close_names[batch->close].data;

        printf("%6u %11.3f  ", i + 1, (double) batch->sent / 1000);
        sim_print(stdout, *rq->model ? rq->model : "-", 20);
        printf(" %5u %7llu  %s%-*s %9.3f %9.3f  ", batch->items,
               (unsigned long long) batch->tokens,
               batch->how == LLMB_STATUS_BYPASS ? "not held: " : "",
               batch->how == LLMB_STATUS_BYPASS ? 0 : 14,
               *why ? why : "-", (double) wait / 1000,
               (double) (batch->done - batch->sent) / 1000);

        for (j = 0; j < batch->size && j < SIM_IDS; j++) {
            printf("%s", j ? " " : "");
            rq = &run->trace->requests[run->members[batch->first + j]];
            sim_print(stdout, sim_request_id(rq, id, sizeof(id)), 0);
        }

        if (batch->size > SIM_IDS) {
            printf(" and %u more", batch->size - SIM_IDS);
        }

        printf("%s\n", batch->status == 429 ? " (429)" : "");
    }

    printf("\n");
}


static void
sim_report_summary(const sim_options_t *options, const sim_run_t *run)
{
    const sim_summary_t  *s;

    s = &run->summary;

    printf("%-18s %u, %llu tokens\n", "requests", s->requests,
           (unsigned long long) s->tokens);
    printf("%-18s %u, %.1f a second, %.3f a request, of %.2f items\n",
           "calls", s->calls, s->calls_per_second, s->calls_per_request,
           s->items_per_call);

    if (options->bound) {
        printf("%-18s %u, %.3f a request, by any policy with nobody slower by "
               "more than %.3f ms\n", "least calls", s->least,
               (double) s->least / s->requests, s->worst);
    }

    sim_print_counts("sent because of", s->close, llmb_close_names,
                     LLMB_CLOSE_N, "not held");
    sim_print_counts("status", s->how, llmb_status_names, LLMB_STATUS_N,
                     "not held");

    if (s->how[LLMB_STATUS_BYPASS]) {
        sim_print_counts("reason", s->reason, llmb_reason_names,
                         LLMB_REASON_N, NULL);
    }

    sim_print_spread("wait, ms", &s->wait);
    sim_print_spread("latency, ms", &s->latency);

    if (run->learned.concurrency) {
        printf("%-18s %u at a time", "calls in the end",
               run->learned.concurrency);

        if (run->learned.cost) {
            printf(", taken to cost %.2f + %.2f n ms",
                   run->learned.fixed / 1000, run->learned.each / 1000);
        }

        printf("\n");
    }

    printf("%-18s ", "budgets");

    if (s->budgets == 0) {
        printf("none\n");

    } else {
        printf("%u, missed %u, of these %u because they were held\n",
               s->budgets, s->missed, s->held);
    }

    if (s->busy) {
        printf("%-18s %u calls, %u requests\n", "answered 429", s->busy,
               s->rejected);
    }
}


static void
sim_print_spread(const char *name, const sim_spread_t *spread)
{
    printf("%-18s p50 %.3f, p95 %.3f, p99 %.3f, max %.3f\n", name, spread->p50,
           spread->p95, spread->p99, spread->max);
}


/* those that there are; the first one is that of nothing */

static void
sim_print_counts(const char *name, const uint32_t *counts,
    const llmb_str_t *names, uint32_t n, const char *none)
{
    uint32_t     i;
    const char  *comma;

    printf("%-18s ", name);
    comma = "";

    for (i = 1; i < n; i++) {
        if (counts[i]) {
            printf("%s%s %u", comma, (const char *) names[i].data, counts[i]);
            comma = ", ";
        }
    }

    if (none && counts[0]) {
        printf("%s%s %u", comma, none, counts[0]);
    }

    printf("\n");
}


#define sim_figure(name, member)                                              \
    static double                                                             \
    sim_figure_##name(const sim_summary_t *s)                                 \
    {                                                                         \
        return (double) s->member;                                            \
    }

sim_figure(calls, calls_per_request)
sim_figure(least, least / s->requests)
sim_figure(worst, worst)
sim_figure(items, items_per_call)
sim_figure(wait50, wait.p50)
sim_figure(wait95, wait.p95)
sim_figure(wait99, wait.p99)
sim_figure(time50, latency.p50)
sim_figure(time95, latency.p95)
sim_figure(time99, latency.p99)
sim_figure(missed, missed)
sim_figure(rejected, rejected)


typedef struct {
    const char     *over;
    const char     *name;
    int             width;
    int             digits;
    sim_figure_pt   figure;
} sim_column_t;


static const sim_column_t  sim_columns[] = {
    { "calls", "/request", 9, 3, sim_figure_calls },
    { "least", "/request", 9, 3, sim_figure_least },
    { "slower", "most, ms", 9, 1, sim_figure_worst },
    { "items", "/call", 8, 2, sim_figure_items },
    { "", "p50", 9, 1, sim_figure_wait50 },
    { "wait, ms", "p95", 8, 1, sim_figure_wait95 },
    { "", "p99", 8, 1, sim_figure_wait99 },
    { "", "p50", 9, 1, sim_figure_time50 },
    { "latency, ms", "p95", 8, 1, sim_figure_time95 },
    { "", "p99", 8, 1, sim_figure_time99 },
    { "budgets", "missed", 8, 0, sim_figure_missed },
    { "", "429", 8, 0, sim_figure_rejected }
};

/* of the bound, which is there if it is asked for */

#define SIM_BOUND_FIRST  1
#define SIM_BOUND_LAST   2

#define SIM_NCOLUMNS  (sizeof(sim_columns) / sizeof(sim_columns[0]))


static void
sim_report_table(const sim_options_t *options, const sim_runs_t *runs)
{
    int       width;
    double    load;
    uint32_t  i, j;

    width = 8;

    for (j = 0; j < runs->settings; j++) {
        width = (int) llmb_max((size_t) width,
                               strlen(runs->all[j * runs->seeds].settings
                                      ->name));
    }

    for (i = 0; i < runs->loads; i++) {
        load = sim_run_of(runs, i, 0, 0)->trace->load;

        if (load > 0) {
            printf("%s%g %s\n", i ? "\n" : "", load,
                   options->generator.kind == SIM_GENERATE_CLIENTS
                   ? "clients" : "requests/s");
        }

        sim_report_columns(options, width);

        for (j = 0; j < runs->settings; j++) {
            sim_report_row(options, runs, i, j, width);
        }
    }
}


static void
sim_report_columns(const sim_options_t *options, int width)
{
    size_t  i;

    printf("%-*s", width, "");

    for (i = 0; i < SIM_NCOLUMNS; i++) {
        if (sim_report_shows(options, i)) {
            printf("  %*s", sim_columns[i].width - 1, sim_columns[i].over);
        }
    }

    printf("\n%-*s", width, "settings");

    for (i = 0; i < SIM_NCOLUMNS; i++) {
        if (sim_report_shows(options, i)) {
            printf("  %*s", sim_columns[i].width - 1, sim_columns[i].name);
        }
    }

    printf("\n");
}


/* of several seeds the mean, the least and the most of each figure */

static void
sim_report_row(const sim_options_t *options, const sim_runs_t *runs,
    uint32_t load, uint32_t setting, int width)
{
    size_t       i;
    uint32_t     line;
    const char  *names[3];
    sim_range_t  range;

    names[0] = sim_run_of(runs, load, setting, 0)->settings->name;
    names[1] = "  least";
    names[2] = "  most";

    for (line = 0; line < (runs->seeds > 1 ? 3 : 1); line++) {
        printf("%-*s", width, names[line]);

        for (i = 0; i < SIM_NCOLUMNS; i++) {
            if (!sim_report_shows(options, i)) {
                continue;
            }

            range = sim_range(runs, load, setting, sim_columns[i].figure);

            printf("  %*.*f", sim_columns[i].width - 1, sim_columns[i].digits,
                   line == 0 ? range.mean
                   : line == 1 ? range.min : range.max);
        }

        printf("\n");
    }
}


static unsigned
sim_report_shows(const sim_options_t *options, size_t column)
{
    return options->bound
           || column < SIM_BOUND_FIRST || column > SIM_BOUND_LAST;
}
