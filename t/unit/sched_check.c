
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <stdlib.h>
#include <string.h>

#include "sched_check.h"


typedef struct {
    uint8_t   *queued;            /* by member: lists that hold it */
    uint8_t   *mailed;
    uint8_t   *called;            /* by call */
    uint8_t   *idle;              /* by group */
    uint8_t   *chunks;
} sched_marks_t;


char  sched_problem[256];


/* walks a list both ways and marks what is in it */

static const char *
sched_check_list(const llmb_list_t *list, llmb_link_t *links, uint32_t n,
    uint8_t *marks, const char *name)
{
    uint32_t  i, prev, count;

    prev = LLMB_NIL;
    count = 0;

    for (i = list->head; i != LLMB_NIL; i = links[i].next) {

        if (i >= n) {
            sched_fail("%s: index %u", name, i);
        }

        if (marks[i]++) {
            sched_fail("%s: %u is in two lists", name, i);
        }

        if (!links[i].linked || links[i].prev != prev) {
            sched_fail("%s: links of %u", name, i);
        }

        prev = i;
        count++;
    }

    if (list->tail != prev || list->n != count) {
        sched_fail("%s: tail %u, n %u instead of %u, %u", name, list->tail,
                   list->n, prev, count);
    }

    return NULL;
}


/* who is in a tree is in order, and no side of anybody is higher by two */

const char *
sched_check_tree(const llmb_tree_node_t *nodes, uint32_t i, uint32_t n,
    uint32_t *last, uint32_t *count)
{
    uint32_t  side, height[2];

    if (i == LLMB_NIL) {
        return NULL;
    }

    if (i >= n || ++*count > n || nodes[i].height == 0) {
        sched_fail("tree: index %u is one of %u", i, *count);
    }

    for (side = 0; side < 2; side++) {
        height[side] = nodes[i].child[side] == LLMB_NIL
                       ? 0 : nodes[nodes[i].child[side]].height;
    }

    if (height[0] > height[1] + 1 || height[1] > height[0] + 1
        || nodes[i].height != 1 + llmb_max(height[0], height[1]))
    {
        sched_fail("tree: %u has a height of %u", i, nodes[i].height);
    }

    sched_try(sched_check_tree(nodes, nodes[i].child[0], n, last, count));

    if (*last != LLMB_NIL
        && (nodes[*last].rank > nodes[i].rank
            || (nodes[*last].rank == nodes[i].rank
                && nodes[*last].order >= nodes[i].order)))
    {
        sched_fail("tree: %u is behind %u", i, *last);
    }

    *last = i;

    return sched_check_tree(nodes, nodes[i].child[1], n, last, count);
}


static const char *
sched_check_chain(llmb_zone_t *z, const llmb_chain_t *chain, uint8_t *marks,
    const char *name)
{
    uint32_t  i, n;

    for (i = chain->first, n = chain->n; n; n--) {

        if (i >= z->nchunks) {
            sched_fail("%s: chain ends %u early", name, n);
        }

        if (marks[i]++) {
            sched_fail("%s: chunk %u is in two places", name, i);
        }

        if (n == 1 && i != chain->last && chain->last != LLMB_NIL) {
            sched_fail("%s: %u is not the last chunk", name, chain->last);
        }

        i = *llmb_at(z, uint32_t, next_chunk_at, i);
    }

    return NULL;
}


/* those to be sent later are in the order of time, and no others wait */

static const char *
sched_check_later(llmb_zone_t *z, const llmb_worker_t *w)
{
    uint32_t  i;
    uint64_t  until;

    until = 1;

    for (i = w->later.head; i != LLMB_NIL; i = llmb_call_links(z)[i].next) {

        if (llmb_call(z, i)->until < until) {
            sched_fail("call %u is due at the wrong time", i);
        }

        until = llmb_call(z, i)->until;
    }

    for (i = w->calls.head; i != LLMB_NIL; i = llmb_call_links(z)[i].next) {

        if (llmb_call(z, i)->until) {
            sched_fail("call %u is in mail before it is due", i);
        }
    }

    return NULL;
}


