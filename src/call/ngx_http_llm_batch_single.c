
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


/* no server in wide use takes fewer items in a call than this */

#define NGX_HTTP_LLM_BATCH_USUAL  32


typedef enum {
    NGX_HTTP_LLM_BATCH_CARRIER_CLIENT = 0,
    NGX_HTTP_LLM_BATCH_CARRIER_OURS,
    NGX_HTTP_LLM_BATCH_CARRIER_NONE       /* it is to be cut first */
} ngx_http_llm_batch_carrier_e;


static ngx_http_llm_batch_carrier_e ngx_http_llm_batch_choose_carrier(
    ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_go(ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_get_own_outcome(ngx_http_llm_batch_ctx_t *ctx,
    llmb_outcome_t *outcome, llmb_facts_t *facts);


ngx_int_t
ngx_http_llm_batch_single_send(ngx_http_llm_batch_zone_t *zone, uint32_t index)
{
    llmb_zone_t                   *z;
    ngx_http_llm_batch_part_t     *part;
    ngx_http_llm_batch_carrier_e   carrier;

    z = zone->tables;

    ngx_http_llm_batch_lock(zone);

    if (z->epoch != zone->epoch
        || llmb_sched_send(z, index, zone->worker) == LLMB_NIL)
    {
        ngx_http_llm_batch_unlock(zone);
        return NGX_OK;
    }

    part = zone->members[index];
    carrier = ngx_http_llm_batch_choose_carrier(part);

    if (carrier != NGX_HTTP_LLM_BATCH_CARRIER_OURS) {
        llmb_sched_go(z, index);
    }

    part->result = llmb_member(z, index)->result;

    if (carrier == NGX_HTTP_LLM_BATCH_CARRIER_NONE) {
        ngx_http_llm_batch_leave(part);
    }

    ngx_http_llm_batch_unlock(zone);

    LLMB_CRASH("alone");

    switch (carrier) {

    case NGX_HTTP_LLM_BATCH_CARRIER_OURS:
        return NGX_DECLINED;

    case NGX_HTTP_LLM_BATCH_CARRIER_NONE:
        ngx_http_llm_batch_part_back(part);
        return NGX_OK;

    default: /* NGX_HTTP_LLM_BATCH_CARRIER_CLIENT */
        ngx_http_llm_batch_go(part);
        return NGX_OK;
    }
}


/*
 * The client's own request, if it can be: its answer needs nothing of ours.  Of
 * more than an upstream has been seen to take a call of ours can still be cut,
 * should it be too much.  The caller holds the lock.
 */

static ngx_http_llm_batch_carrier_e
ngx_http_llm_batch_choose_carrier(ngx_http_llm_batch_part_t *part)
{
    ngx_uint_t                 large, unsure;
    llmb_zone_t               *z;
    llmb_group_t              *g;
    llmb_policy_t              policy;
    llmb_member_t             *m;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;
    z = ctx->zone->tables;
    m = llmb_member(z, part->member);
    g = llmb_group(z, m->group);

    m->result.tokens = llmb_calibrate(&g->calibration, m->result.tokens);

    part->sent = ngx_http_llm_batch_usec();
    part->inflight = llmb_upstream_of(z, g)->inflight;

    if (llmb_call(z, part->member)->direct) {
        return NGX_HTTP_LLM_BATCH_CARRIER_CLIENT;
    }

    large = 0;
    unsure = 0;

    if (ngx_http_llm_batch_may_cut(part)) {

        /* the group may have learned of a limit since it joined */

        policy = llmb_group_policy(g);

        large = !llmb_policy_takes(&policy, part->piece.items,
                                   part->piece.tokens, part->piece.bytes);

        unsure = part->piece.items > NGX_HTTP_LLM_BATCH_USUAL
                 && !llmb_policy_proven(&g->proven, part->piece.items,
                                        part->piece.tokens,
                                        part->piece.bytes);
    }

    if ((large || unsure) && ctx->cut == NULL) {
        (void) ngx_http_llm_batch_cut(ctx, NULL);
    }

    if (ctx->cut == NULL) {
        return NGX_HTTP_LLM_BATCH_CARRIER_CLIENT;
    }

    return large ? NGX_HTTP_LLM_BATCH_CARRIER_NONE
                 : NGX_HTTP_LLM_BATCH_CARRIER_OURS;
}


/* the request goes the way of any other; its slot is free when it is over */

static void
ngx_http_llm_batch_go(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;

    if (ctx->cut) {
        /* all of it: there is no other way for a part of it */
        ngx_http_llm_batch_pass(ctx, part->result.reason);
        return;
    }

    ctx->result = part->result;
    ctx->reason = part->result.reason;
    ctx->state = NGX_HTTP_LLM_BATCH_ALONE;

    ngx_http_llm_batch_set_alone(ctx, ctx->result.alone);
    ngx_http_llm_batch_account(ctx);
    ngx_http_llm_batch_resume(ctx);
}


void
ngx_http_llm_batch_single_done(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_call_t                *c;
    llmb_facts_t                facts;
    llmb_outcome_t              outcome;
    llmb_returned_t             returned;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_part_t  *part;

    part = &ctx->whole;

    if (ctx->state != NGX_HTTP_LLM_BATCH_ALONE || !part->joined) {
        return;
    }

    zone = ctx->zone;

    ngx_http_llm_batch_get_own_outcome(ctx, &outcome, &facts);

    ngx_memzero(&returned, sizeof(llmb_returned_t));

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == part->epoch) {
        c = llmb_call(zone->tables, part->member);

        if (c->state == LLMB_CALL_SENT) {
            ngx_http_llm_batch_learn_upstream(zone, c->group, ctx->request,
                                              facts.usec);

            llmb_returned(zone->tables, part->member, zone->worker, &outcome,
                          &facts, ngx_current_msec, &returned);
        }
    }

    ngx_http_llm_batch_leave(part);

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_log_pause(zone, returned.pause);

    if (returned.absent) {
        ngx_http_llm_batch_count(zone->sh->metrics.absent_paths);

        ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                      "llm_batch: zone \"%V\": no path for calls of several "
                      "requests, but for one alone; those like it go alone "
                      "for %d minutes", &zone->shm_zone->shm.name,
                      LLMB_MOVED_ABSENT / 60000);
    }
}


/*
 * What its own request came to, as the client gets it.  What nginx itself
 * limits, or has kept, is not the upstream's answer.
 */

static void
ngx_http_llm_batch_get_own_outcome(ngx_http_llm_batch_ctx_t *ctx,
    llmb_outcome_t *outcome, llmb_facts_t *facts)
{
    ngx_uint_t                  ms;
    ngx_http_request_t         *r;
    ngx_http_llm_batch_part_t  *part;

    r = ctx->request;
    part = &ctx->whole;

    ngx_memzero(outcome, sizeof(llmb_outcome_t));
    ngx_memzero(facts, sizeof(llmb_facts_t));

    outcome->status = r->headers_out.status;
    outcome->items = part->piece.items;
    outcome->answered = r->upstream
                        && r->upstream->headers_in.status_n
                           == r->headers_out.status;

#if (NGX_HTTP_CACHE)
    outcome->answered &= !r->cached;
#endif

    facts->items = part->piece.items;
    facts->inflight = part->inflight;
    facts->sent = part->sent;
    facts->usec = ngx_http_llm_batch_usec();

    if (outcome->status == NGX_HTTP_TOO_MANY_REQUESTS) {
        facts->retry = ngx_http_llm_batch_retry_after(r, &ms);
        facts->retry_ms = (ms != 0);
    }
}
