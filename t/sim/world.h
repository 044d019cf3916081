
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the simulated processes are made of, and the steps they take.
 */


#ifndef _WORLD_H_INCLUDED_
#define _WORLD_H_INCLUDED_


#include "sim.h"


#define SIM_LOOK     50000        /* a held request looks for itself */
#define SIM_FOREVER  60000000     /* nobody is served as late as that */
#define SIM_ITEM     8            /* bytes of an item of an answer */
#define SIM_WATCH_MS 1000         /* how often a worker looks for others */


typedef enum {
    REQUEST_FREE = 0,
    REQUEST_WRITING,
    REQUEST_HELD,
    REQUEST_ALONE,                /* on its own, but holds a slot */
    REQUEST_PASSED                /* on its own */
} request_state_e;


typedef struct {
    uint64_t         id;
    request_state_e  state;
    uint32_t         worker;
    uint32_t         key;
    uint32_t         items;
    uint32_t         member;
    uint32_t         gen;
    uint32_t         first;       /* chunk of its text, while it is written */
    uint64_t         epoch;       /* in which it has that */
    unsigned         poison;
    uint64_t         arrived;
    uint64_t         sent;        /* ms; alone */
    uint64_t         timer;
    uint64_t         next;        /* free */
} request_t;


/* a member of a call, as its worker knows it without the lock */

typedef struct {
    uint32_t         member;
    uint32_t         gen;
    uint64_t         id;          /* of its request; 0: that is gone */
    uint32_t         items;
    uint32_t         index;       /* of the first of them */
    uint32_t         text;        /* chunks */
    uint32_t         room;        /* or LLMB_NIL */
} passenger_t;


/* a call on its way, and what its worker keeps of it */

typedef struct {
    uint64_t         tag;         /* 0: none */
    uint32_t         call;
    uint32_t         gen;
    uint32_t         worker;
    uint64_t         life;
    uint64_t         epoch;
    uint64_t         losses;      /* of the worker, when it was sent */
    uint64_t         sent;        /* ms */
    unsigned         status;
    unsigned         split;
    uint32_t         nitems;
    uint32_t         nmembers;
    uint64_t        *items;       /* whose each is */
    passenger_t     *members;
} flight_t;


typedef struct {
    unsigned         dead;
    unsigned         stopped;
    uint64_t         life;
    uint64_t         epoch;
    uint64_t         since;       /* it stands still, or goes on */
    uint64_t         wakes;
    uint64_t         stale;       /* ms: the clock, until the pass in which it
                                     stood still is over; or 0 */
} worker_t;


extern const sim_options_t  *o;
extern sim_stats_t          *stats;
extern llmb_zone_t          *z;

extern uint64_t              now;
extern uint64_t              tags;
extern uint64_t              backend_free;
extern uint64_t              active;       /* requests */
extern unsigned              busy_world;   /* more are to come */

extern worker_t              workers[SIM_MAX_WORKERS];
extern request_t            *requests;
extern uint32_t              nrequests, free_request;
extern flight_t             *flights;
extern uint32_t              nflights;


uint64_t clock_of(uint32_t w);
unsigned is_part(const request_t *rq);
unsigned chance(double p);
void finish(uint32_t r, sim_outcome_e outcome);
uint64_t service_time(uint32_t items);
void lock(uint32_t w);
void unlock(uint32_t w);
llmb_member_t *member_of(uint32_t r);
unsigned check_chunks(uint32_t first, uint64_t id, uint32_t n,
    size_t stride);
void check_text(uint32_t member, uint64_t id, uint32_t n, size_t stride);
unsigned write_text(uint32_t first, const uint64_t *ids, uint32_t n,
    size_t stride);
void arrive(uint32_t w);
void join(uint32_t r);
void written(uint32_t r);
void cancel(uint32_t r);
uint32_t request_of(uint32_t member);
void bell(uint32_t w);
void timer(uint32_t r);
void served(uint32_t r);
void leaves(uint32_t group, unsigned probe, unsigned close, uint64_t at);
void pauses(uint32_t group, uint64_t at);
void forget_pauses(void);
void send_call(flight_t *f);
void read_call(flight_t *f);
void backend(flight_t *f);
void copy(flight_t *f);
void copied(flight_t *f);

/* a worker that may stand still, and those that notice (still.c) */
uint32_t worker_of(const sim_event_t *e);
unsigned stands_still(const sim_event_t *e);
void pass_is_over(uint32_t w);
void wake(uint32_t w);
void next_watch(uint32_t w);
void watch(uint32_t w);
unsigned healthy(uint32_t w, uint64_t ms);
void check_lost(void);


#endif /* _WORLD_H_INCLUDED_ */
