
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The context of a request: made, found again, counted, and cleaned up.
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_part_cleanup(void *data);
static void ngx_http_llm_batch_pool_cleanup(void *data);


ngx_http_llm_batch_ctx_t *
ngx_http_llm_batch_create_ctx(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_http_cleanup_pt handler)
{
    ngx_http_cleanup_t        *cln;
    ngx_pool_cleanup_t        *pool_cln;
    ngx_http_llm_batch_ctx_t  *ctx;

    /*
     * two cleanups: the first runs as soon as the request is torn down, the
     * second is where variables find the context after an internal redirect
     */

    cln = ngx_http_cleanup_add(r, 0);
    pool_cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_llm_batch_ctx_t));

    if (cln == NULL || pool_cln == NULL) {
        return NULL;
    }

    ctx = pool_cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_llm_batch_ctx_t));

    ctx->request = r;
    ctx->conf = conf;
    ctx->zone = conf->zone;
    ctx->result.status = LLMB_STATUS_BYPASS;

    cln->handler = handler;
    cln->data = ctx;

    pool_cln->handler = ngx_http_llm_batch_pool_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_llm_batch_module);

    return ctx;
}


ngx_http_llm_batch_ctx_t *
ngx_http_llm_batch_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_batch_module);

    if (ctx || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_llm_batch_pool_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


void
ngx_http_llm_batch_account(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t                     adapter;
    llmb_result_t                 *result;
    ngx_http_llm_batch_metrics_t  *metrics;

    if (ctx->counted) {
        return;
    }

    ctx->counted = 1;

    ngx_http_llm_batch_charge(ctx);

    result = &ctx->result;
    metrics = &ctx->zone->sh->metrics;
    adapter = ngx_http_llm_batch_request_slot(ctx);

    ngx_http_llm_batch_count(metrics->requests[adapter][result->status]);

    switch (result->status) {

    case LLMB_STATUS_BYPASS:
        ngx_http_llm_batch_count(metrics->bypass[ctx->reason]);
        return;

    case LLMB_STATUS_DRYRUN:
        return;

    case LLMB_STATUS_SINGLE:

        if (ctx->cut) {
            /* its calls were counted as they were sent */
            break;
        }

        ngx_http_llm_batch_count(metrics->calls[adapter][result->close]);
        ngx_http_llm_batch_count_n(metrics->items, result->size);
        ngx_http_llm_batch_observe(&metrics->items_per_call, &llmb_hist_items,
                                   result->size);
        break;

    case LLMB_STATUS_FALLBACK:
        ngx_http_llm_batch_count(metrics->fallback[ctx->reason]);

        if (!ctx->cut) {
            ngx_http_llm_batch_count(metrics->isolate_calls);
        }

        break;
    }

    ngx_http_llm_batch_observe(&metrics->wait, &llmb_hist_time,
                               (uint64_t) result->wait * 1000);

    if (result->exact) {
        ngx_http_llm_batch_count_n(metrics->tokens_exact, result->tokens);

    } else {
        ngx_http_llm_batch_count_n(metrics->tokens_estimated, result->tokens);
    }
}


void
ngx_http_llm_batch_set_alone(ngx_http_llm_batch_ctx_t *ctx, ngx_uint_t why)
{
    if (ctx->result.status == LLMB_STATUS_SINGLE) {
        ctx->reason = why;
    }
}


void
ngx_http_llm_batch_count_alone(ngx_http_llm_batch_ctx_t *ctx)
{
    if (ctx->result.status == LLMB_STATUS_SINGLE) {
        ngx_http_llm_batch_count(ctx->zone->sh->metrics.single[ctx->reason]);
    }
}


static void
ngx_http_llm_batch_pool_cleanup(void *data)
{
    /* it marks the place of the context, nothing else */
}


/* the heads of many parts would fill that of the request */

ngx_pool_t *
ngx_http_llm_batch_part_pool(ngx_http_llm_batch_part_t *part)
{
    ngx_pool_cleanup_t  *cln;

    if (part->pool) {
        return part->pool;
    }

    cln = ngx_pool_cleanup_add(part->ctx->request->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    part->pool = ngx_create_pool(1024, ngx_cycle->log);

    cln->handler = ngx_http_llm_batch_part_cleanup;
    cln->data = part;

    return part->pool;
}


static void
ngx_http_llm_batch_part_cleanup(void *data)
{
    ngx_http_llm_batch_part_free(data);
}


void
ngx_http_llm_batch_part_free(ngx_http_llm_batch_part_t *part)
{
    if (part->pool) {
        ngx_destroy_pool(part->pool);
        part->pool = NULL;
    }
}
