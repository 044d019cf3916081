
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Servers that ignore "encoding_format" answer arrays of numbers to a client
 * that asked for base64, and SDKs that ask for it unless told otherwise take
 * them for base64 all the same.
 *
 * An answer is held back until its first vector has begun.  If that is a
 * string, all goes on as it came, and nothing was changed; if it is an array,
 * the answer is collected and written anew.  An answer that is not understood,
 * or that there is no room for, goes on as it came.
 */


#include "ngx_http_llm_batch.h"


/* bytes that may come at once beyond llm_batch_max_response */

#define NGX_HTTP_LLM_BATCH_REPAIR_MORE  (16 * 1024 * 1024)


struct ngx_http_llm_batch_repair_s {
    llmb_split_t                 split;
    llmb_rc_e                    rc;         /* of it */
    ngx_http_llm_batch_spool_t  *body;
    size_t                       checked;
    unsigned                     passing:1;
};


static ngx_uint_t ngx_http_llm_batch_repair_is_ours(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_repair_collect(
    ngx_http_llm_batch_repair_t *repair, ngx_buf_t *b);
static void ngx_http_llm_batch_repair_check(
    ngx_http_llm_batch_repair_t *repair, ngx_uint_t last);
static ngx_http_llm_batch_spool_t *ngx_http_llm_batch_repair_write(
    ngx_http_request_t *r, ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_repair_release(ngx_http_request_t *r,
    ngx_uint_t last, ngx_http_llm_batch_spool_t *body, ngx_chain_t *rest,
    ngx_chain_t **out);


ngx_int_t
ngx_http_llm_batch_repair_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx)
{
    void                         *room;
    size_t                        size;
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
    conf.probe = 1;

    size = llmb_split_room(&conf);

    if (ngx_http_llm_batch_memory_count(r->pool, size) != NGX_OK) {
        /* it goes on as it came */
        return NGX_DECLINED;
    }

    repair = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_batch_repair_t));
    room = ngx_palloc(r->pool, size);

    if (repair == NULL || room == NULL) {
        return NGX_ERROR;
    }

    repair->body = ngx_http_llm_batch_spool_create(r->pool, r,
                      ctx->conf->max_response + NGX_HTTP_LLM_BATCH_REPAIR_MORE);
    if (repair->body == NULL) {
        return NGX_ERROR;
    }

    repair->rc = LLMB_AGAIN;

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
    ngx_uint_t                    last, broken;
    ngx_chain_t                  *cl;
    ngx_http_llm_batch_spool_t   *body;
    ngx_http_llm_batch_repair_t  *repair;

    repair = ctx->repair;

    if (repair == NULL || repair->passing || in == NULL) {
        return NGX_DECLINED;
    }

    last = 0;
    broken = 0;

    for (cl = in; cl; cl = cl->next) {

        if (ngx_http_llm_batch_repair_collect(repair, cl->buf) != NGX_OK) {
            repair->rc = LLMB_NOMEM;
            break;
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

    ngx_http_llm_batch_repair_check(repair, last);

    if (repair->rc == LLMB_AGAIN && !broken
        && repair->body->len <= ctx->conf->max_response)
    {
        return NGX_AGAIN;
    }

    repair->passing = 1;

    if (repair->rc == LLMB_OK && repair->split.repaired) {

        body = ngx_http_llm_batch_repair_write(r, ctx);

        if (body) {
            ngx_http_clear_content_length(r);
            ngx_http_clear_accept_ranges(r);
            ngx_http_clear_etag(r);

            r->headers_out.content_length_n = body->len;

            return ngx_http_llm_batch_repair_release(r, last, body, NULL, out);
        }
    }

    return ngx_http_llm_batch_repair_release(r, last, repair->body, cl, out);
}


static ngx_int_t
ngx_http_llm_batch_repair_collect(ngx_http_llm_batch_repair_t *repair,
    ngx_buf_t *b)
{
    if (!ngx_buf_in_memory(b)) {
        return ngx_buf_special(b) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_llm_batch_spool_write(repair->body, b->pos, b->last - b->pos)
        != LLMB_OK)
    {
        return NGX_ERROR;
    }

    b->pos = b->last;

    return NGX_OK;
}


/* what is at hand of the answer, if that is more than before, or the last */

static void
ngx_http_llm_batch_repair_check(ngx_http_llm_batch_repair_t *repair,
    ngx_uint_t last)
{
    u_char  *base;

    if (repair->rc != LLMB_AGAIN
        || (!last && ngx_http_llm_batch_spool_ready(repair->body)
                     == repair->checked))
    {
        return;
    }

    base = ngx_http_llm_batch_spool_base(repair->body);

    if (base == NULL) {
        repair->rc = LLMB_NOMEM;
        return;
    }

    repair->rc = llmb_split_read(&repair->split, base, repair->body->len,
                                 last);
    repair->checked = repair->body->len;

    ngx_http_llm_batch_spool_forget(repair->body);
}


/* NULL after an error */

static ngx_http_llm_batch_spool_t *
ngx_http_llm_batch_repair_write(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx)
{
    u_char                      *base;
    size_t                       size;
    llmb_sink_t                  sink;
    llmb_share_t                 share;
    llmb_split_t                *sp;
    ngx_http_llm_batch_spool_t  *body;

    sp = &ctx->repair->split;
    base = ngx_http_llm_batch_spool_base(ctx->repair->body);

    if (base == NULL) {
        return NULL;
    }

    ngx_memzero(&share, sizeof(llmb_share_t));

    share.items = ctx->body.items;
    share.tokens = ctx->body.tokens;
    share.scalar = ctx->body.scalar;

    llmb_counts_weigh(sp, base, &share, 1);

    size = llmb_split_write_bound(sp, &share);
    body = ngx_http_llm_batch_spool_create(r->pool, r, size);

    if (body == NULL
        || ngx_http_llm_batch_spool_reserve(body, size) != NGX_OK)
    {
        return NULL;
    }

    sink.write = ngx_http_llm_batch_spool_write;
    sink.data = body;

    if (llmb_split_write(sp, base, &share, 1, 0, &sink) != LLMB_OK) {
        return NULL;
    }

    ngx_http_llm_batch_spool_free(ctx->repair->body);

    return body;
}


/*
 * Filters behind ours do not read files, but a file may be mapped.  A text that
 * had no room is partly in memory, and partly still in what nginx gave us.
 */

static ngx_int_t
ngx_http_llm_batch_repair_release(ngx_http_request_t *r, ngx_uint_t last,
    ngx_http_llm_batch_spool_t *body, ngx_chain_t *rest, ngx_chain_t **out)
{
    ngx_buf_t    *b;
    ngx_str_t     piece[2];
    ngx_uint_t    i, end;
    ngx_chain_t  *cl;

    if (ngx_http_llm_batch_spool_pieces(body, piece) != NGX_OK) {
        return ngx_http_filter_finalize_request(r, &ngx_http_llm_batch_module,
                                              NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    for (i = 0; i < 2; i++) {
        end = (i == 1 || piece[1].len == 0);

        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);

        if (b == NULL || cl == NULL) {
            return NGX_ERROR;
        }

        b->start = piece[i].data;
        b->pos = b->start;
        b->last = b->start + piece[i].len;
        b->end = b->last;
        b->memory = (piece[i].len != 0);

        *out = cl;
        out = &cl->next;

        cl->buf = b;
        cl->next = NULL;

        if (end) {
            b->last_buf = (last && rest == NULL);
            b->last_in_chain = b->last_buf;
            b->flush = !b->last_buf;
            cl->next = rest;
            break;
        }
    }

    return NGX_OK;
}
