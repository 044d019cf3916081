
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_payload.h"


/*
 * Before a text, in a payload that has several: its length, and above that how
 * often it is meant.
 */

#define LLMB_PAYLOAD_TIMES  32

#define LLMB_PAYLOAD_LEN(head)                                                \
    ((head) & (((uint64_t) 1 << LLMB_PAYLOAD_TIMES) - 1))


llmb_str_t
llmb_payload_column(const llmb_request_t *rq, llmb_str_t payload,
    unsigned column)
{
    uint32_t  times;

    return llmb_payload_text(rq, payload, column, &times);
}


llmb_str_t
llmb_payload_text(const llmb_request_t *rq, llmb_str_t payload,
    unsigned column, uint32_t *times)
{
    uint64_t    head, len;
    unsigned    c;
    llmb_str_t  text;

    text.len = 0;
    text.data = payload.data;
    *times = 1;

    if (!llmb_payload_framed(rq)) {
        return column ? text : payload;
    }

    for (c = 0; payload.len >= LLMB_PAYLOAD_HEAD; c++) {
        memcpy(&head, payload.data, LLMB_PAYLOAD_HEAD);
        len = LLMB_PAYLOAD_LEN(head);

        payload.data += LLMB_PAYLOAD_HEAD;
        payload.len -= LLMB_PAYLOAD_HEAD;

        if (len > payload.len) {
            break;
        }

        if (c == column) {
            text.data = payload.data;
            text.len = (size_t) len;
            *times = (uint32_t) (head >> LLMB_PAYLOAD_TIMES);
            break;
        }

        payload.data += len;
        payload.len -= len;
    }

    return text;
}


unsigned
llmb_payload_next(const llmb_form_t *form, llmb_str_t *payload,
    llmb_str_t *text)
{
    uint64_t  head;
    unsigned  framed;

    framed = (form->echo.len || form->columns[1].kinds);

    *text = *payload;

    if (!framed) {
        payload->len = 0;
        return text->len > 0;
    }

    if (payload->len < LLMB_PAYLOAD_HEAD) {
        return 0;
    }

    memcpy(&head, payload->data, LLMB_PAYLOAD_HEAD);

    text->data = payload->data + LLMB_PAYLOAD_HEAD;
    text->len = (size_t) llmb_min(LLMB_PAYLOAD_LEN(head),
                                  payload->len - LLMB_PAYLOAD_HEAD);

    payload->data = text->data + text->len;
    payload->len -= LLMB_PAYLOAD_HEAD + text->len;

    return 1;
}


unsigned
llmb_payload_framed(const llmb_request_t *rq)
{
    return rq->ncolumns != 1 || rq->form->echo.len;
}


unsigned
llmb_payload_repeats(const llmb_request_t *rq, unsigned column)
{
    return rq->columns[column].present
           && rq->columns[column].items < rq->items;
}


void
llmb_payload_head(llmb_out_t *out, size_t len, uint32_t times)
{
    uint8_t   head[LLMB_PAYLOAD_HEAD];
    uint64_t  n;

    n = len | (uint64_t) times << LLMB_PAYLOAD_TIMES;
    memcpy(head, &n, LLMB_PAYLOAD_HEAD);

    llmb_out_bytes(out, head, LLMB_PAYLOAD_HEAD);
}
