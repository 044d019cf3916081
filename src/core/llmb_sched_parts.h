
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of the scheduler share.
 */


#ifndef _LLMB_SCHED_PARTS_H_INCLUDED_
#define _LLMB_SCHED_PARTS_H_INCLUDED_


#include "llmb_sched.h"


#pragma GCC visibility push(hidden)


/* members of a queue that are looked at in one step, beside those of a call */

#define LLMB_SCHED_STEP  64

/* what is sent next */

typedef struct {
    uint32_t      n;              /* members, in the order of the queue */
    uint32_t      must;           /* and this one, if not LLMB_NIL */
    unsigned      found:1;        /* one of them is the worker's */
    uint64_t      paused;         /* until then: a probe, of those only who
                                     cannot wait so long; or 0 */
    llmb_close_e  close;
} llmb_batch_t;


/* whether a member, if it is one, is in the queue of the group */
unsigned llmb_sched_waits(llmb_zone_t *z, llmb_group_t *g, uint32_t member);

/*
 * Fills a batch, of which "close", "must" and "paused" are given.  Then "n" of
 * its members, in the order of the queue, are made a call, which the worker
 * sends, or the only one is sent alone.
 */
void llmb_sched_take(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    uint32_t lender, llmb_batch_t *batch);
uint32_t llmb_sched_first(const llmb_group_t *g, const llmb_batch_t *batch);
void llmb_sched_seal(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    const llmb_batch_t *batch, uint64_t now);
void llmb_sched_single(llmb_zone_t *z, uint32_t member, llmb_close_e close,
    uint64_t now);

/* the same without a slot: its worker has to come back first */
void llmb_sched_shelve(llmb_zone_t *z, uint32_t member, uint64_t now);

/* when a member that joins has to leave, by its budget and max_wait */
void llmb_sched_hold(llmb_zone_t *z, const llmb_group_t *g, llmb_member_t *m,
    uint64_t now);

/* keep track of whose answer is due first, as one comes or leaves the queue */
void llmb_sched_press(llmb_zone_t *z, uint32_t member);
void llmb_sched_unpress(llmb_zone_t *z, uint32_t member);

/*
 * Who that is, of those that are not late whatever is done; LLMB_NIL: nobody.
 * watch() notes it.
 */
uint32_t llmb_sched_urgent(llmb_zone_t *z, const llmb_group_t *g,
    uint64_t now);
void llmb_sched_watch(llmb_zone_t *z, llmb_group_t *g, uint64_t now);

/* ms from the end of a hold to the answer to so many items */
uint64_t llmb_sched_time(const llmb_learn_t *l, uint32_t size);

/* whether a member may wait until then, for the end of a pause */
unsigned llmb_sched_may_wait(const llmb_member_t *m, uint64_t until,
    uint64_t now);

/* whether a member that joins is refused, which it is then */
unsigned llmb_sched_is_shut_out(llmb_zone_t *z, uint32_t member, uint64_t now);

/*
 * In a pause: a member to be sent as a probe, the lender if it can be, with
 * others that cannot wait; or LLMB_NIL, and all of those have been refused.
 */
uint32_t llmb_sched_probe(llmb_zone_t *z, llmb_group_t *g, uint32_t lender,
    uint64_t now);

/* a call, or a member alone, leaves; tells which llmb_probe_e that is */
uint8_t llmb_sched_departs(llmb_group_t *g, uint64_t now);

/* until when, in ms, slots do not count: for a pause, or a trial after it */
uint64_t llmb_sched_shut(const llmb_group_t *g);

/* puts a member into its queue, by rank */
void llmb_sched_enqueue(llmb_zone_t *z, uint32_t member);
void llmb_sched_dequeue(llmb_zone_t *z, uint32_t member);

/* takes a member out that leaves as part of a call or alone */
void llmb_sched_serve(llmb_zone_t *z, uint32_t member);

/* whether the upstream has no slot for the group */
unsigned llmb_sched_crowded(llmb_zone_t *z, const llmb_group_t *g,
    uint64_t now);

/* the group waits for its turn from now on, or does so no more */
void llmb_sched_line_up(llmb_zone_t *z, uint32_t group, uint64_t now);
void llmb_sched_leave_line(llmb_zone_t *z, uint32_t group);

/* the group whose turn it is; LLMB_NIL: none waits */
uint32_t llmb_sched_turn(llmb_zone_t *z, const llmb_upstream_t *u);

/* if a slot is free, the group whose turn it is is told, and comes for it */
void llmb_sched_call_up(llmb_zone_t *z, llmb_upstream_t *u, uint64_t now);
void llmb_sched_use_turn(llmb_zone_t *z, uint32_t group);

/* the group sends a call of so many items, and of that price of items */
void llmb_sched_charge(llmb_zone_t *z, uint32_t group, uint32_t items,
    uint64_t price);

/* a call of the group, or a member sent alone */
void llmb_sched_take_slot(llmb_zone_t *z, llmb_group_t *g);

/* a call of the group, or a member sent alone, is over */
void llmb_sched_free_slot(llmb_zone_t *z, llmb_group_t *g);

/* the same, and the worker sends who may go now */
void llmb_sched_use_slot(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint64_t now);

/* sees to it that somebody looks after the queue */
void llmb_sched_attend(llmb_zone_t *z, uint32_t group, uint64_t now);

/* the end of a LOST call; who is left in it goes alone */
void llmb_sched_bury(llmb_zone_t *z, uint32_t call);

/* frees the members of a call whose clients are gone */
void llmb_sched_drop(llmb_zone_t *z, uint32_t call);

/* what a worker is to look at; sets its bell */
void llmb_sched_mail_member(llmb_zone_t *z, uint32_t member);
void llmb_sched_mail_call(llmb_zone_t *z, uint32_t call, uint32_t worker);
void llmb_sched_unmail(llmb_zone_t *z, uint32_t member);
void llmb_sched_unmail_call(llmb_zone_t *z, uint32_t call);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_PARTS_H_INCLUDED_ */
