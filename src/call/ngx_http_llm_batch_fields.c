
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The headers of what a client is answered.  Some of them nginx's own filters
 * do not look for among all, but in a place of its own in r->headers_out; the
 * header of a call that the upstream module has put there, is put there for
 * each client, too.
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    size_t       offset;     /* in r->headers_out */
    ngx_uint_t   many;       /* all headers of the name, not only the last */
} ngx_http_llm_batch_slot_t;


#if (nginx_version >= 1023000)
typedef ngx_table_elt_t  *ngx_http_llm_batch_many_t;     /* linked */
#else
typedef ngx_array_t       ngx_http_llm_batch_many_t;     /* of pointers */
#endif


static ngx_int_t ngx_http_llm_batch_push_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value, ngx_uint_t slot);
static ngx_int_t ngx_http_llm_batch_put_slot(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_uint_t slot);
static ngx_uint_t ngx_http_llm_batch_among(ngx_http_llm_batch_many_t *many,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_llm_batch_add_many(ngx_http_request_t *r,
    ngx_http_llm_batch_many_t *many, ngx_table_elt_t *h);
static void ngx_http_llm_batch_drop_header(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_llm_batch_set_type(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_request_id(ngx_http_request_t *r,
    ngx_str_t *id);


/* of those that a merged answer may have */

static ngx_http_llm_batch_slot_t  ngx_http_llm_batch_slots[] = {
    { offsetof(ngx_http_headers_out_t, location), 0 },
    { offsetof(ngx_http_headers_out_t, refresh), 0 },
    { offsetof(ngx_http_headers_out_t, content_range), 0 },
    { offsetof(ngx_http_headers_out_t, expires), 0 },
    { offsetof(ngx_http_headers_out_t, cache_control), 1 },
    { offsetof(ngx_http_headers_out_t, link), 1 },
#if (nginx_version >= 1023000)
    { offsetof(ngx_http_headers_out_t, www_authenticate), 1 },
#endif
};


#define NGX_HTTP_LLM_BATCH_SLOTS                                              \
    (sizeof(ngx_http_llm_batch_slots) / sizeof(ngx_http_llm_batch_slots[0]))


ngx_uint_t
ngx_http_llm_batch_find_slot(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    u_char                     *p;
    ngx_uint_t                  i;
    ngx_http_llm_batch_slot_t  *slot;

    for (i = 0; i < NGX_HTTP_LLM_BATCH_SLOTS; i++) {
        slot = &ngx_http_llm_batch_slots[i];
        p = (u_char *) &r->headers_out + slot->offset;

        if (slot->many
            ? ngx_http_llm_batch_among((ngx_http_llm_batch_many_t *) p, h)
            : *(ngx_table_elt_t **) p == h)
        {
            return i + 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_llm_batch_put_slot(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t slot)
{
    u_char                     *p;
    ngx_http_llm_batch_slot_t  *s;

    if (slot == 0) {
        return NGX_OK;
    }

    if (slot > NGX_HTTP_LLM_BATCH_SLOTS) {
        return NGX_ERROR;
    }

    s = &ngx_http_llm_batch_slots[slot - 1];
    p = (u_char *) &r->headers_out + s->offset;

    if (s->many) {
        return ngx_http_llm_batch_add_many(r,
                                         (ngx_http_llm_batch_many_t *) p, h);
    }

    *(ngx_table_elt_t **) p = h;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_llm_batch_among(ngx_http_llm_batch_many_t *many, ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  *elt;

    for (elt = *many; elt; elt = elt->next) {
        if (elt == h) {
            return 1;
        }
    }

#else

    ngx_uint_t         i;
    ngx_table_elt_t  **elts;

    elts = many->elts;

    for (i = 0; i < many->nelts; i++) {
        if (elts[i] == h) {
            return 1;
        }
    }

#endif

    return 0;
}


static ngx_int_t
ngx_http_llm_batch_add_many(ngx_http_request_t *r,
    ngx_http_llm_batch_many_t *many, ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)

    while (*many) {
        many = &(*many)->next;
    }

    *many = h;

#else

    ngx_table_elt_t  **elt;

    if (many->elts == NULL
        && ngx_array_init(many, r->pool, 1, sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    elt = ngx_array_push(many);
    if (elt == NULL) {
        return NGX_ERROR;
    }

    *elt = h;

#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_set_headers(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_str_t                    id;
    ngx_uint_t                   i;
    ngx_http_llm_batch_field_t  *field;

    static ngx_str_t  request_id = ngx_string("X-Request-Id");
    static ngx_str_t  upstream_id = ngx_string("X-Upstream-Request-Id");

    if (ngx_http_llm_batch_set_type(r, answer) != NGX_OK) {
        return NGX_ERROR;
    }

    field = answer->fields.elts;

    for (i = 0; i < answer->fields.nelts; i++) {

        if (field[i].name.len != request_id.len
            || ngx_strncasecmp(field[i].name.data, request_id.data,
                               request_id.len)
               != 0)
        {
            if (ngx_http_llm_batch_push_header(r, &field[i].name,
                                               &field[i].value, field[i].slot)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        /* the upstream's is that of the call, not of this client's request */

        if (ngx_http_llm_batch_request_id(r, &id) != NGX_OK
            || ngx_http_llm_batch_push_header(r, &request_id, &id, 0)
               != NGX_OK
            || ngx_http_llm_batch_push_header(r, &upstream_id,
                                              &field[i].value, 0)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The type, and what becomes of its charset.  It was found in the type, or
 * said by the upstream to nginx alone, like the rate.
 */

static ngx_int_t
ngx_http_llm_batch_set_type(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_str_t  *charset;

    if (ngx_http_llm_batch_dup(r->pool, &r->headers_out.content_type,
                               &answer->type)
        != NGX_OK
        || ngx_http_llm_batch_dup(r->pool, &r->headers_out.charset,
                                  &answer->charset)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.content_type_len = answer->type_len;
    r->headers_out.content_type_lowcase = NULL;

    if (answer->override_charset.len) {
        charset = ngx_palloc(r->pool, sizeof(ngx_str_t));

        if (charset == NULL
            || ngx_http_llm_batch_dup(r->pool, charset,
                                      &answer->override_charset)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        r->headers_out.override_charset = charset;
    }

    if (answer->limited) {
        r->limit_rate = answer->limit_rate;
        r->limit_rate_set = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_push_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value, ngx_uint_t slot)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /* without a hash it is not sent, should there be no memory for it */

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    if (ngx_http_llm_batch_dup(r->pool, &h->key, name) != NGX_OK
        || ngx_http_llm_batch_dup(r->pool, &h->value, value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    h->hash = 1;

    return ngx_http_llm_batch_put_slot(r, h, slot);
}


/* the client's own, or a fresh one */

static ngx_int_t
ngx_http_llm_batch_request_id(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *v;

    static ngx_str_t  own = ngx_string("http_x_request_id");
    static ngx_str_t  fresh = ngx_string("request_id");

    key = ngx_hash_key(own.data, own.len);
    v = ngx_http_get_variable(r, &own, key);

    if (v == NULL || v->not_found || v->len == 0) {
        key = ngx_hash_key(fresh.data, fresh.len);
        v = ngx_http_get_variable(r, &fresh, key);
    }

    if (v == NULL || v->not_found) {
        return NGX_ERROR;
    }

    id->data = v->data;
    id->len = v->len;

    return NGX_OK;
}


/* when to come back, for who is refused by us; whole seconds, or more */

ngx_int_t
ngx_http_llm_batch_set_retry(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer)
{
    u_char     buf[NGX_INT64_LEN];
    ngx_str_t  value;

    static ngx_str_t  seconds = ngx_string("Retry-After");
    static ngx_str_t  ms = ngx_string("Retry-After-Ms");

    if (answer->retry == 0) {
        return NGX_OK;
    }

    value.data = buf;
    value.len = ngx_sprintf(buf, "%uL", (answer->retry + 999) / 1000) - buf;

    if (ngx_http_llm_batch_push_header(r, &seconds, &value, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!answer->retry_ms) {
        return NGX_OK;
    }

    value.len = ngx_sprintf(buf, "%uL", answer->retry) - buf;

    return ngx_http_llm_batch_push_header(r, &ms, &value, 0);
}


ngx_int_t
ngx_http_llm_batch_add_client_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx)
{
    u_char         *p;
    size_t          len;
    ngx_str_t       value, status;
    ngx_uint_t      exact;
    llmb_result_t  *result;

    static ngx_str_t  name = ngx_string("X-LLM-Batch");

    result = &ctx->result;
    status = ngx_http_llm_batch_ngx_str(&llmb_status_names[result->status]);

    len = sizeof("status=; reason=; id=; size=; index=; wait=; close=; usage=")
          + 7 * 32;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    p = ngx_sprintf(p, "status=");
    ngx_strlow(p, status.data, status.len);
    p += status.len;

    /* why one is alone is not known before it is over */

    if (ctx->reason != LLMB_REASON_NONE
        && result->status != LLMB_STATUS_SINGLE)
    {
        p = ngx_sprintf(p, "; reason=%*s", llmb_reason_names[ctx->reason].len,
                        llmb_reason_names[ctx->reason].data);
    }

    if (result->call) {
        p = ngx_sprintf(p, "; id=%08xD-%xL", ctx->zone->sh->start,
                        result->call);
    }

    if (result->size) {
        /* the usage of a request that went alone is its own */

        exact = result->exact
                || (result->status != LLMB_STATUS_MERGED
                    && result->status != LLMB_STATUS_DEDUP);

        p = ngx_sprintf(p, "; size=%uD; index=%uD; wait=%uD.%03uD; close=%*s"
                        "; usage=%s",
                        result->size, result->index, result->wait / 1000,
                        result->wait % 1000,
                        llmb_close_names[result->close].len,
                        llmb_close_names[result->close].data,
                        exact ? "exact" : "estimated");
    }

    value.len = p - value.data;

    /* another nginx behind this one has its own, which tells of itself */

    ngx_http_llm_batch_drop_header(r, &name);

    return ngx_http_llm_batch_push_header(r, &name, &value, 0);
}


static void
ngx_http_llm_batch_drop_header(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_table_elt_t            *h;
    ngx_http_llm_batch_walk_t   walk;

    ngx_http_llm_batch_begin_headers(&walk, &r->headers_out.headers);

    while ((h = ngx_http_llm_batch_next_header(&walk)) != NULL) {

        if (h->key.len == name->len
            && ngx_strncasecmp(h->key.data, name->data, name->len) == 0)
        {
            h->hash = 0;
        }
    }
}
