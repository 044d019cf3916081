
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The records in shared memory: members (held requests), calls, groups,
 * upstreams, tenants and workers.
 */


#ifndef _LLMB_RECORDS_H_INCLUDED_
#define _LLMB_RECORDS_H_INCLUDED_


#include "llmb_arrivals.h"
#include "llmb_calibrate.h"
#include "llmb_fair.h"
#include "llmb_family_record.h"
#include "llmb_health.h"
#include "llmb_tree.h"
#include "llmb_learn.h"
#include "llmb_list.h"
#include "llmb_moved.h"
#include "llmb_policy.h"
#include "llmb_quota.h"
#include "llmb_result.h"
#include "llmb_states.h"


/* whether the upstream gives the ids of tokens if it is asked for them */

typedef enum {
    LLMB_TOKEN_IDS_UNKNOWN = 0,
    LLMB_TOKEN_IDS_KNOWN,
    LLMB_TOKEN_IDS_REFUSED
} llmb_token_ids_e;


typedef struct {
    uint32_t         gen;         /* changes whenever the record is freed */
    uint8_t          state;       /* llmb_member_state_e */
    uint16_t         worker;      /* that has the client */
    uint32_t         group;
    uint32_t         call;        /* while claimed */

    llmb_chain_t     text;        /* the items, later the answer */
    uint32_t         len;         /* bytes in it */
    uint32_t         head;        /* how many of them precede the items */
    llmb_chain_t     room;        /* where the answer is being copied to */

    uint32_t         items;
    uint64_t         tokens;
    uint64_t         bytes;       /* of the items, as a call has them */
    uint32_t         top;         /* elements of the answer it wants, or 0 */
    uint8_t          scalar;      /* the client sent a bare item */
    uint8_t          part;        /* of a request that was cut */
    uint8_t          solo;        /* its call is to be its own */
    uint8_t          priority;    /* 0 to 9 */
    uint8_t          tolerance;   /* of waiting for others; 0 to 100 */
    uint8_t          patience;    /* llmb_patience_e, once it joins */
    uint32_t         wait;        /* ms, the longest it may be held */
    uint32_t         budget;      /* ms for its answer, once it joins; or 0 */
    uint64_t         flow;        /* whose it is, for fairness: a hash */
    uint64_t         rank;        /* in the queue */
    uint64_t         since;       /* ms */
    uint64_t         deadline;    /* ms; sent by then, if there is a slot */
    uint64_t         bound;       /* ms; sent by then, unless it is a part */
    uint64_t         due;         /* ms; its answer is, or UINT64_MAX */
    uint32_t         refused;     /* ms left of the pause for which it could not
                                     wait; or 0 */
    uint32_t         spent;       /* ms in calls that failed */

    /* see llmb_company.h; what the counters of its group were with it */
    uint8_t          here;
    uint8_t          met;         /* who was there when it came */
    uint32_t         came;
    uint32_t         family_came;
    uint32_t         items_met;
    uint32_t         items_came;

    llmb_result_t    result;
} llmb_member_t;


/* which request of nginx's takes a call to its upstream */

typedef enum {
    LLMB_CARRIER_NONE = 0,
    LLMB_CARRIER_OURS,
    LLMB_CARRIER_CLIENT           /* its own, of a call of one */
} llmb_carrier_e;


/*
 * A call of one is a call: that of a member alone has the member's index, and
 * those of several have the indices behind these.
 */

typedef struct {
    uint32_t         gen;
    uint8_t          state;       /* llmb_call_state_e */
    uint8_t          close;       /* llmb_close_e */
    uint8_t          reason;      /* llmb_reason_e, once it has failed */
    uint8_t          probe;       /* llmb_probe_e */
    uint8_t          carrier;     /* llmb_carrier_e, once it is sent */
    uint8_t          direct;      /* only its client's request can carry it */
    uint16_t         worker;      /* that sends it */
    uint32_t         group;
    uint32_t         tries;       /* that have failed */
    uint32_t         unsent;      /* that could not even be sent */
    uint64_t         number;
    llmb_list_t      members;
    uint32_t         items;
    uint64_t         until;       /* ms; it is not sent again before that, and
                                     is in the list for that; or 0 */
} llmb_call_t;


