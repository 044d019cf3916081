
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Servers that ignore "encoding_format" answer arrays of numbers to a client
 * that asked for base64, and SDKs that ask for it unless told otherwise take
 * them for base64 all the same.
 *
 * An answer is held back until its first vector has begun.  If that is a
 * string, all goes on as it came, and nothing was changed; if it is an array,
 * the answer is collected and written anew.  An answer that is not understood
 * goes on as it came.
 */


#include "ngx_http_llm_batch.h"


#define NGX_HTTP_LLM_BATCH_REPAIR_BUFFER  4096


struct ngx_http_llm_batch_repair_s {
    llmb_split_t   split;
    u_char        *body;
    size_t         len;
    size_t         size;
    unsigned       passing:1;
};


static ngx_uint_t ngx_http_llm_batch_repair_is_ours(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_repair_collect(ngx_http_request_t *r,
    ngx_http_llm_batch_repair_t *repair, ngx_buf_t *b);
static ngx_int_t ngx_http_llm_batch_repair_reserve(ngx_http_request_t *r,
    ngx_http_llm_batch_repair_t *repair, size_t size);
static void ngx_http_llm_batch_repair_free(void *data);
static ngx_int_t ngx_http_llm_batch_repair_write(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx, ngx_buf_t *b);
static ngx_int_t ngx_http_llm_batch_repair_release(ngx_http_request_t *r,
    ngx_uint_t last, ngx_buf_t *b, ngx_chain_t **out);


ngx_int_t
ngx_http_llm_batch_repair_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx)
{
    void                         *room;
    llmb_split_conf_t             conf;
    ngx_http_llm_batch_repair_t  *repair;

    if (!ctx->conf->repair_encoding
        || !ctx->body.base64
        || ctx->body.items == 0
        || ctx->body.form == NULL
        || ctx->body.form->vector.len == 0
        || ngx_http_llm_batch_repair_is_ours(r, ctx)
        || r->header_only
        || r->headers_out.status != NGX_HTTP_OK
        || (r->headers_out.content_encoding
            && r->headers_out.content_encoding->value.len))
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&conf, sizeof(llmb_split_conf_t));

    conf.form = ctx->body.form;
    conf.items = ctx->body.items;
    conf.per = ctx->body.per;
    conf.base64 = 1;
    conf.repair = 1;

    repair = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_batch_repair_t));
    room = ngx_palloc(r->pool, llmb_split_room(&conf));

    if (repair == NULL || room == NULL) {
        return NGX_ERROR;
    }

    llmb_split_init(&repair->split, &conf, room);

    ctx->repair = repair;
    r->filter_need_in_memory = 1;

    return NGX_OK;
}


/*
 * Whether the answer is one of our own, which needs no repair; after an
 * internal redirect, by an error page say, it is not.
 */

static ngx_uint_t
ngx_http_llm_batch_repair_is_ours(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx)
{
    return ctx->state == NGX_HTTP_LLM_BATCH_DONE
           && ngx_http_get_module_ctx(r, ngx_http_llm_batch_module) == ctx;
}


