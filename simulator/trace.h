
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files that read traces share.
 */


#ifndef _TRACE_H_INCLUDED_
#define _TRACE_H_INCLUDED_


#include <jansson.h>

#include "sim.h"


/* where a request was found, for messages */

typedef struct {
    const char   *file;
    unsigned      line;
    json_t       *ids;            /* known ones, with their lines */
} sim_place_t;


/* a text without a time of its own */
void sim_field_text(sim_request_t *request, sim_place_t *place,
    const json_t *text);

/* an object of a list of requests */
void sim_field_request(sim_request_t *request, sim_place_t *place,
    json_t *object);

/* a line of a log; 0 if it is not about us */
unsigned sim_field_log(sim_request_t *request, sim_place_t *place,
    json_t *object);


#endif /* _TRACE_H_INCLUDED_ */
