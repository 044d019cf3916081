
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is learned from calls: what one costs, how many at a time the upstream
 * works on with profit, and whether merging helps at all.  All times are in
 * microseconds of one monotonic clock.
 *
 * Everything is bounded: a group that is new, or whose figures make no sense,
 * has its defaults.  How it is done is told in the sources: llmb_learn_cost.c,
 * llmb_slots.c and, for the rest, llmb_learn.c.
 */


#ifndef _LLMB_LEARN_H_INCLUDED_
#define _LLMB_LEARN_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* how a call ended */

typedef enum {
    LLMB_LEARN_GOOD = 0,          /* answered */
    LLMB_LEARN_OVERLOAD,          /* other 5xx, no answer in time */
    LLMB_LEARN_LIMITED,           /* 429, 500; see llmb_upstream_sample() */
    LLMB_LEARN_OTHER              /* teaches nothing about cost */
} llmb_learn_end_e;


typedef struct {
    uint32_t          items;
    uint32_t          inflight;   /* when it was sent, itself included */
    uint64_t          time;       /* from sending to the whole answer */
    llmb_learn_end_e  end;
} llmb_sample_t;


/* numbers of calls that an upstream may work on at a time, told apart */

#define LLMB_LEARN_FITS  24


/* what calls cost if it is one of those: sums of weights and products */

typedef struct {
    float             sum;
    float             sum_n;
    float             sum_nn;
    float             sum_t;
    float             sum_nt;
} llmb_learn_fit_t;


/* private to llmb_learn*.c; 0 is not a valid state, see llmb_learn_init() */

typedef struct {
    /* the cost of a call, and how many are worked on at a time */
    llmb_learn_fit_t  fits[LLMB_LEARN_FITS];
    uint32_t          best;       /* of them; the cost is by this one */
    float             fixed;
    float             each;
    float             doubt;      /* of each: two standard errors */
    float             noise;      /* standard deviation, as a share */
    float             calls;      /* that are not forgotten yet */
    float             size;       /* mean of the last calls, in items */
    float             off;        /* mean of theirs, in deviations */
    uint32_t          least;      /* at a time, for certain */
    uint32_t          most;

    /* the time of a call, with what it waits for others at the upstream */
    float             behind;
    float             spread;     /* mean deviation, as a share of the time */

    /* merging */
    uint32_t          probe;      /* time between two probes, ms */
    uint64_t          probed;     /* when the last one began */
    uint32_t          merged;     /* calls of several items in this one */

    unsigned          sizes:1;    /* calls of different sizes were seen */
    unsigned          apart:1;    /* merging does not help */
} llmb_learn_t;


/* concurrency, of all kinds of calls to an upstream; see llmb_slots_init() */

typedef struct {
    uint32_t          min;
    uint32_t          max;
    uint32_t          slots;
    uint32_t          back;       /* slots before a trial; 0: there is none */
    uint32_t          step;       /* by which to grow next */
    uint32_t          more;       /* calls until the next trial with more */
    uint32_t          fewer;      /* and with fewer slots */
    uint32_t          steady;     /* calls since the last change */
    uint64_t          changed;    /* when slots were set */

    /* that are worked on at a time, by the kind that knows best */
    uint32_t          least;
    uint32_t          most;
    uint32_t          kind;
    float             trust;      /* calls that it knows this from */

    unsigned          open:1;     /* slots were never made fewer */
    unsigned          careful:1;  /* there was an overload */
} llmb_slots_t;


/* what else goes on at an upstream */

typedef struct {
    uint32_t          kind;       /* stands for calls like this */
    double            cost;       /* what another call there takes, by that of
                                     one like this */
    unsigned          wait;       /* others want slots */
} llmb_others_t;


/* nothing is known */
void llmb_learn_init(llmb_learn_t *l);

/*
 * A call, or a request that went alone, is over.  "others" is NULL if all calls
 * there are of one kind, and nobody waits.
 */
void llmb_learn_sample(llmb_learn_t *l, llmb_slots_t *s,
    const llmb_sample_t *sample, const llmb_others_t *others, uint64_t now);


/*
 * The cost of a call of n items is *fixed + n * *each; 0 if it is not known
 * yet, as while all calls had the same number of items.
 */
unsigned llmb_learn_cost(const llmb_learn_t *l, double *fixed, double *each);

/*
 * The same as far as it can be told after a few calls, even if those were all
 * of one size, so that *each is but a guess
 */
unsigned llmb_learn_guess(const llmb_learn_t *l, double *fixed, double *each);

/*
 * The time within which a call of so many items is almost certainly answered:
 * its expected time, with what it waits at the upstream at the present
 * concurrency, and four deviations (RFC 6298); 0 if nothing is known.  Sizes
 * that are not known yet are taken to be expensive.
 */
uint64_t llmb_learn_time(const llmb_learn_t *l, uint32_t items);

/* the expected time alone; 0 if nothing is known */
uint64_t llmb_learn_expected(const llmb_learn_t *l, uint32_t items);

/* what a call takes that waits for no other; 0 if nothing is known */
uint64_t llmb_learn_service(const llmb_learn_t *l, uint32_t items);

/*
 * The items of a call beyond which throughput hardly grows: that of 80 % of
 * what calls without end would have, 4 * fixed / each, as far as that is
 * certain; at least 1; UINT32_MAX if it always grows; 0 if it is not known.
 */
uint32_t llmb_learn_knee(const llmb_learn_t *l);

/*
 * Whether a request that comes now is to be merged.  0 where calls do not get
 * cheaper by merging (fixed < each), but for now and then, to find out whether
 * that is still so.
 */
unsigned llmb_learn_merges(llmb_learn_t *l, uint64_t now);

/* whether that is so at present, as far as it is known */
unsigned llmb_learn_apart(const llmb_learn_t *l);


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_H_INCLUDED_ */
