
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The least calls that any policy could have made of what was answered, even
 * one that knows the future, if nobody is to be slower than the slowest was.
 *
 * Slower is who waits, and whose call has company: one with N items takes b N
 * longer than without any, so a request of n items that waits for w is slower
 * by w + b (N - n), as far as it is up to who gathers.  What an upstream is
 * busy with is left out, and so are tokens, deadlines and nodes: that can only
 * make the least less.
 *
 * Be H the most that anybody is slower.  A call with N items of one key, whose
 * first request came at f and whose last at l, is sent at l or later, so for
 * the first one, of n items,
 *
 *     (l - f) + b (N - n) <= H,  hence  (l - f) + b N <= C = H + b n*
 *
 * where n* is the most items of a request.  And N <= max_size.  Requests above
 * max_size have calls of their own, and those above what the upstream takes
 * several: that is no choice.
 *
 * The least number of calls within these limits is found by stabbing intervals
 * from the left: a call takes what comes until one of the limits is reached,
 * and then the next begins.  Items are cut where that is, as if they were a
 * fluid, which again can only make it less, and is what makes it a bound.  For
 * of two calls of which one comes amid the other, with spans s' > s and items
 * N' and N, the first part of both, filled up to a limit, leaves a second part
 * that is within both: if it is full of items, what is left are at most
 * N' + N - max_size <= N' ones in a span of at most s'; if it has reached C,
 * what is left has at most s' + b (N' + N) - C <= b N <= C.  So the calls can
 * be put in order, and then, by induction, none that ends later than the one
 * from the left helps.  With whole items that is not so: of H = 110, b = 10 and
 * requests at 0, 51 (12 of them) and 100, two calls are enough, one of them
 * amid the other, where whole items from the left make three.
 */


#include <stdlib.h>

#include "sim.h"


/* of an item; below that, it is an error of rounding */

#define SIM_CRUMB  1e-6


typedef struct {
    uint64_t               key;
    const sim_request_t   *request;
} sim_keyed_t;


typedef struct {
    double                 worst;     /* C */
    double                 each;      /* b */
    double                 size;      /* max_size */

    uint64_t               since;     /* f of the last call */
    double                 items;     /* N of it */
    uint32_t               calls;
} sim_stab_t;


static unsigned sim_bound_shares(const sim_run_t *run, uint32_t r,
    uint32_t size);
static uint32_t sim_bound_size(const sim_run_t *run,
    const sim_backend_t *backend);
static void sim_stab(sim_stab_t *stab, const sim_request_t *rq);


double
sim_bound_worst(const sim_run_t *run, const sim_backend_t *backend)
{
    double                worst, slower;
    uint32_t              i, j, r, size;
    const sim_batch_t    *batch;
    const sim_request_t  *rq;

    worst = 0;
    size = sim_bound_size(run, backend);

    for (i = 0; i < run->nbatches; i++) {
        batch = &run->batches[i];

        for (j = 0; j < batch->size; j++) {
            r = run->members[batch->first + j];
            rq = &run->trace->requests[r];

            if (!sim_bound_shares(run, r, size)) {
                continue;
            }

            slower = (double) (batch->sent - rq->at)
                     + sim_cost_of(backend, rq->kind)->each
                       * (batch->items - rq->items);
            worst = llmb_max(worst, slower);
        }
    }

    return worst;
}


static int
sim_keyed_cmp(const void *one, const void *two)
{
    const sim_keyed_t  *a = one, *b = two;

    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }

    return a->request < b->request ? -1 : 1;
}


uint32_t
sim_bound(const sim_run_t *run, const sim_backend_t *backend, double worst)
{
    uint32_t              i, n, most, calls, size;
    sim_stab_t            stab;
    sim_keyed_t          *keyed;
    const sim_request_t  *rq;

    size = sim_bound_size(run, backend);
    keyed = sim_realloc(NULL, run->trace->n, sizeof(sim_keyed_t));
    calls = 0;
    most = 1;
    n = 0;

    for (i = 0; i < run->trace->n; i++) {
        rq = &run->trace->requests[i];

        if (run->served[i].status != 200) {
            continue;
        }

        if (!sim_bound_shares(run, i, size)) {
            calls += run->served[i].how == LLMB_STATUS_BYPASS
                     || backend->most == 0
                     ? 1 : (rq->items + backend->most - 1) / backend->most;
            continue;
        }

        most = llmb_max(most, rq->items);

        keyed[n].key = sim_key_hash(rq);
        keyed[n++].request = rq;
    }

    qsort(keyed, n, sizeof(sim_keyed_t), sim_keyed_cmp);

    stab.size = size;
    stab.since = 0;
    stab.items = 0;
    stab.calls = 0;

    for (i = 0; i < n; i++) {

        if (i == 0 || keyed[i].key != keyed[i - 1].key) {
            stab.items = 0;
            stab.each = sim_cost_of(backend, keyed[i].request->kind)->each;
            stab.worst = worst + stab.each * most;
        }

        sim_stab(&stab, keyed[i].request);
    }

    free(keyed);

    return calls + stab.calls;
}


/* whether it is a matter of choice with whom it goes */

static unsigned
sim_bound_shares(const sim_run_t *run, uint32_t r, uint32_t size)
{
    return run->served[r].how != LLMB_STATUS_BYPASS
           && run->trace->requests[r].items <= size;
}


static uint32_t
sim_bound_size(const sim_run_t *run, const sim_backend_t *backend)
{
    return backend->most ? llmb_min(run->settings->max_size, backend->most)
                         : run->settings->max_size;
}


static void
sim_stab(sim_stab_t *stab, const sim_request_t *rq)
{
    double  left, room, late;

    for (left = rq->items; left > SIM_CRUMB; left -= room) {

        if (stab->items == 0) {
            stab->since = rq->at;
            stab->calls++;
        }

        late = stab->worst - (double) (rq->at - stab->since);
        room = stab->size - stab->items;

        if (late < 0) {
            room = 0;

        } else if (stab->each > 0) {
            room = llmb_min(room, late / stab->each - stab->items);
        }

        if (room <= SIM_CRUMB) {
            stab->items = 0;
            room = 0;
            continue;
        }

        room = llmb_min(room, left);
        stab->items += room;
    }
}
