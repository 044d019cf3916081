
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_alike.h"
#include "llmb_frame.h"


size_t
llmb_frame(const llmb_request_t *rq, uint8_t *frame, llmb_span_t *skip,
    unsigned *nskip)
{
    size_t              pos, size, len;
    unsigned            i, n;
    const llmb_hole_t  *hole;

    n = 0;
    pos = 0;
    size = 0;

    for (i = 0; i < rq->nholes; i++) {
        hole = &rq->holes[i];
        len = hole->start - pos;

        if (frame) {
            memcpy(frame + size, rq->body.data + pos, len);
        }

        size += len;
        pos = hole->end;

        if (hole->type == LLMB_HOLE_DEFAULT) {
            continue;
        }

        if (frame) {
            skip[n].start = size;
            skip[n].end = size + 1;
            frame[size] = '0';
        }

        n++;
        size++;
    }

    len = rq->body.len - pos;

    if (frame) {
        memcpy(frame + size, rq->body.data + pos, len);
        *nskip = n;
    }

    return size + len;
}


unsigned
llmb_frame_is(const llmb_frame_memo_t *memo, const llmb_request_t *rq,
    size_t len)
{
    size_t              pos, at;
    unsigned            i, n;
    const llmb_hole_t  *hole;

    if (memo->len != len) {
        return 0;
    }

    n = 0;
    at = 0;
    pos = 0;

    for (i = 0; i < rq->nholes; i++) {
        hole = &rq->holes[i];

        if (memcmp(memo->frame + at, rq->body.data + pos, hole->start - pos)
            != 0)
        {
            return 0;
        }

        at += hole->start - pos;
        pos = hole->end;

        if (hole->type == LLMB_HOLE_DEFAULT) {
            continue;
        }

        if (n == memo->nskip || memo->skip[n].start != at) {
            return 0;
        }

        n++;
        at++;
    }

    return n == memo->nskip
           && memcmp(memo->frame + at, rq->body.data + pos, len - at) == 0;
}


void
llmb_frame_note(llmb_frame_memo_t *memo, llmb_str_t frame,
    const llmb_span_t *skip, unsigned nskip, llmb_str_t text)
{
    if (frame.len > LLMB_FRAME_LONG || text.len > LLMB_FRAME_LONG) {
        return;
    }

    memo->len = frame.len;
    memo->nskip = nskip;
    memo->text_len = text.len;

    memcpy(memo->skip, skip, nskip * sizeof(llmb_span_t));
    memcpy(memo->frame, frame.data, frame.len);
    memcpy(memo->text, text.data, text.len);
}


llmb_rc_e
llmb_frame_shape(const llmb_request_t *rq, llmb_sink_t *sink)
{
    unsigned   c;
    llmb_rc_e  rc;

    for (c = 0; rq->form->alike && c < rq->ncolumns; c++) {

        if (!rq->columns[c].present) {
            continue;
        }

        rc = llmb_alike_write(rq->columns[c].span, sink);

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    return LLMB_OK;
}
