
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The entry of a request: guards, its body, and the way of those that are not
 * batched.
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    ngx_table_elt_t  *content_encoding;
    ngx_table_elt_t  *idempotency_key;
    ngx_uint_t        advice;     /* there is an "X-LLM-..." */
} ngx_http_llm_batch_headers_t;


static ngx_uint_t ngx_http_llm_batch_is_decided(
    ngx_http_llm_batch_ctx_t *ctx);
static llmb_reason_e ngx_http_llm_batch_check_headers(
    ngx_http_llm_batch_ctx_t *ctx, ngx_uint_t *body);
static ngx_uint_t ngx_http_llm_batch_is_json(ngx_str_t *type);
static ngx_uint_t ngx_http_llm_batch_expects_json(
    ngx_http_llm_batch_ctx_t *ctx);
static void ngx_http_llm_batch_find_headers(ngx_http_request_t *r,
    ngx_http_llm_batch_headers_t *headers);
static void ngx_http_llm_batch_body_handler(ngx_http_request_t *r);
static llmb_reason_e ngx_http_llm_batch_inspect(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_get_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_llm_batch_strip_body(ngx_http_request_t *r,
    ngx_array_t *names, ngx_str_t *body);
static llmb_reason_e ngx_http_llm_batch_read(ngx_http_llm_batch_ctx_t *ctx,
    ngx_str_t *body);
static ngx_int_t ngx_http_llm_batch_set_names(ngx_http_llm_batch_ctx_t *ctx);
static llmb_reason_e ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx);
static void ngx_http_llm_batch_cleanup(void *data);


