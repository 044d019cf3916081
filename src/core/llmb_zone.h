
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


#include "llmb_arrivals.h"
#include "llmb_calibrate.h"
#include "llmb_fair.h"
#include "llmb_health.h"
#include "llmb_learn.h"
#include "llmb_list.h"
#include "llmb_policy.h"
#include "llmb_result.h"
#include "llmb_states.h"


#pragma GCC visibility push(hidden)


#define LLMB_ZONE_MAGIC     0x6c6c6d62
#define LLMB_ZONE_LAYOUT    4

#define LLMB_CHUNK_SIZE     2048

#define LLMB_GROUP_NAME     64
#define LLMB_ZONE_ABSENT    64


/* whether the upstream gives the ids of tokens if it is asked for them */

typedef enum {
    LLMB_TOKEN_IDS_UNKNOWN = 0,
    LLMB_TOKEN_IDS_KNOWN,
    LLMB_TOKEN_IDS_REFUSED
} llmb_token_ids_e;


typedef struct {
    uint32_t         gen;         /* changes whenever the record is freed */
    uint8_t          state;       /* llmb_member_state_e */
    uint8_t          slot;        /* counts as in flight for its group */
    uint16_t         worker;      /* that has the client */
    uint32_t         group;
    uint32_t         call;        /* while claimed */

    uint32_t         chunks;      /* the items, later the answer */
    uint32_t         nchunks;
    uint32_t         len;         /* bytes in them */
    uint32_t         head;        /* how many of them precede the items */
    uint32_t         room;        /* chunks the answer is being copied to */
    uint32_t         nroom;

    uint32_t         items;
    uint64_t         tokens;
    uint32_t         top;         /* elements of the answer it wants, or 0 */
    uint8_t          scalar;      /* the client sent a bare item */
    uint8_t          part;        /* of a request that was cut */
    uint8_t          priority;    /* 0 to 9 */
    uint32_t         wait;        /* ms, the longest it may be held */
    uint32_t         budget;      /* ms for its answer, once it joins; or 0 */
    uint32_t         flow;        /* whose it is, for fairness */
    uint64_t         rank;        /* in the queue */
    uint64_t         since;       /* ms */
    uint64_t         deadline;    /* ms; sent by then, unless it is a part */

    llmb_result_t    result;
} llmb_member_t;


typedef struct {
    uint32_t         gen;
    uint8_t          state;       /* llmb_call_state_e */
    uint8_t          close;       /* llmb_close_e */
    uint8_t          reason;      /* llmb_reason_e, once it has failed */
    uint16_t         worker;      /* that sends it */
    uint32_t         group;
    uint32_t         tries;
    uint64_t         number;
    llmb_list_t      members;
    uint32_t         items;
    uint64_t         sealed;      /* ms */
} llmb_call_t;


typedef struct {
    uint32_t         used;
    uint32_t         hash;
    uint32_t         chain;       /* next group in the bucket */
    uint32_t         refs;        /* member and call records */

    uint32_t         key;         /* chunks */
    uint32_t         nkey;
    uint32_t         key_len;

    uint32_t         inflight;    /* calls, and members sent alone */
    uint32_t         adapter;

    /* about the upstream */
    llmb_learned_t   learned;     /* in its own tokens */
    llmb_learned_t   proven;      /* the most, of each, that a call had which
                                     it took; in estimated tokens */
    uint8_t          token_ids;   /* llmb_token_ids_e */
    llmb_calibration_t  calibration;  /* estimated to its own tokens */

    uint8_t          turn;        /* a call is over: a part that is due may go,
                                     even if others have taken the slot */
    llmb_list_t      queue;       /* by rank */
    llmb_list_t      ages;        /* the same members, by age */
    llmb_fair_t      fair;
    llmb_arrivals_t  arrivals;
    llmb_learn_t     learn;
    uint64_t         next;        /* us; see llmb_policy_spend() */
    uint64_t         busy;        /* ms; calls are in flight since then */
    uint32_t         items;       /* in the queue */
    uint64_t         tokens;
    uint64_t         bytes;
    uint64_t         paused;      /* ms */

    llmb_policy_t    policy;
    llmb_health_t    health;

    uint8_t          name[LLMB_GROUP_NAME];
    uint32_t         name_len;
} llmb_group_t;


