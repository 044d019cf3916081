
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The queue of a group: who is next, and who looks after it.
 */


#ifndef _LLMB_SCHED_QUEUE_H_INCLUDED_
#define _LLMB_SCHED_QUEUE_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/* whether a member, if it is one, is in the queue of the group */
unsigned llmb_sched_waits(llmb_zone_t *z, llmb_group_t *g, uint32_t member);

/* puts a member into its queue, by rank */
void llmb_sched_enqueue(llmb_zone_t *z, uint32_t member);
void llmb_sched_dequeue(llmb_zone_t *z, uint32_t member);

/* takes a member out that leaves as part of a call or alone */
void llmb_sched_serve(llmb_zone_t *z, uint32_t member);


/* sees to it that somebody looks after the queue */
void llmb_sched_attend(llmb_zone_t *z, uint32_t group, uint64_t now);

/* the next time at which the timer of a QUEUED member has to fire */
uint64_t llmb_sched_wake(llmb_zone_t *z, uint32_t member, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_QUEUE_H_INCLUDED_ */
