
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Memory: the tables, their free lists and the chunk arena.  What happens to
 * the records is decided in llmb_sched.c.
 */


#include <string.h>

#include "llmb_zone_parts.h"
#include "llmb_chunks.h"
#include "llmb_company.h"
#include "llmb_family.h"
#include "llmb_group.h"
#include "llmb_tenant.h"
#include "llmb_upstream.h"


#define LLMB_ZONE_MIN_CHUNKS  64
#define LLMB_ZONE_ALIGN(n)    (((n) + 15) & ~(size_t) 15)


#if (LLMB_CHECK)
unsigned long  llmb_steps;
#endif


static size_t llmb_zone_layout(llmb_zone_t *z, uint32_t chunks);
static void llmb_zone_clear(llmb_zone_t *z);
static void llmb_zone_illegal(llmb_zone_t *z);


llmb_rc_e
llmb_zone_init(llmb_zone_t *z, uint64_t size, uint32_t workers)
{
    uint32_t  lo, hi, mid;

    if (size < sizeof(llmb_zone_t)) {
        return LLMB_NOMEM;
    }

    memset(z, 0, sizeof(llmb_zone_t));

    z->size = size;
    z->nworkers = workers;

    /* the most chunks with which everything fits */

    lo = 0;
    hi = (uint32_t) llmb_min(size / LLMB_CHUNK_SIZE, LLMB_NIL / 2);

    while (lo < hi) {
        mid = lo + (hi - lo + 1) / 2;

        if (llmb_zone_layout(z, mid) <= size) {
            lo = mid;

        } else {
            hi = mid - 1;
        }
    }

    if (lo < LLMB_ZONE_MIN_CHUNKS) {
        return LLMB_NOMEM;
    }

    (void) llmb_zone_layout(z, lo);

    memset(llmb_worker(z, 0), 0, workers * sizeof(llmb_worker_t));
    memset(llmb_member(z, 0), 0, z->nmembers * sizeof(llmb_member_t));
    memset(llmb_call(z, 0), 0, z->ncalls * sizeof(llmb_call_t));

    llmb_zone_clear(z);

    z->settled = 1;
    z->layout = LLMB_ZONE_LAYOUT;
    z->magic = LLMB_ZONE_MAGIC;

    return LLMB_OK;
}


/* sets the sizes and offsets of all tables; returns the bytes they take */

static size_t
llmb_zone_layout(llmb_zone_t *z, uint32_t chunks)
{
    size_t  at;

    z->nchunks = chunks;
    z->nmembers = chunks;
    z->ncalls = z->nmembers + chunks / 4 + 1;
    z->ngroups = chunks / 4 + 1;

    for (z->nbuckets = 1; z->nbuckets < z->ngroups; z->nbuckets *= 2) {
        /* void */
    }

    at = LLMB_ZONE_ALIGN(sizeof(llmb_zone_t));

#define llmb_table(member, n, type)                                           \
    z->member = at;                                                           \
    at += LLMB_ZONE_ALIGN((size_t) (n) * sizeof(type))

    llmb_table(workers_at, z->nworkers, llmb_worker_t);
    llmb_table(members_at, z->nmembers, llmb_member_t);
    llmb_table(calls_at, z->ncalls, llmb_call_t);
    llmb_table(groups_at, z->ngroups, llmb_group_t);
    llmb_table(upstreams_at, z->ngroups, llmb_upstream_t);
    llmb_table(costs_at, z->ngroups, llmb_cost_t);
    llmb_table(tenants_at, z->ngroups, llmb_tenant_t);
    llmb_table(families_at, z->ngroups, llmb_family_t);
    llmb_table(buckets_at, z->nbuckets, uint32_t);
    llmb_table(names_at[LLMB_NAMED_UPSTREAM], z->nbuckets, uint32_t);
    llmb_table(names_at[LLMB_NAMED_COST], z->nbuckets, uint32_t);
    llmb_table(names_at[LLMB_NAMED_TENANT], z->nbuckets, uint32_t);
    llmb_table(families_by_hash_at, z->nbuckets, uint32_t);
    llmb_table(queue_links_at, z->nmembers, llmb_link_t);
    llmb_table(age_links_at, z->nmembers, llmb_link_t);
    llmb_table(ranks_at, z->nmembers, llmb_tree_node_t);
    llmb_table(births_at, z->nmembers, llmb_tree_node_t);
    llmb_table(mail_links_at, z->nmembers, llmb_link_t);
    llmb_table(call_links_at, z->ncalls, llmb_link_t);
    llmb_table(idle_links_at, z->ngroups, llmb_link_t);
    llmb_table(turns_at, z->ngroups, llmb_tree_node_t);
    llmb_table(tenant_turns_at, z->ngroups, llmb_tree_node_t);
    llmb_table(next_chunk_at, z->nchunks, uint32_t);

#undef llmb_table

    z->chunks_at = at;

    return at + (size_t) chunks * LLMB_CHUNK_SIZE;
}


