
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The report for programs.
 */


#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "suggest.h"


static json_t *sim_json_keys(const sim_options_t *options,
    const sim_trace_t *trace);
static json_t *sim_json_ranges(const sim_runs_t *runs);
static json_t *sim_json_suggestions(const sim_options_t *options,
    const sim_runs_t *runs);
static json_t *sim_json_backend(const sim_backend_t *backend);
static json_t *sim_json_run(const sim_options_t *options,
    const sim_run_t *run);
static json_t *sim_json_settings(const sim_settings_t *s);
static json_t *sim_json_summary(const sim_run_t *run);
static json_t *sim_json_learned(const sim_run_t *run);
static json_t *sim_json_batch(const sim_run_t *run, const sim_batch_t *batch);
static json_t *sim_json_counts(const uint32_t *counts,
    const llmb_str_t *names, uint32_t n);
static json_t *sim_json_spread(const sim_spread_t *spread);
static json_t *sim_json_ms(uint64_t us);
static json_t *sim_json_text(llmb_str_t s);


void
sim_report_json(const sim_options_t *options, const sim_runs_t *runs)
{
    json_t    *root, *array;
    uint32_t   i, n;

    array = json_array();
    n = runs->loads * runs->settings * runs->seeds;

    for (i = 0; i < n; i++) {
        json_array_append_new(array, sim_json_run(options, &runs->all[i]));
    }

    root = json_pack("{s:s, s:o, s:o, s:o}",
                     "source", runs->all[0].trace->source,
                     "keys", sim_json_keys(options, runs->all[0].trace),
                     "upstream", sim_json_backend(&options->backend),
                     "runs", array);

    if (root && runs->seeds > 1) {
        json_object_set_new(root, "spreads", sim_json_ranges(runs));
    }

    if (root && options->suggest) {
        json_object_set_new(root, "suggestions",
                            sim_json_suggestions(options, runs));
    }

    if (root == NULL
        || json_dumpf(root, stdout, JSON_INDENT(2)|JSON_REAL_PRECISION(9))
           != 0)
    {
        sim_die(1, "JSON could not be written");
    }

    printf("\n");
    json_decref(root);
}


/* who was taken to share a call */

static json_t *
sim_json_keys(const sim_options_t *options, const sim_trace_t *trace)
{
    const sim_generator_t  *g;

    g = &options->generator;

    return json_pack("{s:o, s:i, s:f}",
                     "generated", g->unique ? json_string("unique")
                                  : g->keys ? json_integer(g->keys)
                                            : json_null(),
                     "requests_without", (int) trace->unkeyed,
                     "zipf", g->zipf);
}


#define sim_figure(name, member)                                              \
    static double                                                             \
    sim_json_##name(const sim_summary_t *s)                                   \
    {                                                                         \
        return (double) s->member;                                            \
    }

sim_figure(requests, requests)
sim_figure(calls_per_request, calls_per_request)
sim_figure(items_per_call, items_per_call)
sim_figure(wait50, wait.p50)
sim_figure(wait99, wait.p99)
sim_figure(wait_max, wait.max)
sim_figure(time50, latency.p50)
sim_figure(time99, latency.p99)
sim_figure(missed, missed)
sim_figure(rejected, rejected)


static json_t *
sim_json_ranges(const sim_runs_t *runs)
{
    size_t       k;
    json_t      *array, *object;
    uint32_t     i, j;
    sim_range_t  range;
    const sim_run_t  *run;

    static const struct {
        const char     *name;
        sim_figure_pt   figure;
    } figures[] = {
        { "requests", sim_json_requests },
        { "calls_per_request", sim_json_calls_per_request },
        { "items_per_call", sim_json_items_per_call },
        { "wait_p50_ms", sim_json_wait50 },
        { "wait_p99_ms", sim_json_wait99 },
        { "wait_max_ms", sim_json_wait_max },
        { "latency_p50_ms", sim_json_time50 },
        { "latency_p99_ms", sim_json_time99 },
        { "missed", sim_json_missed },
        { "requests_429", sim_json_rejected }
    };

    array = json_array();

    for (i = 0; i < runs->loads; i++) {

        for (j = 0; j < runs->settings; j++) {
            run = sim_run_of(runs, i, j, 0);

            object = json_pack("{s:s, s:f}", "name", run->settings->name,
                               "load", run->trace->load);

            for (k = 0; k < sizeof(figures) / sizeof(figures[0]); k++) {
                range = sim_range(runs, i, j, figures[k].figure);

                json_object_set_new(object, figures[k].name,
                                    json_pack("{s:f, s:f, s:f}",
                                              "mean", range.mean,
                                              "min", range.min,
                                              "max", range.max));
            }

            json_array_append_new(array, object);
        }
    }

    return array;
}


