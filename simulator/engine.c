
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Workers with the scheduler that ships, one for each node, in a time of their
 * own: what the module does around the core, without the texts.
 */


#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "llmb_sched.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"


/* a held request looks for itself, as in the module; ms */

#define SIM_LOOK       1000

/* us of a pass of the event loop in which there is nothing to do */

#define SIM_PASS       100

/* bytes of a zone if nobody says how many; many of them take much memory */

#define SIM_ZONE       (64 * 1024 * 1024)
#define SIM_ZONE_NODE  (4 * 1024 * 1024)

/* ms that clients let pass after a 429 without Retry-After, as SDKs do */

#define SIM_BACKOFF    500

/* what clients that wait for nothing would make for ever */

#define SIM_MADE       20000000


static void sim_start(sim_engine_t *e, sim_run_t *run,
    const sim_trace_t *trace, const sim_backend_t *backend);
static void sim_start_clients(sim_engine_t *e, const sim_backend_t *backend);
static void sim_start_node(sim_engine_t *e, uint32_t node);
static void sim_end(sim_engine_t *e);
static void sim_arrive(sim_engine_t *e, uint32_t client);
static uint32_t sim_next(sim_engine_t *e, uint32_t client);
static void sim_room(sim_engine_t *e);
static void sim_mail(sim_engine_t *e, uint32_t node);
static void sim_timer(sim_engine_t *e, uint32_t part);


uint64_t
sim_clock(const sim_engine_t *e)
{
    return e->now / 1000 + SIM_EPOCH;
}


uint64_t
sim_clock_us(const sim_engine_t *e)
{
    return e->now + (uint64_t) SIM_EPOCH * 1000;
}


void
sim_run(sim_run_t *run, const sim_trace_t *trace,
    const sim_settings_t *settings, const sim_backend_t *backend)
{
    uint32_t      i;
    sim_event_t   event;
    sim_engine_t  e;

    memset(run, 0, sizeof(sim_run_t));

    run->trace = trace;
    run->settings = settings;

    sim_start(&e, run, trace, backend);

    while ((e.left || e.coming) && sim_queue_pop(&e.queue, &event)) {
        e.now = event.at;

        switch (event.type) {

        case SIM_ARRIVE:
            sim_arrive(&e, event.index);
            break;

        case SIM_RETURN:
            sim_return(&e, event.index);
            break;

        case SIM_TIMER:
            sim_timer(&e, event.index);
            break;

        case SIM_MAIL:
            sim_mail(&e, event.index);
            break;

        case SIM_WORK:
            sim_fill(&e, event.index);
            break;
        }
    }

    for (i = 0; i < run->trace->n; i++) {
        if (!run->served[i].served) {
            sim_die(1, "request %u has never been served: please report this",
                    i + 1);
        }
    }

    if (run->own && run->own->n == 0) {
        sim_die(1, "no requests in %g s: let clients think less",
                (double) e.end / 1e6);
    }

    if (run->own) {
        run->own->span = run->own->requests[run->own->n - 1].at;
    }

    sim_learned(&e, &run->learned);
    sim_end(&e);
}


static void
sim_start(sim_engine_t *e, sim_run_t *run, const sim_trace_t *trace,
    const sim_backend_t *backend)
{
    memset(e, 0, sizeof(sim_engine_t));

    e->run = run;
    e->settings = run->settings;
    e->group = LLMB_NIL;

    e->nodes = sim_realloc(NULL, e->settings->nodes, sizeof(sim_node_t));
    memset(e->nodes, 0, e->settings->nodes * sizeof(sim_node_t));

    sim_server_start(&e->server, backend);

    if (trace->maker) {
        run->own = sim_realloc(NULL, 1, sizeof(sim_trace_t));
        *run->own = *trace;
        run->trace = run->own;
        e->trace = run->own;

        sim_start_clients(e, backend);
        return;
    }

    e->trace = trace;
    e->left = trace->n;
    e->coming = 1;

    sim_room(e);
    sim_queue_push(&e->queue, SIM_ARRIVE, trace->requests[0].at, 0);
}


/* they do not begin at once, but within what a call and thinking take */