typedef struct {
    uint64_t         hash;        /* of its key, by the zone's secret */
    uint32_t         used;
    uint32_t         chain;       /* next group in the bucket */
    uint32_t         refs;        /* member and call records */

    llmb_chain_t     key;
    uint32_t         key_len;

    uint32_t         inflight;    /* calls, and members sent alone */
    uint32_t         adapter;

    /* about the upstream */
    llmb_learned_t   learned;     /* in its own tokens */
    llmb_learned_t   proven;      /* the most, of each, that a call had which
                                     it took; in estimated tokens */
    uint8_t          token_ids;   /* llmb_token_ids_e */
    llmb_calibration_t  calibration;  /* estimated to its own tokens */

    uint8_t          turn;        /* a part that is due may go without a slot */
    llmb_list_t      queue;       /* by rank */
    llmb_list_t      ages;        /* the same members, by age */
    uint32_t         ranks;       /* roots of trees: where in these one that
                                     joins has its place; or LLMB_NIL */
    uint32_t         births;
    uint64_t         joins;       /* that there were so far */
    uint32_t         urgent;      /* whose answer is due first, or LLMB_NIL */
    uint8_t          unsure;      /* it has left: there may be another one */
    llmb_fair_t      fair;
    llmb_arrivals_t  arrivals;
    float            near;        /* the share that comes soon after another */
    llmb_patient_t   patient[LLMB_PATIENCES];
    uint64_t         kind;        /* of calls, by model, format and settings */
    uint64_t         format;      /* its name in llmb_understood_t */
    uint32_t         upstream;    /* that they go to */
    uint32_t         cost;        /* of its kind of calls, there */
    uint64_t         tenant;      /* stands for whoever sends what is in it */
    uint32_t         payer;       /* that one, at the upstream */
    uint64_t         moved;       /* us; since then they share it */
    uint64_t         finish;      /* of its turn, in the time of the payer */
    uint32_t         most;        /* calls in flight, after 429; 0: any */
    uint32_t         good;        /* calls since that has changed */
    uint64_t         narrowed;    /* us; when it was made less */
    uint64_t         next;        /* us; of the next call: see
                                     llmb_policy_spend() and _pace() */
    llmb_quota_t     quota;       /* of calls, by its 429 */
    uint64_t         busy;        /* ms; calls are in flight since then */
    uint32_t         items;       /* in the queue */
    uint64_t         tokens;
    uint64_t         bytes;

    /* when the upstream wants no calls; ms */
    uint64_t         paused;      /* before that */
    uint64_t         probe;       /* nor one to see, before that */
    uint64_t         trial;       /* until then the others wait for the first
                                     one after a pause */
    uint8_t          untried;     /* that one is yet to come */
    uint8_t          stranded;    /* some of the queue cannot wait: they are to
                                     be sent or refused at once */
    uint8_t          joined;      /* one of them since that began */
    uint32_t         sweep;       /* where to go on with that; or LLMB_NIL */
    uint8_t          retry_ms;    /* the pause was told in ms */
    uint8_t          rearm;       /* it has ended before its time, for which
                                     timers were set: one is to be set anew */

    llmb_policy_t    policy;
    llmb_health_t    health;
    llmb_moved_t     path;        /* that calls go to, if it is another one */

    uint32_t         family;      /* of its name; or LLMB_NIL */
    uint32_t         here;        /* members, and all there were; these wrap */
    uint32_t         came;
    uint32_t         items_here;
    uint32_t         items_came;
} llmb_group_t;


/*
 * What groups have in common that have a name for it.  One that has none yet
 * has one of its own.
 */

typedef struct {
    uint64_t         name;        /* a hash with a secret; 0: it has none */
    uint32_t         chain;       /* next in the bucket, or next free one */
    uint32_t         groups;      /* 0: free */
} llmb_named_t;


/*
 * Who waits for a turn, and what those have got that have had theirs: as with
 * members in a group, see llmb_fair.h, but of any number.
 */

typedef struct {
    uint32_t         root;        /* of a tree; or LLMB_NIL */
    uint32_t         n;           /* how many are in it */
    uint64_t         turns;       /* that were waited for so far */
    uint64_t         time;        /* virtual, in us of calls */
    uint64_t         last;        /* the latest finish of a turn */
} llmb_line_t;


/*
 * What groups share whose calls go to the same place: the slots, if their
 * number is learned, and whose turn it is.  A group of which that place is not
 * known yet has one for itself.
 */

typedef struct {
    llmb_named_t     named;
    uint32_t         inflight;    /* calls of all of them */
    uint32_t         busy;        /* of them, with calls in flight */
    uint32_t         kinds;       /* of calls that go there */
    float            service;     /* us, mean of what the last calls take that
                                     wait for no other */
    llmb_slots_t     slots;

    uint64_t         told;        /* us; when there was an overload, that */
    uint32_t         told_tenant; /* this one has told of, for a call */
    uint32_t         told_cost;   /* of this kind; 0: nobody else agrees */

    llmb_line_t      line;        /* of tenants */
    uint32_t         called;      /* a slot is kept for this one; or LLMB_NIL */
    uint64_t         since;       /* ms; since then */
} llmb_upstream_t;


/* what calls of one kind, as of one model, cost at an upstream */

typedef struct {
    llmb_named_t     named;
    llmb_learn_t     learn;
} llmb_cost_t;


/* a tenant at an upstream: what was used by all of its groups that share it */

typedef struct {
    llmb_named_t     named;
    uint32_t         inflight;    /* calls of all of them */
    uint64_t         finish;      /* of its turn, in the time of the upstream */
    llmb_line_t      line;        /* of its groups, whose time is weighted */
} llmb_tenant_t;


/* the members' and calls' "worker" has to be able to name it */

#define LLMB_WORKERS_MAX  1024


typedef struct {
    int64_t          pid;         /* 0: free */
    uint64_t         started;     /* when that process was; 0: not known */
    uint64_t         generation;  /* of the configuration */
    uint32_t         number;      /* of the worker in it */
    uint64_t         epoch;       /* that it knows of */
    uint64_t         seen;        /* ms; it had the lock then */
    uint64_t         losses;      /* times that it was given up */
    uint8_t          lost;        /* it is, until it has the lock again */
    llmb_chain_t     room;        /* that it may be copying to, of members
                                     that have left its calls */
    llmb_list_t      members;     /* mail: to be looked at by it */
    llmb_list_t      calls;       /* mail: to be sent by it */
    llmb_list_t      later;       /* the same, not yet; by time */
    uint32_t         bell;        /* there is new mail */
} llmb_worker_t;


#endif /* _LLMB_RECORDS_H_INCLUDED_ */