static const char *
sched_check_lists(llmb_zone_t *z, sched_marks_t *k)
{
    uint32_t        i;
    llmb_worker_t  *w;

    sched_try(sched_check_list(&z->free_members, llmb_queue_links(z),
                               z->nmembers, k->queued, "free members"));
    sched_try(sched_check_list(&z->free_calls, llmb_call_links(z), z->ncalls,
                               k->called, "free calls"));
    sched_try(sched_check_list(&z->free_groups, llmb_idle_links(z),
                               z->ngroups, k->idle, "free groups"));
    sched_try(sched_check_list(&z->idle_groups, llmb_idle_links(z),
                               z->ngroups, k->idle, "idle groups"));

    for (i = 0; i < z->ngroups; i++) {
        if (llmb_group(z, i)->used) {
            sched_try(sched_check_list(&llmb_group(z, i)->queue,
                                       llmb_queue_links(z), z->nmembers,
                                       k->queued, "queue"));
        }
    }

    for (i = 0; i < z->ncalls; i++) {
        if (llmb_call(z, i)->state != LLMB_CALL_FREE) {
            sched_try(sched_check_list(&llmb_call(z, i)->members,
                                       llmb_queue_links(z), z->nmembers,
                                       k->queued, "members of a call"));
        }
    }

    for (i = 0; i < z->nworkers; i++) {
        w = llmb_worker(z, i);

        sched_try(sched_check_list(&w->members, llmb_mail_links(z),
                                   z->nmembers, k->mailed, "mail"));
        sched_try(sched_check_list(&w->calls, llmb_call_links(z), z->ncalls,
                                   k->called, "calls in mail"));
        sched_try(sched_check_list(&w->later, llmb_call_links(z), z->ncalls,
                                   k->called, "calls to be sent later"));
        sched_try(sched_check_later(z, w));
    }

    return NULL;
}


/* where a member has to be in each state */

static const char *
sched_check_members(llmb_zone_t *z, sched_marks_t *k)
{
    unsigned        waits, listed;
    uint32_t        i;
    llmb_member_t  *m;

    for (i = 0; i < z->nmembers; i++) {
        m = llmb_member(z, i);

        listed = (m->state == LLMB_MEMBER_FREE
                  || m->state == LLMB_MEMBER_QUEUED
                  || m->state == LLMB_MEMBER_CLAIMED
                  || m->state == LLMB_MEMBER_ABANDONED);

        waits = (m->state == LLMB_MEMBER_QUEUED
                 || m->state == LLMB_MEMBER_ANSWERED);

        if (k->queued[i] != listed) {
            sched_fail("member %u, state %u: in %u lists", i, m->state,
                       k->queued[i]);
        }

        if (k->mailed[i] != llmb_mail_links(z)[i].linked
            || (k->mailed[i] && !waits))
        {
            sched_fail("member %u, state %u: mailed %u, marked %u", i,
                       m->state, k->mailed[i], llmb_mail_links(z)[i].linked);
        }

        if (m->state == LLMB_MEMBER_FREE) {
            continue;
        }

        if (!llmb_group(z, m->group)->used || m->worker >= z->nworkers) {
            sched_fail("member %u: group %u, worker %u", i, m->group,
                       m->worker);
        }

        sched_try(sched_check_chain(z, &m->text, k->chunks, "member"));
        sched_try(sched_check_chain(z, &m->room, k->chunks, "room"));

        if (m->state != LLMB_MEMBER_WRITING
            && m->len > (uint64_t) m->text.n * LLMB_CHUNK_SIZE)
        {
            sched_fail("member %u: %u bytes in %u chunks", i, m->len,
                       m->text.n);
        }
    }

    return NULL;
}


static const char *
sched_check_call(llmb_zone_t *z, uint32_t call)
{
    uint32_t        i;
    uint64_t        items, tokens, bytes;
    llmb_call_t    *c;
    llmb_policy_t  *p;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    p = &llmb_group(z, c->group)->policy;
    items = tokens = bytes = 0;

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);

        if ((m->state != LLMB_MEMBER_CLAIMED
             && m->state != LLMB_MEMBER_ABANDONED)
            || m->call != call || m->group != c->group)
        {
            sched_fail("call %u: member %u, state %u, call %u, group %u",
                       call, i, m->state, m->call, m->group);
        }

        if (c->state == LLMB_CALL_SENT
            && (m->result.size != c->items
                || (m->result.call != c->number
                    && !llmb_call_is_single(z, call))))
        {
            sched_fail("call %u: result of member %u", call, i);
        }

        items += m->items;
        tokens += m->tokens;
        bytes += m->len;
    }

    if (c->members.n > 1
        && (items > p->max_size || bytes > p->max_bytes
            || (p->max_tokens && tokens > p->max_tokens)))
    {
        sched_fail("call %u: %u members beyond the limits", call,
                   c->members.n);
    }

    return NULL;
}


