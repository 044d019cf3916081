
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the headers of a client mean: which of them tell who it is, which say
 * nothing about the answer.
 */


#include "ngx_http_llm_batch.h"


static ngx_http_llm_batch_header_e ngx_http_llm_batch_header_class(
    ngx_http_llm_batch_loc_conf_t *conf, ngx_table_elt_t *h);
static ngx_uint_t ngx_http_llm_batch_in_list(ngx_str_t *name,
    ngx_str_t *list);


static ngx_str_t  ngx_http_llm_batch_credential_headers[] = {
    ngx_string("authorization"),
    ngx_string("api-key"),
    ngx_string("x-api-key"),
    ngx_string("x-goog-api-key"),
    ngx_string("cookie"),
    ngx_null_string
};


/*
 * Headers that say nothing about the answer; a name that ends in "*" stands
 * for all that begin so.  Any other header separates: of X-Forwarded-..., too,
 * some, such as -User or -Access-Token, tell who the client is.
 */

static ngx_str_t  ngx_http_llm_batch_neutral_headers[] = {
    ngx_string("connection"),
    ngx_string("keep-alive"),
    ngx_string("proxy-connection"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_string("content-length"),
    ngx_string("expect"),
    ngx_string("user-agent"),
    ngx_string("accept*"),
    ngx_string("date"),
    ngx_string("via"),
    ngx_string("forwarded"),
    ngx_string("x-forwarded-for"),
    ngx_string("x-forwarded-host"),
    ngx_string("x-forwarded-port"),
    ngx_string("x-forwarded-prefix"),
    ngx_string("x-forwarded-proto"),
    ngx_string("x-forwarded-server"),
    ngx_string("x-real-ip"),
    ngx_string("traceparent"),
    ngx_string("tracestate"),
    ngx_string("baggage"),
    ngx_string("x-request-id"),
    ngx_string("x-stainless-*"),
    ngx_string("x-llm-*"),
    ngx_null_string
};


void
ngx_http_llm_batch_begin_headers(ngx_http_llm_batch_walk_t *walk,
    ngx_list_t *list)
{
    walk->part = &list->part;
    walk->pos = 0;
}


ngx_table_elt_t *
ngx_http_llm_batch_next_header(ngx_http_llm_batch_walk_t *walk)
{
    while (walk->pos == walk->part->nelts) {
        if (walk->part->next == NULL) {
            return NULL;
        }

        walk->part = walk->part->next;
        walk->pos = 0;
    }

    return (ngx_table_elt_t *) walk->part->elts + walk->pos++;
}


/*
 * A header whose hash is 0 is one like any other: there are names with that
 * hash, and nginx sends them on.
 */

ngx_table_elt_t *
ngx_http_llm_batch_next_counted(ngx_http_llm_batch_walk_t *walk,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_http_llm_batch_header_e *class)
{
    ngx_table_elt_t  *h;

    while ((h = ngx_http_llm_batch_next_header(walk)) != NULL) {
        *class = ngx_http_llm_batch_header_class(conf, h);

        if (*class != NGX_HTTP_LLM_BATCH_HEADER_IGNORED) {
            break;
        }
    }

    return h;
}


static ngx_http_llm_batch_header_e
ngx_http_llm_batch_header_class(ngx_http_llm_batch_loc_conf_t *conf,
    ngx_table_elt_t *h)
{
    ngx_str_t   name, *ignore;
    ngx_uint_t  i;

    name.data = h->lowcase_key;
    name.len = h->key.len;

    if (ngx_http_llm_batch_in_list(&name, ngx_http_llm_batch_neutral_headers))
    {
        return NGX_HTTP_LLM_BATCH_HEADER_IGNORED;
    }

    if (ngx_http_llm_batch_is_credential(&name)) {
        return conf->tenant ? NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL
                            : NGX_HTTP_LLM_BATCH_HEADER_KEY;
    }

    if (conf->ignore == NULL) {
        return NGX_HTTP_LLM_BATCH_HEADER_KEY;
    }

    ignore = conf->ignore->elts;

    for (i = 0; i < conf->ignore->nelts; i++) {
        if (ignore[i].len == name.len
            && ngx_memcmp(ignore[i].data, name.data, name.len) == 0)
        {
            return NGX_HTTP_LLM_BATCH_HEADER_IGNORED;
        }
    }

    return NGX_HTTP_LLM_BATCH_HEADER_KEY;
}


ngx_uint_t
ngx_http_llm_batch_is_credential(ngx_str_t *name)
{
    return ngx_http_llm_batch_in_list(name,
                                      ngx_http_llm_batch_credential_headers);
}


ngx_uint_t
ngx_http_llm_batch_is_cookie(ngx_str_t *name)
{
    return name->len == sizeof("cookie") - 1
           && ngx_memcmp(name->data, "cookie", sizeof("cookie") - 1) == 0;
}


/* the name is in lower case, and so is the list */

static ngx_uint_t
ngx_http_llm_batch_in_list(ngx_str_t *name, ngx_str_t *list)
{
    size_t  len;

    for ( /* void */ ; list->len; list++) {

        if (name->data[0] != list->data[0]) {
            continue;
        }

        len = list->len;

        if (list->data[len - 1] == '*') {
            len--;

            if (name->len < len) {
                continue;
            }

        } else if (name->len != len) {
            continue;
        }

        if (ngx_memcmp(name->data, list->data, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * A copy that ends with a zero, as some of nginx's code expects of headers.
 * If there is no memory for it, nothing is set: what the allocation writes to
 * the log about that may be about this very string.
 */

ngx_int_t
ngx_http_llm_batch_dup(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    u_char  *p;

    p = ngx_pnalloc(pool, src->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(p, src->data, src->len) = '\0';

    dst->data = p;
    dst->len = src->len;

    return NGX_OK;
}
