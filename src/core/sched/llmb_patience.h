
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Patience: how much longer than alone a request may take, so that others can
 * share its call, as a share p of what a call takes.
 *
 * With a call of n items taking a + b * n, a group is sent no sooner than
 *
 *     since(oldest) + max(0, p * (a + b) - b * (items - 1)),
 *
 * so waiting and company together add at most p to what the oldest would have
 * taken alone.  For requests that come at random (Poisson, at the rate l) that
 * is 1 / (1 + l * hold) calls for each, the fewest that there can be if nobody
 * is to wait longer: an interval opened by the oldest that is not served yet
 * and closed at its end is the greedy, and optimal, stabbing of intervals.
 *
 * A hold has to pay.  "near" is the share of requests that come within p * (a
 * + b) of the one before them, whether anything is held or not, so it is known
 * before the first hold.  If that is less than the share of time that a hold
 * costs, which for l * (a + b) < 1 it is, nobody is held.
 */


#ifndef _LLMB_PATIENCE_H_INCLUDED_
#define _LLMB_PATIENCE_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/* a request comes now, in ms: is one near it that came before? */
void llmb_patience_sees(llmb_zone_t *z, llmb_group_t *g, uint64_t now);

/*
 * The patience of a member that has joined, which is scaled by its tolerance.
 * A part of a request that was cut has none, as it would wait for its like.
 * One with a budget has no end of it but its deadline, if the policy says so.
 */
llmb_patience_e llmb_patience_of(const llmb_policy_t *policy,
    const llmb_member_t *m);

/* keep track of the oldest of each, as one comes to the queue or leaves it */
void llmb_patience_add(llmb_group_t *g, const llmb_member_t *m);
void llmb_patience_remove(llmb_zone_t *z, llmb_group_t *g,
    const llmb_member_t *m);

/*
 * The time, in ms, before which nothing but a full call is sent, if those who
 * wait have patience; 0: that is over.  UINT64_MAX: their deadlines end it.
 */
uint64_t llmb_patience_gate(llmb_zone_t *z, const llmb_group_t *g);

/* us, for which one would wait now that comes alone; 0: not at all */
double llmb_patience_now(llmb_zone_t *z, const llmb_group_t *g);


#pragma GCC visibility pop


#endif /* _LLMB_PATIENCE_H_INCLUDED_ */
