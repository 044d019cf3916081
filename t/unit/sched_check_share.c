
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Upstreams, and what calls cost and tenants there: each group has one of each,
 * and waits only if it has to.
 */


#include <stdlib.h>

#include "llmb_named.h"
#include "sched_check.h"


typedef struct {
    uint32_t  groups;
    uint32_t  inflight;
    uint32_t  busy;
    uint32_t  kinds;              /* of calls */
    uint32_t  waiting;            /* groups of a tenant, tenants of another */
} sched_sums_t;


/* what there is of each of its groups, by llmb_named_e */

typedef struct {
    sched_sums_t  *of[LLMB_NAMED_N];
} sched_shares_t;


static const char *
sched_check_line(llmb_zone_t *z, const llmb_line_t *l,
    const llmb_tree_node_t *nodes, uint32_t waiting)
{
    uint32_t  n, last;

    n = 0;
    last = LLMB_NIL;
    sched_try(sched_check_tree(nodes, l->root, z->ngroups, &last, &n));

    if (n != waiting || n != l->n) {
        sched_fail("%u wait instead of %u", n, waiting);
    }

    return NULL;
}


/* it waits at its upstream if one of its groups does */

static const char *
sched_check_tenant(llmb_zone_t *z, uint32_t i, const sched_sums_t *sums)
{
    llmb_tenant_t  *t;

    t = llmb_tenant(z, i);

    if ((llmb_tenant_turns(z)[i].height != 0)
        != (t->named.groups && t->line.n))
    {
        sched_fail("tenant %u waits although none of its groups does", i);
    }

    if (t->named.groups == 0) {
        return NULL;
    }

    if (t->inflight != sums->inflight) {
        sched_fail("tenant %u: %u in flight instead of %u", i, t->inflight,
                   sums->inflight);
    }

    return sched_check_line(z, &t->line, llmb_turns(z), sums->waiting);
}


static const char *
sched_check_upstream(llmb_zone_t *z, uint32_t i, const sched_sums_t *sums)
{
    llmb_upstream_t  *u;

    u = llmb_upstream(z, i);

    if (u->named.groups == 0) {
        return NULL;
    }

    if (u->inflight != sums->inflight) {
        sched_fail("upstream %u: %u in flight instead of %u", i, u->inflight,
                   sums->inflight);
    }

    if (u->busy != sums->busy) {
        sched_fail("upstream %u: %u groups are busy instead of %u", i,
                   u->busy, sums->busy);
    }

    if (u->kinds != sums->kinds) {
        sched_fail("upstream %u: %u kinds of calls instead of %u", i,
                   u->kinds, sums->kinds);
    }

    if (u->called != LLMB_NIL && !llmb_turns(z)[u->called].height) {
        sched_fail("upstream %u: %u is called, but does not wait", i,
                   u->called);
    }

    return sched_check_line(z, &u->line, llmb_tenant_turns(z),
                            sums->waiting);
}


/* each is free, or has a name that leads to it, or one group */

static const char *
sched_check_named(llmb_zone_t *z, llmb_named_e what, const sched_sums_t *sums)
{
    uint32_t       i, j, n, nfree;
    llmb_named_t  *named;

    n = 0;
    nfree = 0;

    for (i = 0; i < z->nbuckets; i++) {
        for (j = *llmb_at(z, uint32_t, names_at[what], i);
             j != LLMB_NIL;
             j = named->chain)
        {
            named = llmb_named(z, what, j);

            if (named->name == 0 || (named->name & (z->nbuckets - 1)) != i
                || ++n > z->ngroups)
            {
                sched_fail("name of %u, %u", what, j);
            }
        }
    }

    for (i = z->free_named[what]; i != LLMB_NIL; i = named->chain) {
        named = llmb_named(z, what, i);

        if (named->groups || ++nfree > z->ngroups) {
            sched_fail("free %u, %u", what, i);
        }
    }

    for (i = 0; i < z->ngroups; i++) {
        named = llmb_named(z, what, i);

        n -= (named->groups && named->name);
        nfree += (named->groups != 0);

        if (named->groups != sums[i].groups) {
            sched_fail("%u, %u: %u groups instead of %u", what, i,
                       named->groups, sums[i].groups);
        }

        if (named->groups > 1 && named->name == 0) {
            sched_fail("%u, %u: %u groups share what is not known", what, i,
                       named->groups);
        }
    }

    if (n || nfree != z->ngroups) {
        sched_fail("some of %u are lost", what);
    }

    return NULL;
}


/* a group that waits has something to send, and pays where it does */

static const char *
sched_check_group(llmb_zone_t *z, uint32_t i, sched_shares_t *shares)
{
    uint64_t          tenant, kind;
    llmb_group_t     *g;
    sched_sums_t     *u, *t;
    llmb_upstream_t  *upstream;

    g = llmb_group(z, i);
    upstream = llmb_upstream_of(z, g);

    u = &shares->of[LLMB_NAMED_UPSTREAM][g->upstream];
    t = &shares->of[LLMB_NAMED_TENANT][g->payer];

    tenant = 0;
    kind = 0;

    if (upstream->named.name) {
        tenant = llmb_named_at(upstream, g->tenant);
        kind = llmb_named_at(upstream, g->kind);
    }

    if (llmb_tenant_of(z, g)->named.name != tenant) {
        sched_fail("group %u is of another tenant", i);
    }

    if (llmb_cost(z, g->cost)->named.name != kind) {
        sched_fail("calls of group %u cost what others do", i);
    }

    u->groups++;
    u->inflight += g->inflight;
    u->busy += (g->inflight != 0);
    u->kinds += (shares->of[LLMB_NAMED_COST][g->cost].groups++ == 0);

    t->groups++;
    t->inflight += g->inflight;

    if (!llmb_turns(z)[i].height) {
        return NULL;
    }

    if (g->queue.n == 0) {
        sched_fail("group %u does not wait", i);
    }

    u->waiting += (t->waiting++ == 0);

    return NULL;
}


static const char *
sched_check_shares(llmb_zone_t *z, sched_shares_t *shares)
{
    uint32_t  i;
    unsigned  what;

    for (i = 0; i < z->ngroups; i++) {
        if (llmb_group(z, i)->used) {
            sched_try(sched_check_group(z, i, shares));
        }
    }

    for (what = 0; what < LLMB_NAMED_N; what++) {
        sched_try(sched_check_named(z, (llmb_named_e) what,
                                    shares->of[what]));
    }

    for (i = 0; i < z->ngroups; i++) {
        sched_try(sched_check_upstream(z, i,
                                       &shares->of[LLMB_NAMED_UPSTREAM][i]));
        sched_try(sched_check_tenant(z, i,
                                     &shares->of[LLMB_NAMED_TENANT][i]));
    }

    return NULL;
}


const char *
sched_check_share(llmb_zone_t *z)
{
    unsigned         what;
    const char      *problem;
    sched_sums_t    *sums;
    sched_shares_t   shares;

    sums = calloc(LLMB_NAMED_N * (size_t) z->ngroups, sizeof(sched_sums_t));

    if (sums == NULL) {
        abort();
    }

    for (what = 0; what < LLMB_NAMED_N; what++) {
        shares.of[what] = sums + what * (size_t) z->ngroups;
    }

    problem = sched_check_shares(z, &shares);

    free(sums);

    return problem;
}
