
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * $llm_batch_*: not found where no "llm_batch" has seen the request.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_variable_set(ngx_http_variable_value_t *v,
    const u_char *data, size_t len);
static const llmb_str_t *ngx_http_llm_batch_word(ngx_http_llm_batch_ctx_t *ctx,
    uintptr_t data);
static const llmb_str_t *ngx_http_llm_batch_operation(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_variable_hash(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t hash);


ngx_int_t
ngx_http_llm_batch_add_variables(ngx_conf_t *cf, ngx_http_variable_t *vars)
{
    ngx_http_variable_t  *var, *v;

    for (v = vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_variable_set(ngx_http_variable_value_t *v,
    const u_char *data, size_t len)
{
    v->data = (u_char *) data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_variable_word(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const llmb_str_t           *word;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_call_t  *call;

    call = ngx_http_llm_batch_get_call(r);

    if (call && (data == NGX_HTTP_LLM_BATCH_VAR_ADAPTER
                 || data == NGX_HTTP_LLM_BATCH_VAR_OPERATION))
    {
        word = (data == NGX_HTTP_LLM_BATCH_VAR_ADAPTER)
               ? &call->adapter->name : &call->adapter->operation;

        return ngx_http_llm_batch_variable_set(v, word->data, word->len);
    }

    ctx = call ? NULL : ngx_http_llm_batch_get_ctx(r->main);

    if (ctx == NULL
        || (ctx->state < NGX_HTTP_LLM_BATCH_ALONE
            && data < NGX_HTTP_LLM_BATCH_VAR_ADAPTER))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    word = ngx_http_llm_batch_word(ctx, data);

    return ngx_http_llm_batch_variable_set(v, word->data, word->len);
}


static const llmb_str_t *
ngx_http_llm_batch_word(ngx_http_llm_batch_ctx_t *ctx, uintptr_t data)
{
    static const llmb_str_t  none = llmb_string("");
    static const llmb_str_t  merge = llmb_string("merge");
    static const llmb_str_t  per_request = llmb_string("per_request");

    switch (data) {

    case NGX_HTTP_LLM_BATCH_VAR_STATUS:
        return &llmb_status_names[ctx->result.status];

    case NGX_HTTP_LLM_BATCH_VAR_REASON:
        return &llmb_reason_names[ctx->reason];

    case NGX_HTTP_LLM_BATCH_VAR_CLOSE:
        return &llmb_close_names[ctx->result.close];

    case NGX_HTTP_LLM_BATCH_VAR_MODE:
        return ctx->result.status == LLMB_STATUS_MERGED
               || ctx->result.status == LLMB_STATUS_DEDUP
               ? &merge : &per_request;

    case NGX_HTTP_LLM_BATCH_VAR_PROVIDER:
        return ctx->known ? &ctx->known->provider : &none;

    case NGX_HTTP_LLM_BATCH_VAR_OPERATION:
        return ngx_http_llm_batch_operation(ctx);

    default: /* NGX_HTTP_LLM_BATCH_VAR_ADAPTER */
        return ctx->body.adapter ? &ctx->body.adapter->name
                                 : ctx->generate ? &ctx->generate->name
                                                 : &none;
    }
}


/* by its format, or by its path also if that format is off */

static const llmb_str_t *
ngx_http_llm_batch_operation(ngx_http_llm_batch_ctx_t *ctx)
{
    const llmb_adapter_t     *adapter;

    static const llmb_str_t   none = llmb_string("");

    adapter = ctx->body.adapter;

    if (adapter) {
        return &adapter->operation;
    }

    if (ctx->generate) {
        return &ctx->generate->operation;
    }

    adapter = llmb_adapter_find(ctx->body.path, (uint64_t) -1, NULL, 0);

    return adapter && llmb_adapter_is_told(adapter, ctx->body.path)
           ? &adapter->operation : &none;
}


ngx_int_t
ngx_http_llm_batch_variable_string(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_call_t  *call;

    call = ngx_http_llm_batch_get_call(r);

    /* the call goes where its members would have gone */

    if (call && data == NGX_HTTP_LLM_BATCH_VAR_MODEL) {
        return ngx_http_llm_batch_variable_set(v, call->model.data,
                                               call->model.len);
    }

    if (call && data == NGX_HTTP_LLM_BATCH_VAR_GROUP) {
        return ngx_http_llm_batch_variable_set(v, call->group.data,
                                               call->group.len);
    }

    ctx = call ? NULL : ngx_http_llm_batch_get_ctx(r->main);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_LLM_BATCH_VAR_GROUP:
        return ngx_http_llm_batch_variable_set(v, ctx->group.data,
                                               ctx->group.len);

    case NGX_HTTP_LLM_BATCH_VAR_MODEL:
        return ngx_http_llm_batch_variable_set(v, ctx->model.data,
                                               ctx->model.len);

    case NGX_HTTP_LLM_BATCH_VAR_TASK:
        /* of a request whose body was not looked at */
        (void) ngx_http_llm_batch_set_task(ctx);

        return ngx_http_llm_batch_variable_set(v, ctx->task.data,
                                               ctx->task.len);

    default: /* NGX_HTTP_LLM_BATCH_VAR_ID */
        break;
    }

    if (ctx->result.call == 0) {
        return ngx_http_llm_batch_variable_set(v, NULL, 0);
    }

    p = ngx_pnalloc(r->pool, 8 + 1 + 16);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_variable_set(v, p,
               ngx_sprintf(p, "%08xD-%xL", ctx->zone->sh->start,
                           ctx->result.call)
               - p);
}


/* of a conversation; calls have none */

ngx_int_t
ngx_http_llm_batch_variable_prefix(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_llm_batch_get_call(r) ? NULL
                                         : ngx_http_llm_batch_get_ctx(r->main);

    if (ctx == NULL || ngx_http_llm_batch_find_prefix(ctx) != NGX_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_llm_batch_variable_hash(r, v, ctx->prefix);
}


/* as the answer tells, so there is none before */

ngx_int_t
ngx_http_llm_batch_variable_tier(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p;
    llmb_spent_t               spent;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_llm_batch_get_ctx(r->main);

    if (ctx == NULL || !ngx_http_llm_batch_spent(ctx, &spent)
        || spent.tier_len == 0)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, spent.tier_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, spent.tier, spent.tier_len);

    return ngx_http_llm_batch_variable_set(v, p, spent.tier_len);
}


/* of the request, or of its call: all of its members have the same */

ngx_int_t
ngx_http_llm_batch_variable_key(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    uint64_t                    label;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_call_t  *call;

    call = ngx_http_llm_batch_get_call(r);
    ctx = call ? NULL : ngx_http_llm_batch_get_ctx(r->main);

    label = call ? call->label : ctx ? ctx->label : 0;

    if (label == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_llm_batch_variable_hash(r, v, label);
}


static ngx_int_t
ngx_http_llm_batch_variable_hash(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t hash)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, 16);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_variable_set(v, p,
                                           ngx_sprintf(p, "%016xL", hash) - p);
}


ngx_int_t
ngx_http_llm_batch_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p;
    uint64_t                   n;
    ngx_uint_t                 told;
    llmb_spent_t               spent;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_llm_batch_get_ctx(r->main);

    told = ctx && data >= NGX_HTTP_LLM_BATCH_VAR_TOKENS
           && ngx_http_llm_batch_spent(ctx, &spent);

    /*
     * a request that was never held has no place in a call, but tokens; and a
     * dry run a size, once it is over
     */

    if (ctx == NULL
        || (!told && data > NGX_HTTP_LLM_BATCH_VAR_TOKENS)
        || (!told && ctx->body.items == 0)
        || (ctx->result.size == 0 && data < NGX_HTTP_LLM_BATCH_VAR_TOKENS)
        || (ctx->result.status == LLMB_STATUS_DRYRUN
            && data == NGX_HTTP_LLM_BATCH_VAR_INDEX))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_LLM_BATCH_VAR_OUTPUT:
        n = spent.output;
        break;

    case NGX_HTTP_LLM_BATCH_VAR_CACHED:
        n = spent.cached;
        break;

    case NGX_HTTP_LLM_BATCH_VAR_SIZE:
        n = ctx->result.size;
        break;

    case NGX_HTTP_LLM_BATCH_VAR_INDEX:
        n = ctx->result.index;
        break;

    default: /* NGX_HTTP_LLM_BATCH_VAR_TOKENS */

        if (told) {
            n = spent.input;
            break;
        }

        llmb_request_count(&ctx->body);
        n = ctx->result.tokens ? ctx->result.tokens : ctx->body.tokens;
        break;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_variable_set(v, p, ngx_sprintf(p, "%uL", n) - p);
}


/* USD, of a model that has a price */

ngx_int_t
ngx_http_llm_batch_variable_money(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p;
    uint64_t                   n;
    ngx_uint_t                 told;
    llmb_spent_t               spent;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_llm_batch_get_ctx(r->main);

    told = ctx && ngx_http_llm_batch_spent(ctx, &spent);

    if (ctx == NULL || !ctx->counted || ctx->known == NULL
        || !ctx->known->priced || (!told && ctx->body.items == 0))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    n = (data == NGX_HTTP_LLM_BATCH_VAR_SAVED)
        ? ctx->result.saved
        : told ? llmb_model_price(ctx->known, &spent) : ctx->result.cost;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_variable_set(v, p,
               ngx_sprintf(p, "%uL.%09uL", n / 1000000000, n % 1000000000)
               - p);
}


/* seconds with milliseconds, as $request_time */

ngx_int_t
ngx_http_llm_batch_variable_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    uint32_t                    ms;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_upstream_state_t  *state;

    ctx = ngx_http_llm_batch_get_ctx(r->main);

    if (ctx == NULL || ctx->result.size == 0
        || ctx->result.status == LLMB_STATUS_DRYRUN)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    ms = ctx->result.wait;

    if (data == NGX_HTTP_LLM_BATCH_VAR_UPSTREAM) {
        ms = ctx->result.upstream;

        if (ctx->state == NGX_HTTP_LLM_BATCH_ALONE && r->main->upstream_states
            && r->main->upstream_states->nelts)
        {
            state = r->main->upstream_states->elts;
            state += r->main->upstream_states->nelts - 1;
            ms = state->response_time == (ngx_msec_t) -1 ? 0
                                     : (uint32_t) state->response_time;
        }
    }

    p = ngx_pnalloc(r->pool, NGX_INT32_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_variable_set(v, p,
               ngx_sprintf(p, "%uD.%03uD", ms / 1000, ms % 1000) - p);
}
