
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


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


typedef enum {
    LLMB_MAIL_NONE = 0,
    LLMB_MAIL_SEND,               /* a call is SEALED */
    LLMB_MAIL_ANSWER,             /* a member is ANSWERED, by a call */
    LLMB_MAIL_REFUSE,             /* or in a pause: 429 to it */
    LLMB_MAIL_ARM                 /* it waits on: set its timer anew */
} llmb_mail_e;


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

/* a call of the group is over, and the worker sends who may go now */
void llmb_sched_use_slot(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint64_t now);

/*
 * Takes the next piece of mail of a worker: what it has to do, and *i, the call
 * or member.  Groups that it was asked to look after are flushed on the way.
 */
llmb_mail_e llmb_sched_mail(llmb_zone_t *z, uint32_t worker, uint64_t now,
    uint32_t *i);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_H_INCLUDED_ */
