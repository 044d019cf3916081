
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The tables in shared memory: members (held requests), calls, groups,
 * workers, and an arena of chunks for their text.  Everything is made once
 * and addressed by index; nothing moves, and one memset-like pass brings it
 * back to empty after a worker died half way through a change.
 *
 * All functions require the zone's lock, except where a text is copied: a
 * chunk is written or read outside the lock by the one worker that owns its
 * member at that time.
 */


#ifndef _LLMB_ZONE_H_INCLUDED_
#define _LLMB_ZONE_H_INCLUDED_


#include "llmb_records.h"
#include "llmb_understood.h"


#pragma GCC visibility push(hidden)


#define LLMB_ZONE_MAGIC     0x6c6c6d62
#define LLMB_ZONE_LAYOUT    15

#define LLMB_CHUNK_SIZE     2048

/* chunks that are looked for in one step under the lock */

#define LLMB_CHUNKS_STEP    64

/* bytes of a key of a group, which is compared and written under the lock */

#define LLMB_KEY_MAX        65536


/* what groups have in common that have the same name for it */

typedef enum {
    LLMB_NAMED_UPSTREAM = 0,
    LLMB_NAMED_COST,
    LLMB_NAMED_TENANT,
    LLMB_NAMED_N
} llmb_named_e;


typedef struct {
    uint32_t         magic;
    uint32_t         layout;
    uint64_t         size;
    uint64_t         epoch;       /* changes when the tables are reset */
    uint64_t         calls_made;  /* the number of the newest call */

    /* offsets of the tables */
    size_t           members_at;
    size_t           calls_at;
    size_t           groups_at;
    size_t           upstreams_at;
    size_t           costs_at;
    size_t           tenants_at;
    size_t           families_at;
    size_t           workers_at;
    size_t           buckets_at;
    size_t           names_at[LLMB_NAMED_N];
    size_t           families_by_hash_at;
    size_t           queue_links_at;
    size_t           age_links_at;
    size_t           ranks_at;
    size_t           births_at;
    size_t           mail_links_at;
    size_t           call_links_at;
    size_t           idle_links_at;
    size_t           turns_at;
    size_t           tenant_turns_at;
    size_t           next_chunk_at;
    size_t           chunks_at;

    uint32_t         nmembers;
    uint32_t         ncalls;      /* of one, and those of several */
    uint32_t         ngroups;     /* and upstreams, costs, tenants, turns */
    uint32_t         nworkers;
    uint32_t         nbuckets;    /* a power of two */
    uint32_t         nchunks;

    llmb_list_t      free_members;
    llmb_list_t      free_calls;  /* of several */
    uint32_t         calls;       /* that there are */
    llmb_list_t      free_groups;
    llmb_list_t      idle_groups; /* oldest first */
    uint32_t         free_named[LLMB_NAMED_N];
    uint32_t         free_family;
    uint32_t         free_chunk;
    uint32_t         nfree;       /* chunks */
    uint32_t         nkeys;       /* chunks that hold keys of groups */
    uint32_t         settled;     /* every worker knows of the epoch */
    uint32_t         bells;       /* workers to be woken */
    uint64_t         illegal;     /* steps that states do not allow */

    uint64_t         hour;        /* of the clock, and families that it was
                                     told of in it that they are large */
    uint32_t         told;

    llmb_understood_t  understood;
} llmb_zone_t;


#define llmb_at(z, type, at, i)                                               \
    (&((type *) (void *) ((uint8_t *) (z) + (z)->at))[i])

#define llmb_member(z, i)       llmb_at(z, llmb_member_t, members_at, i)
#define llmb_call(z, i)         llmb_at(z, llmb_call_t, calls_at, i)
#define llmb_group(z, i)        llmb_at(z, llmb_group_t, groups_at, i)
#define llmb_upstream(z, i)     llmb_at(z, llmb_upstream_t, upstreams_at, i)
#define llmb_cost(z, i)        llmb_at(z, llmb_cost_t, costs_at, i)
#define llmb_tenant(z, i)       llmb_at(z, llmb_tenant_t, tenants_at, i)
#define llmb_family(z, i)       llmb_at(z, llmb_family_t, families_at, i)
#define llmb_worker(z, i)       llmb_at(z, llmb_worker_t, workers_at, i)

#define llmb_upstream_of(z, g)  llmb_upstream(z, (g)->upstream)
#define llmb_learn_of(z, g)     (&llmb_cost(z, (g)->cost)->learn)
#define llmb_tenant_of(z, g)    llmb_tenant(z, (g)->payer)

