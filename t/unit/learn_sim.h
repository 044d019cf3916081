
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Upstreams and a group in front of them, event by event, to see what
 * llmb_learn makes of their calls.  Requests come at random and do not care
 * how long answers take; what has gathered is sent whenever fewer calls are in
 * flight than llmb_slots_now() says, at the pace of llmb_policy_pace().
 * All times are in microseconds.
 */


#ifndef _LEARN_SIM_H_INCLUDED_
#define _LEARN_SIM_H_INCLUDED_


#include "llmb_arrivals.h"
#include "llmb_slots.h"
#include "llmb_policy.h"


#define SIM_SIZE      32          /* items in a call, at most */
#define SIM_CALLS     512         /* in flight */
#define SIM_QUEUE     2048        /* requests; more are turned away */
#define SIM_SERVERS   64
#define SIM_TIMES     65536       /* of requests, that are kept */


typedef struct {
    double            fixed;
    double            each;
    unsigned          parallel;   /* calls at a time; 0: any number */
    double            jitter;     /* as a share, uniform */
    double            slow;       /* share of calls that take ten times that */
    unsigned          limit;      /* calls beyond it are answered 429 */
} sim_upstream_t;


typedef struct {
    uint64_t          sent;
    uint64_t          end;
    uint64_t          expected;   /* llmb_learn_time() */
    uint32_t          items;
    uint32_t          inflight;
    llmb_learn_end_e  how;
    uint64_t          came[SIM_SIZE];
} sim_call_t;


typedef struct {
    llmb_learn_t      learn;
    llmb_slots_t     slots;
    llmb_arrivals_t   arrivals;
    sim_upstream_t    upstream;
    double            rate;       /* requests per second */
    uint64_t          now;
    uint64_t          next;       /* when a request comes */
    uint64_t          pace;       /* before which nothing is sent */
    uint64_t          busy;       /* since when calls are in flight */
    uint64_t          seed;

    uint64_t          queue[SIM_QUEUE];
    unsigned          queued;
    sim_call_t        calls[SIM_CALLS];
    unsigned          inflight;
    uint64_t          servers[SIM_SERVERS];

    /* since sim_clear() */
    unsigned          ended;      /* calls */
    unsigned          late;       /* of those, later than expected */
    unsigned          requests;   /* answered */
    unsigned          alone;      /* came while they were not to be merged */
    uint64_t          items;      /* in calls */
    uint64_t          sum;        /* sum over calls */
    uint32_t          least;      /* slots */
    uint32_t          most;
    unsigned          ntimes;
    uint64_t          times[SIM_TIMES];
} sim_t;


void sim_init(sim_t *s, const sim_upstream_t *upstream, double rate,
    uint64_t seed);
void sim_change(sim_t *s, const sim_upstream_t *upstream);
void sim_clear(sim_t *s);

/* until so many calls have ended, or so much time is over */
void sim_calls(sim_t *s, unsigned n);
void sim_time(sim_t *s, uint64_t time);

/* of the times of requests, percent of which were not longer */
uint64_t sim_percentile(sim_t *s, double percent);


#endif /* _LEARN_SIM_H_INCLUDED_ */
