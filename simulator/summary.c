
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a run comes to.
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"


static void sim_count_batches(sim_run_t *run);
static void sim_count_requests(sim_run_t *run);
static void sim_spread(sim_spread_t *spread, uint64_t *times, uint32_t n);


void
sim_summarize(sim_run_t *run)
{
    uint64_t        last;
    uint32_t        n, i;
    sim_summary_t  *s;

    s = &run->summary;
    memset(s, 0, sizeof(sim_summary_t));

    n = run->trace->n;
    last = 0;

    for (i = 0; i < run->nbatches; i++) {
        last = llmb_max(last, run->batches[i].sent);
    }

    sim_count_batches(run);
    sim_count_requests(run);

    s->requests = n;
    s->calls = run->nbatches;
    s->calls_per_request = (double) s->calls / n;
    s->items_per_call = (double) s->items / s->calls;
    s->calls_per_second = last ? s->calls * 1e6 / (double) last : 0;
}


sim_range_t
sim_range(const sim_runs_t *runs, uint32_t load, uint32_t setting,
    sim_figure_pt figure)
{
    double       x;
    uint32_t     i;
    sim_range_t  range;

    memset(&range, 0, sizeof(sim_range_t));

    for (i = 0; i < runs->seeds; i++) {
        x = figure(&sim_run_of(runs, load, setting, i)->summary);

        range.mean += x / runs->seeds;
        range.min = i ? fmin(range.min, x) : x;
        range.max = i ? fmax(range.max, x) : x;
    }

    return range;
}


static void
sim_count_batches(sim_run_t *run)
{
    uint32_t             i;
    sim_summary_t       *s;
    const sim_batch_t   *batch;

    s = &run->summary;

    for (i = 0; i < run->nbatches; i++) {
        batch = &run->batches[i];

        s->items += batch->items;
        s->close[batch->close]++;
        s->busy += batch->status == 429;
    }
}


static void
sim_count_requests(sim_run_t *run)
{
    uint32_t              i, n, answered;
    uint64_t             *waits, *times, wait, time, budget;
    sim_summary_t        *s;
    const sim_served_t   *served;
    const sim_request_t  *rq;

    s = &run->summary;
    n = run->trace->n;
    waits = sim_realloc(NULL, n, sizeof(uint64_t));
    times = sim_realloc(NULL, n, sizeof(uint64_t));
    answered = 0;

    for (i = 0; i < n; i++) {
        rq = &run->trace->requests[i];
        served = &run->served[i];

        wait = served->sent - rq->at;
        time = served->done - rq->at;
        budget = rq->budget ? rq->budget : run->settings->latency_budget;

        s->how[served->how]++;
        s->reason[served->reason]++;
        s->tokens += rq->tokens;
        s->budgets += budget != 0;
        waits[i] = wait;

        if (served->status != 200) {
            s->rejected++;
            continue;
        }

        times[answered++] = time;

        if (budget && time > budget * 1000) {
            s->missed++;
            s->held += time - wait <= budget * 1000;
        }
    }

    sim_spread(&s->wait, waits, n);
    sim_spread(&s->latency, times, answered);

    free(waits);
    free(times);
}


static int
sim_less(const void *one, const void *two)
{
    const uint64_t  *a = one, *b = two;

    return *a < *b ? -1 : *a > *b;
}


/* nearest ranks: each is a time that somebody had */

static double
sim_rank(const uint64_t *times, uint32_t n, double share)
{
    return (double) times[(uint32_t) ceil(share * n) - 1] / 1000;
}


static void
sim_spread(sim_spread_t *spread, uint64_t *times, uint32_t n)
{
    memset(spread, 0, sizeof(sim_spread_t));

    if (n == 0) {
        return;
    }

    qsort(times, n, sizeof(uint64_t), sim_less);

    spread->p50 = sim_rank(times, n, 0.5);
    spread->p95 = sim_rank(times, n, 0.95);
    spread->p99 = sim_rank(times, n, 0.99);
    spread->max = sim_rank(times, n, 1);
}
