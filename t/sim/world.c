
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The course of events: arrivals, deaths, drains; and what is checked between.
 */


#include <stdlib.h>
#include <string.h>

#include "sched_check.h"
#include "world.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_lost.h"


const sim_options_t  *o;
sim_stats_t          *stats;
llmb_zone_t          *z;

uint64_t              now;
uint64_t              tags;
uint64_t              backend_free;
uint64_t              active;       /* requests */
unsigned              busy_world;   /* more are to come */

worker_t              workers[SIM_MAX_WORKERS];
request_t            *requests;
uint32_t              nrequests, free_request;
flight_t             *flights;
uint32_t              nflights;


/* workers */

static void
next_death(uint32_t w)
{
    if (o->life > 0 && busy_world) {
        sim_event(SIM_DEATH, now + sim_exponential(o->life * 1000), w,
                  workers[w].life);
    }
}


static void
death(uint32_t w)
{
    uint32_t  r;

    if (!busy_world) {
        return;
    }

    stats->deaths++;

    if (chance(o->torn)) {
        /* half way through something */

        memset(&llmb_queue_links(z)[sim_random(z->nmembers)], 0x5a,
               sizeof(llmb_link_t));
        z->nfree = 0;
        z->free_members.head = (uint32_t) sim_random(z->nmembers);

        stats->resets++;
        llmb_zone_reset(z);
        workers[w].dead = 1;
        unlock(w);
    }

    workers[w].dead = 1;
    workers[w].stopped = 0;
    workers[w].stale = 0;
    workers[w].life = ++tags;

    for (r = 0; r < nrequests; r++) {
        if (requests[r].state != REQUEST_FREE && requests[r].worker == w) {
            finish(r, SIM_KILLED);
        }
    }

    sim_event(SIM_RESPAWN, now + 500 + sim_random(20000), w, workers[w].life);
}


static void
respawn(uint32_t w)
{
    workers[w].dead = 0;
    workers[w].since = now;

    stats->orphans += llmb_sched_reap(z, w, clock_of(w));
    lock(w);
    unlock(w);

    next_death(w);
    next_watch(w);
}


/* what a worker does when it is told to quit */

static void
drain(void)
{
    uint32_t  r, w;

    w = (uint32_t) sim_random((uint64_t) o->workers);

    if (!workers[w].dead && !workers[w].stopped) {
        stats->drains++;
        lock(w);

        for (r = 0; r < nrequests; r++) {
            if (requests[r].worker == w && requests[r].state == REQUEST_HELD
                && member_of(r)->state == LLMB_MEMBER_QUEUED)
            {
                llmb_sched_drain(z, requests[r].member, clock_of(w));
            }
        }

        unlock(w);
    }

    if (busy_world) {
        sim_event(SIM_DRAIN, now + sim_exponential(o->drain * 1000), 0, 0);
    }
}


/* the run */

static void
arrivals(void)
{
    uint32_t  i, n, w;

    n = o->burst > 1 ? 1 + (uint32_t) sim_random((uint64_t) o->burst * 2 - 1)
                     : 1;

    for (i = 0; i < n && stats->arrived < o->requests; i++) {
        w = (uint32_t) sim_random((uint64_t) o->workers);

        if (!workers[w].dead && !workers[w].stopped) {
            arrive(w);
        }
    }

    busy_world = stats->arrived < o->requests;

    if (busy_world) {
        sim_event(SIM_ARRIVE, now + sim_exponential(1e6 / o->rate * n), 0, 0);
    }
}


/* a flight or a request that this was about may be long gone */

static unsigned
is_stale(const sim_event_t *e)
{
    switch (e->type) {

    case SIM_JOIN:
    case SIM_WRITTEN:
    case SIM_TIMER:
    case SIM_SERVED:
    case SIM_CANCEL:
        return requests[e->index].id != e->tag;

    case SIM_SEND:
    case SIM_READ:
    case SIM_BACKEND:
    case SIM_COPY:
    case SIM_COPIED:
        return flights[e->index].tag != e->tag;

    case SIM_BELL:
    case SIM_DEATH:
    case SIM_RESPAWN:
    case SIM_WATCH:
    case SIM_WAKE:
        return workers[e->index].life != e->tag;

    default:
        return 0;
    }
}


