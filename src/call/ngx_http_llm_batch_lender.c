
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a call takes from its lender: all that the members have in common, and
 * nothing that is one client's.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_copy_request(ngx_http_request_t *fr,
    ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_set_path(ngx_http_request_t *fr,
    llmb_request_t *body);
static ngx_int_t ngx_http_llm_batch_copy_captures(ngx_http_request_t *fr,
    ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_set_request_line(ngx_http_request_t *fr);
static ngx_int_t ngx_http_llm_batch_copy_headers(
    ngx_http_llm_batch_call_t *call, ngx_http_request_t *fr,
    ngx_http_request_t *r, ngx_uint_t credentials);


ngx_int_t
ngx_http_llm_batch_borrow(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials)
{
    ngx_http_request_t  *r, *fr;

    r = lender->request;
    fr = call->request;

    if (ngx_http_llm_batch_copy_request(fr, r) != NGX_OK
        || ngx_http_llm_batch_set_path(fr, &lender->body) != NGX_OK
        || ngx_http_llm_batch_set_request_line(fr) != NGX_OK
        || ngx_http_llm_batch_copy_captures(fr, r) != NGX_OK
        || ngx_http_llm_batch_lend_variables(fr, lender, credentials)
           != NGX_OK
        || ngx_http_llm_batch_copy_headers(call, fr, r, credentials)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
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
        || ngx_http_llm_batch_dup(fr->pool, &fr->uri, &r->uri) != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->args, &r->args) != NGX_OK
        || ngx_http_llm_batch_dup(fr->pool, &fr->unparsed_uri,
                                  &r->unparsed_uri)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* some calls go to another endpoint than the requests they are made of */

static ngx_int_t
ngx_http_llm_batch_set_path(ngx_http_request_t *fr, llmb_request_t *body)
{
    u_char     *p;
    size_t      len;
    uintptr_t   escape;
    ngx_str_t   uri;

    uri.data = ngx_pnalloc(fr->pool, fr->uri.len + body->form->to.len);
    if (uri.data == NULL) {
        return NGX_ERROR;
    }

    uri.len = llmb_merge_path(body, uri.data);

    if (uri.len == 0) {
        ngx_http_set_exten(fr);
        return NGX_OK;
    }

    fr->uri = uri;
    fr->valid_unparsed_uri = 0;

    ngx_http_set_exten(fr);

    /* $request_uri, which a location may send upstream as it is */

    escape = 2 * ngx_escape_uri(NULL, uri.data, uri.len, NGX_ESCAPE_URI);
    len = uri.len + escape + 1 + fr->args.len;

    p = ngx_pnalloc(fr->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    fr->unparsed_uri.data = p;

    if (escape) {
        p = (u_char *) ngx_escape_uri(p, uri.data, uri.len, NGX_ESCAPE_URI);

    } else {
        p = ngx_cpymem(p, uri.data, uri.len);
    }

    if (fr->args.len) {
        *p++ = '?';
        p = ngx_cpymem(p, fr->args.data, fr->args.len);
    }

    fr->unparsed_uri.len = p - fr->unparsed_uri.data;

    return NGX_OK;
}


/* the call's own: members may have come by different protocols */

static ngx_int_t
ngx_http_llm_batch_set_request_line(ngx_http_request_t *fr)
{
    u_char  *p;
    size_t   len;

    ngx_str_set(&fr->http_protocol, "HTTP/1.1");

    len = fr->method_name.len + 1 + fr->unparsed_uri.len + 1
          + fr->http_protocol.len;

    p = ngx_pnalloc(fr->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    fr->request_line.data = p;
    fr->request_line.len = ngx_sprintf(p, "%V %V %V", &fr->method_name,
                                       &fr->unparsed_uri, &fr->http_protocol)
                           - p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_copy_captures(ngx_http_request_t *fr, ngx_http_request_t *r)
{
#if (NGX_PCRE)

    ngx_uint_t  i;
    ngx_str_t   data;

    if (r->ncaptures <= 2) {
        /* none that could be asked for; the array may not even be there */
        return NGX_OK;
    }

    data.data = r->captures_data;
    data.len = 0;

    for (i = 2; i < r->ncaptures; i++) {
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


/* the headers that all members have, each with the same value */

static ngx_int_t
ngx_http_llm_batch_copy_headers(ngx_http_llm_batch_call_t *call,
    ngx_http_request_t *fr, ngx_http_request_t *r, ngx_uint_t credentials)
{
    ngx_table_elt_t              *h;
    ngx_http_llm_batch_walk_t     walk;
    ngx_http_llm_batch_header_e   class;

    if (ngx_list_init(&fr->headers_in.headers, fr->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
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

    ngx_http_llm_batch_begin_headers(&walk, &r->headers_in.headers);

    while ((h = ngx_http_llm_batch_next_counted(&walk, call->conf, &class))
           != NULL)
    {
        if (class == NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL && !credentials) {
            continue;
        }

        if (ngx_http_llm_batch_add_header(fr, &h->key, &h->value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    fr->headers_in.connection_type = NGX_HTTP_CONNECTION_CLOSE;

    return NGX_OK;
}


/* as the parser does, so that all the short cuts to headers are set */

ngx_int_t
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
