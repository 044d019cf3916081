
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request without a client.  Its connection is a datagram socket that is
 * never readable, never written and never at its end, so that all of nginx's
 * own code can handle it like any other.  One subrequest of it, a clone,
 * starts where the lender stands: behind rewrite, access and limits, which
 * have been passed, and before the content handler, which sends it upstream.
 */


#include "ngx_http_llm_batch.h"


static ngx_connection_t *ngx_http_llm_batch_null_connection(
    ngx_http_llm_batch_call_t *call, ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_copy_addresses(ngx_connection_t *c,
    ngx_connection_t *lc);
static ngx_int_t ngx_http_llm_batch_null_log(ngx_connection_t *c);
static u_char *ngx_http_llm_batch_log_error(ngx_log_t *log, u_char *buf,
    size_t len);
static u_char *ngx_http_llm_batch_log_upstream(ngx_http_upstream_t *u,
    u_char *buf, size_t len);
static ngx_int_t ngx_http_llm_batch_own_headers(
    ngx_http_llm_batch_call_t *call, ngx_http_request_t *fr, off_t length);
static void ngx_http_llm_batch_null_handler(ngx_event_t *ev);
static ssize_t ngx_http_llm_batch_null_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static ngx_chain_t *ngx_http_llm_batch_null_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);
static void ngx_http_llm_batch_returned(ngx_http_request_t *fr);
static void ngx_http_llm_batch_torn_down(void *data);


ngx_int_t
ngx_http_llm_batch_detach(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials)
{
    ngx_connection_t       *c;
    ngx_http_cleanup_t     *cln;
    ngx_http_request_t     *r, *fr;
    ngx_http_connection_t  *hc;

    r = lender->request;

    c = ngx_http_llm_batch_null_connection(call, r);
    if (c == NULL) {
        return NGX_BUSY;
    }

    hc = c->data;
    fr = ngx_http_create_request(c);

    if (fr == NULL) {
        /* the pool is the call's and is destroyed with it */
        c->pool = NULL;
        ngx_close_connection(c);
        return NGX_ERROR;
    }

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
    fr->stat_reading = 0;
#endif

    c->data = fr;
    call->request = fr;

    fr->http_connection = hc;
    fr->logged = 1;
    fr->read_event_handler = ngx_http_block_reading;
    fr->write_event_handler = ngx_http_llm_batch_returned;

    cln = ngx_http_cleanup_add(fr, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_llm_batch_torn_down;
    cln->data = call;

    return ngx_http_llm_batch_borrow(call, lender, credentials);
}


static ngx_connection_t *
ngx_http_llm_batch_null_connection(ngx_http_llm_batch_call_t *call,
    ngx_http_request_t *r)
{
    ngx_socket_t            s;
    ngx_connection_t       *c, *lc;
    ngx_http_connection_t  *hc;

    s = ngx_socket(AF_UNIX, SOCK_DGRAM, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return NULL;
    }

    if (ngx_nonblocking(s) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_socket_errno,
                      ngx_nonblocking_n " failed");
        goto failed;
    }

    c = ngx_get_connection(s, ngx_cycle->log);
    if (c == NULL) {
        goto failed;
    }

    lc = r->connection;

    c->pool = call->pool;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;
    c->listening = lc->listening;

    c->buffer = ngx_create_temp_buf(c->pool, 1);
    hc = ngx_pcalloc(c->pool, sizeof(ngx_http_connection_t));

    if (c->buffer == NULL || hc == NULL
        || ngx_http_llm_batch_copy_addresses(c, lc) != NGX_OK
        || ngx_http_llm_batch_null_log(c) != NGX_OK)
    {
        c->pool = NULL;
        ngx_close_connection(c);
        return NULL;
    }

    hc->addr_conf = r->http_connection->addr_conf;
    hc->conf_ctx = ((ngx_http_core_srv_conf_t *)
                    ngx_http_get_module_srv_conf(r, ngx_http_core_module))
                   ->ctx;
    c->data = hc;

    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    c->recv = ngx_http_llm_batch_null_recv;
    c->send_chain = ngx_http_llm_batch_null_send_chain;

    c->read->handler = ngx_http_llm_batch_null_handler;
    c->write->handler = ngx_http_llm_batch_null_handler;
    c->write->ready = 1;

    return c;

failed:

    (void) ngx_close_socket(s);

    return NULL;
}


