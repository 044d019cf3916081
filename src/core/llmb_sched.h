
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What happens to members and calls.  Every function is one step under the
 * zone's lock.  Whatever a worker has to do as a result, itself or another
 * one, is put into its mail and its bell is set; the caller rings the bells
 * after unlocking, and each worker then takes its mail with
 * llmb_sched_mail().  Times are in ms of one monotonic clock.
 *
 * There is no leader: any worker that holds a member of a group may send it,
 * and the deadline of each member makes its own worker do so in the end.
 */


#ifndef _LLMB_SCHED_H_INCLUDED_
#define _LLMB_SCHED_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


/* ms that a member with a budget leaves earlier, for timers and delivery */

#define LLMB_SCHED_MARGIN    5

/* ms between two calls of a group whose upstream wants none */

#define LLMB_SCHED_PROBE     1000

/*
 * ms between a call that failed and its second try; up to twice that, so that
 * many do not come at once.  By then nginx knows which of the connections that
 * it keeps were closed, and an upstream that restarts may be there.
 */

#define LLMB_SCHED_BACKOFF   50

/* ms for which the parts of a request that was cut wait out a rate limit */

#define LLMB_SCHED_PATIENCE  60000


/* ms after which nobody waits any more for a worker that was not seen */

#define LLMB_SCHED_LOST      3000


/* what a call, or a member alone, is to find out */

typedef enum {
    LLMB_PROBE_NONE = 0,
    LLMB_PROBE_PAUSE,             /* whether a pause may end before its time */
    LLMB_PROBE_TRIAL              /* whether it was long enough */
} llmb_probe_e;


typedef enum {
    LLMB_MAIL_NONE = 0,
    LLMB_MAIL_CALL,               /* a sealed call: send it */
    LLMB_MAIL_ANSWER,             /* a member is ANSWERED: fetch it */
    LLMB_MAIL_REFUSED,            /* the same, but by nobody: 429 to it */
    LLMB_MAIL_ALONE,              /* a member is RELEASED: send it alone */
    LLMB_MAIL_WAKE                /* a member still waits: set its timer */
} llmb_mail_e;


/*
 * The policy of a group, with what was learned about sizes; max_tokens is in
 * estimated tokens, as those of members are.
 */
llmb_policy_t llmb_group_policy(const llmb_group_t *g);

/* its slots, those that it shares included */
uint32_t llmb_group_slots(llmb_zone_t *z, const llmb_group_t *g);

/* a WRITING member is complete and may be sent before this pass is over */
void llmb_sched_join(llmb_zone_t *z, uint32_t member, uint64_t now);

/*
 * Sends what the policy wants sent.  Calls go to the mail of "worker", which
 * must hold a member of each: "lender" is a member it holds, or LLMB_NIL; that
 * one is sent at its deadline, whatever those before it may wait for.  Without
 * one, the worker of the oldest member is asked to flush instead.
 */
void llmb_sched_flush(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t lender, uint64_t now);

/* sends a QUEUED member now, whatever the policy, and those before it */
void llmb_sched_drain(llmb_zone_t *z, uint32_t member, uint64_t now);

/* takes the next piece of mail of a worker; *i is the member or call */
llmb_mail_e llmb_sched_mail(llmb_zone_t *z, uint32_t worker, uint64_t now,
    uint32_t *i);

/* the next time at which the timer of a QUEUED member has to fire */
uint64_t llmb_sched_wake(llmb_zone_t *z, uint32_t member, uint64_t now);


/*
 * A sealed call is about to be sent.  Members whose clients are gone are
 * dropped.  Returns a member of the worker that lends its context; LLMB_NIL
 * if it has none any more: the call has then been ended, handed to another
 * worker, or dissolved into a member that goes alone; or it was lost.
 */
uint32_t llmb_sched_send(llmb_zone_t *z, uint32_t call, uint32_t worker);

/* rings again for a call that its worker has not sent yet */
void llmb_sched_remind(llmb_zone_t *z, uint32_t call);

/*
 * When calls are due that the worker is to send, but not yet; UINT64_MAX: there
 * is none.  They are in its mail from then on.
 */
uint64_t llmb_sched_later(llmb_zone_t *z, uint32_t worker);

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
 * The upstream wants no calls before "until", or, if that is over, no call as
 * large as this one: members that may wait so long go back to the queue.
 *
 * In a pause, whoever cannot wait for its end is refused, whether it is in the
 * queue or joins.  But once a second, if there are any, those who cannot wait
 * are sent as a "probe".  What the upstream says to that is how long the pause
 * is from now on; if it takes it, the caller ends the pause by resume().  So is
 * the first call after a pause, the "trial": until the answer, or for a second,
 * there is none but at deadlines; it says nothing of a pause that has begun
 * meanwhile.
 *
 * halt() is for an answer to a member that went alone.  Both return whether a
 * pause has begun that was none before.
 */
unsigned llmb_sched_pause(llmb_zone_t *z, uint32_t call, uint64_t until,
    uint64_t now);
unsigned llmb_sched_halt(llmb_zone_t *z, uint32_t group, unsigned probe,
    uint64_t until, uint64_t now);
void llmb_sched_resume(llmb_zone_t *z, uint32_t group, unsigned probe,
    uint64_t now);

/*
 * Nothing is sent again in a pause: if there is one, the members of a call that
 * failed go back to the queue, or are refused.  Returns whether there is.
 */
unsigned llmb_sched_yield(llmb_zone_t *z, uint32_t call, uint64_t now);

/*
 * The outcome of a claimed member.  answer() takes over its room, which
 * holds "len" bytes; release() has it sent alone.
 */
void llmb_sched_answer(llmb_zone_t *z, uint32_t member, uint32_t len);
void llmb_sched_release(llmb_zone_t *z, uint32_t member, llmb_reason_e reason);

/* the call is over; members that are still claimed are sent alone */
void llmb_sched_end(llmb_zone_t *z, uint32_t call, uint32_t worker,
    uint64_t now);


/* a RELEASED member is on its way */
void llmb_sched_go(llmb_zone_t *z, uint32_t member);

/*
 * The worker has no more use for the member: it is served, or its client is
 * gone.  Valid in every state but FREE and ABANDONED.
 */
void llmb_sched_leave(llmb_zone_t *z, uint32_t member, uint64_t now);

/* members of the call whose clients are still there */
uint32_t llmb_sched_live(llmb_zone_t *z, uint32_t call);


/*
 * A worker has the lock: it is alive, and copies nothing.  If it is not seen
 * for some time, is_lost() tells others that they are to give it up.  That
 * returns how many members of others were in its calls, which go alone.  Its
 * own wait for it, those that were in a queue to go alone.  Nothing of what
 * it has counts as in flight, so nobody waits for a slot of it.  Its calls are
 * LOST: as it comes back it ends them, by send() or end().
 *
 * It may come back in the middle of a copy.  What it wrote to is nobody's until
 * it is seen.  What it has read of the members of a call is theirs if "losses"
 * of its record has not changed: that is the first thing that does.
 */
void llmb_sched_seen(llmb_zone_t *z, uint32_t worker, uint64_t now);
unsigned llmb_sched_is_lost(const llmb_worker_t *w, uint64_t now);
uint32_t llmb_sched_give_up(llmb_zone_t *z, uint32_t worker, uint64_t now);

/*
 * A worker has died: its clients are gone, the members of its calls go alone.
 * Returns how many of those there were.
 */
uint32_t llmb_sched_reap(llmb_zone_t *z, uint32_t worker, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_H_INCLUDED_ */
