
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_sched_limits.h"
#include "llmb_slots.h"


/* ms for which a slot is kept for the group whose turn it is */

#define LLMB_SCHED_KEPT     10


static void llmb_sched_rest(llmb_zone_t *z, const llmb_group_t *g);


llmb_policy_t
llmb_group_policy(const llmb_group_t *g)
{
    llmb_policy_t  policy;

    policy = g->policy;
    llmb_policy_learn(&policy, &g->learned);

    /* limits are the upstream's tokens, those of members are estimates */

    policy.max_tokens = llmb_calibrate_limit(&g->calibration,
                                             policy.max_tokens);

    if (llmb_moved_is_off(&g->path)) {
        /* what still waits goes alone, too */
        policy.max_size = 1;
    }

    if (policy.learned && g->most) {
        policy.concurrency = llmb_min(policy.concurrency, g->most);
    }

    return policy;
}


uint32_t
llmb_group_slots(llmb_zone_t *z, const llmb_group_t *g)
{
    uint32_t  most, slots;

    most = llmb_group_policy(g).concurrency;

    if (!g->policy.learned) {
        return most;
    }

    slots = llmb_slots_now(&llmb_upstream_of(z, g)->slots);

    return llmb_min(most, slots);
}


unsigned
llmb_sched_crowded(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    unsigned          kept;
    llmb_upstream_t  *u;

    if (!g->policy.learned) {
        return 0;
    }

    u = llmb_upstream_of(z, g);

    kept = llmb_sched_is_called(u, now) && llmb_group(z, u->called) != g;

    return llmb_sched_free_slots(u) <= kept;
}


unsigned
llmb_sched_is_called(const llmb_upstream_t *u, uint64_t now)
{
    return u->called != LLMB_NIL && now < u->since + LLMB_SCHED_KEPT;
}


unsigned
llmb_sched_free_slots(const llmb_upstream_t *u)
{
    uint32_t  slots;

    slots = llmb_slots_now(&u->slots);

    return slots > u->inflight ? slots - u->inflight : 0;
}


void
llmb_sched_take_slot(llmb_zone_t *z, llmb_group_t *g)
{
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);

    u->inflight++;
    u->busy += (g->inflight++ == 0);
    llmb_tenant_of(z, g)->inflight++;
}


/*
 * Others are sent at their deadlines, whatever is in flight.  Under a load
 * under which that never ends no slot would ever be free for a part.
 */

void
llmb_sched_free_slot(llmb_zone_t *z, llmb_group_t *g)
{
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);

    u->inflight--;
    u->busy -= (--g->inflight == 0);
    llmb_tenant_of(z, g)->inflight--;

    llmb_sched_rest(z, g);

    if (g->queue.n && llmb_member(z, g->queue.head)->part) {
        g->turn = 1;
    }
}


/* what is used while others want nothing is not held against anybody */

static void
llmb_sched_rest(llmb_zone_t *z, const llmb_group_t *g)
{
    llmb_tenant_t    *t;
    llmb_upstream_t  *u;

    t = llmb_tenant_of(z, g);
    u = llmb_upstream_of(z, g);

    if (t->inflight == 0 && t->line.root == LLMB_NIL) {
        t->line.time = t->line.last;
    }

    if (u->inflight == 0 && u->line.root == LLMB_NIL) {
        u->line.time = u->line.last;
    }
}


unsigned
llmb_sched_may_wait(const llmb_member_t *m, uint64_t until, uint64_t now)
{
    if (m->part) {
        return llmb_max(now, until) < m->since + LLMB_SCHED_PATIENCE;
    }

    return m->deadline > until;
}


uint8_t
llmb_sched_departs(llmb_group_t *g, uint64_t now)
{
    g->probe = now + LLMB_SCHED_PROBE;

    if (now < g->paused) {
        return LLMB_PROBE_PAUSE;
    }

    if (!g->untried) {
        return LLMB_PROBE_NONE;
    }

    g->untried = 0;

    if (now >= g->paused + LLMB_SCHED_PROBE) {
        /* nobody has waited for this */
        return LLMB_PROBE_NONE;
    }

    /* an upstream that is still busy says so soon, or else it is at work */

    g->trial = now + LLMB_SCHED_PROBE;

    return LLMB_PROBE_TRIAL;
}


uint64_t
llmb_sched_shut(const llmb_group_t *g)
{
    return llmb_max(g->paused, g->trial);
}


uint64_t
llmb_sched_quota(const llmb_group_t *g, uint64_t now)
{
    return (llmb_quota_until(&g->quota, now * 1000) + 999) / 1000;
}
