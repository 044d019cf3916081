
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The client's own request sends its answer, so that all of its filters, its
 * log and its variables apply.
 */


#include "ngx_http_llm_batch.h"


/* an answer on its way out of the zone */

typedef struct {
    ngx_pool_t                  *pool;
    u_char                      *head;
    size_t                       size;       /* of it */
    size_t                       have;
    ngx_http_llm_batch_spool_t  *body;
} ngx_http_llm_batch_fetch_t;


static ngx_int_t ngx_http_llm_batch_set_states(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_send_answer(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer, ngx_chain_t *body);
static llmb_rc_e ngx_http_llm_batch_fetch_write(void *data, const uint8_t *p,
    size_t len);


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


void
ngx_http_llm_batch_deliver_part(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer)
{
    if (part->ctx->cut) {
        ngx_http_llm_batch_part_done(part, answer);
        return;
    }

    part->ctx->result = part->result;

    ngx_http_llm_batch_deliver(part->ctx, answer, NULL);
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


void
ngx_http_llm_batch_fetch(ngx_http_llm_batch_part_t *part)
{
    size_t                        len;
    uint32_t                      chunks;
    ngx_str_t                     head;
    llmb_sink_t                   sink;
    llmb_member_t                *m;
    ngx_http_request_t           *r;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_fetch_t    fetch;
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
    len = m->len;

    ngx_http_llm_batch_unlock(zone);

    ngx_memzero(&fetch, sizeof(ngx_http_llm_batch_fetch_t));

    fetch.pool = part->ctx->cut ? ngx_http_llm_batch_part_pool(part) : r->pool;
    fetch.body = ngx_http_llm_batch_spool_create(r->pool, r, len);

    if (fetch.pool == NULL || fetch.body == NULL
        || ngx_http_llm_batch_spool_reserve(fetch.body, len) != NGX_OK)
    {
        goto failed;
    }

    sink.write = ngx_http_llm_batch_fetch_write;
    sink.data = &fetch;

    /* until this worker takes the lock again, nobody reuses the chunks */

    if (llmb_chunks_read(zone->tables, chunks, len, &sink) != LLMB_OK) {
        goto failed;
    }

    ngx_memory_barrier();

    head.data = fetch.head;
    head.len = fetch.have;

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    if (zone->tables->epoch != part->epoch
        || fetch.head == NULL
        || ngx_http_llm_batch_answer_read(fetch.pool, &head, &answer) != NGX_OK)
    {
        goto failed;
    }

    answer.body = fetch.body;

    ngx_http_llm_batch_lock(zone);
    ngx_http_llm_batch_leave(part);
    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_deliver_part(part, &answer);

    return;

failed:

    ngx_http_llm_batch_lost_member(part);
}


/* the head in one piece, of which the first bytes tell the size; the body */

static llmb_rc_e
ngx_http_llm_batch_fetch_write(void *data, const uint8_t *p, size_t len)
{
    ngx_http_llm_batch_fetch_t *fetch = data;

    size_t  n;

    if (fetch->head == NULL) {

        if (len < NGX_HTTP_LLM_BATCH_ANSWER_BEGIN) {
            return LLMB_INVALID;
        }

        fetch->size = ngx_http_llm_batch_answer_begin((u_char *) p);

        if (fetch->size > fetch->body->limit) {
            return LLMB_INVALID;
        }

        fetch->head = ngx_pnalloc(fetch->pool, fetch->size);
        if (fetch->head == NULL) {
            return LLMB_NOMEM;
        }
    }

    n = ngx_min(len, fetch->size - fetch->have);

    ngx_memcpy(fetch->head + fetch->have, p, n);
    fetch->have += n;

    return n == len ? LLMB_OK
                    : ngx_http_llm_batch_spool_write(fetch->body, p + n,
                                                     len - n);
}
