
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a group may have at a moment: the limits of its calls, slots, and
 * pauses.  Members stay where they are.
 */


#ifndef _LLMB_SCHED_LIMITS_H_INCLUDED_
#define _LLMB_SCHED_LIMITS_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/*
 * The policy of a group, with what was learned about sizes; max_tokens is in
 * estimated tokens, as those of members are.
 */
llmb_policy_t llmb_group_policy(const llmb_group_t *g);

/* its slots, those that it shares included */
uint32_t llmb_group_slots(llmb_zone_t *z, const llmb_group_t *g);

/* whether the upstream has no slot for the group */
unsigned llmb_sched_crowded(llmb_zone_t *z, const llmb_group_t *g,
    uint64_t now);

/* of an upstream: whether one is kept for a group, and how many are free */
unsigned llmb_sched_is_called(const llmb_upstream_t *u, uint64_t now);
unsigned llmb_sched_free_slots(const llmb_upstream_t *u);

/* a call of the group is sealed, or over */
void llmb_sched_take_slot(llmb_zone_t *z, llmb_group_t *g);
void llmb_sched_free_slot(llmb_zone_t *z, llmb_group_t *g);

/* whether a member may wait until then, for the end of a pause */
unsigned llmb_sched_may_wait(const llmb_member_t *m, uint64_t until,
    uint64_t now);

/* a call leaves; tells which llmb_probe_e that is */
uint8_t llmb_sched_departs(llmb_group_t *g, uint64_t now);

/* until when, in ms, there is no room in what was learned of a rate limit */
uint64_t llmb_sched_quota(const llmb_group_t *g, uint64_t now);

/* until when, in ms, slots do not count: for a pause, or a trial after it */
uint64_t llmb_sched_shut(const llmb_group_t *g);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_LIMITS_H_INCLUDED_ */