/*
 * The lender may be gone before the call is, and its addresses with it.  On a
 * wildcard address nginx asks the socket where the client has connected to,
 * but only once somebody wants to know: the call's own could not tell.
 */

static ngx_int_t
ngx_http_llm_batch_copy_addresses(ngx_connection_t *c, ngx_connection_t *lc)
{
    if (ngx_connection_local_sockaddr(lc, NULL, 0) != NGX_OK
        || ngx_http_llm_batch_dup(c->pool, &c->addr_text, &lc->addr_text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    c->sockaddr = ngx_palloc(c->pool, lc->socklen);
    c->local_sockaddr = ngx_palloc(c->pool, lc->local_socklen);

    if (c->sockaddr == NULL || c->local_sockaddr == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(c->sockaddr, lc->sockaddr, lc->socklen);
    c->socklen = lc->socklen;

    ngx_memcpy(c->local_sockaddr, lc->local_sockaddr, lc->local_socklen);
    c->local_socklen = lc->local_socklen;

    return NGX_OK;
}


/* nginx's own log handler of requests would print the lender's address */

static ngx_int_t
ngx_http_llm_batch_null_log(ngx_connection_t *c)
{
    ngx_log_t           *log;
    ngx_http_log_ctx_t  *ctx;

    log = ngx_palloc(c->pool, sizeof(ngx_log_t));
    ctx = ngx_pcalloc(c->pool, sizeof(ngx_http_log_ctx_t));

    if (log == NULL || ctx == NULL) {
        /* c->log is as it was, for closing the connection uses it */
        return NGX_ERROR;
    }

    *log = *ngx_cycle->log;
    c->log = log;

    ctx->connection = c;

    c->log->connection = c->number;
    c->log->handler = ngx_http_llm_batch_log_error;
    c->log->data = ctx;
    c->log->action = "sending a batch";
    c->log_error = NGX_ERROR_INFO;

    c->read->log = c->log;
    c->write->log = c->log;
    c->pool->log = c->log;

    return NGX_OK;
}


/*
 * What follows the tag is what nginx's own handler prints.  That is not called:
 * it has other arguments in derivatives of nginx.
 */

static u_char *
ngx_http_llm_batch_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_request_t        *r, *sr;
    ngx_http_log_ctx_t        *ctx;
    ngx_http_core_srv_conf_t  *cscf;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    ctx = log->data;
    p = ngx_snprintf(buf, len, ", llm batch");
    len -= p - buf;
    buf = p;

    r = ctx->request;

    if (r == NULL) {
        return p;
    }

    sr = ctx->current_request;
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_snprintf(buf, len, ", server: %V", &cscf->server_name);
    len -= p - buf;
    buf = p;

    if (r->request_line.len) {
        p = ngx_snprintf(buf, len, ", request: \"%V\"", &r->request_line);
        len -= p - buf;
        buf = p;
    }

    if (r != sr) {
        p = ngx_snprintf(buf, len, ", subrequest: \"%V\"", &sr->uri);
        len -= p - buf;
        buf = p;
    }

    p = ngx_http_llm_batch_log_upstream(sr->upstream, buf, len);
    len -= p - buf;
    buf = p;

    if (r->headers_in.host) {
        p = ngx_snprintf(buf, len, ", host: \"%V\"",
                         &r->headers_in.host->value);
        len -= p - buf;
        buf = p;
    }

    if (r->headers_in.referer) {
        p = ngx_snprintf(buf, len, ", referrer: \"%V\"",
                         &r->headers_in.referer->value);
    }

    return p;
}


static u_char *
ngx_http_llm_batch_log_upstream(ngx_http_upstream_t *u, u_char *buf,
    size_t len)
{
    char  *separator;

    if (u == NULL || u->peer.name == NULL) {
        return buf;
    }

    separator = "";

    if (u->peer.sockaddr && u->peer.sockaddr->sa_family == AF_UNIX) {
        separator = ":";
    }

    return ngx_snprintf(buf, len, ", upstream: \"%V%V%s%V\"", &u->schema,
                        u->peer.name, separator, &u->uri);
}


/* and those that are the call's own */

static ngx_int_t
ngx_http_llm_batch_own_headers(ngx_http_llm_batch_call_t *call,
    ngx_http_request_t *fr, off_t length)
{
    u_char      buf[64];
    ngx_str_t   value;
    ngx_uint_t  i;

    static ngx_str_t  headers[][2] = {
        { ngx_string("User-Agent"), ngx_string(NGX_HTTP_LLM_BATCH_AGENT) },
        { ngx_string("Accept"), ngx_string("application/json") }
    };

    static ngx_str_t  type[] = {
        ngx_string("Content-Type"), ngx_string("application/json")
    };

    static ngx_str_t  request_id = ngx_string("X-Request-Id");
    static ngx_str_t  content_length = ngx_string("Content-Length");

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_http_llm_batch_add_header(fr, &headers[i][0], &headers[i][1])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (fr->headers_in.content_type == NULL
        && ngx_http_llm_batch_add_header(fr, &type[0], &type[1]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    value.data = buf;
    value.len = ngx_sprintf(buf, "%08xD-%xL-%08xD", call->zone->sh->start,
                            call->number, (uint32_t) ngx_random())
                - buf;

    if (ngx_http_llm_batch_add_header(fr, &request_id, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(buf, "%O", length) - buf;

    if (ngx_http_llm_batch_add_header(fr, &content_length, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    fr->headers_in.content_length_n = length;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_launch(ngx_http_llm_batch_call_t *call, ngx_buf_t *body)
{
    ngx_chain_t                 *cl;
    ngx_connection_t            *c;
    ngx_http_request_t          *fr, *sr;
    ngx_http_core_srv_conf_t    *cscf;
    ngx_http_request_body_t     *rb;
    ngx_http_post_subrequest_t  *ps;

    fr = call->request;
    c = fr->connection;

    rb = ngx_pcalloc(fr->pool, sizeof(ngx_http_request_body_t));
    cl = ngx_alloc_chain_link(fr->pool);
    ps = ngx_palloc(fr->pool, sizeof(ngx_http_post_subrequest_t));

    if (rb == NULL || cl == NULL || ps == NULL) {
        return NGX_ERROR;
    }

    body->last_buf = 1;

    cl->buf = body;
    cl->next = NULL;

    rb->bufs = cl;
    rb->buf = body;

    if (ngx_http_llm_batch_own_headers(call, fr, body->last - body->pos)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    fr->request_body = rb;

    ps->handler = ngx_http_llm_batch_post_subrequest;
    ps->data = call;

    if (ngx_http_subrequest(fr, &fr->uri, &fr->args, &sr, ps,
                            NGX_HTTP_SUBREQUEST_CLONE)
        != NGX_OK)
    {
        /* older versions of nginx leave the subrequest behind */
        c->data = fr;
        return NGX_ERROR;
    }

    sr->headers_in = fr->headers_in;
    sr->request_length = body->last - body->pos;
    sr->request_body = rb;
    sr->filter_need_in_memory = 1;

    /*
     * A cache is asked for methods that are named in the configuration, and
     * there can be only GET, HEAD and POST; this one, like POST, is not sent
     * to the next upstream again unless that is said to be safe.  Upstreams
     * are told the method's name, which remains that of the request.
     */

    sr->method = NGX_HTTP_PATCH;

    call->subrequest = sr;

    /* a "post_action" of the location is for its clients */

    cscf = ngx_http_get_module_srv_conf(fr, ngx_http_core_module);
    fr->loc_conf = cscf->ctx->loc_conf;

    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


/* a graceful shutdown that takes too long closes all connections */

static void
ngx_http_llm_batch_null_handler(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;

    if (!c->close) {
        return;
    }

    r = c->data;
    r->main->count++;

    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


static ssize_t
ngx_http_llm_batch_null_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    c->read->ready = 0;

    return NGX_AGAIN;
}


static ngx_chain_t *
ngx_http_llm_batch_null_send_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit)
{
    return NULL;
}


/*
 * The subrequest is done and wakes its parent, whose call is where the
 * cleanup has it: the module's context of a main request is a client's.
 */

static void
ngx_http_llm_batch_returned(ngx_http_request_t *fr)
{
    ngx_http_cleanup_t  *cln;

    for (cln = fr->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_llm_batch_torn_down) {

            if (ngx_http_llm_batch_finish(cln->data) == NGX_AGAIN) {
                return;
            }

            break;
        }
    }

    /* nothing lingers on a connection that nobody is connected to */

    ngx_http_finalize_request(fr, NGX_ERROR);
}


/* the way out of everything that does not end as it should */

static void
ngx_http_llm_batch_torn_down(void *data)
{
    ngx_http_llm_batch_tear_down(data);
}
