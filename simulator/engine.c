
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * One worker with the scheduler that ships, in a time of its own: what the
 * module does around the core, without the texts.
 */


#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "llmb_group.h"
#include "llmb_sched.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_upstream.h"


/* that of the module */

#define SIM_MAX_CALL   (16 * 1024 * 1024)

/* a held request looks for itself, as in the module; ms */

#define SIM_LOOK       1000

/* us of a pass of the event loop in which there is nothing to do */

#define SIM_PASS       100


static void sim_arrive(sim_engine_t *e);
static llmb_reason_e sim_hold(sim_engine_t *e, uint32_t r);
static llmb_reason_e sim_eligible(sim_engine_t *e, const sim_request_t *rq);
static uint64_t sim_budget(const sim_engine_t *e, const sim_request_t *rq);
static uint32_t sim_wait(const sim_engine_t *e, const sim_request_t *rq);
static uint32_t sim_group(sim_engine_t *e, const sim_request_t *rq);
static void sim_set_group(const sim_settings_t *s, llmb_group_t *g);
static void sim_mail(sim_engine_t *e);
static void sim_set_timer(sim_engine_t *e, uint32_t r);
static void sim_timer(sim_engine_t *e, uint32_t r);


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


static void
sim_start(sim_engine_t *e, sim_run_t *run, const sim_backend_t *backend)
{
    uint32_t  n;

    memset(e, 0, sizeof(sim_engine_t));

    e->run = run;
    e->trace = run->trace;
    e->settings = run->settings;

    n = e->trace->n;
    e->left = n;
    e->group = LLMB_NIL;
    e->member = sim_realloc(NULL, n, sizeof(uint32_t));
    e->timer = sim_realloc(NULL, n, sizeof(uint64_t));
    memset(e->timer, 0, n * sizeof(uint64_t));
    memset(e->member, 0xff, n * sizeof(uint32_t));

    e->zone = aligned_alloc(64, (size_t) e->settings->zone & ~(size_t) 63);

    if (e->zone == NULL
        || llmb_zone_init(e->zone, e->settings->zone & ~(uint64_t) 63, 1)
           != LLMB_OK)
    {
        sim_die(1, "out of memory");
    }

    llmb_worker(e->zone, 0)->pid = 1;

    e->request = sim_realloc(NULL, e->zone->nmembers, sizeof(uint32_t));

    sim_server_start(&e->server, backend);
    sim_queue_push(&e->queue, SIM_ARRIVE, e->trace->requests[0].at, 0);
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
    run->served = sim_realloc(NULL, trace->n, sizeof(sim_served_t));
    memset(run->served, 0, trace->n * sizeof(sim_served_t));

    sim_start(&e, run, backend);

    while (e.left && sim_queue_pop(&e.queue, &event)) {
        e.now = event.at;

        switch (event.type) {

        case SIM_ARRIVE:
            sim_arrive(&e);
            break;

        case SIM_RETURN:
            sim_return(&e, event.index);
            break;

        case SIM_TIMER:
            sim_timer(&e, event.index);
            break;

        case SIM_MAIL:
            sim_mail(&e);
            break;
        }
    }

    for (i = 0; i < trace->n; i++) {
        if (!run->served[i].served) {
            sim_die(1, "request \"%s\" has never been served: please report "
                    "this", trace->requests[i].id);
        }
    }

    sim_learned(&e, &run->learned);

    free(e.zone);
    free(e.queue.heap);
    free(e.server.free);
    free(e.member);
    free(e.timer);
    free(e.request);
    free(e.flight);
}


void
sim_run_free(sim_run_t *run)
{
    free(run->served);
    free(run->batches);
    free(run->members);
}


/* requests */

static void
sim_arrive(sim_engine_t *e)
{
    uint32_t       r;
    llmb_reason_e  reason;

    r = e->next++;

    if (e->next < e->trace->n) {
        sim_queue_push(&e->queue, SIM_ARRIVE, e->trace->requests[e->next].at,
                       0);
    }

    if (e->settings->window == SIM_WINDOW_NONE) {
        sim_alone(e, r, LLMB_STATUS_NONE, LLMB_REASON_NONE);
        return;
    }

    reason = sim_hold(e, r);

    if (reason != LLMB_REASON_NONE) {
        sim_alone(e, r, LLMB_STATUS_BYPASS, reason);
    }
}


