
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What an upstream says about a call as a whole, to all of its clients, goes
 * to each of them only if it has no words of another.
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_senders(ngx_http_llm_batch_call_t *call,
    llmb_senders_t *senders);
static ngx_uint_t ngx_http_llm_batch_quotes(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer);
static ngx_uint_t ngx_http_llm_batch_is_limit(
    ngx_http_llm_batch_field_t *field);


/* longer values of headers about limits tell something else */

#define NGX_HTTP_LLM_BATCH_MAX_LIMIT  64


void
ngx_http_llm_batch_compare(ngx_http_llm_batch_call_t *call)
{
    void            *memory;
    size_t           size;
    llmb_senders_t   senders;

    if (call->n == 1 || call->status != NGX_HTTP_OK || !call->complete
        || call->mismatch != LLMB_MISMATCH_NONE)
    {
        return;
    }

    if (call->split_rc == LLMB_AGAIN) {
        call->split_rc = llmb_split_read(&call->split, call->body, call->len,
                                         1);
    }

    if (call->split_rc != LLMB_OK) {
        return;
    }

    ngx_http_llm_batch_senders(call, &senders);

    size = llmb_beside_room(&call->split, call->body, &senders);
    memory = size ? ngx_palloc(call->pool, size) : NULL;

    call->split_rc = llmb_beside_compare(&call->split, call->body, &senders,
                                         memory);

    if (memory) {
        (void) ngx_pfree(call->pool, memory);
    }
}


void
ngx_http_llm_batch_neutralize(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer)
{
    u_char                      *p;
    ngx_uint_t                   i, n;
    ngx_http_llm_batch_field_t  *field;

    static ngx_str_t  type = ngx_string("application/json");

    static u_char  before[] = "{\"error\":{\"message\":"
                              "\"the upstream answered ";
    static u_char  behind[] = " to a call of several requests, with a text "
                              "that may be about another one of them\","
                              "\"type\":\"llm_batch\",\"param\":null,"
                              "\"code\":null}}";

    if (call->n == 1) {
        return;
    }

    switch (answer->status) {

    case NGX_HTTP_UNAUTHORIZED:
    case NGX_HTTP_FORBIDDEN:
    case NGX_HTTP_NOT_FOUND:
    case NGX_HTTP_TOO_MANY_REQUESTS:
        break;

    default:
        /* about the input, or who knows what: of one of them */
        answer->local = 1;
        return;
    }

    if (!ngx_http_llm_batch_quotes(call, answer)) {
        return;
    }

    p = ngx_pnalloc(call->pool, sizeof(before) + sizeof(behind)
                                + NGX_INT_T_LEN);
    if (p == NULL) {
        answer->local = 1;
        return;
    }

    answer->type = type;
    call->error.data = p;
    call->error.len = ngx_sprintf(p, "%s%ui%s", before, answer->status,
                                   behind)
                       - p;

    field = answer->fields.elts;
    n = 0;

    for (i = 0; i < answer->fields.nelts; i++) {

        if (ngx_http_llm_batch_is_limit(&field[i])) {
            field[n++] = field[i];
        }
    }

    answer->fields.nelts = n;
}


/* whether the body of an error, or one of its headers, may quote an item */

static ngx_uint_t
ngx_http_llm_batch_quotes(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer)
{
    void                        *memory;
    size_t                       size, room;
    uint32_t                     whose;
    ngx_uint_t                   i;
    llmb_quote_t                 q;
    llmb_senders_t               senders;
    ngx_http_llm_batch_field_t  *field;

    ngx_http_llm_batch_senders(call, &senders);

    field = answer->fields.elts;

    size = senders.known[0].len + senders.known[1].len + call->error.len
           + answer->type.len;

    for (i = 0; i < answer->fields.nelts; i++) {
        size += field[i].name.len + field[i].value.len;
    }

    room = llmb_quote_room(size);
    memory = room ? ngx_palloc(call->pool, room) : NULL;

    if (memory == NULL) {
        return 1;
    }

    llmb_quote_init(&q, size, 0, memory);

    llmb_quote_know(&q, senders.known[0]);
    llmb_quote_know(&q, senders.known[1]);

    llmb_quote_add(&q, ngx_http_llm_batch_str(&call->error));
    llmb_quote_add(&q, ngx_http_llm_batch_str(&answer->type));

    for (i = 0; i < answer->fields.nelts; i++) {
        llmb_quote_add(&q, ngx_http_llm_batch_str(&field[i].name));
        llmb_quote_add(&q, ngx_http_llm_batch_str(&field[i].value));
    }

    whose = llmb_quote_whose(&q, &senders);

    (void) ngx_pfree(call->pool, memory);

    return whose != LLMB_QUOTE_NOBODY;
}


static void
ngx_http_llm_batch_senders(ngx_http_llm_batch_call_t *call,
    llmb_senders_t *senders)
{
    senders->form = call->split.conf.form;
    senders->payloads = call->payloads;
    senders->n = call->n;
    senders->known[0] = ngx_http_llm_batch_str(&call->model);
    senders->known[1] = ngx_http_llm_batch_str(&call->request->uri);
}


/* when to come back, and what is left: numbers and dates */

static ngx_uint_t
ngx_http_llm_batch_is_limit(ngx_http_llm_batch_field_t *field)
{
    ngx_str_t  *name;

    static ngx_str_t  retry = ngx_string("retry-after");
    static ngx_str_t  limit = ngx_string("x-ratelimit-");

    name = &field->name;

    if (field->value.len > NGX_HTTP_LLM_BATCH_MAX_LIMIT) {
        return 0;
    }

    return (name->len >= retry.len
            && ngx_strncasecmp(name->data, retry.data, retry.len) == 0)
           || (name->len >= limit.len
               && ngx_strncasecmp(name->data, limit.data, limit.len) == 0);
}