static void
llmb_zone_clear(llmb_zone_t *z)
{
    uint32_t   i, gen;
    uint32_t  *next;

    llmb_list_init(&z->free_members);
    llmb_list_init(&z->free_calls);
    z->calls = 0;
    llmb_list_init(&z->free_groups);
    llmb_list_init(&z->idle_groups);

    for (i = 0; i < z->nmembers; i++) {
        gen = llmb_member(z, i)->gen;
        memset(llmb_member(z, i), 0, sizeof(llmb_member_t));
        llmb_member(z, i)->gen = gen + 1;
        llmb_mail_links(z)[i].linked = 0;
        llmb_list_push(&z->free_members, llmb_queue_links(z), i);
    }

    for (i = 0; i < z->ncalls; i++) {
        gen = llmb_call(z, i)->gen;
        memset(llmb_call(z, i), 0, sizeof(llmb_call_t));
        llmb_call(z, i)->gen = gen + 1;
        llmb_call_links(z)[i].linked = 0;

        if (!llmb_call_is_single(z, i)) {
            llmb_list_push(&z->free_calls, llmb_call_links(z), i);
        }
    }

    for (i = 0; i < z->ngroups; i++) {
        llmb_group(z, i)->used = 0;
        llmb_turns(z)[i].height = 0;
        llmb_tenant_turns(z)[i].height = 0;
        llmb_list_push(&z->free_groups, llmb_idle_links(z), i);
    }

    llmb_named_clear(z);
    llmb_families_clear(z);

    for (i = 0; i < z->nbuckets; i++) {
        *llmb_bucket(z, i) = LLMB_NIL;
    }

    for (i = 0; i < z->nworkers; i++) {
        llmb_list_init(&llmb_worker(z, i)->members);
        llmb_list_init(&llmb_worker(z, i)->calls);
        llmb_list_init(&llmb_worker(z, i)->later);
        llmb_worker(z, i)->bell = 0;
        llmb_worker(z, i)->lost = 0;
        llmb_worker(z, i)->room.n = 0;
    }

    z->bells = 0;
    memset(&z->understood, 0, sizeof(llmb_understood_t));

    next = llmb_next_chunk(z);

    for (i = 0; i < z->nchunks; i++) {
        next[i] = i + 1;
    }

    next[z->nchunks - 1] = LLMB_NIL;

    z->free_chunk = 0;
    z->nfree = z->nchunks;
    z->nkeys = 0;
}


void
llmb_zone_reset(llmb_zone_t *z)
{
    uint32_t        i;
    llmb_worker_t  *w;

    /*
     * First of all: whoever copies without the lock looks at the epoch when
     * it is done, and must not find the old one with chains that have moved.
     */

    z->epoch++;
    z->settled = 0;

    __sync_synchronize();

    llmb_zone_clear(z);

    /* those that sleep would not notice */

    for (i = 0; i < z->nworkers; i++) {
        w = llmb_worker(z, i);

        if (w->pid != 0) {
            w->bell = 1;
            z->bells++;
        }
    }
}


void
llmb_zone_settle(llmb_zone_t *z, uint32_t worker)
{
    uint32_t        i;
    llmb_worker_t  *w;

    llmb_worker(z, worker)->epoch = z->epoch;

    for (i = 0; i < z->nworkers; i++) {
        w = llmb_worker(z, i);

        if (w->pid != 0 && w->epoch != z->epoch) {
            return;
        }
    }

    z->settled = 1;
}


uint32_t
llmb_member_alloc(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t len)
{
    uint32_t        i;
    llmb_chain_t    text;
    llmb_member_t  *m;

    if (z->free_members.n == 0) {
        return LLMB_NIL;
    }

    /* pinned first, or looking for chunks might evict the group itself */

    llmb_group_pin(z, group);

    memset(&text, 0, sizeof(llmb_chain_t));

    if (llmb_chain_grow(z, &text, llmb_chunks_needed(len)) == LLMB_NOMEM) {
        llmb_group_release(z, group);
        return LLMB_NIL;
    }

    i = llmb_list_pop(&z->free_members, llmb_queue_links(z));
    m = llmb_member(z, i);

    llmb_member_do(z, m, LLMB_MEMBER_DO_RESERVE);

    m->group = group;
    m->worker = (uint16_t) worker;
    m->call = LLMB_NIL;
    m->text = text;
    m->len = len;
    m->bytes = len;

    return i;
}