static void
sim_start_clients(sim_engine_t *e, const sim_backend_t *backend)
{
    double                  at, spread;
    uint64_t                seed;
    uint32_t                i, n;
    const sim_generator_t  *generator;

    generator = sim_maker_of(e->trace->maker);
    spread = generator->think + backend->costs[0].fixed
             + backend->costs[0].each;
    seed = e->trace->seed;

    e->end = (uint64_t) (generator->seconds * 1e6);
    n = (uint32_t) e->trace->load;
    e->seeds = sim_realloc(NULL, n, sizeof(uint64_t));

    for (i = 0; i < n; i++) {
        (void) sim_uniform(&seed);
        e->seeds[i] = seed;

        at = sim_uniform(&e->seeds[i]) * spread;

        if (at < (double) e->end) {
            e->coming++;
            sim_queue_push(&e->queue, SIM_ARRIVE, (uint64_t) at, i);
        }
    }
}


static void
sim_start_node(sim_engine_t *e, uint32_t node)
{
    size_t       size;
    sim_node_t  *n;

    n = &e->nodes[node];
    size = (size_t) e->settings->zone;

    if (size == 0) {
        size = llmb_max(SIM_ZONE / e->settings->nodes, SIM_ZONE_NODE);
    }

    size &= ~(size_t) 63;
    n->zone = aligned_alloc(64, size);

    if (n->zone == NULL || llmb_zone_init(n->zone, size, 1) != LLMB_OK) {
        sim_die(1, "out of memory");
    }

    llmb_worker(n->zone, 0)->pid = 1;

    n->part = sim_realloc(NULL, n->zone->nmembers, sizeof(uint32_t));
}


static void
sim_end(sim_engine_t *e)
{
    uint32_t  i;

    for (i = 0; i < e->settings->nodes; i++) {
        free(e->nodes[i].zone);
        free(e->nodes[i].part);
    }

    free(e->nodes);
    free(e->seeds);
    free(e->queue.heap);
    free(e->server.free);
    free(e->cuts);
    free(e->parts);
    free(e->flight);
}


void
sim_run_forget(sim_run_t *run)
{
    if (run->own) {
        free(run->own->requests);
        run->own->requests = NULL;
    }

    free(run->served);
    free(run->batches);
    free(run->members);

    run->served = NULL;
    run->batches = NULL;
    run->members = NULL;
}


void
sim_run_free(sim_run_t *run)
{
    sim_run_forget(run);
    free(run->own);
}


/* requests */

static void
sim_arrive(sim_engine_t *e, uint32_t client)
{
    uint32_t       r, node;
    llmb_reason_e  reason;

    e->coming--;
    r = sim_next(e, client);

    if (e->settings->window == SIM_WINDOW_NONE) {
        sim_alone(e, r, LLMB_STATUS_NONE, LLMB_REASON_NONE);
        return;
    }

    node = sim_node(e, r);

    if (e->nodes[node].zone == NULL) {
        sim_start_node(e, node);
    }

    reason = sim_hold(e, node, r);

    if (reason != LLMB_REASON_NONE) {
        sim_alone(e, r, LLMB_STATUS_BYPASS, reason);
    }
}


static uint32_t
sim_next(sim_engine_t *e, uint32_t client)
{
    uint32_t        r;
    sim_request_t  *request;

    r = e->next++;

    if (e->run->own == NULL) {

        if (e->next < e->trace->n) {
            e->coming++;
            sim_queue_push(&e->queue, SIM_ARRIVE,
                           e->trace->requests[e->next].at, 0);
        }

        return r;
    }

    if (r == SIM_MADE) {
        sim_die(1, "more than %u requests: let clients think longer, or for "
                "fewer seconds", SIM_MADE);
    }

    request = sim_make(e->run->own, e->trace->maker, &e->seeds[client]);
    request->at = e->now;
    request->client = client;

    e->left++;

    sim_room(e);

    return r;
}


/* for what is kept of each request */

