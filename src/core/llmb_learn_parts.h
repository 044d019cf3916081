
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of llmb_learn*.c share.
 */


#ifndef _LLMB_LEARN_PARTS_H_INCLUDED_
#define _LLMB_LEARN_PARTS_H_INCLUDED_


#include "llmb_learn.h"


#pragma GCC visibility push(hidden)


/*
 * A call was answered: what it says about the cost, and about how many are
 * worked on at a time.  1 if all that was known before had to be forgotten.
 */
unsigned llmb_learn_feed(llmb_learn_t *l, const llmb_sample_t *sample);

/* the cost of a call; the most that it may be */
double llmb_learn_fit(const llmb_learn_t *l, double items);
double llmb_learn_most(const llmb_learn_t *l, double items);

/* fixed - each, and two standard errors of that */
double llmb_learn_gain(const llmb_learn_t *l, double *doubt);


/* what follows for the slots; and from a call that was too much */
void llmb_learn_slots(llmb_learn_t *l, const llmb_sample_t *sample,
    uint64_t now);
void llmb_learn_overload(llmb_learn_t *l, const llmb_sample_t *sample,
    uint64_t now);

/* nothing is known, so trials are due */
void llmb_learn_slots_anew(llmb_learn_t *l);


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_PARTS_H_INCLUDED_ */
