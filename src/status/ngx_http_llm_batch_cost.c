
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the catalogue of models is used for: limits, and what requests cost.
 */


#include "ngx_http_llm_batch.h"


void
ngx_http_llm_batch_find_model(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ctx->zone->mcf;

    ctx->known = llmb_catalogue_find(mcf->models.elts, mcf->models.nelts,
                                     ngx_http_llm_batch_str(&ctx->model));
}


ngx_uint_t
ngx_http_llm_batch_model_takes(ngx_http_llm_batch_ctx_t *ctx)
{
    if (ctx->known == NULL) {
        return 1;
    }

    llmb_request_count(&ctx->body);

    return llmb_model_takes(ctx->known, ctx->body.largest, ctx->body.longest,
                            ctx->body.kind == LLMB_KIND_TOKENS);
}


void
ngx_http_llm_batch_limit_policy(const llmb_model_t *model,
    llmb_policy_t *policy)
{
    if (model == NULL) {
        return;
    }

    if (model->max_items) {
        policy->max_size = ngx_min(policy->max_size, model->max_items);
        policy->most_items = policy->most_items
                             ? ngx_min(policy->most_items, model->max_items)
                             : model->max_items;
    }

    if (model->max_call_tokens
        && (policy->max_tokens == 0
            || policy->max_tokens > model->max_call_tokens))
    {
        policy->max_tokens = model->max_call_tokens;
    }
}


void
ngx_http_llm_batch_price(ngx_http_llm_batch_call_t *call, llmb_share_t *share,
    llmb_result_t *result)
{
    uint64_t             input, saved;
    const llmb_model_t  *model;

    result->cost = 0;
    result->saved = 0;

    model = call->known;

    if (model == NULL) {
        return;
    }

    input = result->tokens;
    saved = llmb_tokens_saved(input, call->copied, call->tokens,
                              call->split.counted);

    if (!call->split.counted) {
        /* the member's own tokens, of which not all were sent */
        input -= ngx_min(saved, input);
    }

    result->cost = llmb_model_cost(model, input,
                                   llmb_counts_output(&call->split, share));
    result->saved = llmb_model_cost(model, saved, 0);
}


void
ngx_http_llm_batch_charge(ngx_http_llm_batch_ctx_t *ctx)
{
    uint64_t                       tokens;
    llmb_result_t                 *result;
    ngx_http_llm_batch_metrics_t  *metrics;

    if (ctx->known == NULL || !ctx->known->priced || ctx->body.items == 0) {
        return;
    }

    llmb_request_count(&ctx->body);

    result = &ctx->result;
    tokens = result->tokens ? result->tokens : ctx->body.tokens;

    switch (result->status) {

    case LLMB_STATUS_BYPASS:
    case LLMB_STATUS_DRYRUN:
        result->cost = llmb_model_cost(ctx->known, tokens, 0);
        return;

    case LLMB_STATUS_SINGLE:
    case LLMB_STATUS_FALLBACK:

        if (!ctx->cut) {
            result->cost = llmb_model_cost(ctx->known, tokens, 0);
        }

        break;

    default: /* what calls have told; errors are free */
        break;
    }

    metrics = &ctx->zone->sh->metrics;

    ngx_http_llm_batch_count_n(metrics->cost, result->cost);
    ngx_http_llm_batch_count_n(metrics->saved, result->saved);
}