ngx_int_t
ngx_http_llm_batch_repair_body(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t **out)
{
    ngx_buf_t                     b;
    llmb_rc_e                     rc;
    ngx_uint_t                    last, broken;
    ngx_chain_t                  *cl;
    ngx_http_llm_batch_repair_t  *repair;

    repair = ctx->repair;

    if (repair == NULL || repair->passing || in == NULL) {
        return NGX_DECLINED;
    }

    last = 0;
    broken = 0;

    for (cl = in; cl; cl = cl->next) {

        if (ngx_http_llm_batch_repair_collect(r, repair, cl->buf) != NGX_OK) {
            return NGX_ERROR;
        }

        last |= cl->buf->last_buf;

        broken |= (cl->buf->flush && ngx_buf_special(cl->buf));
    }

    /*
     * all that nginx says of an upstream that fails in the middle; while its
     * connection is there, it is only a header that is to be sent at once
     */

    broken = broken && (r->upstream == NULL
                        || r->upstream->peer.connection == NULL);

    rc = llmb_split_read(&repair->split, repair->body, repair->len, last);

    if (rc == LLMB_AGAIN && !broken
        && (repair->split.seen == 0 || repair->split.repaired)
        && repair->len <= ctx->conf->max_response)
    {
        return NGX_AGAIN;
    }

    repair->passing = 1;

    if (rc == LLMB_OK && repair->split.repaired
        && ngx_http_llm_batch_repair_write(r, ctx, &b) == NGX_OK)
    {
        ngx_http_clear_content_length(r);
        ngx_http_clear_accept_ranges(r);
        ngx_http_clear_etag(r);

        r->headers_out.content_length_n = b.last - b.pos;

        return ngx_http_llm_batch_repair_release(r, last, &b, out);
    }

    b.pos = repair->body;
    b.last = repair->body + repair->len;

    return ngx_http_llm_batch_repair_release(r, last, &b, out);
}


static ngx_int_t
ngx_http_llm_batch_repair_collect(ngx_http_request_t *r,
    ngx_http_llm_batch_repair_t *repair, ngx_buf_t *b)
{
    size_t  size;

    if (!ngx_buf_in_memory(b)) {
        return ngx_buf_special(b) ? NGX_OK : NGX_ERROR;
    }

    size = b->last - b->pos;

    if (ngx_http_llm_batch_repair_reserve(r, repair, repair->len + size)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(repair->body + repair->len, b->pos, size);
    repair->len += size;

    b->pos = b->last;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_repair_reserve(ngx_http_request_t *r,
    ngx_http_llm_batch_repair_t *repair, size_t size)
{
    u_char              *p;
    ngx_pool_cleanup_t  *cln;

    if (size <= repair->size) {
        return NGX_OK;
    }

    size = ngx_max(size, repair->size * 2);
    size = ngx_max(size, NGX_HTTP_LLM_BATCH_REPAIR_BUFFER);

    if (repair->body == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_llm_batch_repair_free;
        cln->data = repair;
    }

    p = realloc(repair->body, size);

    if (p == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, ngx_errno,
                      "realloc(%uz) failed", size);
        return NGX_ERROR;
    }

    repair->body = p;
    repair->size = size;

    return NGX_OK;
}


static void
ngx_http_llm_batch_repair_free(void *data)
{
    ngx_http_llm_batch_repair_t *repair = data;

    ngx_free(repair->body);
}


static ngx_int_t
ngx_http_llm_batch_repair_write(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx, ngx_buf_t *b)
{
    size_t         size;
    llmb_sink_t    sink;
    llmb_share_t   share;
    llmb_split_t  *sp;

    sp = &ctx->repair->split;

    ngx_memzero(&share, sizeof(llmb_share_t));

    share.items = ctx->body.items;
    share.tokens = ctx->body.tokens;
    share.scalar = ctx->body.scalar;

    llmb_split_weigh(sp, ctx->repair->body, &share, 1);

    size = llmb_split_bound(sp, &share);

    b->pos = ngx_pnalloc(r->pool, size);
    if (b->pos == NULL) {
        return NGX_ERROR;
    }

    b->last = b->pos;
    b->end = b->pos + size;

    sink.write = ngx_http_llm_batch_append;
    sink.data = b;

    if (llmb_split_write(sp, ctx->repair->body, &share, 1, 0, &sink)
        != LLMB_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_repair_release(ngx_http_request_t *r, ngx_uint_t last,
    ngx_buf_t *b, ngx_chain_t **out)
{
    ngx_buf_t    *buf;
    ngx_chain_t  *cl;

    buf = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (buf == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    buf->start = b->pos;
    buf->pos = b->pos;
    buf->last = b->last;
    buf->end = b->last;
    buf->memory = (b->last != b->pos);
    buf->last_buf = last;
    buf->last_in_chain = last;
    buf->flush = !last;

    cl->buf = buf;
    cl->next = NULL;

    *out = cl;

    return NGX_OK;
}