static void
sim_room(sim_engine_t *e)
{
    uint32_t    had, room;
    sim_run_t  *run;

    run = e->run;
    had = run->served_room;
    room = had;

    while (room < e->trace->n) {
        room = llmb_max(2 * room, e->trace->n);
    }

    if (room == had) {
        return;
    }

    run->served_room = room;
    run->served = sim_realloc(run->served, room, sizeof(sim_served_t));
    memset(&run->served[had], 0, (room - had) * sizeof(sim_served_t));

    e->cuts = sim_realloc(e->cuts, room, sizeof(sim_cut_t *));
    memset(&e->cuts[had], 0, (room - had) * sizeof(sim_cut_t *));
}


void
sim_serve(sim_engine_t *e, uint32_t r, unsigned status)
{
    double                  think;
    uint32_t                client;
    uint64_t                at;
    sim_served_t           *served;

    served = &e->run->served[r];

    if (served->served) {
        sim_die(1, "request %u was served twice: please report this", r + 1);
    }

    served->served = 1;
    served->done = e->now;
    served->status = status;

    e->left--;

    if (e->run->own == NULL) {
        return;
    }

    client = e->trace->requests[r].client;
    think = sim_exponential(&e->seeds[client],
                            sim_maker_of(e->trace->maker)->think);

    /* at the earliest in the next pass of the event loop */

    at = e->now + llmb_max((uint64_t) think, SIM_PASS);

    if (status == 429) {
        at += llmb_max(e->server.backend->retry, SIM_BACKOFF) * 1000;
    }

    if (at < e->end) {
        e->coming++;
        sim_queue_push(&e->queue, SIM_ARRIVE, at, client);
    }
}


/* a worker looks at its mail at the end of the pass in which its bell rang */

void
sim_post(sim_engine_t *e, uint32_t node)
{
    sim_node_t  *n;

    n = &e->nodes[node];

    if (n->zone->bells && !n->posted) {
        n->posted = 1;
        sim_queue_push(&e->queue, SIM_MAIL, e->now, node);
    }
}


static void
sim_mail(sim_engine_t *e, uint32_t node)
{
    uint32_t      i, part;
    uint64_t      later;
    sim_node_t   *n;
    llmb_mail_e   mail;

    n = &e->nodes[node];
    n->posted = 0;

    while ((mail = llmb_sched_mail(n->zone, 0, sim_clock(e), &i))
           != LLMB_MAIL_NONE)
    {
        if (mail == LLMB_MAIL_SEND) {
            sim_send(e, node, i);
            continue;
        }

        part = n->part[i];

        switch (mail) {

        case LLMB_MAIL_REFUSE:
            sim_refused(e, part, llmb_member(n->zone, i));
            break;

        case LLMB_MAIL_ANSWER:
            sim_leave(e, part);
            break;

        default: /* LLMB_MAIL_ARM */
            sim_set_timer(e, part);
        }
    }

    llmb_worker(n->zone, 0)->bell = 0;
    n->zone->bells = 0;

    later = llmb_sched_later(n->zone, 0);

    if (later != UINT64_MAX) {
        sim_queue_push(&e->queue, SIM_MAIL, (later - SIM_EPOCH) * 1000, node);
    }
}


/* timers */

void
sim_set_timer(sim_engine_t *e, uint32_t part)
{
    uint64_t      now, at;
    sim_part_t   *p;
    llmb_zone_t  *z;

    p = &e->parts[part];
    z = e->nodes[p->node].zone;

    if (llmb_member(z, p->member)->state != LLMB_MEMBER_QUEUED) {
        return;
    }

    now = sim_clock(e);
    at = llmb_sched_wake(z, p->member, now);
    at = llmb_min(at, now + SIM_LOOK);

    p->timer = at > now ? (at - SIM_EPOCH) * 1000 : e->now + SIM_PASS;

    sim_queue_push(&e->queue, SIM_TIMER, p->timer, part);
}


static void
sim_timer(sim_engine_t *e, uint32_t part)
{
    sim_part_t     *p;
    llmb_zone_t    *z;
    llmb_member_t  *m;

    p = &e->parts[part];

    if (p->timer != e->now || p->member == SIM_NIL) {
        return;
    }

    z = e->nodes[p->node].zone;
    m = llmb_member(z, p->member);

    if (m->state != LLMB_MEMBER_QUEUED) {
        return;
    }

    llmb_sched_flush(z, m->group, 0, p->member, sim_clock(e));

    sim_post(e, p->node);
    sim_set_timer(e, part);
}
