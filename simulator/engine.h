
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files share that know the scheduler: engine.c has the workers,
 * hold.c what is held, cut.c requests that are cut, flight.c what is under
 * way.
 */


#ifndef _ENGINE_H_INCLUDED_
#define _ENGINE_H_INCLUDED_


#include "llmb_piece.h"
#include "llmb_sched.h"
#include "model.h"


/* the clock of the core does not start at 0; ms */

#define SIM_EPOCH      1000000

/* as in the module: bytes of a call, parts of a request under way */

#define SIM_MAX_CALL   (16 * 1024 * 1024)
#define SIM_WINDOW     8


/* what is kept of a batch while it is under way */

typedef struct {
    uint32_t                call;       /* SIM_NIL: of a request that was not
                                           held */
    uint32_t                inflight;   /* calls to its upstream then */
} sim_flight_t;


/* a server with nginx, of one worker, with a zone of its own */

typedef struct {
    llmb_zone_t            *zone;       /* NULL: nothing came yet */
    unsigned                posted;     /* mail will be looked at */
    uint32_t               *part;       /* of each member */
} sim_node_t;


/* a request that is held, or a piece of one that was cut */

typedef struct {
    uint32_t                request;
    uint32_t                node;
    uint32_t                items;
    uint64_t                tokens;
    uint64_t                bytes;
    uint32_t                member;     /* SIM_NIL: it is none any more */
    uint64_t                timer;
} sim_part_t;


/* a request that is cut; its body has as many items, and tokens, as it has */

typedef struct {
    uint32_t                node;
    char                   *text;
    llmb_request_t          body;
    llmb_cutter_t           cutter;
    uint64_t                unit;       /* tokens that one in the body is */
    uint32_t                left;       /* items without an answer */
    uint32_t                nlive;
    uint32_t                live[SIM_WINDOW];     /* parts */
} sim_cut_t;


typedef struct {
    sim_run_t              *run;
    const sim_trace_t      *trace;
    const sim_settings_t   *settings;
    sim_queue_t             queue;
    sim_server_t            server;
    uint64_t                now;
    uint32_t                next;       /* request to come */
    uint32_t                left;       /* requests without an answer */
    uint32_t                coming;     /* arrivals in the queue */

    uint64_t                end;        /* no client asks after that */
    uint64_t               *seeds;      /* of each client */

    sim_node_t             *nodes;
    const sim_node_t       *last;       /* that made the last call, of this */
    uint32_t                group;      /* group; LLMB_NIL: there was none */

    sim_cut_t             **cuts;       /* of each request, or NULL */
    sim_part_t             *parts;
    uint32_t                nparts;
    uint32_t                parts_room;
    sim_flight_t           *flight;     /* of each batch */
} sim_engine_t;


/* engine.c: the clocks of the scheduler: ms, and us */
uint64_t sim_clock(const sim_engine_t *e);
uint64_t sim_clock_us(const sim_engine_t *e);

/* rings, if a bell is set */
void sim_post(sim_engine_t *e, uint32_t node);

/* looks again at the time at which a part has to be looked at */
void sim_set_timer(sim_engine_t *e, uint32_t part);

/* a request has its answer; its client may ask again */
void sim_serve(sim_engine_t *e, uint32_t r, unsigned status);


/* hold.c: holds a request, if it returns LLMB_REASON_NONE */
llmb_reason_e sim_hold(sim_engine_t *e, uint32_t node, uint32_t r);

/* which of the nodes a request comes to */
uint32_t sim_node(const sim_engine_t *e, uint32_t r);

/* these items of a request, from "first" on, are held as one member */
llmb_reason_e sim_join(sim_engine_t *e, uint32_t node, uint32_t group,
    uint32_t r, uint32_t first, uint32_t items);

/* of a sum, what the first n of so many have */
uint64_t sim_share_of(uint64_t sum, uint32_t n, uint32_t of);

/* the group of a request; LLMB_NIL if there is no room for it */
uint32_t sim_group(sim_engine_t *e, uint32_t node, uint32_t r);


/* cut.c: holds a request of more than a call may have */
llmb_reason_e sim_cut(sim_engine_t *e, uint32_t node, uint32_t r,
    const llmb_policy_t *policy);

/* a part has an answer, or what is said in place of one */
void sim_answered(sim_engine_t *e, uint32_t part, unsigned status);

/* makes parts of what is left, as many as may be under way */
void sim_fill(sim_engine_t *e, uint32_t r);


/* flight.c: sends a request that is not held */
void sim_alone(sim_engine_t *e, uint32_t r, llmb_status_e how,
    llmb_reason_e reason);

/* sends a call that was sealed */
void sim_send(sim_engine_t *e, uint32_t node, uint32_t call);

/* the scheduler answers it 429, as its upstream wants no calls */
void sim_refused(sim_engine_t *e, uint32_t part, const llmb_member_t *m);

/* the member of a part leaves, if it is still there */
void sim_leave(sim_engine_t *e, uint32_t part);

/* an answer is there */
void sim_return(sim_engine_t *e, uint32_t batch);

void sim_learned(const sim_engine_t *e, sim_learned_t *learned);


#endif /* _ENGINE_H_INCLUDED_ */
