
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A dry run has a record in the zone, as one that is held: so a worker that
 * dies takes it along.  But it has no text, and never gets into a queue.
 */


#include "ngx_http_llm_batch.h"


static ngx_uint_t ngx_http_llm_batch_dry_size(ngx_http_llm_batch_ctx_t *ctx,
    llmb_member_t *m);


llmb_reason_e
ngx_http_llm_batch_dry_enter(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_pool_t                  *pool;
    llmb_reason_e                reason;
    ngx_http_llm_batch_part_t   *part;
    ngx_http_llm_batch_entry_t   entry;

    pool = ctx->zone->pool;
    part = &ctx->whole;

    part->ctx = ctx;
    llmb_piece_all(&ctx->body, &part->piece);

    reason = ngx_http_llm_batch_prepare(ctx, pool, &entry);

    if (reason == LLMB_REASON_NONE) {
        ctx->dry = (ngx_http_llm_batch_appear(part, &entry) == NGX_OK);
    }

    if (pool) {
        ngx_reset_pool(pool);
    }

    return reason == LLMB_REASON_BODY_SIZE ? reason : LLMB_REASON_NONE;
}


void
ngx_http_llm_batch_dry_leave(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_member_t              *m;
    llmb_reason_e               why;
    ngx_http_llm_batch_dry_e    who;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_part_t  *part;

    if (!ctx->dry) {
        return;
    }

    ctx->dry = 0;

    zone = ctx->zone;
    part = &ctx->whole;
    why = LLMB_REASON_NONE;

    ngx_http_llm_batch_lock(zone);

    m = llmb_member(zone->tables, part->member);

    if (zone->tables->epoch == part->epoch && m->gen == part->gen) {
        why = llmb_company_why(zone->tables, m);
        ctx->result.size = ngx_http_llm_batch_dry_size(ctx, m);

        llmb_sched_leave(zone->tables, part->member, ngx_current_msec);
    }

    ngx_http_llm_batch_unlock(zone);

    switch (why) {

    case LLMB_REASON_SLOT:
        who = NGX_HTTP_LLM_BATCH_DRY_SOME;
        break;

    case LLMB_REASON_KEY:
        who = NGX_HTTP_LLM_BATCH_DRY_KEY;
        break;

    case LLMB_REASON_COMPANY:
        who = NGX_HTTP_LLM_BATCH_DRY_NONE;
        break;

    default:
        who = NGX_HTTP_LLM_BATCH_DRY_UNKNOWN;
        break;
    }

    ngx_http_llm_batch_count(zone->sh->metrics.dry[who]);

    /* who had company needs no reason */

    ctx->reason = why == LLMB_REASON_SLOT ? LLMB_REASON_NONE : why;
}


/* the caller holds the lock; a client's own array may be larger than a call */

static ngx_uint_t
ngx_http_llm_batch_dry_size(ngx_http_llm_batch_ctx_t *ctx, llmb_member_t *m)
{
    uint32_t       most;
    llmb_policy_t  policy;

    policy = llmb_group_policy(llmb_group(ctx->zone->tables, m->group));
    most = ngx_max(policy.max_size, m->items);

    return ngx_min(most, llmb_company_items(ctx->zone->tables, m));
}
