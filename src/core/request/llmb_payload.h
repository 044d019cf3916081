
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Payloads: what is kept of a request, or of a part of one, until its call is
 * sent.
 */


#ifndef _LLMB_PAYLOAD_H_INCLUDED_
#define _LLMB_PAYLOAD_H_INCLUDED_


#include "llmb_out.h"
#include "llmb_request.h"


#pragma GCC visibility push(hidden)


/*
 * The items of a column in a payload of a request like rq, as they stand in
 * an array; column rq->ncolumns is the echo.
 */
llmb_str_t llmb_payload_column(const llmb_request_t *rq, llmb_str_t payload,
    unsigned column);


/*
 * The same of one column after the other, the echo last, in a payload of any
 * request in this form: takes the next text off *payload and returns 1, or
 * returns 0 after the last.  A text may be empty.
 */
unsigned llmb_payload_next(const llmb_form_t *form, llmb_str_t *payload,
    llmb_str_t *text);

/* whether a payload tells the length of each of its texts */
unsigned llmb_payload_framed(const llmb_request_t *rq);

/* whether the only value of the column is that of each item */
unsigned llmb_payload_repeats(const llmb_request_t *rq, unsigned column);

/* as llmb_payload_column(); *times: how often it is to be written */
llmb_str_t llmb_payload_text(const llmb_request_t *rq, llmb_str_t payload,
    unsigned column, uint32_t *times);

/* what is before a text, where a payload has several */

#define LLMB_PAYLOAD_HEAD   sizeof(uint64_t)

void llmb_payload_head(llmb_out_t *out, size_t len, uint32_t times);


#pragma GCC visibility pop


#endif /* _LLMB_PAYLOAD_H_INCLUDED_ */
