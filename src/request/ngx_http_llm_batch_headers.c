
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the headers of a client mean: which of them tell who it is, which say
 * nothing about the answer.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_cmp_counted(const void *one,
    const void *two);
static ngx_http_llm_batch_header_e ngx_http_llm_batch_header_class(
    ngx_http_llm_batch_loc_conf_t *conf, ngx_table_elt_t *h);
static ngx_http_llm_batch_header_e ngx_http_llm_batch_name_class(
    ngx_http_llm_batch_loc_conf_t *conf, ngx_table_elt_t *h, ngx_str_t *name);
static ngx_uint_t ngx_http_llm_batch_is_neutral(
    ngx_http_llm_batch_main_conf_t *mcf, ngx_table_elt_t *h, ngx_str_t *name);
static ngx_uint_t ngx_http_llm_batch_is_default(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_llm_batch_is_plain_json(ngx_str_t *type);
static u_char *ngx_http_llm_batch_skip_blanks(u_char *p, u_char *last);


/* of "llm_batch_credentials", if nothing is said */

static ngx_str_t  ngx_http_llm_batch_credential_headers[] = {
    ngx_string("authorization"),
    ngx_string("api-key"),
    ngx_string("x-api-key"),
    ngx_string("x-goog-api-key"),
    ngx_string("cookie")
};


ngx_array_t  ngx_http_llm_batch_credentials_default = {
    ngx_http_llm_batch_credential_headers, 5, sizeof(ngx_str_t), 5, NULL
};


/*
 * Headers that say nothing about the answer, and nothing of who wants it: what
 * is of one connection, or of one request among others.  Any other separates:
 * of X-Forwarded-..., too, some, such as -User, -Access-Token or -Client-Cert,
 * tell who the client is, and "Origin" may be answered.
 */

static ngx_str_t  ngx_http_llm_batch_neutral_headers[] = {

    /* HTTP, and what proxies in between add (RFC 9110, 9218, 7239, 8586) */

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
    ngx_string("x-openai-client-user-agent"),
    ngx_string("date"),
    ngx_string("via"),
    ngx_string("forwarded"),
    ngx_string("priority"),
    ngx_string("cdn-loop"),
    ngx_string("x-forwarded-for"),
    ngx_string("x-forwarded-host"),
    ngx_string("x-forwarded-port"),
    ngx_string("x-forwarded-prefix"),
    ngx_string("x-forwarded-proto"),
    ngx_string("x-forwarded-scheme"),
    ngx_string("x-forwarded-server"),
    ngx_string("x-forwarded-ssl"),
    ngx_string("x-original-forwarded-for"),
    ngx_string("x-real-ip"),
    ngx_string("x-client-ip"),
    ngx_string("x-cluster-client-ip"),
    ngx_string("x-scheme"),
    ngx_string("x-request-start"),
    ngx_string("x-queue-start"),

    /*
     * one request among others: W3C Trace Context and Baggage, Zipkin,
     * Jaeger, Sentry, New Relic, Elastic, Dynatrace, LangSmith,
     * Application Insights, SkyWalking, Kong
     */

    ngx_string("traceparent"),
    ngx_string("tracestate"),
    ngx_string("baggage"),
    ngx_string("b3"),
    ngx_string("uber-trace-id"),
    ngx_string("jaeger-debug-id"),
    ngx_string("sentry-trace"),
    ngx_string("newrelic"),
    ngx_string("x-newrelic-id"),
    ngx_string("x-newrelic-transaction"),
    ngx_string("elastic-apm-traceparent"),
    ngx_string("x-dynatrace"),
    ngx_string("langsmith-trace"),
    ngx_string("grpc-trace-bin"),
    ngx_string("sw8"),
    ngx_string("sw8-correlation"),
    ngx_string("sw8-x"),
    ngx_string("request-context"),
    ngx_string("correlation-context"),
    ngx_string("request-id"),
    ngx_string("correlation-id"),
    ngx_string("x-request-id"),
    ngx_string("x-correlation-id"),
    ngx_string("x-trace-id"),
    ngx_string("x-span-id"),
    ngx_string("x-kong-request-id"),
    ngx_string("x-client-request-id"),

    /*
     * AWS, Azure, Google, Cloudflare, Fastly, Akamai, Vercel, DigitalOcean,
     * Fly.io, Railway, Render, Netlify, Imperva
     */

    ngx_string("x-amzn-trace-id"),
    ngx_string("x-amzn-requestid"),
    ngx_string("x-amzn-tls-version"),
    ngx_string("x-amzn-tls-cipher-suite"),
    ngx_string("x-amz-cf-id"),
    ngx_string("x-ms-client-request-id"),
    ngx_string("x-ms-correlation-request-id"),
    ngx_string("x-ms-useragent"),
    ngx_string("x-azure-ref"),
    ngx_string("x-azure-clientip"),
    ngx_string("x-azure-socketip"),
    ngx_string("x-azure-fdid"),
    ngx_string("x-azure-requestchain"),
    ngx_string("x-appgw-trace-id"),
    ngx_string("x-arr-log-id"),
    ngx_string("x-cloud-trace-context"),
    ngx_string("x-goog-api-client"),
    ngx_string("cf-ray"),
    ngx_string("cf-connecting-ip"),
    ngx_string("cf-connecting-ipv6"),
    ngx_string("cf-ipcountry"),
    ngx_string("cf-visitor"),
    ngx_string("cf-ipcity"),
    ngx_string("cf-ipcontinent"),
    ngx_string("cf-iplatitude"),
    ngx_string("cf-iplongitude"),
    ngx_string("cf-region"),
    ngx_string("cf-region-code"),
    ngx_string("cf-metro-code"),
    ngx_string("cf-postal-code"),
    ngx_string("cf-timezone"),
    ngx_string("true-client-ip"),
    ngx_string("fastly-client-ip"),
    ngx_string("fastly-ff"),
    ngx_string("akamai-origin-hop"),
    ngx_string("x-akamai-edgescape"),
    ngx_string("x-vercel-id"),
    ngx_string("x-vercel-forwarded-for"),
    ngx_string("do-connecting-ip"),
    ngx_string("fly-client-ip"),
    ngx_string("fly-forwarded-port"),
    ngx_string("fly-region"),
    ngx_string("fly-request-id"),
    ngx_string("x-railway-request-id"),
    ngx_string("x-railway-edge"),
    ngx_string("rndr-id"),
    ngx_string("x-nf-request-id"),
    ngx_string("incap-client-ip"),

    /* Envoy and Istio */

    ngx_string("x-envoy-external-address"),
    ngx_string("x-envoy-expected-rq-timeout-ms"),
    ngx_string("x-envoy-attempt-count"),
    ngx_string("x-envoy-internal"),
    ngx_string("x-envoy-decorator-operation"),
    ngx_string("x-envoy-peer-metadata"),
    ngx_string("x-envoy-peer-metadata-id")
};


/* and all that begin so: browsers and SDKs about themselves, and tracers */

static ngx_str_t  ngx_http_llm_batch_neutral_prefixes[] = {
    ngx_string("accept"),
    ngx_string("sec-fetch-"),
    ngx_string("sec-ch-ua"),
    ngx_string("x-llm-"),
    ngx_string("x-stainless-"),
    ngx_string("x-fern-"),
    ngx_string("x-b3-"),
    ngx_string("x-datadog-"),
    ngx_string("x-instana-"),
    ngx_string("x-ot-span-"),
    ngx_string("ot-tracer-"),
    ngx_string("uberctx-"),
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


ngx_int_t
ngx_http_llm_batch_list_counted(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_table_elt_t               *h;
    ngx_http_request_t            *r;
    ngx_http_llm_batch_walk_t      walk;
    ngx_http_llm_batch_header_e    class;
    ngx_http_llm_batch_counted_t  *counted;

    if (ctx->headers.elts) {
        return NGX_OK;
    }

    r = ctx->request;

    if (ngx_array_init(&ctx->headers, r->pool, 4,
                       sizeof(ngx_http_llm_batch_counted_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_llm_batch_begin_headers(&walk, &r->headers_in.headers);

    while ((h = ngx_http_llm_batch_next_counted(&walk, ctx->conf, &class))
           != NULL)
    {
        counted = ngx_array_push(&ctx->headers);
        if (counted == NULL) {
            ctx->headers.elts = NULL;
            return NGX_ERROR;
        }

        counted->header = h;
        counted->class = class;
    }

    /* a stable sort */

    ngx_sort(ctx->headers.elts, ctx->headers.nelts,
             sizeof(ngx_http_llm_batch_counted_t),
             ngx_http_llm_batch_cmp_counted);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_cmp_counted(const void *one, const void *two)
{
    size_t                  n;
    ngx_int_t               rc;
    const ngx_table_elt_t  *first, *second;

    first = ((const ngx_http_llm_batch_counted_t *) one)->header;
    second = ((const ngx_http_llm_batch_counted_t *) two)->header;

    n = ngx_min(first->key.len, second->key.len);
    rc = ngx_memcmp(first->lowcase_key, second->lowcase_key, n);

    if (rc) {
        return rc;
    }

    return (ngx_int_t) first->key.len - (ngx_int_t) second->key.len;
}


static ngx_http_llm_batch_header_e
ngx_http_llm_batch_header_class(ngx_http_llm_batch_loc_conf_t *conf,
    ngx_table_elt_t *h)
{
    ngx_str_t                     name;
    ngx_http_llm_batch_known_t   *place;
    ngx_http_llm_batch_header_e   class;

    name.data = h->lowcase_key;
    name.len = h->key.len;

    if (ngx_http_llm_batch_known(conf->zone->mcf->headers, conf, h->hash,
                                    &name, &place))
    {
        class = place->found;

    } else {
        class = ngx_http_llm_batch_name_class(conf, h, &name);
        ngx_http_llm_batch_known_set(place, conf, h->hash, &name, class);
    }

    if (class == NGX_HTTP_LLM_BATCH_HEADER_DEFAULT) {
        return ngx_http_llm_batch_is_default(h)
               ? NGX_HTTP_LLM_BATCH_HEADER_IGNORED
               : NGX_HTTP_LLM_BATCH_HEADER_KEY;
    }

    return class;
}


/* what does not depend on the value */

static ngx_http_llm_batch_header_e
ngx_http_llm_batch_name_class(ngx_http_llm_batch_loc_conf_t *conf,
    ngx_table_elt_t *h, ngx_str_t *name)
{
    if (ngx_http_llm_batch_is_credential(conf, name)) {
        return conf->tenant ? NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL
                            : NGX_HTTP_LLM_BATCH_HEADER_KEY;
    }

    if (ngx_http_llm_batch_is_neutral(conf->zone->mcf, h, name)
        || (conf->ignore && ngx_http_llm_batch_in_list(conf->ignore, name)))
    {
        return NGX_HTTP_LLM_BATCH_HEADER_IGNORED;
    }

    if (ngx_http_llm_batch_is_header(h, "Content-Type")
        || ngx_http_llm_batch_is_header(h, "Content-Encoding"))
    {
        return NGX_HTTP_LLM_BATCH_HEADER_DEFAULT;
    }

    return NGX_HTTP_LLM_BATCH_HEADER_KEY;
}


/*
 * The hash of a header of a request is that of its name in lower case, whatever
 * the protocol; if it is not, the header separates.
 */

static ngx_uint_t
ngx_http_llm_batch_is_neutral(ngx_http_llm_batch_main_conf_t *mcf,
    ngx_table_elt_t *h, ngx_str_t *name)
{
    ngx_str_t  *prefix;

    if (ngx_hash_find(&mcf->neutral, h->hash, name->data, name->len)) {
        return 1;
    }

    for (prefix = ngx_http_llm_batch_neutral_prefixes; prefix->len; prefix++) {

        if (name->data[0] == prefix->data[0] && name->len >= prefix->len
            && ngx_memcmp(name->data, prefix->data, prefix->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* what is so as well if nothing is said; a call says it itself */

static ngx_uint_t
ngx_http_llm_batch_is_default(ngx_table_elt_t *h)
{
    if (ngx_http_llm_batch_is_header(h, "Content-Type")) {
        return ngx_http_llm_batch_is_plain_json(&h->value);
    }

    return ngx_http_llm_batch_is_header(h, "Content-Encoding")
           && ngx_http_llm_batch_is_identity(&h->value);
}


/* JSON is in UTF-8 (RFC 8259), and has no parameters */

static ngx_uint_t
ngx_http_llm_batch_is_plain_json(ngx_str_t *type)
{
    u_char     *p, *last;
    ngx_uint_t  i;

    static ngx_str_t  charsets[] = {
        ngx_string("charset=utf-8"), ngx_string("charset=\"utf-8\"")
    };

    p = type->data;
    last = p + type->len;

    if (type->len < 16
        || (ngx_memcmp(p, "application/json", 16) != 0
            && ngx_strncasecmp(p, (u_char *) "application/json", 16) != 0))
    {
        return 0;
    }

    p = ngx_http_llm_batch_skip_blanks(p + 16, last);

    if (p == last) {
        return 1;
    }

    if (*p++ != ';') {
        return 0;
    }

    p = ngx_http_llm_batch_skip_blanks(p, last);

    for (i = 0; i < 2; i++) {

        if ((size_t) (last - p) >= charsets[i].len
            && ngx_strncasecmp(p, charsets[i].data, charsets[i].len) == 0)
        {
            p += charsets[i].len;
            break;
        }
    }

    return ngx_http_llm_batch_skip_blanks(p, last) == last;
}


static u_char *
ngx_http_llm_batch_skip_blanks(u_char *p, u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}


ngx_uint_t
ngx_http_llm_batch_is_identity(ngx_str_t *encoding)
{
    return encoding->len == 8
           && ngx_strncasecmp(encoding->data, (u_char *) "identity", 8) == 0;
}


ngx_uint_t
ngx_http_llm_batch_is_credential(ngx_http_llm_batch_loc_conf_t *conf,
    ngx_str_t *name)
{
    return ngx_http_llm_batch_in_list(conf->credentials, name);
}


ngx_uint_t
ngx_http_llm_batch_is_cookie(ngx_str_t *name)
{
    return name->len == sizeof("cookie") - 1
           && ngx_memcmp(name->data, "cookie", sizeof("cookie") - 1) == 0;
}


ngx_uint_t
ngx_http_llm_batch_in_list(ngx_array_t *list, ngx_str_t *name)
{
    size_t      len;
    ngx_str_t  *elt;
    ngx_uint_t  i;

    elt = list->elts;

    for (i = 0; i < list->nelts; i++) {
        len = elt[i].len;

        if (elt[i].data[len - 1] == '*') {
            len--;

            if (name->len < len) {
                continue;
            }

        } else if (name->len != len) {
            continue;
        }

        if (ngx_memcmp(name->data, elt[i].data, len) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_llm_batch_headers_init(ngx_conf_t *cf, ngx_hash_t *neutral)
{
    ngx_uint_t       i, n;
    ngx_hash_key_t  *keys;
    ngx_hash_init_t  hash;

    n = sizeof(ngx_http_llm_batch_neutral_headers) / sizeof(ngx_str_t);

    keys = ngx_pcalloc(cf->temp_pool, n * sizeof(ngx_hash_key_t));
    if (keys == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        keys[i].key = ngx_http_llm_batch_neutral_headers[i];
        keys[i].key_hash = ngx_hash_key(keys[i].key.data, keys[i].key.len);
        keys[i].value = (void *) 1;
    }

    hash.hash = neutral;
    hash.key = ngx_hash_key;
    hash.max_size = 1024;
    hash.bucket_size = ngx_align(64, ngx_cacheline_size);
    hash.name = "llm_batch_headers_hash";
    hash.pool = cf->pool;
    hash.temp_pool = NULL;

    return ngx_hash_init(&hash, keys, n);
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
