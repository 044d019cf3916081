
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Which requests may be in one call.
 */


#ifndef _CALL_KEY_H_INCLUDED_
#define _CALL_KEY_H_INCLUDED_


#include "call.h"
#include "llmb_key.h"


/*
 * What two members of a call have in common: the path, the kind of items, of
 * which shape they are, and the canonical text of the frame.
 */

static inline llmb_str_t
call_key(const llmb_request_t *rq)
{
    size_t        size;
    buffer_t      b;
    uint8_t      *memory;
    unsigned      i;
    llmb_sink_t   sink = buffer_sink(&b);
    llmb_span_t   skip[LLMB_REQUEST_MAX_HOLES];
    llmb_arena_t  scratch;

    for (i = 0; i < rq->nholes; i++) {
        skip[i].start = rq->holes[i].start;
        skip[i].end = rq->holes[i].end;
    }

    size = 1024 + 14 * rq->body.len;
    memory = call_alloc(size);

    scratch.pos = memory;
    scratch.end = memory + size;

    (void) buffer_write(&b, rq->path.data, rq->path.len);
    (void) buffer_write(&b, (const uint8_t *) &rq->kind, sizeof(rq->kind));

    if (llmb_request_shape(rq, &sink) != LLMB_OK
        || llmb_key_canonical(rq->body, skip, rq->nholes, scratch, &sink)
           != LLMB_OK)
    {
        abort();
    }

    free(memory);

    return call_text(&b);
}


#endif /* _CALL_KEY_H_INCLUDED_ */
