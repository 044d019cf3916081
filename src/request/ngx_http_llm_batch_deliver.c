
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The client's own request sends its answer, so that all of its filters, its
 * log and its variables apply.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_set_states(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_send_answer(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer, ngx_chain_t *body);


void
ngx_http_llm_batch_deliver(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_answer_t *answer, ngx_chain_t *body)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ctx->state = NGX_HTTP_LLM_BATCH_DONE;
    ctx->reason = ctx->result.reason;

    LLMB_CRASH("deliver");

    ngx_http_llm_batch_release(ctx);
    ngx_http_llm_batch_account(ctx);

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;

    if (ngx_http_llm_batch_set_states(r, answer) != NGX_OK
        || ngx_http_llm_batch_set_retry(r, answer) != NGX_OK)
    {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else if (answer->local) {
        rc = answer->status;

    } else {
        rc = ngx_http_llm_batch_send_answer(r, answer, body);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_llm_batch_send_answer(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer, ngx_chain_t *body)
{
    off_t         length;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, **last;

    if (body == NULL && answer->body
        && ngx_http_llm_batch_spool_chain(answer->body, r->pool, &body)
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    length = 0;

    for (last = &body; *last; last = &(*last)->next) {
        length += ngx_buf_size((*last)->buf);
    }

    r->headers_out.status = answer->status;
    r->headers_out.content_length_n = length;

    if (ngx_http_llm_batch_set_headers(r, answer) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (length) {
        /* the last one is the end */
        for (cl = body; cl->next; cl = cl->next) { /* void */ }
        b = cl->buf;

    } else {
        cl->buf = b;
        cl->next = NULL;
        body = cl;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    return ngx_http_output_filter(r, body);
}


/* what $upstream_addr and the like are made of */

static ngx_int_t
ngx_http_llm_batch_set_states(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_str_t                  *peer;
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *src, *dst;

    if (answer->states.nelts == 0) {
        return NGX_OK;
    }

    if (r->upstream_states == NULL) {
        r->upstream_states = ngx_array_create(r->pool, answer->states.nelts,
                                            sizeof(ngx_http_upstream_state_t));
        if (r->upstream_states == NULL) {
            return NGX_ERROR;
        }
    }

    src = answer->states.elts;

    for (i = 0; i < answer->states.nelts; i++) {
        dst = ngx_array_push(r->upstream_states);
        if (dst == NULL) {
            return NGX_ERROR;
        }

        *dst = src[i];
        dst->peer = NULL;

        if (src[i].peer == NULL) {
            continue;
        }

        peer = ngx_palloc(r->pool, sizeof(ngx_str_t));
        if (peer == NULL) {
            return NGX_ERROR;
        }

        peer->len = src[i].peer->len;
        peer->data = ngx_pstrdup(r->pool, src[i].peer);
        if (peer->data == NULL) {
            return NGX_ERROR;
        }

        dst->peer = peer;
    }

    return NGX_OK;
}
