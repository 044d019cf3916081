
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a request body says: is it one that may be batched, and where are the
 * items in it.
 */


#ifndef _LLMB_REQUEST_H_INCLUDED_
#define _LLMB_REQUEST_H_INCLUDED_


#include "llmb_adapter.h"
#include "llmb_json.h"
#include "llmb_reasons.h"


#pragma GCC visibility push(hidden)


#define LLMB_REQUEST_MAX_MEMBERS  64


typedef struct {
    const llmb_adapter_t  *adapter;
    llmb_str_t             body;

    llmb_str_t             model;     /* JSON string, quotes included, or
                                         empty; points into the body */
    llmb_kind_e            kind;
    uint32_t               items;
    uint64_t               tokens;    /* of all items; exact for
                                         LLMB_KIND_TOKENS, else estimated */
    unsigned               scalar:1;  /* the client sent a bare item */

    /* the value of the input member, as offsets in the body */
    size_t                 value_start;
    size_t                 value_end;

    /* its items, as they stand in an array, without the brackets and the
       white space around */
    llmb_str_t             span;
} llmb_request_t;


/*
 * Reads a body.  The adapter may be NULL: then only the model is found out
 * and *reason is LLMB_REASON_ADAPTER.
 *
 * Names of members are compared decoded: "\u006dodel" is the model.  The
 * number of items is not held against adapter->max_items here.
 *
 *   LLMB_OK        rq is complete; it points into the body
 *   LLMB_DECLINED  *reason tells why the request has to go alone: JSON
 *                  (malformed, not an object, too deep, too many members),
 *                  DUPLICATE_KEY (two top-level members of one decoded name),
 *                  STREAM ("stream" is anything but false or null), ITEM (the
 *                  input member is missing, empty, holds an empty string,
 *                  mixes kinds or is of the wrong type), ADAPTER (refused by
 *                  the format); the first in the order of the body, but
                  JSON before all; rq->model is set wherever it could be
                  read, and empty if there are two; nothing else is of use
 */
llmb_rc_e llmb_request_read(llmb_request_t *rq, const llmb_adapter_t *adapter,
    llmb_str_t body, llmb_reason_e *reason);


/*
 * Copies the items of the given member of a call, its span, to the sink, and
 * returns what the sink returned.
 */

typedef struct {
    llmb_rc_e            (*copy)(void *data, uint32_t member,
                               llmb_sink_t *out);
    void                  *data;
} llmb_source_t;


/*
 * Writes the body of a call: the body of rq, which lends everything but the
 * items, with the spans of all members, in order, in one array.  Returns what
 * the sink returned, and writes nothing after an error.
 */
llmb_rc_e llmb_request_merge(const llmb_request_t *rq, uint32_t members,
    llmb_source_t *items, llmb_sink_t *out);


#pragma GCC visibility pop


#endif /* _LLMB_REQUEST_H_INCLUDED_ */
