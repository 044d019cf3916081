
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the two files share that know the scheduler: engine.c has a worker,
 * flight.c what is under way.
 */


#ifndef _ENGINE_H_INCLUDED_
#define _ENGINE_H_INCLUDED_


#include "llmb_sched.h"
#include "model.h"


/* the clock of the core does not start at 0; ms */

#define SIM_EPOCH      1000000


/* what is kept of a batch while it is under way */

typedef struct {
    uint32_t                call;       /* SIM_NIL: of a request that was not
                                           held */
    uint32_t                inflight;   /* of its group, when it was sent */
} sim_flight_t;


typedef struct {
    sim_run_t              *run;
    const sim_trace_t      *trace;
    const sim_settings_t   *settings;
    llmb_zone_t            *zone;
    sim_queue_t             queue;
    sim_server_t            server;
    uint64_t                now;
    uint32_t                next;       /* request to come */
    uint32_t                left;       /* requests without an answer */
    unsigned                posted;     /* mail will be looked at */
    uint32_t                group;      /* of the last call */
    uint32_t               *member;     /* of each request */
    uint64_t               *timer;      /* of each request */
    uint32_t               *request;    /* of each member */
    sim_flight_t           *flight;     /* of each batch */
} sim_engine_t;


/* the clocks of the scheduler: ms, and us */
uint64_t sim_clock(const sim_engine_t *e);
uint64_t sim_clock_us(const sim_engine_t *e);

/* sends a request that is not held */
void sim_alone(sim_engine_t *e, uint32_t r, llmb_status_e how,
    llmb_reason_e reason);

/* sends a call that was sealed */
void sim_send(sim_engine_t *e, uint32_t call);

/* the scheduler answers it 429, as its upstream wants no calls */
void sim_refused(sim_engine_t *e, uint32_t r, const llmb_member_t *m);

/* an answer is there */
void sim_return(sim_engine_t *e, uint32_t batch);

/* rings, if a bell is set */
void sim_post(sim_engine_t *e);

void sim_learned(const sim_engine_t *e, sim_learned_t *learned);


#endif /* _ENGINE_H_INCLUDED_ */
