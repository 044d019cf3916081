
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Upstreams, and tenants there: each group has one of each, and waits only if
 * it has to.
 */


#include <stdlib.h>

#include "sched_check.h"


typedef struct {
    uint32_t  groups;
    uint32_t  inflight;
    uint32_t  busy;
    uint32_t  waiting;            /* groups of a tenant, tenants of another */
    uint32_t  tenants;            /* groups of a tenant */
} sched_sums_t;


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

    if (t->groups != sums->tenants) {
        sched_fail("tenant %u: %u groups instead of %u", i, t->groups,
                   sums->tenants);
    }

    if ((llmb_tenant_turns(z)[i].height != 0) != (t->groups && t->line.n)) {
        sched_fail("tenant %u waits although none of its groups does", i);
    }

    if (t->groups == 0) {
        return NULL;
    }

    if (t->inflight != sums->inflight) {
        sched_fail("tenant %u: %u in flight instead of %u", i, t->inflight,
                   sums->inflight);
    }

    if (t->groups > 1 && t->upstream == LLMB_NIL) {
        sched_fail("tenant %u: %u groups share what is not known", i,
                   t->groups);
    }

    return sched_check_line(z, &t->line, llmb_turns(z), sums->waiting);
}


static const char *
sched_check_upstream(llmb_zone_t *z, uint32_t i, const sched_sums_t *sums)
{
    llmb_upstream_t  *u;

    u = llmb_upstream(z, i);

    if (u->groups != sums->groups) {
        sched_fail("upstream %u: %u groups instead of %u", i, u->groups,
                   sums->groups);
    }

    if (u->groups == 0) {
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

    if (u->called != LLMB_NIL && !llmb_turns(z)[u->called].height) {
        sched_fail("upstream %u: %u is called, but does not wait", i,
                   u->called);
    }

    if (u->groups > 1 && u->name == 0) {
        sched_fail("upstream %u: %u groups share what is not known", i,
                   u->groups);
    }

    return sched_check_line(z, &u->line, llmb_tenant_turns(z),
                            sums->waiting);
}


static const char *
sched_check_names(llmb_zone_t *z)
{
    uint32_t  i, j, n;

    n = 0;

    for (i = 0; i < z->nbuckets; i++) {
        for (j = *llmb_at(z, uint32_t, names_at, i);
             j != LLMB_NIL;
             j = llmb_upstream(z, j)->chain)
        {
            if (llmb_upstream(z, j)->name == 0
                || (llmb_upstream(z, j)->name & (z->nbuckets - 1)) != i
                || ++n > z->ngroups)
            {
                sched_fail("name of upstream %u", j);
            }
        }
    }

    for (i = 0; i < z->ngroups; i++) {
        n -= (llmb_upstream(z, i)->groups && llmb_upstream(z, i)->name);
    }

    return n ? "names of upstreams are lost" : NULL;
}


static const char *
sched_check_free_upstreams(llmb_zone_t *z)
{
    uint32_t  i, n;

    n = 0;

    for (i = z->free_upstream; i != LLMB_NIL; i = llmb_upstream(z, i)->chain) {
        if (llmb_upstream(z, i)->groups || ++n > z->ngroups) {
            sched_fail("free upstream %u", i);
        }
    }

    for (i = 0; i < z->ngroups; i++) {
        n += (llmb_upstream(z, i)->groups != 0);
    }

    if (n != z->ngroups) {
        sched_fail("%u upstreams instead of %u", n, z->ngroups);
    }

    return NULL;
}


static const char *
sched_check_payers(llmb_zone_t *z)
{
    uint32_t        i, j, n, nfree;
    llmb_tenant_t  *t;

    n = 0;
    nfree = 0;

    for (i = 0; i < z->nbuckets; i++) {
        for (j = *llmb_at(z, uint32_t, payers_at, i);
             j != LLMB_NIL;
             j = t->chain)
        {
            t = llmb_tenant(z, j);

            if (t->groups == 0 || t->upstream == LLMB_NIL
                || ++n > z->ngroups)
            {
                sched_fail("name of tenant %u", j);
            }
        }
    }

    for (i = z->free_tenant; i != LLMB_NIL; i = llmb_tenant(z, i)->chain) {
        if (llmb_tenant(z, i)->groups || ++nfree > z->ngroups) {
            sched_fail("free tenant %u", i);
        }
    }

    for (i = 0; i < z->ngroups; i++) {
        t = llmb_tenant(z, i);

        n -= (t->groups && t->upstream != LLMB_NIL);
        nfree += (t->groups != 0);
    }

    return n || nfree != z->ngroups ? "tenants are lost" : NULL;
}


/* a group that waits has something to send, and pays where it does */

static const char *
sched_check_payer(llmb_zone_t *z, uint32_t i, sched_sums_t *upstreams,
    sched_sums_t *tenants)
{
    llmb_group_t   *g;
    llmb_tenant_t  *t;
    sched_sums_t   *sums;

    g = llmb_group(z, i);
    t = llmb_tenant_of(z, g);

    if (t->upstream != LLMB_NIL
        && (t->upstream != g->upstream || t->name != g->tenant))
    {
        sched_fail("group %u is of another tenant", i);
    }

    if ((t->upstream == LLMB_NIL) != (llmb_upstream_of(z, g)->name == 0)) {
        sched_fail("tenant of group %u has no name", i);
    }

    sums = &upstreams[g->upstream];
    sums->groups++;
    sums->inflight += g->inflight;
    sums->busy += (g->inflight != 0);

    tenants[g->payer].tenants++;
    tenants[g->payer].inflight += g->inflight;

    if (!llmb_turns(z)[i].height) {
        return NULL;
    }

    if (g->queue.n == 0) {
        sched_fail("group %u does not wait", i);
    }

    sums->waiting += (tenants[g->payer].waiting++ == 0);

    return NULL;
}


static const char *
sched_check_sums(llmb_zone_t *z, sched_sums_t *upstreams,
    sched_sums_t *tenants)
{
    uint32_t  i;

    for (i = 0; i < z->ngroups; i++) {
        if (llmb_group(z, i)->used) {
            sched_try(sched_check_payer(z, i, upstreams, tenants));
        }
    }

    for (i = 0; i < z->ngroups; i++) {
        sched_try(sched_check_upstream(z, i, &upstreams[i]));
        sched_try(sched_check_tenant(z, i, &tenants[i]));
    }

    return NULL;
}


const char *
sched_check_share(llmb_zone_t *z)
{
    const char    *problem;
    sched_sums_t  *sums;

    sums = calloc(2 * (size_t) z->ngroups, sizeof(sched_sums_t));

    if (sums == NULL) {
        abort();
    }

    problem = sched_check_free_upstreams(z);

    if (problem == NULL) {
        problem = sched_check_sums(z, sums, sums + z->ngroups);
    }

    free(sums);

    if (problem == NULL) {
        problem = sched_check_names(z);
    }

    return problem ? problem : sched_check_payers(z);
}
