
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Which requests may be in one call.
 */


#ifndef _CALL_KEY_H_INCLUDED_
#define _CALL_KEY_H_INCLUDED_


#include "call.h"
#include "llmb_frame.h"
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
    unsigned      nskip;
    llmb_str_t    frame;
    llmb_sink_t   sink = buffer_sink(&b);
    llmb_span_t   skip[LLMB_REQUEST_MAX_HOLES];
    llmb_arena_t  scratch;

    frame.len = llmb_frame(rq, NULL, NULL, NULL);
    size = 1024 + 14 * frame.len;
    memory = call_alloc(size + frame.len);

    scratch.pos = memory;
    scratch.end = memory + size;

    frame.data = scratch.end;
    (void) llmb_frame(rq, scratch.end, skip, &nskip);

    (void) buffer_write(&b, rq->path.data, rq->path.len);
    (void) buffer_write(&b, (const uint8_t *) &rq->kind, sizeof(rq->kind));

    if (llmb_frame_shape(rq, &sink) != LLMB_OK
        || llmb_key_canonical(frame, skip, nskip, scratch, &sink) != LLMB_OK)
    {
        abort();
    }

    free(memory);

    return call_text(&b);
}


#endif /* _CALL_KEY_H_INCLUDED_ */
