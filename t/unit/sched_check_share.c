
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Upstreams: each group has one, and waits there only if it has to.
 */


#include <stdlib.h>

#include "sched_check.h"


typedef struct {
    uint32_t  groups;
    uint32_t  inflight;
    uint32_t  waiting;
} sched_sums_t;


/* those below a group in a heap are not before it; counts them all */

static const char *
sched_check_heap(llmb_zone_t *z, uint32_t upstream, uint32_t i, uint32_t above,
    uint32_t *n)
{
    uint32_t           prev;
    llmb_group_t      *g;
    llmb_heap_node_t  *turns;

    turns = llmb_turns(z);

    for (prev = above; i != LLMB_NIL; i = turns[i].next) {
        g = llmb_group(z, i);

        if (i >= z->ngroups || ++*n > z->ngroups) {
            sched_fail("upstream %u: turn %u", upstream, i);
        }

        if (!turns[i].linked || turns[i].prev != prev
            || (above != LLMB_NIL && turns[above].rank > turns[i].rank))
        {
            sched_fail("upstream %u: turn of group %u", upstream, i);
        }

        if (!g->used || g->upstream != upstream || g->queue.n == 0) {
            sched_fail("upstream %u: group %u does not wait", upstream, i);
        }

        sched_try(sched_check_heap(z, upstream, turns[i].child, i, n));

        prev = i;
    }

    return NULL;
}


static const char *
sched_check_upstream(llmb_zone_t *z, uint32_t i, const sched_sums_t *sums)
{
    uint32_t          n;
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

    if (u->called != LLMB_NIL && !llmb_turns(z)[u->called].linked) {
        sched_fail("upstream %u: %u is called, but does not wait", i,
                   u->called);
    }

    if (u->groups > 1 && u->name == 0) {
        sched_fail("upstream %u: %u groups share what is not known", i,
                   u->groups);
    }

    n = 0;
    sched_try(sched_check_heap(z, i, u->waiting, LLMB_NIL, &n));

    if (n != sums->waiting || n != u->nwaiting) {
        sched_fail("upstream %u: %u wait instead of %u", i, n, sums->waiting);
    }

    return NULL;
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


const char *
sched_check_share(llmb_zone_t *z)
{
    uint32_t       i;
    const char    *problem;
    llmb_group_t  *g;
    sched_sums_t  *sums;

    sums = calloc(z->ngroups, sizeof(sched_sums_t));

    if (sums == NULL) {
        abort();
    }

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);

        if (g->used) {
            sums[g->upstream].groups++;
            sums[g->upstream].inflight += g->inflight;
            sums[g->upstream].waiting += llmb_turns(z)[i].linked;
        }
    }

    problem = sched_check_free_upstreams(z);

    for (i = 0; i < z->ngroups && problem == NULL; i++) {
        problem = sched_check_upstream(z, i, &sums[i]);
    }

    free(sums);

    return problem ? problem : sched_check_names(z);
}