ngx_int_t
ngx_http_llm_batch_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_uint_t                      body;
    ngx_http_llm_batch_ctx_t       *ctx;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_llm_batch_module);

    /* our own calls are subrequests, too, and go on to the upstream here */

    if (conf->zone == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_batch_module);

    if (ctx) {
        return ctx->state >= NGX_HTTP_LLM_BATCH_ALONE ? NGX_DECLINED
                                                      : NGX_DONE;
    }

    ctx = ngx_http_llm_batch_get_ctx(r);

    if (ctx && ngx_http_llm_batch_is_decided(ctx)) {
        ngx_http_set_ctx(r, ctx, ngx_http_llm_batch_module);
        return NGX_DECLINED;
    }

    ctx = ngx_http_llm_batch_create_ctx(r, conf, ngx_http_llm_batch_cleanup);
    if (ctx == NULL) {
        /* it does not need us */
        return NGX_DECLINED;
    }

    if (r->method == NGX_HTTP_POST) {
        ctx->generate = llmb_generate_find(ngx_http_llm_batch_str(&r->uri));
    }

    ctx->reason = ngx_http_llm_batch_check_headers(ctx, &body);

    if (!body) {
        ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
        ngx_http_llm_batch_account(ctx);
        return NGX_DECLINED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_llm_batch_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


/*
 * Whether a request that an internal redirect has brought here has its status
 * already: it was held, or nginx has made it a GET since, as it does for the
 * file of an X-Accel-Redirect or the page of an error.
 */

static ngx_uint_t
ngx_http_llm_batch_is_decided(ngx_http_llm_batch_ctx_t *ctx)
{
    return ctx->state >= NGX_HTTP_LLM_BATCH_ALONE
           && (ctx->result.status != LLMB_STATUS_BYPASS
               || ctx->request->method != NGX_HTTP_POST);
}


/*
 * What the headers tell.  *body is 0 if the body cannot matter any more;
 * otherwise it is read even for a request that is not batched, since its
 * model may decide where it goes.
 */

static llmb_reason_e
ngx_http_llm_batch_check_headers(ngx_http_llm_batch_ctx_t *ctx,
    ngx_uint_t *body)
{
    ngx_http_request_t            *r;
    ngx_http_llm_batch_headers_t   headers;

    r = ctx->request;
    *body = 0;

    if (r->method != NGX_HTTP_POST) {
        return LLMB_REASON_METHOD;
    }

    /* where only JSON is expected, nothing else is meant */

    if (r->headers_in.content_type
        ? !ngx_http_llm_batch_is_json(&r->headers_in.content_type->value)
        : !ngx_http_llm_batch_expects_json(ctx))
    {
        return LLMB_REASON_CONTENT_TYPE;
    }

    ngx_http_llm_batch_find_headers(r, &headers);

    ctx->unadvised = !headers.advice;

    if (headers.content_encoding
        && !ngx_http_llm_batch_is_identity(&headers.content_encoding->value))
    {
        return LLMB_REASON_ENCODING;
    }

    if (r->headers_in.content_length_n > (off_t) ctx->conf->max_body) {
        return LLMB_REASON_BODY_SIZE;
    }

    *body = 1;

    if (headers.idempotency_key) {
        return LLMB_REASON_IDEMPOTENCY;
    }

    return LLMB_REASON_NONE;
}


/* application/json or application/...+json, parameters aside */

static ngx_uint_t
ngx_http_llm_batch_is_json(ngx_str_t *type)
{
    size_t   len;
    u_char  *p;

    p = ngx_strlchr(type->data, type->data + type->len, ';');
    len = p ? (size_t) (p - type->data) : type->len;

    while (len && (type->data[len - 1] == ' ' || type->data[len - 1] == '\t'))
    {
        len--;
    }

    if (len == 16) {
        return ngx_memcmp(type->data, "application/json", 16) == 0
               || ngx_strncasecmp(type->data, (u_char *) "application/json",
                                  16)
                  == 0;
    }

    return len > 17
           && ngx_strncasecmp(type->data, (u_char *) "application/", 12) == 0
           && ngx_strncasecmp(type->data + len - 5, (u_char *) "+json", 5)
              == 0;
}


static ngx_uint_t
ngx_http_llm_batch_expects_json(ngx_http_llm_batch_ctx_t *ctx)
{
    const llmb_adapter_t  *adapter;

    adapter = ngx_http_llm_batch_find_adapter(ctx->request, ctx->conf);

    return adapter
           && llmb_adapter_is_told(adapter,
                                   ngx_http_llm_batch_str(&ctx->request->uri));
}


/* of several headers of one name the first */

static void
ngx_http_llm_batch_find_headers(ngx_http_request_t *r,
    ngx_http_llm_batch_headers_t *headers)
{
    ngx_table_elt_t            *h;
    ngx_http_llm_batch_walk_t   walk;

    ngx_memzero(headers, sizeof(ngx_http_llm_batch_headers_t));

    ngx_http_llm_batch_begin_headers(&walk, &r->headers_in.headers);

    while ((h = ngx_http_llm_batch_next_header(&walk)) != NULL) {

        if (ngx_http_llm_batch_is_advice(h)) {
            headers->advice = 1;

        } else if (headers->content_encoding == NULL
            && ngx_http_llm_batch_is_header(h, "Content-Encoding"))
        {
            headers->content_encoding = h;

        } else if (headers->idempotency_key == NULL
                   && ngx_http_llm_batch_is_header(h, "Idempotency-Key"))
        {
            headers->idempotency_key = h;
        }
    }
}


static void
ngx_http_llm_batch_body_handler(ngx_http_request_t *r)
{
    llmb_reason_e              reason;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_batch_module);

    reason = ngx_http_llm_batch_see_variables(ctx) == NGX_OK
             ? ngx_http_llm_batch_inspect(ctx) : LLMB_REASON_INTERNAL;

    if (ctx->reason == LLMB_REASON_NONE) {
        ctx->reason = reason;
    }

    if (ctx->reason == LLMB_REASON_NONE && ctx->conf->dry_run) {
        ctx->reason = ngx_http_llm_batch_dry_enter(ctx);

        if (ctx->reason == LLMB_REASON_NONE) {
            ctx->result.status = LLMB_STATUS_DRYRUN;
        }

    } else if (ctx->reason == LLMB_REASON_NONE) {
        ctx->reason = ngx_http_llm_batch_hold(ctx);

        if (ctx->reason == LLMB_REASON_NONE) {
            return;
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "llm batch bypass: \"%*s\"",
                   llmb_reason_names[ctx->reason].len,
                   llmb_reason_names[ctx->reason].data);

    if (ctx->readable) {
        ngx_http_llm_batch_find_label(ctx, ctx->zone->pool);
    }

    ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
    ngx_http_llm_batch_account(ctx);

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/* what the body tells */

static llmb_reason_e
ngx_http_llm_batch_inspect(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_str_t                       body;
    llmb_reason_e                   reason;
    ngx_http_request_t             *r;
    ngx_http_llm_batch_loc_conf_t  *conf;

    r = ctx->request;
    conf = ctx->conf;

    if (r->headers_in.content_length_n > (off_t) conf->max_body) {
        return LLMB_REASON_BODY_SIZE;
    }

    rc = ngx_http_llm_batch_get_body(r, &body);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? LLMB_REASON_MEMORY : LLMB_REASON_INTERNAL;
    }

    if (conf->ignore_members) {
        rc = ngx_http_llm_batch_strip_body(r, conf->ignore_members, &body);

        if (rc != NGX_OK) {
            return rc == NGX_DECLINED ? LLMB_REASON_MEMORY
                                      : LLMB_REASON_INTERNAL;
        }
    }

    reason = ngx_http_llm_batch_read(ctx, &body);
    ctx->readable = (reason == LLMB_REASON_NONE);

    if (ngx_http_llm_batch_set_names(ctx) != NGX_OK) {
        return LLMB_REASON_INTERNAL;
    }

    ngx_http_llm_batch_find_model(ctx);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    ctx->mode = ngx_http_llm_batch_get_mode(r, conf);

    if (ctx->mode == NGX_HTTP_LLM_BATCH_MODE_PER_REQUEST) {
        return LLMB_REASON_MODE;
    }

    if (!ngx_http_llm_batch_model_takes(ctx)) {
        return LLMB_REASON_TOKENS;
    }

    return ngx_http_llm_batch_eligible(ctx);
}


/*
 * Several formats may have one path, of which the first is the one whose items
 * the body has; if none does, what it is not is told of the first of all.
 */

static llmb_reason_e
ngx_http_llm_batch_read(ngx_http_llm_batch_ctx_t *ctx, ngx_str_t *body)
{
    llmb_reason_e          reason, other;
    llmb_request_t         rq;
    ngx_http_request_t    *r;
    const llmb_adapter_t  *adapter;

    r = ctx->request;
    reason = LLMB_REASON_NONE;

    adapter = ngx_http_llm_batch_find_adapter(r, ctx->conf);

    (void) llmb_request_read(&ctx->body, adapter,
                             ngx_http_llm_batch_str(&r->uri),
                             ngx_http_llm_batch_str(body), &reason);

    if (adapter == NULL || reason == LLMB_REASON_NONE
        || (ctx->body.adapter && ctx->body.form))
    {
        return reason;
    }

    while ((adapter = ngx_http_llm_batch_next_adapter(r, ctx->conf, adapter))
           != NULL)
    {
        (void) llmb_request_read(&rq, adapter, ctx->body.path,
                                 ctx->body.body, &other);

        if (other == LLMB_REASON_NONE || (rq.adapter && rq.form)) {
            ctx->body = rq;
            return other;
        }
    }

    return reason;
}


/*
 * The whole body in one piece; it is copied only if it is not already.
 * NGX_DECLINED: there are too many in memory.
 */

static ngx_int_t
ngx_http_llm_batch_get_body(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char       *p;
    size_t        size;
    ssize_t       n;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        body->data = cl->buf->pos;
        body->len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    size = 0;

    for ( /* void */ ; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    rc = ngx_http_llm_batch_memory_count(r->pool, size);

    if (rc != NGX_OK) {
        return rc;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = size;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = ngx_buf_size(b);

        if (size == 0) {

            /* the end of a chunked body is neither in memory nor in a file */

            continue;
        }

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != (ssize_t) size) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/* what is read, compared and sent by us: its own request has what it had */

static ngx_int_t
ngx_http_llm_batch_strip_body(ngx_http_request_t *r, ngx_array_t *names,
    ngx_str_t *body)
{
    ngx_int_t    rc;
    ngx_buf_t    b;
    llmb_sink_t  sink;

    rc = ngx_http_llm_batch_memory_count(r->pool, body->len);

    if (rc != NGX_OK) {
        return rc;
    }

    b.pos = ngx_pnalloc(r->pool, body->len);
    if (b.pos == NULL) {
        return NGX_ERROR;
    }

    b.last = b.pos;
    b.end = b.pos + body->len;

    sink.write = ngx_http_llm_batch_append;
    sink.data = &b;

    /* what has none of them, or is no JSON, is looked at as it is */

    if (llmb_strip_write(ngx_http_llm_batch_str(body), names->elts,
                         names->nelts, &sink)
        == LLMB_OK)
    {
        body->data = b.pos;
        body->len = b.last - b.pos;
    }

    return NGX_OK;
}


/* the readable name of the group, which by default ends with the model */

static ngx_int_t
ngx_http_llm_batch_set_names(ngx_http_llm_batch_ctx_t *ctx)
{
    u_char      *p;
    ngx_pool_t  *pool;

    pool = ctx->request->pool;

    if (ctx->body.named.len) {
        ctx->model = ngx_http_llm_batch_ngx_str(&ctx->body.named);

    } else if (ctx->body.model.len) {
        ctx->model.data = ngx_pnalloc(pool, ctx->body.model.len);
        if (ctx->model.data == NULL) {
            return NGX_ERROR;
        }

        ctx->model.len = llmb_json_decode(ctx->body.model, ctx->model.data);
    }

    if (ngx_http_llm_batch_set_task(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, ctx->task.len + 1 + ctx->model.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->group.data = p;

    p = ngx_cpymem(p, ctx->task.data, ctx->task.len);
    *p++ = ':';
    p = ngx_cpymem(p, ctx->model.data, ctx->model.len);

    ctx->group.len = p - ctx->group.data;

    if (ctx->conf->group) {
        return ngx_http_llm_batch_evaluate(ctx->request, ctx->conf->group,
                                           &ctx->group);
    }

    return NGX_OK;
}


/*
 * Makes the request a member of its group, or several if it is too large for
 * one call.  LLMB_REASON_NONE: it is held and may be over by now; else it is
 * as before.
 */

static llmb_reason_e
ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx)
{
    uint64_t                     wake;
    ngx_pool_t                  *pool;
    llmb_reason_e                reason;
    ngx_http_llm_batch_entry_t   entry;

    if (!ngx_http_llm_batch_memory_left()) {
        return LLMB_REASON_MEMORY;
    }

    pool = ctx->zone->pool;
    wake = (uint64_t) -1;

    ctx->whole.ctx = ctx;

    llmb_request_count(&ctx->body);
    llmb_piece_all(&ctx->body, &ctx->whole.piece);

    ngx_queue_init(&ctx->parts);
    ngx_queue_insert_tail(&ctx->parts, &ctx->whole.siblings);

    reason = ngx_http_llm_batch_prepare(ctx, pool, &entry);

    if (reason == LLMB_REASON_NONE) {
        reason = ngx_http_llm_batch_join(&ctx->whole, &entry, &wake);
    }

    if (reason == LLMB_REASON_NONE) {

        if (ctx->whole.joined) {
            ctx->whole.state = NGX_HTTP_LLM_BATCH_PART_HELD;

        } else {
            reason = ngx_http_llm_batch_cut(ctx, &entry);
        }
    }

    if (pool) {
        ngx_reset_pool(pool);
    }

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    if (ctx->cut) {
        ngx_http_llm_batch_work_post(&ctx->cut->work);
    }

    ngx_http_llm_batch_suspend(ctx, wake);

    return LLMB_REASON_NONE;
}


/* the client is gone, or the request is over */

static void
ngx_http_llm_batch_cleanup(void *data)
{
    ngx_http_llm_batch_ctx_t *ctx = data;

    ngx_http_llm_batch_cancel(ctx);
    ngx_http_llm_batch_release(ctx);
    ngx_http_llm_batch_dry_leave(ctx);
    ngx_http_llm_batch_meter_done(ctx);

    if (ctx->counted && ctx->result.status != LLMB_STATUS_BYPASS
        && ctx->result.status != LLMB_STATUS_DRYRUN
        && ngx_http_llm_batch_budget_missed(ctx))
    {
        ngx_http_llm_batch_count(ctx->zone->sh->metrics.deadline_missed);
    }
}
