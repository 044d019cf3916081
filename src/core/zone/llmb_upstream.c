
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * One that is overloaded says so to all, and to calls of any kind.  A model
 * that is not there, behind an address that has others, or an input that the
 * server does not come to an end with, fails just the same.  So an overload is
 * that of all if two agree: of two tenants, where there are several, and two
 * kinds of calls, where there are several.  Up to then it is a group's own.
 */


#include <string.h>

#include "llmb_cost.h"
#include "llmb_named.h"
#include "llmb_sched_limits.h"
#include "llmb_slots.h"
#include "llmb_tenant.h"
#include "llmb_upstream.h"


/* calls in flight to one upstream, at most: not less than there can be */

#define LLMB_UPSTREAM_MOST   (1U << 24)

/* us within which two are to tell of an overload, or for as long as it took */

#define LLMB_UPSTREAM_AGREE  10000000


static void llmb_upstream_bounds(llmb_zone_t *z, const llmb_group_t *g);
static unsigned llmb_upstream_own(llmb_zone_t *z, const llmb_group_t *g,
    const llmb_sample_t *sample, uint64_t now);
static unsigned llmb_upstream_agree(llmb_zone_t *z, const llmb_group_t *g,
    const llmb_sample_t *sample, uint64_t now);
static void llmb_upstream_limited(llmb_zone_t *z, llmb_group_t *g,
    uint64_t sent, uint64_t now);
static void llmb_upstream_good(llmb_group_t *g);


void
llmb_upstream_attach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);

    g->upstream = llmb_named_alloc(z, LLMB_NAMED_UPSTREAM);

    u = llmb_upstream_of(z, g);

    u->line.root = LLMB_NIL;
    u->called = LLMB_NIL;

    llmb_cost_attach(z, group);
    llmb_tenant_attach(z, group);
}


void
llmb_upstream_detach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);

    llmb_tenant_detach(z, group);
    llmb_cost_detach(z, group);

    u->inflight -= g->inflight;
    u->busy -= (g->inflight != 0);

    if (!llmb_named_release(z, LLMB_NAMED_UPSTREAM, g->upstream)) {
        llmb_upstream_bounds(z, g);
    }
}


void
llmb_upstream_init(llmb_zone_t *z, uint32_t group)
{
    uint32_t       most;
    llmb_group_t  *g;

    g = llmb_group(z, group);
    most = g->policy.concurrency;

    llmb_slots_init(&llmb_upstream_of(z, g)->slots,
                    g->policy.learned ? 1 : most, most);
}


/* what was learned of its calls goes with it, if others know nothing of them */

void
llmb_upstream_join(llmb_zone_t *z, uint32_t group, uint64_t name, uint64_t now)
{
    uint32_t          i;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);

    i = llmb_named_find(z, LLMB_NAMED_UPSTREAM, name);

    if (i == LLMB_NIL) {
        llmb_named_name(z, LLMB_NAMED_UPSTREAM, g->upstream, name);

    } else {
        u->inflight -= g->inflight;
        u->busy -= (g->inflight != 0);
        u->kinds--;

        (void) llmb_named_release(z, LLMB_NAMED_UPSTREAM, g->upstream);

        u = llmb_upstream(z, i);

        u->named.groups++;
        u->inflight += g->inflight;
        u->busy += (g->inflight != 0);
        u->kinds++;

        g->upstream = i;
        g->finish = 0;
        g->moved = now;

        llmb_tenant_of(z, g)->finish = 0;
        memset(&llmb_tenant_of(z, g)->line, 0, sizeof(llmb_line_t));
        llmb_tenant_of(z, g)->line.root = LLMB_NIL;
    }

    llmb_cost_join(z, group);
    llmb_tenant_join(z, group);

    if (i != LLMB_NIL) {
        llmb_upstream_bounds(z, g);
    }
}


/* each group may have as many calls in flight as its policy says */

static void
llmb_upstream_bounds(llmb_zone_t *z, const llmb_group_t *g)
{
    uint32_t          most;
    uint64_t          sum;
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);
    sum = (uint64_t) g->policy.concurrency * u->named.groups;
    most = (uint32_t) llmb_min(sum, LLMB_UPSTREAM_MOST);

    llmb_slots_bounds(&u->slots, g->policy.learned ? 1 : most, most,
                      u->inflight);
}


void
llmb_upstream_sample(llmb_zone_t *z, uint32_t group,
    const llmb_sample_t *sample, uint64_t now)
{
    uint64_t          sent;
    llmb_group_t     *g;
    llmb_others_t     others;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);
    sent = now > sample->time ? now - sample->time : 0;

    if (u->named.groups > 1 && llmb_upstream_own(z, g, sample, now)) {
        llmb_upstream_limited(z, g, sent, now);
        return;
    }

    if (sample->end == LLMB_LEARN_GOOD) {
        llmb_upstream_good(g);

        if (sent < g->moved) {
            /* the calls of others in flight with it have not been counted */
            return;
        }
    }

    others.kind = g->cost;
    others.cost = llmb_cost_others(z, g);
    others.wait = u->line.n > 1 || (u->line.n && llmb_tenant_of(z, g)->line.n
                                                 == 0);

    llmb_learn_sample(llmb_learn_of(z, g), &u->slots, sample, &others, now);

    if (sample->end == LLMB_LEARN_GOOD) {
        llmb_cost_count(z, g, sample->items);
    }
}


/* whether it is said to this group, and not to all that share the upstream */

static unsigned
llmb_upstream_own(llmb_zone_t *z, const llmb_group_t *g,
    const llmb_sample_t *sample, uint64_t now)
{
    switch (sample->end) {

    case LLMB_LEARN_LIMITED:
        return 1;

    case LLMB_LEARN_OVERLOAD:
        return !llmb_upstream_agree(z, g, sample, now);

    default: /* LLMB_LEARN_GOOD, LLMB_LEARN_OTHER */
        return 0;
    }
}


/* each halving of the slots of all takes two: what agreed is used up */

static unsigned
llmb_upstream_agree(llmb_zone_t *z, const llmb_group_t *g,
    const llmb_sample_t *sample, uint64_t now)
{
    unsigned          agree;
    uint64_t          time;
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);
    time = llmb_max(sample->time, LLMB_UPSTREAM_AGREE);

    agree = u->told && now <= u->told + time;

    if (llmb_tenant_of(z, g)->named.groups == u->named.groups) {
        agree |= (u->kinds == 1);

    } else {
        agree &= (u->told_tenant != g->payer);
    }

    if (u->kinds > 1) {
        agree &= (u->told_cost != g->cost);
    }

    u->told = agree ? 0 : now;
    u->told_tenant = g->payer;
    u->told_cost = g->cost;

    return agree;
}


/* once for all calls that were in flight together */

static void
llmb_upstream_limited(llmb_zone_t *z, llmb_group_t *g, uint64_t sent,
    uint64_t now)
{
    uint32_t  slots;

    if (!g->policy.learned || sent < g->narrowed) {
        return;
    }

    slots = llmb_group_slots(z, g);

    g->most = llmb_max(slots / 2, 1);
    g->good = 0;
    g->narrowed = now;
}


static void
llmb_upstream_good(llmb_group_t *g)
{
    if (g->most == 0 || ++g->good < g->most) {
        return;
    }

    g->most++;
    g->good = 0;

    if (g->most >= g->policy.concurrency) {
        g->most = 0;
    }
}
