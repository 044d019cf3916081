
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The upstream: so many calls at a time, the others wait in the order in
 * which they came.  Whom it refuses it answers at once.
 */


#include <math.h>
#include <string.h>

#include "model.h"


/* us until a 429 is back */

#define SIM_REFUSAL  1000


static unsigned sim_server_refuses(sim_server_t *server, uint64_t now);


void
sim_server_start(sim_server_t *server, const sim_backend_t *backend)
{
    memset(server, 0, sizeof(sim_server_t));

    server->backend = backend;
    /* not the numbers that made the trace */
    server->seed = ~backend->seed;
    server->credit = fmax(backend->limit, 1);

    server->free = sim_realloc(NULL, backend->parallel, sizeof(uint64_t));
    memset(server->free, 0, backend->parallel * sizeof(uint64_t));
}


uint64_t
sim_server_call(sim_server_t *server, uint64_t now, uint32_t kind,
    uint32_t items, uint64_t tokens, unsigned *status)
{
    double                took;
    uint32_t              i;
    uint64_t             *place;
    const sim_cost_t     *cost;
    const sim_backend_t  *backend;

    backend = server->backend;

    if (sim_server_refuses(server, now)) {
        *status = 429;
        return now + SIM_REFUSAL;
    }

    *status = 200;

    cost = sim_cost_of(backend, kind);
    took = cost->fixed + cost->each * items + cost->token * (double) tokens;

    if (backend->jitter > 0) {
        took *= 1 + backend->jitter * (2 * sim_uniform(&server->seed) - 1);
    }

    if (backend->parallel == 0) {
        return now + (uint64_t) llround(took);
    }

    place = &server->free[0];

    for (i = 1; i < backend->parallel && *place > now; i++) {
        if (server->free[i] < *place) {
            place = &server->free[i];
        }
    }

    *place = llmb_max(*place, now) + (uint64_t) llround(took);

    return *place;
}


static unsigned
sim_server_refuses(sim_server_t *server, uint64_t now)
{
    const sim_backend_t  *backend;

    backend = server->backend;

    if (backend->limit > 0) {
        server->credit += backend->limit
                          * (double) (now - server->credited) / 1e6;
        server->credit = fmin(server->credit, fmax(backend->limit, 1));
        server->credited = now;

        if (server->credit < 1) {
            return 1;
        }

        server->credit -= 1;
    }

    return backend->reject > 0
           && sim_uniform(&server->seed) < backend->reject;
}