static const char *
sched_check_calls(llmb_zone_t *z, sched_marks_t *k)
{
    uint32_t      i, n;
    unsigned      listed;
    llmb_call_t  *c;

    n = 0;

    for (i = 0; i < z->ncalls; i++) {
        c = llmb_call(z, i);

        n += (c->state != LLMB_CALL_FREE);
        listed = c->state == LLMB_CALL_FREE && !llmb_call_is_single(z, i);

        if (k->called[i] != llmb_call_links(z)[i].linked
            || (k->called[i] && c->state == LLMB_CALL_SENT)
            || (c->state == LLMB_CALL_FREE && k->called[i] != listed)
            || (c->state == LLMB_CALL_LOST
                && !llmb_worker(z, c->worker)->losses))
        {
            sched_fail("call %u, state %u: in %u lists, marked %u", i,
                       c->state, k->called[i], llmb_call_links(z)[i].linked);
        }

        if (c->state == LLMB_CALL_FREE) {
            continue;
        }

        sched_try(sched_check_call(z, i));

        if (llmb_call_is_single(z, i)
            && (c->members.n != 1 || c->members.head != i
                || (llmb_call_is_own(c) && c->state == LLMB_CALL_SEALED)))
        {
            sched_fail("call %u of one: %u members, own %u", i, c->members.n,
                       llmb_call_is_own(c));
        }
    }

    if (z->calls != n) {
        sched_fail("%u calls instead of %u", z->calls, n);
    }

    return NULL;
}


static const char *
sched_check_queue(llmb_zone_t *z, uint32_t group)
{
    uint32_t        i, n, items;
    uint64_t        rank, since, tokens, bytes;
    llmb_group_t   *g;
    llmb_member_t  *m;

    g = llmb_group(z, group);
    items = 0;
    rank = tokens = bytes = 0;

    for (i = g->queue.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);

        if (m->state != LLMB_MEMBER_QUEUED || m->group != group) {
            sched_fail("queue %u: member %u, state %u, group %u", group, i,
                       m->state, m->group);
        }

        if (m->rank < rank) {
            sched_fail("queue %u: member %u out of order", group, i);
        }

        rank = m->rank;
        items += m->items;
        tokens += m->tokens;
        bytes += m->len;
    }

    if (items != g->items || tokens != g->tokens || bytes != g->bytes) {
        sched_fail("queue %u: sums", group);
    }

    since = n = 0;

    for (i = g->ages.head; i != LLMB_NIL; i = llmb_age_links(z)[i].next) {
        m = llmb_member(z, i);

        if (m->state != LLMB_MEMBER_QUEUED || m->group != group
            || m->since < since || ++n > g->queue.n)
        {
            sched_fail("ages %u: member %u", group, i);
        }

        since = m->since;
    }

    if (n != g->queue.n || n != g->ages.n) {
        sched_fail("ages %u: %u instead of %u", group, n, g->queue.n);
    }

    if (g->urgent != LLMB_NIL) {
        m = llmb_member(z, g->urgent);

        if (m->state != LLMB_MEMBER_QUEUED || m->group != group
            || m->due == UINT64_MAX)
        {
            sched_fail("queue %u: member %u is due first", group, g->urgent);
        }

    } else if (g->queue.n == 0 && g->unsure) {
        sched_fail("queue %u: it is empty", group);
    }

    return NULL;
}


/* nobody is waited for longer than the oldest with that patience allows */

static const char *
sched_check_patience(llmb_zone_t *z, uint32_t group)
{
    uint32_t         i, p;
    llmb_group_t    *g;
    llmb_member_t   *m;
    llmb_patient_t   found[LLMB_PATIENCES];

    g = llmb_group(z, group);

    memset(found, 0, sizeof(found));

    for (i = g->ages.head; i != LLMB_NIL; i = llmb_age_links(z)[i].next) {
        m = llmb_member(z, i);

        if (found[m->patience].n++ == 0) {
            found[m->patience].since = m->since;
        }
    }

    for (p = 0; p < LLMB_PATIENCES; p++) {
        if (found[p].n != g->patient[p].n) {
            sched_fail("patience %u of group %u: %u instead of %u", p, group,
                       g->patient[p].n, found[p].n);
        }

        if (found[p].n && g->patient[p].since > found[p].since) {
            sched_fail("patience %u of group %u is that of a later one", p,
                       group);
        }
    }

    return NULL;
}


/* each has its place in the trees that it has in the lists */

static const char *
sched_check_trees(llmb_zone_t *z, uint32_t group)
{
    uint32_t       n, last;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    n = 0;
    last = LLMB_NIL;
    sched_try(sched_check_tree(llmb_ranks(z), g->ranks, z->nmembers, &last,
                               &n));

    if (n != g->queue.n || last != g->queue.tail) {
        sched_fail("ranks %u: %u instead of %u", group, n, g->queue.n);
    }

    n = 0;
    last = LLMB_NIL;
    sched_try(sched_check_tree(llmb_births(z), g->births, z->nmembers, &last,
                               &n));

    if (n != g->queue.n || last != g->ages.tail) {
        sched_fail("births %u: %u instead of %u", group, n, g->queue.n);
    }

    return NULL;
}