static llmb_reason_e
sim_hold(sim_engine_t *e, uint32_t r)
{
    uint32_t              group, i;
    llmb_rc_e             rc;
    llmb_member_t        *m;
    llmb_reason_e         reason;
    const sim_request_t  *rq;

    rq = &e->trace->requests[r];
    reason = sim_eligible(e, rq);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    group = sim_group(e, rq);

    if (group == LLMB_NIL) {
        return LLMB_REASON_ZONE_FULL;
    }

    if (llmb_health_open(&llmb_group(e->zone, group)->health, sim_clock(e))) {
        return LLMB_REASON_BREAKER;
    }

    i = llmb_member_alloc(e->zone, group, 0, (uint32_t) rq->bytes);

    if (i == LLMB_NIL) {
        return LLMB_REASON_ZONE_FULL;
    }

    do {
        rc = llmb_member_grow(e->zone, i);
    } while (rc == LLMB_AGAIN);

    if (rc != LLMB_OK) {
        llmb_sched_leave(e->zone, i, sim_clock(e));
        return LLMB_REASON_ZONE_FULL;
    }

    m = llmb_member(e->zone, i);

    m->items = 1;
    m->tokens = rq->tokens;
    m->scalar = 1;
    m->priority = (uint8_t) rq->priority;
    m->wait = sim_wait(e, rq);
    m->budget = (uint32_t) sim_budget(e, rq);

    e->member[r] = i;
    e->request[i] = r;

    llmb_sched_join(e->zone, i, sim_clock(e));

    sim_post(e);
    sim_set_timer(e, r);

    return LLMB_REASON_NONE;
}


static llmb_reason_e
sim_eligible(sim_engine_t *e, const sim_request_t *rq)
{
    uint32_t               i;
    uint64_t               budget;
    const sim_settings_t  *s;

    s = e->settings;

    if (rq->reason != LLMB_REASON_NONE) {
        return rq->reason;
    }

    for (i = 0; i < s->ntasks; i++) {
        if (strcmp(s->tasks[i], rq->task) == 0) {
            break;
        }
    }

    if (s->ntasks && i == s->ntasks) {
        return LLMB_REASON_TASK;
    }

    budget = sim_budget(e, rq);

    if (budget && budget < s->latency_threshold) {
        return LLMB_REASON_BUDGET;
    }

    if (s->max_tokens && rq->tokens > s->max_tokens) {
        return LLMB_REASON_TOKENS;
    }

    return rq->bytes > SIM_MAX_CALL ? LLMB_REASON_BODY_SIZE : LLMB_REASON_NONE;
}


static uint64_t
sim_budget(const sim_engine_t *e, const sim_request_t *rq)
{
    return rq->budget ? rq->budget : e->settings->latency_budget;
}


/* the longest time for which it may be held, by its tolerance; ms */

static uint32_t
sim_wait(const sim_engine_t *e, const sim_request_t *rq)
{
    uint64_t         wait;
    sim_tolerance_e  tolerance;

    wait = e->settings->max_wait;
    tolerance = rq->tolerance ? rq->tolerance : e->settings->tolerance;

    return (uint32_t) (tolerance == SIM_TOLERANCE_LOW ? 0
                       : tolerance == SIM_TOLERANCE_MEDIUM ? wait / 2 : wait);
}


/* model and task are what requests of a trace may differ in */

