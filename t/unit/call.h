
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A call as the module makes it: clients' bodies in, the merged body out;
 * the answer in, the clients' answers out.
 */


#ifndef _CALL_H_INCLUDED_
#define _CALL_H_INCLUDED_


#include "buffer.h"
#include "llmb_counts.h"
#include "llmb_merge.h"
#include "llmb_payload.h"
#include "llmb_piece.h"
#include "llmb_request.h"
#include "llmb_split.h"
#include "llmb_split_write.h"


#ifndef CALL_MAX_MEMBERS
#define CALL_MAX_MEMBERS  2048
#endif


static const llmb_secret_t  call_secret = {
    { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3 }
};


typedef struct {
    const llmb_adapter_t  *adapter;
    unsigned               dedup:1;       /* equal items are sent once */
    unsigned               repair:1;      /* vectors as clients want them */
    unsigned               token_ids:1;   /* the call asks for them */

    uint32_t               members;
    uint32_t               items;         /* of the members */
    llmb_request_t         rq[CALL_MAX_MEMBERS];
    llmb_share_t           own[CALL_MAX_MEMBERS];    /* not weighed yet */
    llmb_str_t             payloads[CALL_MAX_MEMBERS];

    llmb_merge_t           merge;         /* set by call_prepare() */
    llmb_item_t           *unique;
    llmb_share_t           shares[CALL_MAX_MEMBERS];
    llmb_split_t           split;
    void                  *room;
} call_t;


static inline llmb_str_t
text_of(const char *s)
{
    llmb_str_t  text;

    text.len = strlen(s);
    text.data = (const uint8_t *) s;

    return text;
}


/* memory, or there is no test */

static inline void *
call_alloc(size_t size)
{
    void  *p = calloc(1, size ? size : 1);

    if (p == NULL) {
        abort();
    }

    return p;
}


/* a copy that ends where its memory does; the text is freed */

static inline llmb_str_t
call_text(buffer_t *b)
{
    llmb_str_t   text;
    uint8_t     *copy = call_alloc(b->len);

    if (b->len) {
        memcpy(copy, b->data, b->len);
    }

    text.len = b->len;
    text.data = copy;

    free(b->data);

    return text;
}


static inline call_t *
call_create(const llmb_adapter_t *adapter)
{
    call_t  *call = call_alloc(sizeof(call_t));

    call->adapter = adapter;

    return call;
}


static inline void
call_destroy(call_t *call)
{
    uint32_t  k;

    for (k = 0; k < call->members; k++) {
        free((void *) call->payloads[k].data);
    }

    free(call->unique);
    free(call->room);
    free(call);
}


/* a part of a request, or all of it, becomes a member; or the sink's error */

static inline llmb_rc_e
call_add_piece(call_t *call, const llmb_request_t *rq,
    const llmb_piece_t *piece)
{
    buffer_t       b;
    llmb_rc_e      rc;
    llmb_sink_t    sink = buffer_sink(&b);
    llmb_share_t  *share = &call->own[call->members];

    if (call->members == CALL_MAX_MEMBERS) {
        abort();
    }

    rc = llmb_piece_pack(rq, piece, &sink);

    if (rc != LLMB_OK || b.len != piece->size) {
        abort();
    }

    call->payloads[call->members] = call_text(&b);
    call->rq[call->members] = *rq;

    share->first = call->items;
    share->items = piece->items;
    share->tokens = piece->tokens;
    share->top = rq->top;
    share->scalar = rq->scalar;
    share->part = (piece->items != rq->items);
    share->echo = rq->echo;

    call->items += piece->items;
    call->members++;

    return LLMB_OK;
}


/* LLMB_OK, or *reason tells why the body is not for a call */

static inline llmb_rc_e
call_add(call_t *call, llmb_str_t path, llmb_str_t body,
    llmb_reason_e *reason)
{
    llmb_rc_e       rc;
    llmb_piece_t    piece;
    llmb_request_t  rq;

    rc = llmb_request_read(&rq, call->adapter, path, body, reason);

    if (rc != LLMB_OK) {
        return rc;
    }

    llmb_request_count(&rq);
    llmb_piece_all(&rq, &piece);

    return call_add_piece(call, &rq, &piece);
}


/* finds out what is to be sent; to be called when all members are there */

static inline void
call_prepare(call_t *call)
{
    uint32_t       n, size, *table;
    llmb_merge_t  *merge = &call->merge;

    if (merge->members == call->members) {
        return;
    }

    memset(merge, 0, sizeof(llmb_merge_t));

    merge->payloads = call->payloads;
    merge->members = call->members;
    merge->items = call->items;
    merge->token_ids = call->token_ids && !call->rq[0].token_ids;

    if (!call->dedup) {
        return;
    }

    n = call->items;

    for (size = 2; size < 2 * n; size *= 2) { /* void */ }

    free(call->unique);

    call->unique = call_alloc(n * sizeof(llmb_item_t));
    table = call_alloc(size * sizeof(uint32_t));

    merge->items = llmb_merge_dedup(&call->rq[0], &call_secret,
                                    call->payloads, call->members,
                                    call->unique, n, table, size);
    merge->unique = call->unique;
    merge->n = n;

    free(table);
}


static inline llmb_rc_e
call_merge(call_t *call, llmb_sink_t *out)
{
    call_prepare(call);

    return llmb_merge_write(&call->rq[0], &call->merge, out);
}


#include "call_answer.h"


#endif /* _CALL_H_INCLUDED_ */
