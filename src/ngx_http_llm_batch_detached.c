
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
static ngx_int_t ngx_http_llm_batch_null_log(ngx_connection_t *c);
static u_char *ngx_http_llm_batch_log_error(ngx_log_t *log, u_char *buf,
    size_t len);
static ngx_int_t ngx_http_llm_batch_copy_request(ngx_http_request_t *fr,
    ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_copy_captures(ngx_http_request_t *fr,
    ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_copy_variables(
    ngx_http_llm_batch_call_t *call, ngx_http_request_t *fr,
    ngx_http_request_t *r, ngx_uint_t credentials);
static ngx_uint_t ngx_http_llm_batch_is_compared(
    ngx_http_llm_batch_loc_conf_t *conf, ngx_str_t *name);
static ngx_uint_t ngx_http_llm_batch_is_variable(ngx_http_complex_value_t *cv,
    ngx_str_t *name);
static ngx_uint_t ngx_http_llm_batch_names_body(ngx_str_t *name);
static ngx_uint_t ngx_http_llm_batch_names_credential(ngx_str_t *name);
static ngx_int_t ngx_http_llm_batch_copy_headers(
    ngx_http_llm_batch_call_t *call, ngx_http_request_t *fr,
    ngx_http_request_t *r, ngx_uint_t credentials);
static ngx_int_t ngx_http_llm_batch_own_headers(
    ngx_http_llm_batch_call_t *call, ngx_http_request_t *fr, off_t length);
static ngx_int_t ngx_http_llm_batch_add_header(ngx_http_request_t *fr,
    ngx_str_t *key, ngx_str_t *value);
static ngx_int_t ngx_http_llm_batch_dup(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
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
        return NGX_ERROR;
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

    if (ngx_http_llm_batch_copy_request(fr, r) != NGX_OK
        || ngx_http_llm_batch_copy_captures(fr, r) != NGX_OK
        || ngx_http_llm_batch_copy_variables(call, fr, r, credentials)
           != NGX_OK
        || ngx_http_llm_batch_copy_headers(call, fr, r, credentials)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
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
    c->local_sockaddr = lc->local_sockaddr;
    c->local_socklen = lc->local_socklen;

    c->sockaddr = ngx_palloc(c->pool, lc->socklen);
    c->socklen = lc->socklen;
    c->buffer = ngx_create_temp_buf(c->pool, 1);
    hc = ngx_pcalloc(c->pool, sizeof(ngx_http_connection_t));

    if (c->sockaddr == NULL || c->buffer == NULL || hc == NULL
        || ngx_http_llm_batch_dup(c->pool, &c->addr_text, &lc->addr_text)
           != NGX_OK
        || ngx_http_llm_batch_null_log(c) != NGX_OK)
    {
        c->pool = NULL;
        ngx_close_connection(c);
        return NULL;
    }

    ngx_memcpy(c->sockaddr, lc->sockaddr, lc->socklen);

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


/* nginx's own log handler of requests would print the lender's address */

static ngx_int_t
ngx_http_llm_batch_null_log(ngx_connection_t *c)
{
    ngx_http_log_ctx_t  *ctx;

    c->log = ngx_palloc(c->pool, sizeof(ngx_log_t));
    ctx = ngx_pcalloc(c->pool, sizeof(ngx_http_log_ctx_t));

    if (c->log == NULL || ctx == NULL) {
        return NGX_ERROR;
    }

    *c->log = *ngx_cycle->log;

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


static u_char *
ngx_http_llm_batch_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p;
    ngx_http_request_t  *r;
    ngx_http_log_ctx_t  *ctx;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    ctx = log->data;
    p = ngx_snprintf(buf, len, ", llm batch");
    len -= p - buf;

    r = ctx->request;

    if (r == NULL) {
        return p;
    }

    return r->log_handler(r, ctx->current_request, p, len);
}


/* what the phases behind ours may look at */

static ngx_int_t
ngx_http_llm_batch_copy_request(ngx_http_request_t *fr, ngx_http_request_t *r)
{
    fr->srv_conf = r->srv_conf;
    fr->loc_conf = r->loc_conf;
    fr->phase_handler = r->phase_handler;
    fr->content_handler = r->content_handler;
    fr->valid_location = r->valid_location;
    fr->valid_unparsed_uri = r->valid_unparsed_uri;
    fr->internal = r->internal;

    fr->method = r->method;
    fr->http_version = NGX_HTTP_VERSION_11;
    fr->limit_conn_status = 1;
    fr->limit_req_status = 1;

#if (nginx_version >= 1029003)
    fr->port = r->port;
#endif

    if (ngx_http_llm_batch_dup(fr->pool, &fr->method_name, &r->method_name)
        != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->http_protocol,
                                  &r->http_protocol)
           != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->uri, &r->uri) != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->args, &r->args) != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->unparsed_uri,
                                  &r->unparsed_uri)
           != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->request_line,
                                  &r->request_line)
           != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->schema, &r->schema)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_set_exten(fr);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_copy_captures(ngx_http_request_t *fr, ngx_http_request_t *r)
{
#if (NGX_PCRE)

    ngx_uint_t  i;
    ngx_str_t   data;

    if (r->ncaptures == 0) {
        return NGX_OK;
    }

    data.data = r->captures_data;
    data.len = 0;

    for (i = 0; i < r->ncaptures; i++) {
        data.len = ngx_max((ngx_int_t) data.len, r->captures[i]);
    }

    fr->captures = ngx_palloc(fr->pool, r->ncaptures * sizeof(int));
    fr->captures_data = ngx_pstrdup(fr->pool, &data);

    if (fr->captures == NULL || fr->captures_data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(fr->captures, r->captures, r->ncaptures * sizeof(int));
    fr->ncaptures = r->ncaptures;

#endif

    return NGX_OK;
}


/*
 * Values that the lender's earlier phases have set: by "set", "map", named
 * captures, "auth_request_set".  Those that are not cacheable are found out
 * again for the call, which is not possible for those of a TLS connection:
 * $scheme, equal for all members, is taken along, $ssl_* are empty.  And so
 * are credentials that differ, for they are not among the call's headers.
 */

static ngx_int_t
ngx_http_llm_batch_copy_variables(ngx_http_llm_batch_call_t *call,
    ngx_http_request_t *fr, ngx_http_request_t *r, ngx_uint_t credentials)
{
    ngx_str_t                   value, copy;
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if ((v[i].name.len == 6
             && ngx_strncmp(v[i].name.data, "scheme", 6) == 0)
            || (v[i].name.len == 5
                && ngx_strncmp(v[i].name.data, "https", 5) == 0))
        {
            (void) ngx_http_get_indexed_variable(r, i);
        }

        if (!r->variables[i].valid
            || (r->variables[i].no_cacheable
                && !(v[i].flags & NGX_HTTP_VAR_CHANGEABLE)))
        {
            continue;
        }

        if (ngx_http_llm_batch_names_body(&v[i].name)) {
            continue;
        }

        if (!credentials && ngx_http_llm_batch_names_credential(&v[i].name)
            && !ngx_http_llm_batch_is_compared(call->conf, &v[i].name))
        {
            continue;
        }

        value.data = r->variables[i].data;
        value.len = r->variables[i].len;

        if (ngx_http_llm_batch_dup(fr->pool, &copy, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        fr->variables[i] = r->variables[i];
        fr->variables[i].data = copy.data;
    }

    return NGX_OK;
}


/* whether a variable tells of the body, which is another one in the call */

static ngx_uint_t
ngx_http_llm_batch_names_body(ngx_str_t *name)
{
    ngx_str_t  *n;

    static ngx_str_t  names[] = {
        ngx_string("content_length"),
        ngx_string("request_body"),
        ngx_string("request_body_file"),
        ngx_string("request_length"),
        ngx_null_string
    };

    for (n = names; n->len; n++) {
        if (n->len == name->len
            && ngx_strncmp(n->data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* whether a variable is made of one of the headers that identify a client */

static ngx_uint_t
ngx_http_llm_batch_names_credential(ngx_str_t *name)
{
    ngx_str_t  *n;

    static ngx_str_t  names[] = {
        ngx_string("http_authorization"),
        ngx_string("http_api_key"),
        ngx_string("http_x_api_key"),
        ngx_string("http_x_goog_api_key"),
        ngx_string("http_cookie"),
        ngx_string("remote_user"),
        ngx_null_string
    };

    for (n = names; n->len; n++) {
        if (n->len == name->len
            && ngx_strncmp(n->data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return name->len > 7 && ngx_strncmp(name->data, "cookie_", 7) == 0;
}


/* whether the variable is the tenant, or what else all members agree in */

static ngx_uint_t
ngx_http_llm_batch_is_compared(ngx_http_llm_batch_loc_conf_t *conf,
    ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    if (conf->tenant && ngx_http_llm_batch_is_variable(conf->tenant, name)) {
        return 1;
    }

    if (conf->vary == NULL) {
        return 0;
    }

    cv = conf->vary->elts;

    for (i = 0; i < conf->vary->nelts; i++) {
        if (ngx_http_llm_batch_is_variable(&cv[i], name)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_llm_batch_is_variable(ngx_http_complex_value_t *cv, ngx_str_t *name)
{
    return cv->value.len == name->len + 1 && cv->value.data[0] == '$'
           && ngx_strncasecmp(cv->value.data + 1, name->data, name->len) == 0;
}


/* the headers that all members have, each with the same value */

static ngx_int_t
ngx_http_llm_batch_copy_headers(ngx_http_llm_batch_call_t *call,
    ngx_http_request_t *fr, ngx_http_request_t *r, ngx_uint_t credentials)
{
    ngx_uint_t                    i;
    ngx_list_part_t              *part;
    ngx_table_elt_t              *h;
    ngx_http_llm_batch_header_e   class;

    static ngx_str_t  host = ngx_string("Host");

    if (ngx_list_init(&fr->headers_in.headers, fr->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        class = ngx_http_llm_batch_header_class(call->conf, &h[i]);

        if (class == NGX_HTTP_LLM_BATCH_HEADER_IGNORED
            || (class == NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL && !credentials))
        {
            continue;
        }

        if (ngx_http_llm_batch_add_header(fr, &h[i].key, &h[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /*
     * the name comes first: without one, nginx's handler of "Host" would
     * look for the server again, and leave the location
     */

    if (ngx_http_llm_batch_dup(fr->pool, &fr->headers_in.server,
                               &r->headers_in.server)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->headers_in.host
        && ngx_http_llm_batch_add_header(fr, &host,
                                         &r->headers_in.host->value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    fr->headers_in.connection_type = NGX_HTTP_CONNECTION_CLOSE;

    return NGX_OK;
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

    static ngx_str_t  request_id = ngx_string("X-Request-Id");
    static ngx_str_t  content_length = ngx_string("Content-Length");

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_http_llm_batch_add_header(fr, &headers[i][0], &headers[i][1])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
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


/* as the parser does, so that all the short cuts to headers are set */

static ngx_int_t
ngx_http_llm_batch_add_header(ngx_http_request_t *fr, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_table_elt_t            *h;
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    h = ngx_list_push(&fr->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    if (ngx_http_llm_batch_dup(fr->pool, &h->key, key) != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &h->value, value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    h->lowcase_key = ngx_pnalloc(fr->pool, key->len);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, h->key.data, h->key.len);

    cmcf = ngx_http_get_module_main_conf(fr, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, h->hash, h->lowcase_key,
                       h->key.len);

    if (hh && hh->handler(fr, h, hh->offset) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a copy that ends with a zero, as some of nginx's code expects of headers */

static ngx_int_t
ngx_http_llm_batch_dup(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;
    dst->data = ngx_pnalloc(pool, src->len + 1);

    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(dst->data, src->data, src->len) = '\0';

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
    sr->request_body = rb;
    sr->filter_need_in_memory = 1;

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
            ngx_http_llm_batch_finish(cln->data);
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
    ngx_http_llm_batch_finish(data);
}