/* of each load */

static json_t *
sim_json_suggestions(const sim_options_t *options, const sim_runs_t *runs)
{
    json_t        *array, *object;
    double         limit;
    uint32_t       i, j;
    sim_choice_e   choice;

    array = json_array();

    for (i = 0; i < runs->loads; i++) {
        object = json_object();

        for (choice = 0; choice < SIM_CHOICES; choice++) {
            j = sim_choose(options, runs, i, choice, &limit);

            json_object_set_new(object, sim_choice_name(choice),
                                json_string(sim_run_of(runs, i, j, 0)
                                            ->settings->name));

            if (choice == SIM_CHOICE_FEWEST) {
                json_object_set_new(object, "limit_ms", json_real(limit));
            }
        }

        json_array_append_new(array, object);
    }

    return array;
}


static json_t *
sim_json_backend(const sim_backend_t *backend)
{
    return json_pack("{s:f, s:f, s:f, s:o, s:f, s:f, s:f, s:I, s:i, s:I}",
                     "fixed_ms", backend->costs[0].fixed / 1000,
                     "per_item_ms", backend->costs[0].each / 1000,
                     "per_token_ms", backend->costs[0].token / 1000,
                     "parallel", backend->parallel
                                 ? json_integer(backend->parallel)
                                 : json_null(),
                     "jitter", backend->jitter,
                     "reject", backend->reject,
                     "limit_per_second", backend->limit,
                     "retry_after_ms", (json_int_t) backend->retry,
                     "most_items", (int) backend->most,
                     "seed", (json_int_t) backend->seed);
}


static json_t *
sim_json_run(const sim_options_t *options, const sim_run_t *run)
{
    json_t    *object, *array;
    uint32_t   i;

    object = json_pack("{s:o, s:o, s:i}",
                       "settings", sim_json_settings(run->settings),
                       "summary", sim_json_summary(run),
                       "skipped_lines", (int) run->trace->skipped);

    if (options->bound) {
        json_object_set_new(object, "bound", json_pack("{s:i, s:f}",
                            "calls", (int) run->summary.least,
                            "slower_ms", run->summary.worst));
    }

    if (run->learned.concurrency) {
        json_object_set_new(object, "learned", sim_json_learned(run));
    }

    if (run->trace->load > 0) {
        json_object_set_new(object,
                            run->trace->maker ? "clients" : "rate",
                            json_real(run->trace->load));
    }

    if (options->seeds > 1) {
        json_object_set_new(object, "seed",
                            json_integer((json_int_t) run->trace->seed));
    }

    if (options->brief) {
        return object;
    }

    array = json_array();

    for (i = 0; i < run->nbatches; i++) {
        json_array_append_new(array, sim_json_batch(run, &run->batches[i]));
    }

    json_object_set_new(object, "batches", array);

    return object;
}


static json_t *
sim_json_settings(const sim_settings_t *s)
{
    char        buf[64];
    json_t     *tasks, *concurrency, *patience;
    uint32_t    i;

    static const char *const  tolerances[] = { "", "low", "medium", "high" };

    tasks = json_array();

    for (i = 0; i < s->ntasks; i++) {
        json_array_append_new(tasks, json_string(s->tasks[i]));
    }

    if (s->automatic) {
        snprintf(buf, sizeof(buf), "auto max=%u", s->concurrency);
        concurrency = json_string(buf);

    } else {
        concurrency = json_integer(s->concurrency);
    }

    if (s->patience || s->spend) {
        patience = json_sprintf("%u%%%s", s->patience,
                                s->spend ? " budget" : "");

    } else {
        patience = json_string("off");
    }

    return json_pack("{s:s, s:s, s:o, s:i, s:i, s:I, s:o, s:I, s:I, s:I, s:s,"
                     " s:o, s:i, s:i, s:s}",
                     "name", s->name,
                     "window", sim_window_text(s, buf, sizeof(buf)),
                     "concurrency", concurrency,
                     "min_size", (int) s->min_size,
                     "max_size", (int) s->max_size,
                     "max_tokens", (json_int_t) s->max_tokens,
                     "patience", patience,
                     "max_wait_ms", (json_int_t) s->max_wait,
                     "latency_budget_ms", (json_int_t) s->latency_budget,
                     "latency_threshold_ms",
                     (json_int_t) s->latency_threshold,
                     "latency_tolerance", tolerances[s->tolerance],
                     "eligible_tasks", tasks,
                     "split", (int) s->split,
                     "nodes", (int) s->nodes,
                     "by", s->by_key ? "key" : "random");
}


