
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups whose calls go to one upstream share its slots, if their number is
 * learned.
 */


#ifndef _LLMB_SCHED_SHARE_H_INCLUDED_
#define _LLMB_SCHED_SHARE_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


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

/*
 * The calls of the group go to what "name" stands for: the place, and the
 * concurrency of the policy.  From the first time on it shares the slots with
 * all others of that name, and what is known of calls with those of its kind.
 * What its calls that are under way take, which were counted apart, teaches
 * nothing; "now" is in microseconds.
 */
void llmb_sched_goes_to(llmb_zone_t *z, uint32_t group, uint64_t name,
    uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_SHARE_H_INCLUDED_ */
