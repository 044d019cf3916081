
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The form in the zone: the fixed part, then strings, each preceded by its
 * length.  Writer and reader are workers of one configuration, hence of one
 * binary.
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    size_t      size;          /* of all that is written; comes first */
    ngx_uint_t  status;
    ngx_uint_t  local;
    size_t      type_len;
    size_t      limit_rate;
    ngx_uint_t  limited;
    ngx_uint_t  nfields;
    ngx_uint_t  nstates;
} ngx_http_llm_batch_fixed_t;


static void ngx_http_llm_batch_answer_type(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_answer_fields(
    ngx_http_llm_batch_call_t *call, ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_answer_states(
    ngx_http_llm_batch_call_t *call, ngx_http_llm_batch_answer_t *answer);
static ngx_uint_t ngx_http_llm_batch_is_private(ngx_str_t *name);
static llmb_rc_e ngx_http_llm_batch_measure(void *data, const uint8_t *p,
    size_t len);
static llmb_rc_e ngx_http_llm_batch_write_str(llmb_sink_t *out, ngx_str_t *s);
static ngx_int_t ngx_http_llm_batch_read_bytes(ngx_str_t *data, void *p,
    size_t len);
static ngx_int_t ngx_http_llm_batch_read_str(ngx_str_t *data, ngx_str_t *s);


/* of one connection or one client, or no longer true of a part */

static ngx_str_t  ngx_http_llm_batch_private_fields[] = {
    ngx_string("Connection"),
    ngx_string("Keep-Alive"),
    ngx_string("Proxy-Authenticate"),
    ngx_string("Proxy-Connection"),
    ngx_string("TE"),
    ngx_string("Trailer"),
    ngx_string("Transfer-Encoding"),
    ngx_string("Upgrade"),
    ngx_string("Content-Length"),
    ngx_string("Content-Encoding"),
    ngx_string("Content-Type"),
    ngx_string("Set-Cookie"),
    ngx_string("ETag"),
    ngx_string("Alt-Svc"),
    ngx_string("Server-Timing"),
    ngx_string("Date"),
    ngx_string("Server"),
    ngx_string("Accept-Ranges"),
    ngx_string("Last-Modified"),
    ngx_string("X-Compute-Tokens"),
    ngx_string("X-Compute-Characters"),
    ngx_null_string
};


ngx_int_t
ngx_http_llm_batch_answer_create(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_memzero(answer, sizeof(ngx_http_llm_batch_answer_t));

    answer->status = call->status;

    if (ngx_array_init(&answer->fields, call->pool, 16,
                       sizeof(ngx_http_llm_batch_field_t))
        != NGX_OK
        || ngx_array_init(&answer->states, call->pool, 1,
                          sizeof(ngx_http_upstream_state_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (call->subrequest == NULL) {
        return NGX_OK;
    }

    if (call->status) {
        ngx_http_llm_batch_answer_type(call->subrequest, answer);

        if (ngx_http_llm_batch_answer_fields(call, answer) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_llm_batch_answer_states(call, answer);
}


/* and what the upstream has told nginx about how to send it */

static void
ngx_http_llm_batch_answer_type(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer)
{
    answer->type = r->headers_out.content_type;
    answer->type_len = r->headers_out.content_type_len;
    answer->charset = r->headers_out.charset;

    if (r->headers_out.override_charset) {
        answer->override_charset = *r->headers_out.override_charset;
    }

    answer->limit_rate = r->limit_rate;
    answer->limited = r->limit_rate_set;
}


static ngx_int_t
ngx_http_llm_batch_answer_fields(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_table_elt_t             *h;
    ngx_http_llm_batch_walk_t    walk;
    ngx_http_llm_batch_field_t  *field;

    ngx_http_llm_batch_begin_headers(&walk,
                                     &call->subrequest->headers_out.headers);

    while ((h = ngx_http_llm_batch_next_header(&walk)) != NULL) {

        if (h->hash == 0 || ngx_http_llm_batch_is_private(&h->key)) {
            continue;
        }

        field = ngx_array_push(&answer->fields);
        if (field == NULL) {
            return NGX_ERROR;
        }

        field->name = h->key;
        field->value = h->value;
        field->slot = ngx_http_llm_batch_find_slot(call->subrequest, h);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_answer_states(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_uint_t                  i;
    ngx_array_t                *states;
    ngx_http_upstream_state_t  *src, *dst;

    states = call->subrequest->upstream_states;

    if (states == NULL) {
        return NGX_OK;
    }

    src = states->elts;

    for (i = 0; i < states->nelts; i++) {

        dst = ngx_array_push(&answer->states);
        if (dst == NULL) {
            return NGX_ERROR;
        }

        *dst = src[i];
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_llm_batch_is_private(ngx_str_t *name)
{
    ngx_str_t  *field;

    for (field = ngx_http_llm_batch_private_fields; field->len; field++) {
        if (field->len == name->len
            && ngx_strncasecmp(field->data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


llmb_rc_e
ngx_http_llm_batch_answer_write(ngx_http_llm_batch_answer_t *answer,
    llmb_sink_t *out)
{
    llmb_rc_e                    rc;
    ngx_str_t                    peer;
    ngx_uint_t                   i;
    ngx_http_upstream_state_t   *state;
    ngx_http_llm_batch_field_t  *field;
    ngx_http_llm_batch_fixed_t   fixed;

    fixed.size = answer->size;
    fixed.status = answer->status;
    fixed.local = answer->local;
    fixed.type_len = answer->type_len;
    fixed.limit_rate = answer->limit_rate;
    fixed.limited = answer->limited;
    fixed.nfields = answer->fields.nelts;
    fixed.nstates = answer->states.nelts;

    rc = out->write(out->data, (uint8_t *) &fixed, sizeof(fixed));

    if (rc == LLMB_OK) {
        rc = ngx_http_llm_batch_write_str(out, &answer->type);
    }

    if (rc == LLMB_OK) {
        rc = ngx_http_llm_batch_write_str(out, &answer->charset);
    }

    if (rc == LLMB_OK) {
        rc = ngx_http_llm_batch_write_str(out, &answer->override_charset);
    }

    field = answer->fields.elts;

    for (i = 0; i < fixed.nfields && rc == LLMB_OK; i++) {
        rc = ngx_http_llm_batch_write_str(out, &field[i].name);

        if (rc == LLMB_OK) {
            rc = ngx_http_llm_batch_write_str(out, &field[i].value);
        }

        if (rc == LLMB_OK) {
            rc = out->write(out->data, (uint8_t *) &field[i].slot,
                            sizeof(ngx_uint_t));
        }
    }

    state = answer->states.elts;

    for (i = 0; i < fixed.nstates && rc == LLMB_OK; i++) {
        rc = out->write(out->data, (uint8_t *) &state[i],
                        sizeof(ngx_http_upstream_state_t));

        if (rc == LLMB_OK) {
            ngx_str_null(&peer);

            if (state[i].peer) {
                peer = *state[i].peer;
            }

            rc = ngx_http_llm_batch_write_str(out, &peer);
        }
    }

    return rc;
}


static llmb_rc_e
ngx_http_llm_batch_write_str(llmb_sink_t *out, ngx_str_t *s)
{
    llmb_rc_e  rc;

    rc = out->write(out->data, (uint8_t *) &s->len, sizeof(size_t));

    if (rc != LLMB_OK || s->len == 0) {
        return rc;
    }

    return out->write(out->data, s->data, s->len);
}


ngx_int_t
ngx_http_llm_batch_answer_read(ngx_pool_t *pool, ngx_str_t *data,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_str_t                    left, *peer;
    ngx_uint_t                   i;
    ngx_http_upstream_state_t   *state;
    ngx_http_llm_batch_field_t  *field;
    ngx_http_llm_batch_fixed_t   fixed;

    left = *data;

    if (ngx_http_llm_batch_read_bytes(&left, &fixed, sizeof(fixed)) != NGX_OK
        || ngx_http_llm_batch_read_str(&left, &answer->type) != NGX_OK
        || ngx_http_llm_batch_read_str(&left, &answer->charset) != NGX_OK
        || ngx_http_llm_batch_read_str(&left, &answer->override_charset)
           != NGX_OK
        || ngx_array_init(&answer->fields, pool, fixed.nfields + 1,
                          sizeof(ngx_http_llm_batch_field_t))
           != NGX_OK
        || ngx_array_init(&answer->states, pool, fixed.nstates + 1,
                          sizeof(ngx_http_upstream_state_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    answer->status = fixed.status;
    answer->local = fixed.local;
    answer->type_len = fixed.type_len;
    answer->limit_rate = fixed.limit_rate;
    answer->limited = fixed.limited;

    for (i = 0; i < fixed.nfields; i++) {
        field = ngx_array_push(&answer->fields);

        if (field == NULL
            || ngx_http_llm_batch_read_str(&left, &field->name) != NGX_OK
            || ngx_http_llm_batch_read_str(&left, &field->value) != NGX_OK
            || ngx_http_llm_batch_read_bytes(&left, &field->slot,
                                             sizeof(ngx_uint_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < fixed.nstates; i++) {
        state = ngx_array_push(&answer->states);
        peer = ngx_palloc(pool, sizeof(ngx_str_t));

        if (state == NULL || peer == NULL
            || ngx_http_llm_batch_read_bytes(&left, state,
                                             sizeof(ngx_http_upstream_state_t))
               != NGX_OK
            || ngx_http_llm_batch_read_str(&left, peer) != NGX_OK)
        {
            return NGX_ERROR;
        }

        state->peer = peer->len ? peer : NULL;
    }

    return NGX_OK;
}


size_t
ngx_http_llm_batch_answer_size(ngx_http_llm_batch_answer_t *answer)
{
    size_t       size;
    llmb_sink_t  sink;

    size = 0;

    sink.write = ngx_http_llm_batch_measure;
    sink.data = &size;

    (void) ngx_http_llm_batch_answer_write(answer, &sink);

    return size;
}


/* a sink: adds the length to a size_t */

static llmb_rc_e
ngx_http_llm_batch_measure(void *data, const uint8_t *p, size_t len)
{
    *(size_t *) data += len;

    return LLMB_OK;
}


size_t
ngx_http_llm_batch_answer_begin(u_char *data)
{
    size_t  size;

    ngx_memcpy(&size, data, sizeof(size_t));

    return size;
}


ngx_int_t
ngx_http_llm_batch_answer_copy(ngx_pool_t *pool,
    ngx_http_llm_batch_answer_t *answer, ngx_http_llm_batch_answer_t *copy)
{
    size_t       size;
    ngx_buf_t    b;
    ngx_str_t    data;
    llmb_sink_t  sink;

    size = ngx_http_llm_batch_answer_size(answer);

    b.pos = ngx_pnalloc(pool, size);
    if (b.pos == NULL) {
        return NGX_ERROR;
    }

    b.last = b.pos;
    b.end = b.pos + size;

    sink.write = ngx_http_llm_batch_append;
    sink.data = &b;

    if (ngx_http_llm_batch_answer_write(answer, &sink) != LLMB_OK) {
        return NGX_ERROR;
    }

    data.data = b.pos;
    data.len = size;

    if (ngx_http_llm_batch_answer_read(pool, &data, copy) != NGX_OK) {
        return NGX_ERROR;
    }

    copy->body = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_read_bytes(ngx_str_t *data, void *p, size_t len)
{
    if (data->len < len) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, data->data, len);

    data->data += len;
    data->len -= len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_read_str(ngx_str_t *data, ngx_str_t *s)
{
    if (ngx_http_llm_batch_read_bytes(data, &s->len, sizeof(size_t)) != NGX_OK
        || data->len < s->len)
    {
        return NGX_ERROR;
    }

    s->data = data->data;

    data->data += s->len;
    data->len -= s->len;

    return NGX_OK;
}


llmb_rc_e
ngx_http_llm_batch_append(void *data, const uint8_t *p, size_t len)
{
    ngx_buf_t *b = data;

    if ((size_t) (b->end - b->last) < len) {
        return LLMB_LIMIT;
    }

    b->last = ngx_cpymem(b->last, p, len);

    return LLMB_OK;
}
