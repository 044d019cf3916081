
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How long a member may be held: so long that its call is still almost
 * certainly answered within its budget.
 */


#ifndef _LLMB_SCHED_HOLD_H_INCLUDED_
#define _LLMB_SCHED_HOLD_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/*
 * When a member that joins has to leave, by its budget and max_wait, if there
 * is a slot, and whether there is one or not
 */
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


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_HOLD_H_INCLUDED_ */
