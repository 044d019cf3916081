
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The steps of a call's life, in the order in which they happen.
 */


#ifndef _LLMB_SCHED_CALL_H_INCLUDED_
#define _LLMB_SCHED_CALL_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/* frees the members of a call whose clients are gone */
void llmb_sched_drop(llmb_zone_t *z, uint32_t call);

/*
 * A sealed call is about to be sent.  Members whose clients are gone are
 * dropped.  Returns a member of the worker that lends its context; LLMB_NIL
 * if it has none any more: the call has then been ended, handed to another
 * worker, or dissolved into that of a single member; or it was lost.
 */
uint32_t llmb_sched_send(llmb_zone_t *z, uint32_t call, uint32_t worker);

/*
 * A SENT call of one is carried by its client's own request, which has the
 * items: it ends as its member leaves.
 */
void llmb_sched_go(llmb_zone_t *z, uint32_t call);

/*
 * A SENT call has failed after "ms".  Returns the ms that the member that has
 * spent most has spent so far in calls that failed.
 */
uint64_t llmb_sched_spent(llmb_zone_t *z, uint32_t call, uint64_t ms);

/*
 * A SENT call failed for "reason": again() sends it once more, a little later,
 * halve() its members as two calls, by whoever holds a member of them.
 */
void llmb_sched_again(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_reason_e reason, uint64_t now);
void llmb_sched_halve(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_reason_e reason);

/*
 * Sends the members of a failed call alone, as many as may be, of "percent" of
 * the requests of a minute; those first that have done no harm lately.  The
 * others are still claimed.
 */
void llmb_sched_isolate(llmb_zone_t *z, uint32_t call, llmb_reason_e reason,
    uint32_t percent, uint64_t now);

/*
 * The outcome of a claimed member.  answer() takes over its room, which
 * holds "len" bytes.  release() makes it a call of its own; if it is in one,
 * that is to be sent once more, by its client's own request.  So does
 * release_all() for all of a call; LLMB_AGAIN: that is sent once more.
 */
void llmb_sched_answer(llmb_zone_t *z, uint32_t member, uint32_t len);
void llmb_sched_release(llmb_zone_t *z, uint32_t member, llmb_reason_e reason);
llmb_rc_e llmb_sched_release_all(llmb_zone_t *z, uint32_t call,
    llmb_reason_e reason);

/*
 * The call is over, and its slot free.  Members that are still claimed are
 * released; one of a single member is then not over.
 */
void llmb_sched_end(llmb_zone_t *z, uint32_t call, uint32_t worker,
    uint64_t now);

/* members of the call whose clients are still there */
uint32_t llmb_sched_live(llmb_zone_t *z, uint32_t call);

/* the end of a LOST call; who is left in it goes alone */
void llmb_sched_bury(llmb_zone_t *z, uint32_t call);

/*
 * halt(), said to a call; or, if "until" is over, the upstream wants no call as
 * large as this one.  Members that may wait so long go back to the queue.
 */
unsigned llmb_sched_pause(llmb_zone_t *z, uint32_t call, uint64_t until,
    uint64_t now);

/*
 * Nothing is sent again in a pause: if there is one, the members of a call that
 * failed go back to the queue, or are refused.  Returns whether there is.
 */
unsigned llmb_sched_yield(llmb_zone_t *z, uint32_t call, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_CALL_H_INCLUDED_ */