static json_t *
sim_json_summary(const sim_run_t *run)
{
    const sim_summary_t  *s;

    s = &run->summary;

    return json_pack("{s:i, s:I, s:i, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o,"
                     " s:{s:i, s:i, s:i}, s:i, s:i}",
                     "requests", (int) s->requests,
                     "tokens", (json_int_t) s->tokens,
                     "calls", (int) s->calls,
                     "calls_per_request", s->calls_per_request,
                     "items_per_call", s->items_per_call,
                     "calls_per_second", s->calls_per_second,
                     "close", sim_json_counts(s->close, llmb_close_names,
                                              LLMB_CLOSE_N),
                     "status", sim_json_counts(s->how, llmb_status_names,
                                               LLMB_STATUS_N),
                     "reason", sim_json_counts(s->reason, llmb_reason_names,
                                               LLMB_REASON_N),
                     "wait_ms", sim_json_spread(&s->wait),
                     "latency_ms", sim_json_spread(&s->latency),
                     "budgets", "given", (int) s->budgets,
                     "missed", (int) s->missed,
                     "missed_by_holding", (int) s->held,
                     "calls_429", (int) s->busy,
                     "requests_429", (int) s->rejected);
}


static json_t *
sim_json_learned(const sim_run_t *run)
{
    json_t  *object;

    object = json_pack("{s:i}", "concurrency", (int) run->learned.concurrency);

    if (run->learned.cost) {
        json_object_set_new(object, "fixed_ms",
                            json_real(run->learned.fixed / 1000));
        json_object_set_new(object, "per_item_ms",
                            json_real(run->learned.each / 1000));
    }

    return object;
}


static json_t *
sim_json_batch(const sim_run_t *run, const sim_batch_t *batch)
{
    char                  id[16];
    json_t               *ids, *waits;
    uint32_t              i;
    const sim_request_t  *rq;

    ids = json_array();
    waits = json_array();

    for (i = 0; i < batch->size; i++) {
        rq = &run->trace->requests[run->members[batch->first + i]];

        json_array_append_new(ids, json_string(sim_request_id(rq, id,
                                                              sizeof(id))));
        json_array_append_new(waits, sim_json_ms(batch->sent - rq->at));
    }

    rq = &run->trace->requests[run->members[batch->first]];

    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:i, s:I, s:o, s:o, s:o, s:o,"
                     " s:o, s:i}",
                     "batch", (int) (batch - run->batches) + 1,
                     "model", rq->model,
                     "task", rq->task,
                     "status", sim_json_text(llmb_status_names[batch->how]),
                     "reason", sim_json_text(llmb_reason_names[batch->reason]),
                     "size", (int) batch->items,
                     "tokens", (json_int_t) batch->tokens,
                     "close", sim_json_text(llmb_close_names[batch->close]),
                     "sent_ms", sim_json_ms(batch->sent),
                     "upstream_ms", sim_json_ms(batch->done - batch->sent),
                     "requests", ids,
                     "wait_ms", waits,
                     "http_status", (int) batch->status);
}


/* those that there are */

static json_t *
sim_json_counts(const uint32_t *counts, const llmb_str_t *names, uint32_t n)
{
    json_t    *object;
    uint32_t   i;

    object = json_object();

    for (i = 1; i < n; i++) {
        if (counts[i]) {
            json_object_set_new(object, (const char *) names[i].data,
                                json_integer(counts[i]));
        }
    }

    return object;
}


static json_t *
sim_json_spread(const sim_spread_t *spread)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "p50", spread->p50, "p95",
                     spread->p95, "p99", spread->p99, "max", spread->max);
}


static json_t *
sim_json_ms(uint64_t us)
{
    return json_real((double) us / 1000);
}


static json_t *
sim_json_text(llmb_str_t s)
{
    return json_stringn((const char *) s.data, s.len);
}