static uint32_t
sim_group(sim_engine_t *e, const sim_request_t *rq)
{
    char                   key[2048];
    size_t                 i, len;
    uint32_t               hash, g;
    unsigned               fresh;
    llmb_str_t             str;
    const sim_settings_t  *s;

    s = e->settings;

    len = (size_t) snprintf(key, sizeof(key), "%s%c%s", rq->model, 0,
                            rq->task);
    len = llmb_min(len, sizeof(key) - 1);

    for (i = 0, hash = 2166136261; i < len; i++) {
        hash = (hash ^ (uint8_t) key[i]) * 16777619;
    }

    str.data = (const uint8_t *) key;
    str.len = len;

    g = llmb_group_get(e->zone, str, hash, &fresh);

    if (g == LLMB_NIL || !fresh) {
        return g;
    }

    sim_set_group(s, llmb_group(e->zone, g));
    llmb_upstream_init(e->zone, g);

    return g;
}


static void
sim_set_group(const sim_settings_t *s, llmb_group_t *g)
{
    llmb_policy_t  *policy;

    policy = &g->policy;

    policy->window = s->window == SIM_WINDOW_FIXED ? LLMB_WINDOW_FIXED
                     : s->window == SIM_WINDOW_RATE ? LLMB_WINDOW_RATE
                     : LLMB_WINDOW_SLOT;

    policy->concurrency = s->concurrency;
    policy->learned = s->automatic;
    policy->interval = s->rate > 0 ? (uint64_t) (1e6 / s->rate) : 0;
    policy->max_size = s->max_size;
    policy->min_size = llmb_min(s->min_size, s->max_size);
    policy->max_tokens = s->max_tokens;
    policy->max_bytes = SIM_MAX_CALL;
    policy->max_wait = s->max_wait;
}


/* a worker looks at its mail at the end of the pass in which its bell rang */

void
sim_post(sim_engine_t *e)
{
    if (e->zone->bells && !e->posted) {
        e->posted = 1;
        sim_queue_push(&e->queue, SIM_MAIL, e->now, 0);
    }
}


static void
sim_mail(sim_engine_t *e)
{
    uint32_t             i, r;
    uint64_t             later;
    llmb_mail_e          mail;
    const llmb_member_t *m;

    e->posted = 0;

    while ((mail = llmb_sched_mail(e->zone, 0, sim_clock(e), &i))
           != LLMB_MAIL_NONE)
    {
        if (mail == LLMB_MAIL_SEND) {
            sim_send(e, i);
            continue;
        }

        r = e->request[i];
        m = llmb_member(e->zone, i);

        switch (mail) {

        case LLMB_MAIL_REFUSE:
            sim_refused(e, r, m);
            llmb_sched_leave(e->zone, i, sim_clock(e));
            e->member[r] = SIM_NIL;
            break;

        case LLMB_MAIL_ANSWER:
            llmb_sched_leave(e->zone, i, sim_clock(e));
            e->member[r] = SIM_NIL;
            break;

        default: /* LLMB_MAIL_ARM */
            sim_set_timer(e, r);
        }
    }

    llmb_worker(e->zone, 0)->bell = 0;
    e->zone->bells = 0;

    later = llmb_sched_later(e->zone, 0);

    if (later != UINT64_MAX) {
        sim_queue_push(&e->queue, SIM_MAIL, (later - SIM_EPOCH) * 1000, 0);
    }
}


/* timers */

static void
sim_set_timer(sim_engine_t *e, uint32_t r)
{
    uint64_t  now, at;

    if (llmb_member(e->zone, e->member[r])->state != LLMB_MEMBER_QUEUED) {
        return;
    }

    now = sim_clock(e);
    at = llmb_sched_wake(e->zone, e->member[r], now);
    at = llmb_min(at, now + SIM_LOOK);

    e->timer[r] = at > now ? (at - SIM_EPOCH) * 1000 : e->now + SIM_PASS;

    sim_queue_push(&e->queue, SIM_TIMER, e->timer[r], r);
}


static void
sim_timer(sim_engine_t *e, uint32_t r)
{
    llmb_member_t  *m;

    if (e->timer[r] != e->now || e->member[r] == SIM_NIL) {
        return;
    }

    m = llmb_member(e->zone, e->member[r]);

    if (m->state != LLMB_MEMBER_QUEUED) {
        return;
    }

    llmb_sched_flush(e->zone, m->group, 0, e->member[r], sim_clock(e));

    sim_post(e);
    sim_set_timer(e, r);
}
