
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A discrete-event simulation of the scheduler as it is shipped: workers that
 * share the tables, clients that come and go, and an upstream that takes its
 * time and fails.  Times are in microseconds, those of the scheduler in ms.
 */


#ifndef _SIM_H_INCLUDED_
#define _SIM_H_INCLUDED_


#include "llmb_returned.h"


#define SIM_MAX_WORKERS  16


typedef struct {
    double      workers;
    double      groups;
    double      requests;         /* that come in all */
    double      rate;             /* of them per second */
    double      burst;            /* that come at once */
    double      items;            /* mean of a heavy-tailed size */
    double      bytes;            /* of an item */
    double      zone;             /* KB */

    double      fixed;            /* window: 0 slot, 1 fixed */
    double      concurrency;
    double      max_size;
    double      max_tokens;
    double      max_wait;         /* ms */

    double      a;                /* a call takes a + b * items, us */
    double      b;
    double      serial;           /* one call at a time */

    /* probabilities */
    double      busy;             /* 429 */
    double      pause;            /* the longest it asks for then, ms */
    double      broken;           /* 5xx */
    double      wrong;            /* an answer that cannot be cut */
    double      poison;           /* an item that makes the call a 400 */
    double      cancel;           /* a client that does not wait */
    double      deaf;             /* a ring that is lost */

    double      life;             /* mean of a worker's, ms; 0: forever */
    double      torn;             /* share of deaths within the lock */
    double      drain;            /* mean time between drains, ms; 0: never */
    double      stop;             /* probability that a worker stands still
                                     before a step */
    double      still;            /* mean of how long, ms */
} sim_options_t;


typedef enum {
    SIM_ARRIVE = 0,
    SIM_JOIN,
    SIM_WRITTEN,
    SIM_TIMER,
    SIM_BELL,
    SIM_SEND,
    SIM_READ,
    SIM_BACKEND,
    SIM_COPY,
    SIM_COPIED,
    SIM_SERVED,
    SIM_CANCEL,
    SIM_DEATH,
    SIM_RESPAWN,
    SIM_DRAIN,
    SIM_WATCH,
    SIM_WAKE
} sim_event_e;


/* where a worker may stand still, but for what others do to it */

#define SIM_STEPS(x)                                                          \
    x(SIM_WRITTEN, "writing")                                                 \
    x(SIM_BELL, "mail unread")                                                \
    x(SIM_SEND, "call to be sent")                                            \
    x(SIM_READ, "reading")                                                    \
    x(SIM_BACKEND, "call sent")                                               \
    x(SIM_COPY, "answers to be copied")                                       \
    x(SIM_COPIED, "copying")

#define SIM_NSTEPS  (SIM_WAKE + 1)


typedef struct {
    uint64_t     at;
    uint64_t     order;           /* of those at the same time */
    uint64_t     tag;             /* what it is about must still be this */
    uint32_t     index;
    sim_event_e  type;
} sim_event_t;


#define SIM_OUTCOMES(x)                                                       \
    x(ANSWERED)                                                               \
    x(ERROR)                      /* the upstream's, of a call */             \
    x(REFUSED)                    /* in a pause */                            \
    x(ALONE)                                                                  \
    x(PASSED)                     /* never held */                            \
    x(CANCELED)                                                               \
    x(KILLED)                     /* with its worker */

#define sim_outcome_enum(name)  SIM_##name,

typedef enum {
    SIM_OUTCOMES(sim_outcome_enum)
    SIM_NOUTCOMES
} sim_outcome_e;

#undef sim_outcome_enum


typedef struct {
    uint64_t     arrived;
    uint64_t     outcomes[SIM_NOUTCOMES];
    uint64_t     calls;
    uint64_t     call_items;
    uint64_t     again;
    uint64_t     halved;
    uint64_t     paused;
    uint64_t     probes;
    uint64_t     yielded;
    uint64_t     deaths;
    uint64_t     resets;
    uint64_t     orphans;
    uint64_t     drains;
    uint64_t     stops;
    uint64_t     stops_at[SIM_NSTEPS];
    uint64_t     given_up;
    uint64_t     returned;        /* of those */
    uint64_t     lost;            /* calls that they found LOST */
    uint64_t     events;
    uint64_t     waits[1000];     /* by ms */
    uint64_t     times[1000];     /* of answered ones, by ms */
} sim_stats_t;


/* prints where the simulation was, and ends it */
void sim_fail(const char *format, ...);

/* a number below n; a number from 0 to 1; exponentially distributed */
uint64_t sim_random(uint64_t n);
double sim_uniform(void);
uint64_t sim_exponential(double mean);
void sim_seed(uint64_t seed);

void sim_event(sim_event_e type, uint64_t at, uint32_t index, uint64_t tag);
unsigned sim_next(sim_event_t *event);

/* runs until everybody has been served */
void sim_world(const sim_options_t *options, sim_stats_t *stats);


#endif /* _SIM_H_INCLUDED_ */
