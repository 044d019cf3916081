
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A worker that stands still before any of its steps, and goes on later with
 * what it knew; and the others, which do not wait for it.
 */


#include "world.h"
#include "llmb_sched_lost.h"


#define STILL_MOST   20000        /* ms */
#define STILL_CALLS  1000         /* ms for calls, and those that fail */
#define STILL_OFTEN  10           /* there are fewer steps of calls */


static unsigned is_call(const sim_event_t *e);
static void check_waits(void);


/* who takes this step; LLMB_NIL: nobody that could stand still */

uint32_t
worker_of(const sim_event_t *e)
{
    switch (e->type) {

    case SIM_JOIN:
    case SIM_WRITTEN:
    case SIM_TIMER:
    case SIM_SERVED:
    case SIM_CANCEL:
        return requests[e->index].worker;

    case SIM_SEND:
    case SIM_READ:
    case SIM_BACKEND:
    case SIM_COPY:
    case SIM_COPIED:
        return flights[e->index].worker;

    case SIM_BELL:
    case SIM_WATCH:
        return e->index;

    default:
        return LLMB_NIL;
    }
}


static unsigned
is_call(const sim_event_t *e)
{
    return e->type == SIM_SEND || e->type == SIM_READ || e->type == SIM_BACKEND
           || e->type == SIM_COPY || e->type == SIM_COPIED;
}


/* whether the step is not taken now, but as its worker goes on */

unsigned
stands_still(const sim_event_t *e)
{
    uint32_t   w;
    uint64_t   ms;
    worker_t  *worker;

    w = worker_of(e);

    if (w == LLMB_NIL || workers[w].dead) {
        return 0;
    }

    worker = &workers[w];

    if (!worker->stopped) {

        if (!chance(o->stop * (is_call(e) ? STILL_OFTEN : 1))) {
            return 0;
        }

        ms = clock_of(w);

        worker->stopped = 1;
        worker->stale = ms;
        worker->since = now;
        worker->wakes = now + 1000
                        + llmb_min(sim_exponential(o->still * 1000),
                                   STILL_MOST * 1000);

        stats->stops++;
        stats->stops_at[e->type]++;

        /* before all that it does then */

        sim_event(SIM_WAKE, worker->wakes, w, worker->life);
    }

    if (e->type == SIM_TIMER) {

        if (requests[e->index].timer != e->at) {
            return 1;
        }

        requests[e->index].timer = worker->wakes;
    }

    sim_event(e->type, worker->wakes, e->index, e->tag);

    return 1;
}


/* the first step is in the pass in which it stood still, with its time */

void
pass_is_over(uint32_t w)
{
    workers[w].stale = 0;
}


void
wake(uint32_t w)
{
    workers[w].stopped = 0;
    workers[w].since = now;
}


/* others */

void
next_watch(uint32_t w)
{
    if (o->stop > 0 && (busy_world || active)) {
        sim_event(SIM_WATCH, now + SIM_WATCH_MS * 1000, w, workers[w].life);
    }
}


void
watch(uint32_t w)
{
    uint32_t        i;
    unsigned        stopped;
    llmb_worker_t  *other;

    stopped = llmb_sched_is_lost(llmb_worker(z, w), clock_of(w));

    lock(w);

    for (i = 0; i < z->nworkers; i++) {
        other = llmb_worker(z, i);

        if (stopped || i == w || other->lost
            || !llmb_sched_is_lost(other, clock_of(w)))
        {
            continue;
        }

        stats->given_up++;
        stats->orphans += llmb_sched_give_up(z, i, clock_of(w));
    }

    unlock(w);
    bell(w);

    next_watch(w);
}


/* it has been going on for so long */

unsigned
healthy(uint32_t w, uint64_t ms)
{
    return !workers[w].dead && !workers[w].stopped
           && now - workers[w].since >= ms * 1000;
}


/*
 * Whoever's worker goes on is not in a call of one that has been standing
 * still for longer than it takes to notice; nor does it wait for anything of
 * that.
 */

void
check_lost(void)
{
    uint32_t        i, s;
    uint64_t        ms;
    llmb_call_t    *c;
    llmb_member_t  *m;

    if (o->stop <= 0) {
        return;
    }

    ms = LLMB_SCHED_LOST + SIM_WATCH_MS + 10;

    for (i = 0; i < z->nmembers; i++) {
        m = llmb_member(z, i);

        if (m->state != LLMB_MEMBER_FREE && llmb_worker(z, m->worker)->lost
            && m->state == LLMB_MEMBER_QUEUED)
        {
            sim_fail("member %u, state %u, of a worker given up", i, m->state);
        }

        if (m->state != LLMB_MEMBER_CLAIMED || !healthy(m->worker, ms)) {
            continue;
        }

        c = llmb_call(z, m->call);
        s = c->worker;

        if (workers[s].stopped && now - workers[s].since > ms * 1000) {
            sim_fail("member %u is in call %u of worker %u, which stands "
                     "still", i, m->call, s);
        }
    }

    if (o->busy <= 0) {
        check_waits();
    }
}


/*
 * After all that have to do with it have stood still, it takes no longer than
 * calls take that fail: a worker may stand still again before it is given up.
 */

static void
check_waits(void)
{
    uint32_t        r;
    uint64_t        since, ms;
    worker_t       *sender;
    request_t      *rq;
    llmb_call_t    *c;
    llmb_member_t  *m;

    ms = (uint64_t) o->max_wait + STILL_CALLS;

    for (r = 0; r < nrequests; r++) {
        rq = &requests[r];

        if (rq->state != REQUEST_HELD || workers[rq->worker].epoch != z->epoch
            || !healthy(rq->worker, ms) || is_part(rq))
        {
            continue;
        }

        m = llmb_member(z, rq->member);
        c = m->state == LLMB_MEMBER_CLAIMED ? llmb_call(z, m->call) : NULL;
        since = rq->arrived;

        /* who goes alone after others may just have come from such a call */

        if (c && (m->call != rq->member || c->reason == LLMB_REASON_NONE)) {
            sender = &workers[c->worker];

            if (sender->dead || sender->stopped) {
                continue;
            }

            since = llmb_max(since, sender->since);

        } else {
            since += STILL_MOST * 1000;
        }

        if (now - since > ms * 1000 && now > since) {
            sim_fail("request %u waits for %llu ms", r,
                     (unsigned long long) ((now - rq->arrived) / 1000));
        }
    }
}
