
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Upstreams, as far as groups share them.  There are as many records as there
 * are groups, and each group refers to one, so there always is one left.
 */


#include <string.h>

#include "llmb_zone_parts.h"
#include "llmb_sched_limits.h"
#include "llmb_tenant.h"
#include "llmb_upstream.h"


/* calls in flight to one upstream, at most: not less than there can be */

#define LLMB_UPSTREAM_MOST  (1U << 24)


static uint32_t llmb_upstream_alloc(llmb_zone_t *z);
static void llmb_upstream_free(llmb_zone_t *z, uint32_t i);
static uint32_t llmb_upstream_find(llmb_zone_t *z, uint64_t name);
static void llmb_upstream_bounds(llmb_zone_t *z, const llmb_group_t *g);
static void llmb_upstream_limited(llmb_zone_t *z, llmb_group_t *g,
    uint64_t sent, uint64_t now);
static void llmb_upstream_good(llmb_group_t *g);

#define llmb_name_bucket(z, name)                                             \
    llmb_at(z, uint32_t, names_at, (name) & ((z)->nbuckets - 1))


void
llmb_upstreams_clear(llmb_zone_t *z)
{
    uint32_t  i;

    z->free_upstream = LLMB_NIL;

    for (i = z->ngroups; i--; /* void */ ) {
        llmb_upstream_free(z, i);
    }

    for (i = 0; i < z->nbuckets; i++) {
        *llmb_name_bucket(z, i) = LLMB_NIL;
    }
}


static uint32_t
llmb_upstream_alloc(llmb_zone_t *z)
{
    uint32_t          i;
    llmb_upstream_t  *u;

    i = z->free_upstream;
    u = llmb_upstream(z, i);

    z->free_upstream = u->chain;

    memset(u, 0, sizeof(llmb_upstream_t));

    u->line.root = LLMB_NIL;
    u->called = LLMB_NIL;

    return i;
}


static void
llmb_upstream_free(llmb_zone_t *z, uint32_t i)
{
    llmb_upstream_t  *u;

    u = llmb_upstream(z, i);

    u->name = 0;
    u->groups = 0;
    u->chain = z->free_upstream;

    z->free_upstream = i;
}


void
llmb_upstream_attach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    g->upstream = llmb_upstream_alloc(z);
    llmb_upstream_of(z, g)->groups = 1;

    llmb_tenant_attach(z, group);
}


void
llmb_upstream_detach(llmb_zone_t *z, uint32_t group)
{
    uint32_t         *p;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);

    u->inflight -= g->inflight;
    u->busy -= (g->inflight != 0);

    llmb_tenant_detach(z, group);

    if (--u->groups) {
        llmb_upstream_bounds(z, g);
        return;
    }

    if (u->name) {
        for (p = llmb_name_bucket(z, u->name);
             *p != g->upstream;
             p = &llmb_upstream(z, *p)->chain)
        {
            /* void */
        }

        *p = u->chain;
    }

    llmb_upstream_free(z, g->upstream);
}


void
llmb_upstream_init(llmb_zone_t *z, uint32_t group)
{
    uint32_t       most;
    llmb_group_t  *g;

    g = llmb_group(z, group);
    most = g->policy.concurrency;

    llmb_learn_init(&llmb_upstream_of(z, g)->learn,
                    g->policy.learned ? 1 : most, most);
}


void
llmb_upstream_join(llmb_zone_t *z, uint32_t group, uint64_t name, uint64_t now)
{
    uint32_t          i;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);

    i = llmb_upstream_find(z, name);

    if (i == LLMB_NIL) {
        u->name = name;
        u->chain = *llmb_name_bucket(z, name);
        *llmb_name_bucket(z, name) = g->upstream;
        llmb_tenant_name(z, group);
        return;
    }

    llmb_upstream_detach(z, group);

    u = llmb_upstream(z, i);

    g->upstream = i;
    g->finish = 0;
    g->moved = now;

    u->groups++;
    u->inflight += g->inflight;
    u->busy += (g->inflight != 0);

    llmb_tenant_attach(z, group);
    llmb_upstream_bounds(z, g);
}


static uint32_t
llmb_upstream_find(llmb_zone_t *z, uint64_t name)
{
    uint32_t  i;

    for (i = *llmb_name_bucket(z, name);
         i != LLMB_NIL;
         i = llmb_upstream(z, i)->chain)
    {
        if (llmb_upstream(z, i)->name == name) {
            return i;
        }
    }

    return LLMB_NIL;
}


/* each group may have as many calls in flight as its policy says */

static void
llmb_upstream_bounds(llmb_zone_t *z, const llmb_group_t *g)
{
    uint32_t          most;
    uint64_t          sum;
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);
    sum = (uint64_t) g->policy.concurrency * u->groups;
    most = (uint32_t) llmb_min(sum, LLMB_UPSTREAM_MOST);

    llmb_learn_bounds(&u->learn, g->policy.learned ? 1 : most, most,
                      u->inflight);
}


void
llmb_upstream_sample(llmb_zone_t *z, uint32_t group,
    const llmb_sample_t *sample, uint64_t now)
{
    uint64_t          sent;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);
    sent = now > sample->time ? now - sample->time : 0;

    if (sample->end == LLMB_LEARN_LIMITED && u->groups > 1) {
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

    llmb_learn_sample(&u->learn, sample, now);
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
