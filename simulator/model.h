
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What happens when, and an upstream.
 */


#ifndef _MODEL_H_INCLUDED_
#define _MODEL_H_INCLUDED_


#include "sim.h"


typedef enum {
    SIM_ARRIVE = 0,               /* in the order in which a worker looks */
    SIM_RETURN,
    SIM_TIMER,
    SIM_MAIL,
    SIM_WORK                      /* on a request that is cut */
} sim_event_e;


typedef struct {
    uint64_t               at;
    uint64_t               order;
    uint32_t               index;
    sim_event_e            type;
} sim_event_t;


typedef struct {
    sim_event_t           *heap;
    size_t                 n;
    size_t                 room;
    uint64_t               order;
} sim_queue_t;


typedef struct {
    const sim_backend_t   *backend;
    uint64_t               seed;
    uint64_t              *free;        /* when each place is */
    double                 credit;      /* calls within the limit */
    uint64_t               credited;
} sim_server_t;

void sim_queue_push(sim_queue_t *queue, sim_event_e type, uint64_t at,
    uint32_t index);
unsigned sim_queue_pop(sim_queue_t *queue, sim_event_t *event);

void sim_server_start(sim_server_t *server, const sim_backend_t *backend);
/* when the call that is sent now has its whole answer */
uint64_t sim_server_call(sim_server_t *server, uint64_t now, uint32_t kind,
    uint32_t items, uint64_t tokens, unsigned *status);


#endif /* _MODEL_H_INCLUDED_ */
