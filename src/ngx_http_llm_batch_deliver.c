
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
    ngx_http_llm_batch_answer_t *answer);
static llmb_rc_e ngx_http_llm_batch_fetch_write(void *data, const uint8_t *p,
    size_t len);


void
ngx_http_llm_batch_deliver(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_answer_t *answer)
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
        rc = ngx_http_llm_batch_send_answer(r, answer);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_llm_batch_deliver_part(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer)
{
    if (part->ctx->cut) {
        ngx_http_llm_batch_part_done(part, answer);
        return;
    }

    part->ctx->result = part->result;

    ngx_http_llm_batch_deliver(part->ctx, answer);
}


static ngx_int_t
ngx_http_llm_batch_send_answer(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->headers_out.status = answer->status;
    r->headers_out.content_length_n = answer->body.len;

    if (ngx_http_llm_batch_set_headers(r, answer) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (answer->body.len) {
        b->start = answer->body.data;
        b->pos = answer->body.data;
        b->last = answer->body.data + answer->body.len;
        b->end = b->last;
        b->temporary = 1;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
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


void
ngx_http_llm_batch_fetch(ngx_http_llm_batch_part_t *part)
{
    u_char                       *p;
    uint32_t                      chunks;
    ngx_str_t                     data;
    llmb_sink_t                   sink;
    llmb_member_t                *m;
    ngx_http_request_t           *r;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_answer_t   answer;

    if (part == NULL) {
        return;
    }

    r = part->ctx->request;
    zone = part->ctx->zone;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != part->epoch) {
        /* it is among the lost ones */
        ngx_http_llm_batch_unlock(zone);
        return;
    }

    m = llmb_member(zone->tables, part->member);

    part->result = m->result;
    chunks = m->text.first;
    data.len = m->len;

    ngx_http_llm_batch_unlock(zone);

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    data.data = ngx_pnalloc(r->pool, data.len);

    if (data.data == NULL) {
        goto failed;
    }

    p = data.data;

    sink.write = ngx_http_llm_batch_fetch_write;
    sink.data = &p;

    /* until this worker takes the lock again, nobody reuses the chunks */

    if (llmb_chunks_read(zone->tables, chunks, data.len, &sink) != LLMB_OK) {
        goto failed;
    }

    ngx_memory_barrier();

    if (zone->tables->epoch != part->epoch
        || ngx_http_llm_batch_answer_read(r->pool, &data, &answer) != NGX_OK)
    {
        goto failed;
    }

    ngx_http_llm_batch_lock(zone);
    ngx_http_llm_batch_leave(part);
    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_deliver_part(part, &answer);

    return;

failed:

    ngx_http_llm_batch_lost_member(part);
}


static llmb_rc_e
ngx_http_llm_batch_fetch_write(void *data, const uint8_t *p, size_t len)
{
    u_char  **pos = data;

    *pos = ngx_cpymem(*pos, p, len);

    return LLMB_OK;
}
