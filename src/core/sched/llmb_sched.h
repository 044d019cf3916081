
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


/* what a call is to find out */

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


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_H_INCLUDED_ */