/* a member is in its group's queue or in a call, never in both */

#define llmb_queue_links(z)     llmb_at(z, llmb_link_t, queue_links_at, 0)
#define llmb_age_links(z)       llmb_at(z, llmb_link_t, age_links_at, 0)
#define llmb_ranks(z)           llmb_at(z, llmb_tree_node_t, ranks_at, 0)
#define llmb_births(z)          llmb_at(z, llmb_tree_node_t, births_at, 0)
#define llmb_mail_links(z)      llmb_at(z, llmb_link_t, mail_links_at, 0)
#define llmb_call_links(z)      llmb_at(z, llmb_link_t, call_links_at, 0)
#define llmb_idle_links(z)      llmb_at(z, llmb_link_t, idle_links_at, 0)
#define llmb_turns(z)           llmb_at(z, llmb_tree_node_t, turns_at, 0)
#define llmb_tenant_turns(z)                                                  \
    llmb_at(z, llmb_tree_node_t, tenant_turns_at, 0)


/*
 * Lays the tables out in "size" bytes at z, aligned to 16, with places for
 * "workers".  LLMB_NOMEM if that is too little for anything useful.
 */
llmb_rc_e llmb_zone_init(llmb_zone_t *z, uint64_t size, uint32_t workers);

/*
 * Empties the tables and starts a new epoch.  Workers keep their places, all
 * bells are set, and no chunk is given out until each of them has called
 * llmb_zone_settle() or died: a worker may still be copying to where it owned
 * a chunk.  The epoch is the first thing that changes, so what was read without
 * the lock is as it was written if afterwards the epoch is still the same.
 */
void llmb_zone_reset(llmb_zone_t *z);

/* tells that the worker knows of the epoch and copies nothing */
void llmb_zone_settle(llmb_zone_t *z, uint32_t worker);


/*
 * A record in its first state (WRITING, SEALED), pinning the group; LLMB_NIL
 * if there is none left.  The member is to have "len" bytes of text: alloc()
 * makes the first step towards that, and grow() each of the others, as in
 * llmb_chain_grow().
 */
uint32_t llmb_member_alloc(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t len);
llmb_rc_e llmb_member_grow(llmb_zone_t *z, uint32_t i);
void llmb_member_free(llmb_zone_t *z, uint32_t i);

/*
 * Makes room for "len" bytes of the answer of a claimed member, step by step,
 * for llmb_sched_answer().  It belongs to the member, so it is not lost with a
 * worker that dies while copying.
 */
llmb_rc_e llmb_member_room(llmb_zone_t *z, uint32_t i, uint32_t len);
void llmb_member_unroom(llmb_zone_t *z, uint32_t i);

/*
 * Takes that chain from the member, but gives it to nobody before the worker,
 * which may be about to write to it, is known to do so no more.
 */
void llmb_member_leave_room(llmb_zone_t *z, uint32_t i, uint32_t worker);

/*
 * All changes of states.  One that is not in the table is not made, but
 * counted; with LLMB_CHECK, which tests are built with, it ends the process.
 */
void llmb_member_do(llmb_zone_t *z, llmb_member_t *m,
    llmb_member_event_e event);
void llmb_call_do(llmb_zone_t *z, llmb_call_t *c, llmb_call_event_e event);

/*
 * A record for a call of several; or that of a member, which is free whenever
 * the member is in no call of one.
 */
uint32_t llmb_call_alloc(llmb_zone_t *z, uint32_t group);
void llmb_call_open(llmb_zone_t *z, uint32_t i, uint32_t group);

/* whether a call is one of a member alone, and was made as that */
#define llmb_call_is_single(z, i)  ((i) < (z)->nmembers)

/* whether its client's own request carries it */
#define llmb_call_is_own(c)        ((c)->carrier == LLMB_CARRIER_CLIENT)

void llmb_call_free(llmb_zone_t *z, uint32_t i);


#define llmb_chunks_needed(len)                                               \
    ((uint32_t) (((uint64_t) (len) + LLMB_CHUNK_SIZE - 1) / LLMB_CHUNK_SIZE))

/* a sink that fills a chain, which must be long enough */

typedef struct {
    llmb_zone_t     *zone;
    uint32_t         chunk;
    uint32_t         pos;
} llmb_chunk_writer_t;


/* bytes of text held for members, and bytes left for it */
uint64_t llmb_zone_used(const llmb_zone_t *z);
uint64_t llmb_zone_free(const llmb_zone_t *z);


#pragma GCC visibility pop


#endif /* _LLMB_ZONE_H_INCLUDED_ */
