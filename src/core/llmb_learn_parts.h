
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of llmb_learn*.c share.
 */


#ifndef _LLMB_LEARN_PARTS_H_INCLUDED_
#define _LLMB_LEARN_PARTS_H_INCLUDED_


#include "llmb_learn.h"


#pragma GCC visibility push(hidden)


/* calls that wait, on average, are too many from here on */

#define LLMB_LEARN_QUEUE    0.5

/* standard errors that make a difference */

#define LLMB_LEARN_CERTAIN  3.0

/* calls that are faster than this share of their cost put it in doubt */

#define LLMB_LEARN_FAST     0.8

/* slots that are left in a trial */

#define LLMB_LEARN_LESS     0.67

/* calls that make a window: the fewest, to doubt the cost, to define it, all */

#define LLMB_LEARN_ENOUGH   6
#define LLMB_LEARN_WINDOW   8
#define LLMB_LEARN_WITHIN   16
#define LLMB_LEARN_ALL      24

/* calls without a change before more slots are tried */

#define LLMB_LEARN_PAUSE    16

/* calls between two trials that have no reason, at first */

#define LLMB_LEARN_TRIAL    256


/* llmb_learn_fit(), or one of its bounds */

typedef double (*llmb_learn_cost_pt)(const llmb_learn_t *l, double items);


/*
 * Calls that did not wait for others at the upstream define the cost: one that
 * was the only one in flight, or a window of others that was found to be good.
 * The first tells whether all that was known had to be forgotten.
 */
unsigned llmb_learn_feed(llmb_learn_t *l, double items, double time);
void llmb_learn_feed_window(llmb_learn_t *l, const llmb_learn_window_t *w);

/* all that was learned is off by this factor, as the calls of a window tell */
void llmb_learn_scale(llmb_learn_t *l, double by,
    const llmb_learn_window_t *w);

/*
 * Calls that may have waited say nothing about the cost, but what those of
 * different sizes take relative to each other is new if no sizes are known.
 */
void llmb_learn_shape(llmb_learn_t *l, const llmb_learn_window_t *w);

/* the cost of a call; the least and most that it may be */
double llmb_learn_fit(const llmb_learn_t *l, double items);
double llmb_learn_least(const llmb_learn_t *l, double items);
double llmb_learn_most(const llmb_learn_t *l, double items);

/* fixed - each, and two standard errors of that */
double llmb_learn_gain(const llmb_learn_t *l, double *doubt);


/* the square root, to 12 digits */
double llmb_learn_root(double value);


/* a call is over: what it says about concurrency; 1 if it defines the cost */
unsigned llmb_learn_slots(llmb_learn_t *l, const llmb_sample_t *sample,
    uint64_t now);

/* the cost is being learned anew, and who delays whom is, too */
void llmb_learn_slots_anew(llmb_learn_t *l, uint64_t now);

/* sets them; fewer, or the same, begin a new round trip */
void llmb_learn_set(llmb_learn_t *l, uint32_t slots, uint64_t now);

/*
 * A share of the slots that calls of a window had is left, to see whether they
 * get faster; and whether they did, as soon as that is certain.
 */
void llmb_learn_trial(llmb_learn_t *l, const llmb_learn_window_t *w,
    double share, uint64_t now);
void llmb_learn_verdict(llmb_learn_t *l, uint64_t now);


void llmb_learn_window_add(const llmb_learn_t *l, llmb_learn_window_t *w,
    const llmb_sample_t *sample);

/* means of a window */
double llmb_learn_inflight(const llmb_learn_window_t *w);
double llmb_learn_size(const llmb_learn_window_t *w);

/* the time of its calls, as a multiple of their cost */
double llmb_learn_ratio(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost);

/* how many of them were worked on at a time, and how many waited */
double llmb_learn_served(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost);
double llmb_learn_waiting(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost);

/* whether those are more than a few, and not by chance */
unsigned llmb_learn_waits(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost);

/* of their mean time, as a share of it, squared */
double llmb_learn_variance(const llmb_learn_t *l,
    const llmb_learn_window_t *w);


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_PARTS_H_INCLUDED_ */
