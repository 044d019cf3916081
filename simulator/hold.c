
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How a request is held: may it be, in which group, on which node.
 */


#include <string.h>

#include "engine.h"
#include "llmb_group.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"
#include "llmb_upstream.h"


static llmb_reason_e sim_eligible(sim_engine_t *e, const sim_request_t *rq);
static uint64_t sim_budget(const sim_engine_t *e, const sim_request_t *rq);
static uint8_t sim_tolerance_of(const sim_engine_t *e,
    const sim_request_t *rq);
static void sim_set_group(const sim_engine_t *e, llmb_group_t *g);


llmb_reason_e
sim_hold(sim_engine_t *e, uint32_t node, uint32_t r)
{
    uint32_t              group;
    llmb_zone_t          *z;
    llmb_group_t         *g;
    llmb_policy_t         policy;
    llmb_reason_e         reason;
    const sim_request_t  *rq;

    rq = &e->trace->requests[r];
    reason = sim_eligible(e, rq);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    group = sim_group(e, node, r);

    if (group == LLMB_NIL) {
        return LLMB_REASON_ZONE_FULL;
    }

    z = e->nodes[node].zone;
    g = llmb_group(z, group);

    if (llmb_health_open(&g->health, sim_clock(e))) {
        return LLMB_REASON_BREAKER;
    }

    policy = llmb_group_policy(g);

    if (!llmb_policy_takes(&policy, rq->items, rq->tokens, rq->bytes)) {
        return sim_cut(e, node, r, &policy);
    }

    return sim_join(e, node, group, r, 0, rq->items);
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

    return rq->bytes > SIM_MAX_CALL ? LLMB_REASON_BODY_SIZE : LLMB_REASON_NONE;
}


static uint64_t
sim_budget(const sim_engine_t *e, const sim_request_t *rq)
{
    return rq->budget ? rq->budget : e->settings->latency_budget;
}


/* by which the longest time is scaled for which it may be held; percent */

static uint8_t
sim_tolerance_of(const sim_engine_t *e, const sim_request_t *rq)
{
    sim_tolerance_e  tolerance;

    tolerance = rq->tolerance ? rq->tolerance : e->settings->tolerance;

    return tolerance == SIM_TOLERANCE_LOW ? 0
           : tolerance == SIM_TOLERANCE_MEDIUM ? 50 : 100;
}


llmb_reason_e
sim_join(sim_engine_t *e, uint32_t node, uint32_t group, uint32_t r,
    uint32_t first, uint32_t items)
{
    uint32_t              i;
    uint64_t              budget, passed;
    llmb_rc_e             rc;
    sim_part_t           *p;
    llmb_zone_t          *z;
    llmb_member_t        *m;
    const sim_request_t  *rq;

    z = e->nodes[node].zone;
    rq = &e->trace->requests[r];

    if (e->nparts == e->parts_room) {
        e->parts_room = 2 * e->parts_room + 1024;
        e->parts = sim_realloc(e->parts, e->parts_room, sizeof(sim_part_t));
    }

    p = &e->parts[e->nparts];

    p->request = r;
    p->node = node;
    p->items = items;
    p->tokens = sim_share_of(rq->tokens, first + items, rq->items)
                - sim_share_of(rq->tokens, first, rq->items);
    p->bytes = sim_share_of(rq->bytes, first + items, rq->items)
               - sim_share_of(rq->bytes, first, rq->items);
    p->timer = 0;

    i = llmb_member_alloc(z, group, 0, (uint32_t) p->bytes);

    if (i == LLMB_NIL) {
        return LLMB_REASON_ZONE_FULL;
    }

    do {
        rc = llmb_member_grow(z, i);
    } while (rc == LLMB_AGAIN);

    if (rc != LLMB_OK) {
        llmb_sched_leave(z, i, sim_clock(e));
        return LLMB_REASON_ZONE_FULL;
    }

    m = llmb_member(z, i);

    m->items = items;
    m->tokens = p->tokens;
    m->bytes = p->bytes;
    m->scalar = rq->items == 1;
    m->part = items != rq->items;
    m->flow = m->part ? r + 1 : 0;
    m->priority = (uint8_t) rq->priority;
    m->tolerance = sim_tolerance_of(e, rq);
    m->wait = (uint32_t) (e->settings->max_wait * m->tolerance / 100);

    /* of one that is cut, some of it is gone */

    budget = sim_budget(e, rq);
    passed = (e->now - rq->at) / 1000;
    m->budget = (uint32_t) (budget ? budget - llmb_min(budget - 1, passed)
                                   : 0);

    p->member = i;
    e->nodes[node].part[i] = e->nparts;

    llmb_sched_join(z, i, sim_clock(e));

    sim_post(e, node);
    sim_set_timer(e, e->nparts++);

    return LLMB_REASON_NONE;
}


uint64_t
sim_share_of(uint64_t sum, uint32_t n, uint32_t of)
{
    return n == of ? sum : sum / of * n + sum % of * n / of;
}


uint32_t
sim_group(sim_engine_t *e, uint32_t node, uint32_t r)
{
    char                  buf[SIM_KEY_SIZE];
    uint32_t              g;
    unsigned              fresh;
    llmb_zone_t          *z;
    const sim_request_t  *rq;

    z = e->nodes[node].zone;
    rq = &e->trace->requests[r];

    g = llmb_group_get(z, sim_key(rq, buf, sizeof(buf)), sim_key_hash(rq),
                       &fresh);

    if (g == LLMB_NIL || !fresh) {
        return g;
    }

    sim_set_group(e, llmb_group(z, g));
    llmb_group(z, g)->kind = sim_model_hash(rq);
    llmb_upstream_init(z, g);

    return g;
}


/* that of its key, as "hash $llm_batch_key" has it; or any */

uint32_t
sim_node(const sim_engine_t *e, uint32_t r)
{
    uint64_t               seed;
    const sim_settings_t  *s;

    s = e->settings;

    if (s->nodes == 1) {
        return 0;
    }

    if (s->by_key) {
        return (uint32_t) (sim_key_hash(&e->trace->requests[r]) % s->nodes);
    }

    seed = e->trace->seed ^ ((uint64_t) r << 32);

    return (uint32_t) (sim_uniform(&seed) * s->nodes);
}


static void
sim_set_group(const sim_engine_t *e, llmb_group_t *g)
{
    llmb_policy_t         *policy;
    const sim_settings_t  *s;

    s = e->settings;
    policy = &g->policy;

    policy->window = s->window == SIM_WINDOW_FIXED ? LLMB_WINDOW_FIXED
                     : s->window == SIM_WINDOW_RATE ? LLMB_WINDOW_RATE
                     : LLMB_WINDOW_SLOT;

    policy->concurrency = s->concurrency;
    policy->learned = s->automatic;
    policy->interval = s->rate > 0 ? (uint64_t) (1e6 / s->rate) : 0;
    policy->max_size = e->server.backend->most
                       ? llmb_min(s->max_size, e->server.backend->most)
                       : s->max_size;
    policy->min_size = llmb_min(s->min_size, policy->max_size);
    policy->max_tokens = s->max_tokens;
    policy->max_bytes = SIM_MAX_CALL;
    policy->most_items = e->server.backend->most;
    policy->max_wait = s->max_wait;
    policy->patience = s->patience;
    policy->spend = s->spend;
}