static void
handle(const sim_event_t *e)
{
    switch (e->type) {

    case SIM_ARRIVE:
        arrivals();
        break;

    case SIM_JOIN:
        join(e->index);
        break;

    case SIM_WRITTEN:
        written(e->index);
        break;

    case SIM_TIMER:
        timer(e->index);
        break;

    case SIM_BELL:
        bell(e->index);
        break;

    case SIM_SEND:
        send_call(&flights[e->index]);
        break;

    case SIM_READ:
        read_call(&flights[e->index]);
        break;

    case SIM_BACKEND:
        backend(&flights[e->index]);
        break;

    case SIM_COPY:
        copy(&flights[e->index]);
        break;

    case SIM_COPIED:
        copied(&flights[e->index]);
        break;

    case SIM_SERVED:
        served(e->index);
        break;

    case SIM_CANCEL:
        cancel(e->index);
        break;

    case SIM_DEATH:
        death(e->index);
        break;

    case SIM_RESPAWN:
        respawn(e->index);
        break;

    case SIM_DRAIN:
        drain();
        break;

    case SIM_WATCH:
        watch(e->index);
        break;

    case SIM_WAKE:
        wake(e->index);
        break;
    }
}


/* nobody whose worker goes on is still in a queue after its deadline */

static void
check_deadlines(void)
{
    uint32_t        i, j;
    llmb_group_t   *g;
    llmb_member_t  *m;

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);

        if (!g->used) {
            continue;
        }

        for (j = g->queue.head; j != LLMB_NIL; j = llmb_queue_links(z)[j].next)
        {
            m = llmb_member(z, j);

            if (now / 1000 <= m->bound + 2) {
                break;
            }

            if (healthy(m->worker, 1) && !m->part) {
                sim_fail("member %u is %llu ms late", j,
                         (unsigned long long) (now / 1000 - m->bound));
            }
        }
    }
}


static void
check(unsigned all)
{
    const char  *problem;

    check_deadlines();
    check_lost();

    if (all) {
        problem = sched_check(z);

        if (problem) {
            sim_fail("%s", problem);
        }
    }
}


static void
start(void)
{
    size_t    size;
    uint32_t  i;

    size = (size_t) o->zone * 1024;
    z = aligned_alloc(64, size);

    if (z == NULL
        || llmb_zone_init(z, size, (uint32_t) o->workers) != LLMB_OK)
    {
        abort();
    }

    forget_pauses();

    now = 1000000000;
    tags = 0;
    backend_free = 0;
    active = 0;
    busy_world = 1;
    nrequests = 0;
    nflights = 0;
    free_request = LLMB_NIL;

    memset(workers, 0, sizeof(workers));

    for (i = 0; i < z->nworkers; i++) {
        llmb_worker(z, i)->pid = 1 + i;
        workers[i].life = ++tags;
        workers[i].since = now;
        llmb_sched_seen(z, i, clock_of(i));
        next_death(i);
        next_watch(i);
    }

    sim_event(SIM_ARRIVE, now, 0, 0);

    if (o->drain > 0) {
        sim_event(SIM_DRAIN, now, 0, 0);
    }
}


void
sim_world(const sim_options_t *options, sim_stats_t *s)
{
    uint32_t      i, w;
    uint64_t      sum;
    sim_event_t   e;
    const char   *problem;

    o = options;
    stats = s;

    start();

    while (sim_next(&e)) {
        now = e.at;

        if (is_stale(&e) || stands_still(&e)) {
            continue;
        }

        w = worker_of(&e);

        handle(&e);

        if (w != LLMB_NIL) {
            pass_is_over(w);
        }

        stats->events++;

        if (stats->events % 64 == 0) {
            check(stats->events % 8192 == 0);
        }
    }

    for (i = 0; i < z->nworkers; i++) {
        bell(i);
    }

    for (i = 0, sum = 0; i < SIM_NOUTCOMES; i++) {
        sum += stats->outcomes[i];
    }

    if (active || sum != stats->arrived) {
        sim_fail("%llu requests are left, %llu outcomes of %llu requests",
                 (unsigned long long) active, (unsigned long long) sum,
                 (unsigned long long) stats->arrived);
    }

    problem = sched_check_drained(z);

    if (problem) {
        sim_fail("after the end: %s", problem);
    }

    free(z);
    free(requests);
    free(flights);
    requests = NULL;
    flights = NULL;
}