typedef struct {
    int64_t          pid;         /* 0: free */
    uint64_t         generation;  /* of the configuration */
    uint32_t         number;      /* of the worker in it */
    uint64_t         epoch;       /* that it knows of */
    llmb_list_t      members;     /* mail: to be looked at by it */
    llmb_list_t      calls;       /* mail: to be sent by it */
    uint32_t         bell;        /* there is new mail */
} llmb_worker_t;


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
    size_t           workers_at;
    size_t           buckets_at;
    size_t           queue_links_at;
    size_t           age_links_at;
    size_t           mail_links_at;
    size_t           call_links_at;
    size_t           idle_links_at;
    size_t           next_chunk_at;
    size_t           chunks_at;

    uint32_t         nmembers;
    uint32_t         ncalls;
    uint32_t         ngroups;
    uint32_t         nworkers;
    uint32_t         nbuckets;    /* a power of two */
    uint32_t         nchunks;

    llmb_list_t      free_members;
    llmb_list_t      free_calls;
    llmb_list_t      free_groups;
    llmb_list_t      idle_groups; /* oldest first */
    uint32_t         free_chunk;
    uint32_t         nfree;       /* chunks */
    uint32_t         nkeys;       /* chunks that hold keys of groups */
    uint32_t         settled;     /* every worker knows of the epoch */
    uint32_t         bells;       /* workers to be woken */

    /* paths of calls that are not there, by hash; the oldest is replaced */
    uint32_t         absent[LLMB_ZONE_ABSENT];
    uint32_t         nabsent;
} llmb_zone_t;


#define llmb_at(z, type, at, i)                                               \
    (&((type *) (void *) ((uint8_t *) (z) + (z)->at))[i])

#define llmb_member(z, i)       llmb_at(z, llmb_member_t, members_at, i)
#define llmb_call(z, i)         llmb_at(z, llmb_call_t, calls_at, i)
#define llmb_group(z, i)        llmb_at(z, llmb_group_t, groups_at, i)
#define llmb_worker(z, i)       llmb_at(z, llmb_worker_t, workers_at, i)

/* a member is in its group's queue or in a call, never in both */

#define llmb_queue_links(z)     llmb_at(z, llmb_link_t, queue_links_at, 0)
#define llmb_age_links(z)       llmb_at(z, llmb_link_t, age_links_at, 0)
#define llmb_mail_links(z)      llmb_at(z, llmb_link_t, mail_links_at, 0)
#define llmb_call_links(z)      llmb_at(z, llmb_link_t, call_links_at, 0)
#define llmb_idle_links(z)      llmb_at(z, llmb_link_t, idle_links_at, 0)


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
 * if there is none left.  The member has room for "len" bytes.
 */
uint32_t llmb_member_alloc(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t len);
void llmb_member_free(llmb_zone_t *z, uint32_t i);

/*
 * A chain for "len" bytes of the answer of a claimed member, to be handed to
 * llmb_sched_answer(); LLMB_NIL if there is none.  It belongs to the member,
 * so it is not lost with a worker that dies while copying.
 */
uint32_t llmb_member_room(llmb_zone_t *z, uint32_t i, uint32_t len);
void llmb_member_unroom(llmb_zone_t *z, uint32_t i);

uint32_t llmb_call_alloc(llmb_zone_t *z, uint32_t group);
void llmb_call_free(llmb_zone_t *z, uint32_t i);

/*
 * Finds the group of this key, or makes one out of the least recently used
 * idle one; LLMB_NIL if there is none, *fresh tells that it is new and has to
 * be filled in.
 */
uint32_t llmb_group_get(llmb_zone_t *z, llmb_str_t key, uint32_t hash,
    unsigned *fresh);


/*
 * Remembers, by a hash, that the path which calls of some requests go to is
 * not there.  Two requests with one hash only means calls saved less.
 */
void llmb_zone_set_absent(llmb_zone_t *z, uint32_t hash);
unsigned llmb_zone_is_absent(const llmb_zone_t *z, uint32_t hash);


/* chains of chunks; alloc gives LLMB_NIL if there are not enough */

uint32_t llmb_chunks_alloc(llmb_zone_t *z, uint32_t n);
void llmb_chunks_free(llmb_zone_t *z, uint32_t first, uint32_t n);

#define llmb_chunks_needed(len)                                               \
    ((uint32_t) (((uint64_t) (len) + LLMB_CHUNK_SIZE - 1) / LLMB_CHUNK_SIZE))

/* a sink that fills a chain, which must be long enough */

typedef struct {
    llmb_zone_t     *zone;
    uint32_t         chunk;
    uint32_t         pos;
} llmb_chunk_writer_t;

llmb_rc_e llmb_chunks_write(void *writer, const uint8_t *p, size_t len);

/* hands the first "len" bytes of a chain to a sink; LLMB_INVALID: no such */
llmb_rc_e llmb_chunks_read(llmb_zone_t *z, uint32_t first, size_t len,
    llmb_sink_t *out);


/* bytes of text held for members, and bytes left for it */
uint64_t llmb_zone_used(const llmb_zone_t *z);
uint64_t llmb_zone_free(const llmb_zone_t *z);


#pragma GCC visibility pop


#endif /* _LLMB_ZONE_H_INCLUDED_ */
