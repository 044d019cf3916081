
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The answer to a call passes our filters first, as the upstream sent it.  It
 * is collected and checked while it arrives.  That it is whole
 * is known only from the end marker: an upstream that dies half way leaves a
 * subrequest that looks finished.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_llm_batch_is_cached(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_llm_batch_client_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_client_body(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_llm_batch_no_log(ngx_http_request_t *r);
static void ngx_http_llm_batch_check_close(ngx_http_request_t *r);
static ngx_uint_t ngx_http_llm_batch_is_proven(ngx_http_request_t *r,
    llmb_str_t proof);
static void ngx_http_llm_batch_await_rest(ngx_event_t *ev);
static ngx_int_t ngx_http_llm_batch_collect(ngx_http_llm_batch_call_t *call,
    ngx_buf_t *b);
static ngx_int_t ngx_http_llm_batch_check(ngx_http_llm_batch_call_t *call);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_llm_batch_capture_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_llm_batch_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_llm_batch_body_filter;

    return NGX_OK;
}


/*
 * Not by the module context, which is lost in an internal redirect of the
 * subrequest.
 */

ngx_http_llm_batch_call_t *
ngx_http_llm_batch_get_call(ngx_http_request_t *r)
{
    if (r->post_subrequest
        && r->post_subrequest->handler == ngx_http_llm_batch_post_subrequest)
    {
        return r->post_subrequest->data;
    }

    return NULL;
}


static ngx_int_t
ngx_http_llm_batch_header_filter(ngx_http_request_t *r)
{
    off_t                       length;
    ngx_http_llm_batch_call_t  *call;

    call = ngx_http_llm_batch_get_call(r);

    if (call == NULL) {
        return ngx_http_llm_batch_client_header(r);
    }

    r->header_sent = 1;

    if (call->finished) {
        return NGX_ERROR;
    }

    ngx_http_llm_batch_check_close(r);

    call->status = r->headers_out.status;

    if (ngx_http_llm_batch_is_cached(r)) {
        call->mismatch = LLMB_MISMATCH_CACHE;
    }

    if (r->upstream && r->upstream->peer.connection) {
        call->peer = r->upstream->peer.connection;
        call->peer_number = call->peer->number;
    }

    if (r->header_only || call->status == NGX_HTTP_NO_CONTENT
        || call->status == NGX_HTTP_NOT_MODIFIED)
    {
        call->complete = 1;
    }

    if (r->headers_out.content_encoding
        && r->headers_out.content_encoding->hash
        && r->headers_out.content_encoding->value.len)
    {
        /* we asked for none */
        call->mismatch = LLMB_MISMATCH_ENCODING;
    }

    if (call->status == NGX_HTTP_OK
        && !ngx_http_llm_batch_is_proven(r, call->split.conf.form->proof))
    {
        call->mismatch = LLMB_MISMATCH_SHAPE;
    }

    length = r->headers_out.content_length_n;

    if (length > (off_t) call->conf->max_response) {
        call->mismatch = LLMB_MISMATCH_SIZE;
        return NGX_ERROR;
    }

    if (length > 0
        && ngx_http_llm_batch_spool_reserve(call->answer, (size_t) length)
           != NGX_OK)
    {
        call->starved = 1;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Whether an answer is out of a cache.  The key of an entry may be made of
 * anything, so what is in it need not be the call's, and what a call brings
 * must not become somebody's: it is not kept either.  A call is not even
 * looked up, see launch(), unless an internal redirect has made it a GET.
 */

static ngx_uint_t
ngx_http_llm_batch_is_cached(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u) {
        u->cacheable = 0;
        u->store = 0;
    }

#if (NGX_HTTP_CACHE)
    return r->cached;
#else
    return 0;
#endif
}


/*
 * Who asks an upstream to close the connection, as nginx does by default, sends
 * nothing more on it, even if the upstream does not say in its answer that it
 * will.  nginx would keep such a connection.  It mostly sees that it is closed
 * before it needs one again; we have the next call at once.
 */

static void
ngx_http_llm_batch_check_close(ngx_http_request_t *r)
{
    ngx_buf_t            *b;
    ngx_http_upstream_t  *u;

    static u_char  asked[] = "\r\nConnection: close\r\n";

    u = r->upstream;

    if (u == NULL || u->request_bufs == NULL) {
        return;
    }

    b = u->request_bufs->buf;

    if (memmem(b->start, b->last - b->start, asked, sizeof(asked) - 1)) {
        u->headers_in.connection_close = 1;
        u->keepalive = 0;
    }
}


/* whether the answer has the header that all of such servers have */

static ngx_uint_t
ngx_http_llm_batch_is_proven(ngx_http_request_t *r, llmb_str_t proof)
{
    ngx_table_elt_t            *h;
    ngx_http_llm_batch_walk_t   walk;

    if (proof.len == 0) {
        return 1;
    }

    if (r->upstream == NULL) {
        return 0;
    }

    ngx_http_llm_batch_begin_headers(&walk, &r->upstream->headers_in.headers);

    while ((h = ngx_http_llm_batch_next_header(&walk)) != NULL) {

        if (h->key.len == proof.len
            && ngx_strncasecmp(h->key.data, (u_char *) proof.data, proof.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_llm_batch_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                  *b;
    ngx_chain_t                *cl;
    ngx_http_llm_batch_call_t  *call;

    call = ngx_http_llm_batch_get_call(r);

    if (call == NULL) {
        return ngx_http_llm_batch_client_body(r, in);
    }

    if (!call->finished) {
        call->rest.handler = ngx_http_llm_batch_await_rest;
        call->rest.data = call;
        call->rest.log = r->connection->log;

        ngx_post_event(&call->rest, &ngx_posted_events);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!call->finished && ngx_http_llm_batch_collect(call, b) != NGX_OK) {
            return NGX_ERROR;
        }

        if (b->last_buf || b->last_in_chain) {
            call->complete = 1;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


/*
 * nginx up to 1.22 at least, that has read all there is into a buffer that is
 * full then, takes the connection for readable, and neither "read_timeout" nor
 * a shutdown for anything to wait for.
 */

static void
ngx_http_llm_batch_await_rest(ngx_event_t *ev)
{
    ngx_event_t                *rev;
    ngx_http_upstream_t        *u;
    ngx_http_llm_batch_call_t  *call;

    call = ev->data;
    u = call->subrequest->upstream;

    if (call->finished || u == NULL || u->peer.connection == NULL) {
        return;
    }

    rev = u->peer.connection->read;

    if (rev->ready && !rev->timer_set && !rev->delayed) {
        ngx_add_timer(rev, u->conf->read_timeout);
    }
}


static ngx_int_t
ngx_http_llm_batch_collect(ngx_http_llm_batch_call_t *call, ngx_buf_t *b)
{
    if (!ngx_buf_in_memory(b)) {

        if (ngx_buf_special(b)) {
            return NGX_OK;
        }

        /* "filter_need_in_memory" was asked for */

        call->mismatch = LLMB_MISMATCH_SHAPE;
        return NGX_ERROR;
    }

    switch (ngx_http_llm_batch_spool_write(call->answer, b->pos,
                                           b->last - b->pos))
    {
    case LLMB_OK:
        return ngx_http_llm_batch_check(call);

    case LLMB_LIMIT:
        call->mismatch = LLMB_MISMATCH_SIZE;
        return NGX_ERROR;

    default: /* LLMB_NOMEM */
        call->starved = 1;
        return NGX_ERROR;
    }
}


/* what is at hand of the answer, if that is more than before */

static ngx_int_t
ngx_http_llm_batch_check(ngx_http_llm_batch_call_t *call)
{
    u_char  *base;
    size_t   ready;

    ready = ngx_http_llm_batch_spool_ready(call->answer);

    if (call->status != NGX_HTTP_OK || call->split_rc != LLMB_AGAIN
        || call->mismatch != LLMB_MISMATCH_NONE || ready == call->checked)
    {
        return NGX_OK;
    }

    base = ngx_http_llm_batch_spool_base(call->answer);

    if (base == NULL) {
        call->starved = 1;
        return NGX_ERROR;
    }

    /* base() may have written more to the file */

    ready = ngx_http_llm_batch_spool_ready(call->answer);

    call->split_rc = llmb_split_read(&call->split, base, ready, 0);
    call->checked = ready;

    ngx_http_llm_batch_spool_forget(call->answer);

    return NGX_OK;
}


/* always NGX_OK: error pages are for clients, not for a call */

ngx_int_t
ngx_http_llm_batch_post_subrequest(ngx_http_request_t *r, void *data,
    ngx_int_t rc)
{
    ngx_http_llm_batch_call_t *call = data;

    call->rc = rc;

    ngx_http_llm_batch_no_log(r);

    return NGX_OK;
}


/*
 * The next thing nginx does is to look whether the location wants a line of
 * its subrequests in the log.  A call is nobody's; clients have theirs.
 */

static void
ngx_http_llm_batch_no_log(ngx_http_request_t *r)
{
    void                      **loc_conf;
    ngx_http_core_loc_conf_t   *clcf, *copy;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!clcf->log_subrequest) {
        return;
    }

    loc_conf = ngx_palloc(r->pool, ngx_http_max_module * sizeof(void *));
    copy = ngx_palloc(r->pool, sizeof(ngx_http_core_loc_conf_t));

    if (loc_conf == NULL || copy == NULL) {
        return;
    }

    ngx_memcpy(loc_conf, r->loc_conf, ngx_http_max_module * sizeof(void *));

    *copy = *clcf;
    copy->log_subrequest = 0;

    loc_conf[ngx_http_core_module.ctx_index] = copy;
    r->loc_conf = loc_conf;
}


/* a request of a client, on its own or answered by us */

static ngx_int_t
ngx_http_llm_batch_client_header(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_llm_batch_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_llm_batch_get_ctx(r);

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx->state == NGX_HTTP_LLM_BATCH_ALONE) {
        ngx_http_llm_batch_check_close(r);
    }

    if (ctx->conf->headers
        && ngx_http_llm_batch_add_client_header(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_llm_batch_meter_header(r, ctx);

    rc = ngx_http_llm_batch_repair_header(r, ctx);

    return rc == NGX_DECLINED ? ngx_http_next_header_filter(r) : rc;
}


static ngx_int_t
ngx_http_llm_batch_client_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                  rc;
    ngx_chain_t               *cl;
    ngx_http_llm_batch_ctx_t  *ctx;

    /* the one whose header it was, also after an internal redirect */

    ctx = (r == r->main) ? ngx_http_llm_batch_get_ctx(r) : NULL;

    if (ctx == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        if (cl->buf->last_buf) {
            /* the upstream is done with a request that went alone */
            ngx_http_llm_batch_single_done(ctx);
        }
    }

    ngx_http_llm_batch_meter_body(ctx, in);

    rc = ngx_http_llm_batch_repair_body(r, ctx, in, &cl);

    if (rc == NGX_DECLINED) {
        return ngx_http_next_body_filter(r, in);
    }

    if (rc != NGX_OK) {
        return rc == NGX_AGAIN ? NGX_OK : rc;
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return NGX_ERROR;
    }

    return ngx_http_next_body_filter(r, cl);
}
