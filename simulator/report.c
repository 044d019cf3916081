
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The report for people: the batches and a summary of one run, or a table of
 * several.
 */


#include <string.h>

#include "sim.h"


/* ids of a batch that are printed; the JSON has all */

#define SIM_IDS  6


static void sim_report_head(const sim_options_t *options,
    const sim_run_t *run, uint32_t n);
static void sim_report_batches(const sim_run_t *run);
static void sim_report_summary(const sim_run_t *run);
static void sim_report_table(const sim_run_t *runs, uint32_t n);
static void sim_print_spread(const char *name, const sim_spread_t *spread);
static void sim_print_counts(const char *name, const uint32_t *counts,
    const llmb_str_t *names, uint32_t n, const char *none);


void
sim_report(const sim_options_t *options, const sim_run_t *runs, uint32_t n)
{
    sim_report_head(options, runs, n);

    if (n > 1) {
        sim_report_table(runs, n);
        return;
    }

    if (!options->brief) {
        sim_report_batches(runs);
    }

    sim_report_summary(runs);
}


static void
sim_report_head(const sim_options_t *options, const sim_run_t *run, uint32_t n)
{
    const sim_trace_t    *trace;
    const sim_backend_t  *backend;

    trace = run->trace;
    backend = &options->backend;

    if (options->generator.nrates > 1) {
        printf("%u rates of %s for %g s", options->generator.nrates,
               trace->source, options->generator.seconds);

    } else {
        printf("%u requests in %.3f s of %s", trace->n,
               (double) trace->requests[trace->n - 1].at / 1e6,
               trace->source);
    }

    if (trace->skipped) {
        printf(", %u lines without a status skipped", trace->skipped);
    }

    printf("\nupstream: %g + %g n", backend->fixed / 1000,
           backend->each / 1000);

    if (backend->token > 0) {
        printf(" + %g t", backend->token / 1000);
    }

    printf(" ms, ");

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

    if (n == 1) {
        printf("settings: %s\n", run->settings->name);
    }

    printf("\n");
}


static void
sim_report_batches(const sim_run_t *run)
{
    uint32_t              i, j;
    uint64_t              wait;
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
        printf(" %5u %7llu  %s%-*s %9.3f %9.3f  ", batch->size,
               (unsigned long long) batch->tokens,
               batch->how == LLMB_STATUS_BYPASS ? "not held: " : "",
               batch->how == LLMB_STATUS_BYPASS ? 0 : 14,
               *why ? why : "-", (double) wait / 1000,
               (double) (batch->done - batch->sent) / 1000);

        for (j = 0; j < batch->size && j < SIM_IDS; j++) {
            printf("%s", j ? " " : "");
            sim_print(stdout,
                      run->trace->requests[run->members[batch->first + j]].id,
                      0);
        }

        if (batch->size > SIM_IDS) {
            printf(" and %u more", batch->size - SIM_IDS);
        }

        printf("%s\n", batch->status == 429 ? " (429)" : "");
    }

    printf("\n");
}


static void
sim_report_summary(const sim_run_t *run)
{
    const sim_summary_t  *s;

    s = &run->summary;

    printf("%-18s %u, %llu tokens\n", "requests", s->requests,
           (unsigned long long) s->tokens);
    printf("%-18s %u, %.1f a second, %.3f a request, of %.2f items\n",
           "calls", s->calls, s->calls_per_second, s->calls_per_request,
           s->items_per_call);

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


static void
sim_report_table(const sim_run_t *runs, uint32_t n)
{
    int                   width;
    uint32_t              i;
    double                rate;
    const sim_summary_t  *s;

    width = 8;

    for (i = 0; i < n; i++) {
        width = (int) llmb_max((size_t) width, strlen(runs[i].settings->name));
    }

    rate = 0;

    for (i = 0; i < n; i++) {
        s = &runs[i].summary;

        if (i == 0 || runs[i].trace->rate != rate) {
            rate = runs[i].trace->rate;

            if (rate > 0) {
                printf("%s%g requests/s\n", i ? "\n" : "", rate);
            }

            printf("%-*s  %18s  %26s  %26s  %7s  %7s\n", width, "",
                   "calls   items", "wait, ms         ",
                   "latency, ms      ", "budgets", "");
            printf("%-*s  %9s %8s  %8s %8s %8s  %8s %8s %8s  %7s  %7s\n",
                   width, "settings", "/request", "/call", "p50", "p95",
                   "p99", "p50", "p95", "p99", "missed", "429");
        }

        printf("%-*s  %9.3f %8.2f  %8.1f %8.1f %8.1f  %8.1f %8.1f %8.1f"
               "  %7u  %7u\n", width, runs[i].settings->name,
               s->calls_per_request, s->items_per_call, s->wait.p50,
               s->wait.p95, s->wait.p99, s->latency.p50, s->latency.p95,
               s->latency.p99, s->missed, s->rejected);
    }
}
