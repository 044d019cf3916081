
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How many calls at a time: as many as the upstream may work on, by all that
 * is known (llmb_learn_cost.c) of any kind of calls that go there.
 */


#ifndef _LLMB_SLOTS_H_INCLUDED_
#define _LLMB_SLOTS_H_INCLUDED_


#include "llmb_learn.h"


#pragma GCC visibility push(hidden)


/*
 * A new upstream.  Concurrency is learned between "min" and "max", from "max"
 * downwards, so that nobody is held up while nothing is known; it is fixed if
 * they are equal.
 */
void llmb_slots_init(llmb_slots_t *s, uint32_t min, uint32_t max);

/*
 * The bounds have changed.  If the slots were never too many, there are as many
 * as are used, by "inflight" calls, from now on.
 */
void llmb_slots_bounds(llmb_slots_t *s, uint32_t min, uint32_t max,
    uint32_t inflight);

/*
 * What follows for the slots from a call of this kind, beside others; and from
 * a call that was too much
 */
void llmb_slots_sample(llmb_slots_t *s, const llmb_learn_t *l,
    const llmb_sample_t *sample, const llmb_others_t *others, uint64_t now);
void llmb_slots_overload(llmb_slots_t *s, const llmb_sample_t *sample,
    uint64_t now);

/* nothing is known, so trials are due */
void llmb_slots_anew(llmb_slots_t *s);

/* calls in flight that the upstream works on with profit */
uint32_t llmb_slots_now(const llmb_slots_t *s);


#pragma GCC visibility pop


#endif /* _LLMB_SLOTS_H_INCLUDED_ */
