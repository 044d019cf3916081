
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The cost of a call, and how many calls at a time an upstream works on.
 */


#ifndef _LLMB_LEARN_COST_H_INCLUDED_
#define _LLMB_LEARN_COST_H_INCLUDED_


#include "llmb_learn.h"


#pragma GCC visibility push(hidden)


/*
 * A call was answered: what it says about the cost, and about how many are
 * worked on at a time.  The others in flight take "others" times what a call
 * of the mean size takes.  1 if all that was known had to be forgotten.
 */
unsigned llmb_learn_feed(llmb_learn_t *l, const llmb_sample_t *sample,
    double others);

/* the cost of a call; the most that it may be */
double llmb_learn_fit(const llmb_learn_t *l, double items);
double llmb_learn_most(const llmb_learn_t *l, double items);

/* fixed - each, and two standard errors of that */
double llmb_learn_gain(const llmb_learn_t *l, double *doubt);


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_COST_H_INCLUDED_ */
