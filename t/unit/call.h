
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A call as the module makes it: clients' bodies in, the merged body out;
 * the answer in, the clients' answers out.
 */


#ifndef _CALL_H_INCLUDED_
#define _CALL_H_INCLUDED_


#include "buffer.h"
#include "llmb_request.h"
#include "llmb_split.h"


#ifndef CALL_MAX_MEMBERS
#define CALL_MAX_MEMBERS  2048
#endif


/* a share that has not been weighed yet */

#define SHARE(f, i, t)  { .first = (f), .items = (i), .tokens = (t) }


typedef struct {
    const llmb_adapter_t  *adapter;
    uint32_t               members;
    uint32_t               items;
    llmb_request_t         rq[CALL_MAX_MEMBERS];
    llmb_share_t           shares[CALL_MAX_MEMBERS];

    llmb_split_t           split;
    llmb_elem_t           *elems;
} call_t;


static inline llmb_str_t
text_of(const char *s)
{
    llmb_str_t  text;

    text.len = strlen(s);
    text.data = (const uint8_t *) s;

    return text;
}


static inline call_t *
call_create(const llmb_adapter_t *adapter)
{
    call_t  *call = calloc(1, sizeof(call_t));

    if (call == NULL) {
        abort();
    }

    call->adapter = adapter;

    return call;
}


static inline void
call_destroy(call_t *call)
{
    free(call->elems);
    free(call);
}


/* LLMB_OK, or *reason tells why the body is not for a call */

static inline llmb_rc_e
call_add(call_t *call, llmb_str_t body, llmb_reason_e *reason)
{
    llmb_rc_e        rc;
    llmb_share_t    *share = &call->shares[call->members];
    llmb_request_t  *rq = &call->rq[call->members];

    rc = llmb_request_read(rq, call->adapter, body, reason);

    if (rc == LLMB_OK) {
        share->first = call->items;
        share->items = rq->items;
        share->tokens = rq->tokens;

        call->items += rq->items;
        call->members++;
    }

    return rc;
}


static inline llmb_rc_e
call_copy(void *data, uint32_t member, llmb_sink_t *out)
{
    call_t  *call = data;

    return out->write(out->data, call->rq[member].span.data,
                      call->rq[member].span.len);
}


static inline llmb_rc_e
call_merge(call_t *call, llmb_sink_t *out)
{
    llmb_source_t  source;

    source.copy = call_copy;
    source.data = call;

    return llmb_request_merge(&call->rq[0], call->members, &source, out);
}


static inline void
call_start(call_t *call)
{
    free(call->elems);

    call->elems = malloc(call->items * sizeof(llmb_elem_t));

    if (call->elems == NULL) {
        abort();
    }

    llmb_usage_weigh(call->shares, call->members);
    llmb_split_init(&call->split, call->adapter, call->elems, call->items);
}


static inline llmb_rc_e
call_read(call_t *call, llmb_str_t answer)
{
    call_start(call);

    return llmb_split_read(&call->split, answer.data, answer.len, 1);
}


static inline llmb_rc_e
call_write(call_t *call, llmb_str_t answer, uint32_t k, llmb_sink_t *out)
{
    return llmb_split_write(&call->split, answer.data, call->shares,
                            call->members, k, out);
}


#endif /* _CALL_H_INCLUDED_ */
