
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a group learns from its calls: how many requests come, what a call
 * costs, how many calls at a time the upstream works on with profit, and
 * whether merging helps at all.  All times are in microseconds of one
 * monotonic clock.
 *
 * The sources of the formulas are named with each.  Everything is bounded: a
 * group that is new, or whose figures make no sense, has its defaults.
 */


#ifndef _LLMB_LEARN_H_INCLUDED_
#define _LLMB_LEARN_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* how a call ended */

typedef enum {
    LLMB_LEARN_GOOD = 0,          /* answered */
    LLMB_LEARN_OVERLOAD,          /* 429, 5xx, no answer in time */
    LLMB_LEARN_OTHER              /* teaches nothing about cost */
} llmb_learn_end_e;


typedef struct {
    uint32_t          items;
    uint32_t          inflight;   /* when it was sent, itself included */
    uint64_t          time;       /* from sending to the whole answer */
    llmb_learn_end_e  end;
} llmb_sample_t;


typedef struct {
    double            todo;       /* helper A defines the members */
} llmb_learn_t;


/*
 * A new group.  Concurrency is learned between "min" and "max", from "max"
 * downwards, so that nobody is held up while nothing is known; it is fixed if
 * they are equal.
 */
void llmb_learn_init(llmb_learn_t *l, uint32_t min, uint32_t max);

/* a request of so many items came */
void llmb_learn_arrival(llmb_learn_t *l, uint32_t items, uint64_t now);

/* a call, or a request that went alone, is over */
void llmb_learn_sample(llmb_learn_t *l, const llmb_sample_t *sample,
    uint64_t now);


/* requests per second; 0 if too few came to tell */
double llmb_learn_rate(const llmb_learn_t *l, uint64_t now);

/*
 * The cost of a call of n items is *fixed + n * *each; 0 if it is not known
 * yet.
 */
unsigned llmb_learn_cost(const llmb_learn_t *l, double *fixed, double *each);

/*
 * The time within which a call of so many items is almost certainly answered:
 * its expected time and four deviations (RFC 6298); 0 if nothing is known.
 */
uint64_t llmb_learn_time(const llmb_learn_t *l, uint32_t items);

/* calls in flight that the upstream works on with profit */
uint32_t llmb_learn_concurrency(const llmb_learn_t *l);

/*
 * The items of a call beyond which throughput hardly grows: that of 80 % of
 * what calls without end would have, 4 * fixed / each; at least 1; 0 if it is
 * not known.
 */
uint32_t llmb_learn_knee(const llmb_learn_t *l);

/*
 * Whether a request that comes now is to be merged.  0 where calls do not get
 * cheaper by merging (fixed < each), but for now and then, to find out whether
 * that is still so.
 */
unsigned llmb_learn_merges(llmb_learn_t *l, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_H_INCLUDED_ */