llmb_rc_e
llmb_member_grow(llmb_zone_t *z, uint32_t i)
{
    llmb_member_t  *m;

    m = llmb_member(z, i);

    return llmb_chain_grow(z, &m->text, llmb_chunks_needed(m->len));
}


void
llmb_member_free(llmb_zone_t *z, uint32_t i)
{
    uint32_t        gen, group;
    llmb_member_t  *m;

    m = llmb_member(z, i);

    llmb_company_leave(z, i);

    llmb_chain_free(z, &m->text);
    llmb_chain_free(z, &m->room);

    gen = m->gen;
    group = m->group;

    memset(m, 0, sizeof(llmb_member_t));
    m->gen = gen + 1;

    llmb_list_push_head(&z->free_members, llmb_queue_links(z), i);
    llmb_group_release(z, group);
}


llmb_rc_e
llmb_member_room(llmb_zone_t *z, uint32_t i, uint32_t len)
{
    uint32_t        n;
    llmb_member_t  *m;

    m = llmb_member(z, i);
    n = llmb_chunks_needed(len);

    if (m->room.n > n) {
        llmb_chain_free(z, &m->room);
    }

    return llmb_chain_grow(z, &m->room, n);
}


void
llmb_member_unroom(llmb_zone_t *z, uint32_t i)
{
    llmb_chain_free(z, &llmb_member(z, i)->room);
}


void
llmb_member_leave_room(llmb_zone_t *z, uint32_t i, uint32_t worker)
{
    llmb_chain_t  *room, *left;

    room = &llmb_member(z, i)->room;
    left = &llmb_worker(z, worker)->room;

    if (room->n == 0) {
        return;
    }

    /*
     * in front of the others: of the links on the worker's way through the
     * chain none changes, for it does not go beyond the last chunk
     */

    if (left->n) {
        llmb_next_chunk(z)[room->last] = left->first;
        room->last = left->last;
    }

    room->n += left->n;

    *left = *room;
    room->n = 0;
}


void
llmb_member_do(llmb_zone_t *z, llmb_member_t *m, llmb_member_event_e event)
{
    if (llmb_member_step(&m->state, event) != LLMB_OK) {
        llmb_zone_illegal(z);
    }
}


void
llmb_call_do(llmb_zone_t *z, llmb_call_t *c, llmb_call_event_e event)
{
    if (llmb_call_step(&c->state, event) != LLMB_OK) {
        llmb_zone_illegal(z);
    }
}


static void
llmb_zone_illegal(llmb_zone_t *z)
{
    z->illegal++;

#if (LLMB_CHECK)
    __builtin_trap();
#endif
}


uint32_t
llmb_call_alloc(llmb_zone_t *z, uint32_t group)
{
    uint32_t  i;

    i = llmb_list_pop(&z->free_calls, llmb_call_links(z));

    if (i != LLMB_NIL) {
        llmb_call_open(z, i, group);
    }

    return i;
}


void
llmb_call_open(llmb_zone_t *z, uint32_t i, uint32_t group)
{
    llmb_call_t  *c;

    c = llmb_call(z, i);

    llmb_call_do(z, c, LLMB_CALL_DO_SEAL);

    c->group = group;
    c->number = ++z->calls_made;
    llmb_list_init(&c->members);

    z->calls++;

    llmb_group_pin(z, group);
}


void
llmb_call_free(llmb_zone_t *z, uint32_t i)
{
    uint32_t      gen, group;
    llmb_call_t  *c;

    c = llmb_call(z, i);

    gen = c->gen;
    group = c->group;

    memset(c, 0, sizeof(llmb_call_t));
    c->gen = gen + 1;
    z->calls--;

    if (!llmb_call_is_single(z, i)) {
        llmb_list_push_head(&z->free_calls, llmb_call_links(z), i);
    }

    llmb_group_release(z, group);
}


uint64_t
llmb_zone_used(const llmb_zone_t *z)
{
    return (uint64_t) (z->nchunks - z->nfree - z->nkeys) * LLMB_CHUNK_SIZE;
}


uint64_t
llmb_zone_free(const llmb_zone_t *z)
{
    return (uint64_t) (z->nfree + z->nkeys) * LLMB_CHUNK_SIZE;
}
