
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The key is a sequence of parts, as llmb_differ.h has them, so that no two
 * different requests have the same bytes.  Whatever the call takes from the
 * request that lends its context has to be in it.
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    ngx_pool_t  *pool;
    u_char      *start;
    u_char      *pos;
    u_char      *end;
} ngx_http_llm_batch_buf_t;


static void ngx_http_llm_batch_set_label(ngx_http_llm_batch_ctx_t *ctx,
    ngx_str_t *key);
static ngx_int_t ngx_http_llm_batch_key_request(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_key_variables(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx,
    ngx_array_t *list, llmb_part_e type);
static ngx_int_t ngx_http_llm_batch_key_identity(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_key_captures(
    ngx_http_llm_batch_buf_t *b, ngx_http_request_t *r);
static ngx_int_t ngx_http_llm_batch_key_headers(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_header_e class);
static ngx_int_t ngx_http_llm_batch_client(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_client_headers(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx,
    ngx_uint_t cookies, ngx_uint_t *n);
static ngx_int_t ngx_http_llm_batch_key_values(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_key_body(
    ngx_http_llm_batch_buf_t *b, ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_key_frame(
    ngx_http_llm_batch_buf_t *b, llmb_request_t *body, size_t len,
    llmb_frame_memo_t *memo);
static ngx_int_t ngx_http_llm_batch_put(ngx_http_llm_batch_buf_t *b,
    llmb_part_e type, const void *data, size_t len);
static ngx_int_t ngx_http_llm_batch_put_named(ngx_http_llm_batch_buf_t *b,
    llmb_part_e type, ngx_str_t *name, ngx_str_t *value);
static void ngx_http_llm_batch_put_size(ngx_http_llm_batch_buf_t *b,
    size_t at);
static ngx_int_t ngx_http_llm_batch_grow(ngx_http_llm_batch_buf_t *b,
    size_t len);
static llmb_rc_e ngx_http_llm_batch_key_write(void *data, const uint8_t *p,
    size_t len);


ngx_int_t
ngx_http_llm_batch_key(ngx_http_llm_batch_ctx_t *ctx, ngx_pool_t *pool,
    ngx_str_t *key)
{
    ngx_http_llm_batch_buf_t  b;

    ngx_memzero(&b, sizeof(ngx_http_llm_batch_buf_t));

    b.pool = pool;

    if (ngx_http_llm_batch_list_counted(ctx) != NGX_OK
        || ngx_http_llm_batch_key_request(&b, ctx) != NGX_OK
        || ngx_http_llm_batch_key_values(&b, ctx) != NGX_OK
        || ngx_http_llm_batch_carry_variables(ctx) != NGX_OK
        || ngx_http_llm_batch_key_variables(&b, ctx, &ctx->carried,
                                            LLMB_PART_VARIABLE)
           != NGX_OK
        || (ctx->conf->tenant == NULL
            && ngx_http_llm_batch_key_identity(&b, ctx) != NGX_OK)
        || ngx_http_llm_batch_key_headers(&b, ctx,
                                          NGX_HTTP_LLM_BATCH_HEADER_KEY)
           != NGX_OK
        || ngx_http_llm_batch_key_body(&b, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    key->data = b.start;
    key->len = b.pos - b.start;

    if (ctx->zone->mcf->keyed && key->len <= LLMB_KEY_MAX) {
        ngx_http_llm_batch_set_label(ctx, key);
    }

    return NGX_OK;
}


/*
 * The key's hash, but that the location is told by its names: so it is the same
 * after a reload, and on other nodes.
 */

static void
ngx_http_llm_batch_set_label(ngx_http_llm_batch_ctx_t *ctx, ngx_str_t *key)
{
    size_t                           len;
    llmb_siphash_t                   hash;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ctx->zone->mcf;

    len = LLMB_PART_HEAD + 2 * sizeof(ngx_uint_t);

    llmb_siphash_init(&hash, mcf->secret_set ? &mcf->secret
                                             : &ctx->zone->sh->secret);

    llmb_siphash_update(&hash, &ctx->conf->place.len, sizeof(size_t));
    llmb_siphash_update(&hash, ctx->conf->place.data, ctx->conf->place.len);
    llmb_siphash_update(&hash, key->data + len, key->len - len);

    ctx->label = llmb_siphash_final(&hash);
}


void
ngx_http_llm_batch_find_label(ngx_http_llm_batch_ctx_t *ctx, ngx_pool_t *pool)
{
    ngx_str_t  key;

    if (ctx->zone->mcf->keyed && ctx->label == 0 && pool) {
        (void) ngx_http_llm_batch_key(ctx, pool, &key);
        ngx_reset_pool(pool);
    }
}


ngx_int_t
ngx_http_llm_batch_credentials(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_str_t *credentials)
{
    ngx_http_llm_batch_buf_t  b;

    ngx_str_null(credentials);

    if (ctx->conf->tenant == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&b, sizeof(ngx_http_llm_batch_buf_t));

    b.pool = pool;

    if (ngx_http_llm_batch_list_counted(ctx) != NGX_OK
        || ngx_http_llm_batch_key_identity(&b, ctx) != NGX_OK
        || ngx_http_llm_batch_key_headers(&b, ctx,
                                         NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    credentials->data = b.start;
    credentials->len = b.pos - b.start;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_tenant(ngx_http_llm_batch_ctx_t *ctx, ngx_pool_t *pool,
    uint64_t *tenant)
{
    ngx_str_t                       value;
    ngx_http_llm_batch_buf_t        b;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;

    if (conf->tenant) {

        if (ngx_http_llm_batch_evaluate(ctx->request, conf->tenant, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        ngx_memzero(&b, sizeof(ngx_http_llm_batch_buf_t));

        b.pool = pool;

        if (ngx_http_llm_batch_client(&b, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        value.data = b.start;
        value.len = b.pos - b.start;
    }

    *tenant = llmb_siphash(&ctx->zone->sh->secret,
                           ngx_http_llm_batch_str(&value));

    return NGX_OK;
}


/*
 * Most upstreams ignore cookies if there is a key, and a client may make them
 * up, so they count only where nothing else in its headers tells who it is.
 */

static ngx_int_t
ngx_http_llm_batch_client(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t  n;

    if (ngx_http_llm_batch_list_counted(ctx) != NGX_OK
        || ngx_http_llm_batch_key_identity(b, ctx) != NGX_OK
        || ngx_http_llm_batch_client_headers(b, ctx, 0, &n) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return n ? NGX_OK : ngx_http_llm_batch_client_headers(b, ctx, 1, &n);
}


/* its credentials: either cookies or all others, and how many there are */

static ngx_int_t
ngx_http_llm_batch_client_headers(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx, ngx_uint_t cookies, ngx_uint_t *n)
{
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_table_elt_t               *h;
    ngx_http_llm_batch_counted_t  *counted;

    *n = 0;

    counted = ctx->headers.elts;

    for (i = 0; i < ctx->headers.nelts; i++) {
        h = counted[i].header;

        name.data = h->lowcase_key;
        name.len = h->key.len;

        if (!ngx_http_llm_batch_is_credential(ctx->conf, &name)
            || ngx_http_llm_batch_is_cookie(&name) != cookies)
        {
            continue;
        }

        if (ngx_http_llm_batch_put_named(b, LLMB_PART_HEADER, &name, &h->value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        (*n)++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_key_request(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx)
{
    u_char               https, bits;
    ngx_uint_t           here[2];
    ngx_http_request_t  *r;

    r = ctx->request;

    /* these are of this node and of now, and stand in front of all others */

    here[0] = ctx->zone->generation;
    here[1] = ctx->conf->id;

    /* what nginx makes the upstream's URI of, and how it got here */

    bits = (r->valid_unparsed_uri << 1) | (r->valid_location << 2)
           | (r->internal << 3);

    https = 0;

#if (NGX_HTTP_SSL)
    https = (r->connection->ssl != NULL);
#endif

    if (ngx_http_llm_batch_put(b, LLMB_PART_LOCATION, here, sizeof(here))
        != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_SCHEME, &https, 1) != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_REDIRECT, &bits, 1) != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_METHOD, r->method_name.data,
                                  r->method_name.len)
           != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_URI, r->uri.data, r->uri.len)
           != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_REQUEST_URI,
                                  r->unparsed_uri.data, r->unparsed_uri.len)
           != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_ARGUMENTS, r->args.data,
                                  r->args.len)
           != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_HOST,
                                  r->headers_in.server.data,
                                  r->headers_in.server.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (nginx_version >= 1029003)

    if (ngx_http_llm_batch_put(b, LLMB_PART_HOST, &r->port, sizeof(r->port))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#endif

    return ngx_http_llm_batch_key_captures(b, r);
}


/*
 * What "proxy_pass" may be made of: captures of server and location.  The
 * first pair, of the whole match, is not: there is no $0.  Nor is it valid
 * if the expression has no captures; then there may be no array at all.
 */

static ngx_int_t
ngx_http_llm_batch_key_captures(ngx_http_llm_batch_buf_t *b,
    ngx_http_request_t *r)
{
#if (NGX_PCRE)

    int         *cap, len;
    ngx_uint_t   i, n;

    cap = r->captures;
    n = r->ncaptures > 2 ? r->ncaptures : 0;

    for (i = 2; i + 1 < n; i += 2) {

        /* one that matched nothing has its place, too */

        len = (cap[i] < 0 || cap[i + 1] < cap[i]) ? 0 : cap[i + 1] - cap[i];

        if (ngx_http_llm_batch_put(b, LLMB_PART_CAPTURES,
                                   len ? r->captures_data + cap[i]
                                       : (u_char *) "", len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

#endif

    return NGX_OK;
}


/* the tenant, the group and whatever the administrator wants to be equal */

static ngx_int_t
ngx_http_llm_batch_key_values(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_str_t                       value;
    ngx_uint_t                      i;
    ngx_http_complex_value_t       *cv;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;

    ngx_str_null(&value);

    if (conf->tenant
        && ngx_http_llm_batch_evaluate(ctx->request, conf->tenant, &value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_put(b, LLMB_PART_TENANT, value.data, value.len)
        != NGX_OK
        || ngx_http_llm_batch_put(b, LLMB_PART_GROUP, ctx->group.data,
                                  ctx->group.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->vary == NULL) {
        return NGX_OK;
    }

    cv = conf->vary->elts;

    for (i = 0; i < conf->vary->nelts; i++) {

        if (ngx_http_llm_batch_evaluate(ctx->request, &cv[i], &value) != NGX_OK
            || ngx_http_llm_batch_put(b, LLMB_PART_VARY, value.data, value.len)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* which of them have a value, and that; by name, the same on all nodes */

static ngx_int_t
ngx_http_llm_batch_key_variables(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx, ngx_array_t *list, llmb_part_e type)
{
    ngx_str_t                   value;
    ngx_uint_t                  i, *index;
    ngx_http_variable_t        *var;
    ngx_http_variable_value_t  *v;
    ngx_http_core_main_conf_t  *cmcf;

    index = list->elts;

    cmcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_core_module);
    var = cmcf->variables.elts;

    for (i = 0; i < list->nelts; i++) {
        v = &ctx->request->variables[index[i]];

        value.data = v->data;
        value.len = v->len;

        if (ngx_http_llm_batch_put_named(b, type, &var[index[i]].name, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Who the client is, but for its headers.  The certificate counts wherever
 * there is one, even if no variable tells of it.
 */

static ngx_int_t
ngx_http_llm_batch_key_identity(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx)
{
#if (NGX_HTTP_SSL)

    ngx_str_t          fingerprint;
    ngx_connection_t  *c;

    c = ctx->request->connection;
    ngx_str_null(&fingerprint);

    if ((c->ssl && ngx_ssl_get_fingerprint(c, b->pool, &fingerprint) != NGX_OK)
        || ngx_http_llm_batch_put(b, LLMB_PART_CERTIFICATE, fingerprint.data,
                                  fingerprint.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

#endif

    return ngx_http_llm_batch_key_variables(b, ctx, &ctx->identity,
                                            LLMB_PART_IDENTITY);
}


/* the headers of one class, which are ordered by name */

static ngx_int_t
ngx_http_llm_batch_key_headers(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx, ngx_http_llm_batch_header_e class)
{
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_table_elt_t               *h;
    ngx_http_llm_batch_counted_t  *counted;

    counted = ctx->headers.elts;

    for (i = 0; i < ctx->headers.nelts; i++) {
        h = counted[i].header;

        if (counted[i].class != class) {
            continue;
        }

        name.data = h->lowcase_key;
        name.len = h->key.len;

        if (ngx_http_llm_batch_put_named(b, LLMB_PART_HEADER, &name, &h->value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_key_body(ngx_http_llm_batch_buf_t *b,
    ngx_http_llm_batch_ctx_t *ctx)
{
    size_t              len, at;
    u_char              kind;
    llmb_sink_t         sink;
    llmb_request_t     *body;
    llmb_frame_memo_t  *memo;

    body = &ctx->body;

    kind = (u_char) body->kind;

    if (ngx_http_llm_batch_put(b, LLMB_PART_FORMAT, body->adapter->name.data,
                               body->adapter->name.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sink.write = ngx_http_llm_batch_key_write;
    sink.data = b;

    at = b->pos - b->start;

    if (ngx_http_llm_batch_put(b, LLMB_PART_ITEMS, &kind, 1) != NGX_OK
        || llmb_frame_shape(body, &sink) != LLMB_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_llm_batch_put_size(b, at);

    len = llmb_frame(body, NULL, NULL, NULL);
    memo = &ctx->zone->mcf->frames[len % NGX_HTTP_LLM_BATCH_FRAMES];

    if (!llmb_frame_is(memo, body, len)) {
        return ngx_http_llm_batch_key_frame(b, body, len, memo);
    }

    return ngx_http_llm_batch_put(b, LLMB_PART_BODY, memo->text,
                                  memo->text_len);
}


static ngx_int_t
ngx_http_llm_batch_key_frame(ngx_http_llm_batch_buf_t *b,
    llmb_request_t *body, size_t len, llmb_frame_memo_t *memo)
{
    u_char        *p;
    size_t         size, at;
    unsigned       nskip;
    llmb_str_t     frame, text;
    llmb_sink_t    sink;
    llmb_span_t    skip[LLMB_REQUEST_MAX_HOLES];
    llmb_arena_t   scratch;

    /* 28 bytes for each object and member, which take two to five of text */

    size = 1024 + 14 * len;

    p = ngx_palloc(b->pool, size + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    scratch.pos = p;
    scratch.end = p + size;

    frame.len = len;
    frame.data = scratch.end;
    (void) llmb_frame(body, scratch.end, skip, &nskip);

    sink.write = ngx_http_llm_batch_key_write;
    sink.data = b;

    at = b->pos - b->start;

    if (ngx_http_llm_batch_put(b, LLMB_PART_BODY, NULL, 0) != NGX_OK
        || llmb_key_canonical(frame, skip, nskip, scratch, &sink) != LLMB_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_llm_batch_put_size(b, at);

    text.data = b->start + at + LLMB_PART_HEAD;
    text.len = b->pos - text.data;

    llmb_frame_note(memo, frame, skip, nskip, text);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_put(ngx_http_llm_batch_buf_t *b, llmb_part_e type,
    const void *data, size_t len)
{
    ngx_str_t  name, value;

    ngx_str_null(&name);

    value.data = (u_char *) data;
    value.len = len;

    return ngx_http_llm_batch_put_named(b, type, &name, &value);
}


static ngx_int_t
ngx_http_llm_batch_put_named(ngx_http_llm_batch_buf_t *b, llmb_part_e type,
    ngx_str_t *name, ngx_str_t *value)
{
    size_t  len;

    len = LLMB_PART_HEAD + name->len + value->len;

    if ((size_t) (b->end - b->pos) < len
        && ngx_http_llm_batch_grow(b, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    llmb_part_write(b->pos, type, name->len, value->len);

    b->pos = ngx_cpymem(b->pos + LLMB_PART_HEAD, name->data, name->len);
    b->pos = ngx_cpymem(b->pos, value->data, value->len);

    return NGX_OK;
}


/* the part that begins there has a value that goes on to the end */

static void
ngx_http_llm_batch_put_size(ngx_http_llm_batch_buf_t *b, size_t at)
{
    llmb_part_write(b->start + at, b->start[at], 0,
                    b->pos - b->start - at - LLMB_PART_HEAD);
}


static ngx_int_t
ngx_http_llm_batch_grow(ngx_http_llm_batch_buf_t *b, size_t len)
{
    size_t   size;
    u_char  *p;

    size = ngx_max(1024, 2 * (b->pos - b->start + len));

    p = ngx_palloc(b->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    b->pos = ngx_cpymem(p, b->start, b->pos - b->start);
    b->start = p;
    b->end = p + size;

    return NGX_OK;
}


static llmb_rc_e
ngx_http_llm_batch_key_write(void *data, const uint8_t *p, size_t len)
{
    ngx_http_llm_batch_buf_t *b = data;

    if ((size_t) (b->end - b->pos) < len
        && ngx_http_llm_batch_grow(b, len) != NGX_OK)
    {
        return LLMB_NOMEM;
    }

    b->pos = ngx_cpymem(b->pos, p, len);

    return LLMB_OK;
}