static const char *
sched_check_groups(llmb_zone_t *z, sched_marks_t *k)
{
    uint32_t       i, j, refs, inflight, nkeys;
    llmb_group_t  *g;

    nkeys = 0;

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);

        if (!g->used) {
            if (!k->idle[i]) {
                sched_fail("group %u is lost", i);
            }

            continue;
        }

        refs = inflight = 0;

        for (j = 0; j < z->nmembers; j++) {
            if (llmb_member(z, j)->state != LLMB_MEMBER_FREE
                && llmb_member(z, j)->group == i)
            {
                refs++;
            }
        }

        for (j = 0; j < z->ncalls; j++) {
            if (llmb_call(z, j)->state != LLMB_CALL_FREE
                && llmb_call(z, j)->group == i)
            {
                refs++;
                inflight += (llmb_call(z, j)->state != LLMB_CALL_LOST);
            }
        }

        if (g->refs != refs || k->idle[i] != (refs == 0)) {
            sched_fail("group %u: %u refs instead of %u, idle %u", i, g->refs,
                       refs, k->idle[i]);
        }

        if (g->inflight != inflight) {
            sched_fail("group %u: %u in flight instead of %u", i, g->inflight,
                       inflight);
        }

        nkeys += g->key.n;

        sched_try(sched_check_queue(z, i));
        sched_try(sched_check_trees(z, i));
        sched_try(sched_check_patience(z, i));
        sched_try(sched_check_chain(z, &g->key, k->chunks, "key"));
    }

    if (nkeys != z->nkeys) {
        sched_fail("%u chunks of keys instead of %u", z->nkeys, nkeys);
    }

    return NULL;
}


static const char *
sched_check_buckets(llmb_zone_t *z)
{
    uint32_t  i, j, used, found;

    used = found = 0;

    for (i = 0; i < z->ngroups; i++) {
        used += llmb_group(z, i)->used;
    }

    for (i = 0; i < z->nbuckets; i++) {
        for (j = *llmb_at(z, uint32_t, buckets_at, i);
             j != LLMB_NIL;
             j = llmb_group(z, j)->chain)
        {
            if (!llmb_group(z, j)->used
                || (llmb_group(z, j)->hash & (z->nbuckets - 1)) != i
                || ++found > used)
            {
                sched_fail("bucket %u: group %u", i, j);
            }
        }
    }

    if (found != used) {
        sched_fail("%u groups in buckets, %u in use", found, used);
    }

    return NULL;
}


static const char *
sched_check_rest(llmb_zone_t *z, sched_marks_t *k)
{
    uint32_t      i, bells;
    llmb_chain_t  chain;

    bells = 0;

    for (i = 0; i < z->nworkers; i++) {
        bells += llmb_worker(z, i)->bell;
    }

    if (bells != z->bells) {
        sched_fail("%u bells instead of %u", z->bells, bells);
    }

    for (i = 0; i < z->nworkers; i++) {
        sched_try(sched_check_chain(z, &llmb_worker(z, i)->room, k->chunks,
                                    "room of a worker"));
    }

    /* the free ones have no tail */

    chain.first = z->free_chunk;
    chain.last = LLMB_NIL;
    chain.n = z->nfree;

    sched_try(sched_check_chain(z, &chain, k->chunks, "free chunks"));

    for (i = 0; i < z->nchunks; i++) {
        if (!k->chunks[i]) {
            sched_fail("chunk %u is lost", i);
        }
    }

    return NULL;
}


const char *
sched_check(llmb_zone_t *z)
{
    uint8_t        *p;
    const char     *problem;
    sched_marks_t   k;

    p = calloc(1, (size_t) 2 * z->nmembers + z->ncalls + z->ngroups
                  + z->nchunks);
    if (p == NULL) {
        abort();
    }

    k.queued = p;
    k.mailed = k.queued + z->nmembers;
    k.called = k.mailed + z->nmembers;
    k.idle = k.called + z->ncalls;
    k.chunks = k.idle + z->ngroups;

    problem = sched_check_lists(z, &k);

    if (problem == NULL) {
        problem = sched_check_members(z, &k);
    }

    if (problem == NULL) {
        problem = sched_check_calls(z, &k);
    }

    if (problem == NULL) {
        problem = sched_check_groups(z, &k);
    }

    if (problem == NULL) {
        problem = sched_check_buckets(z);
    }

    if (problem == NULL) {
        problem = sched_check_rest(z, &k);
    }

    if (problem == NULL) {
        problem = sched_check_share(z);
    }

    free(p);

    return problem;
}


const char *
sched_check_drained(llmb_zone_t *z)
{
    sched_try(sched_check(z));

    if (z->free_members.n != z->nmembers || z->calls) {
        sched_fail("%u members and %u calls are left",
                   z->nmembers - z->free_members.n, z->calls);
    }

    if (llmb_zone_used(z) != 0) {
        sched_fail("%u bytes are left", (unsigned) llmb_zone_used(z));
    }

    return NULL;
}
