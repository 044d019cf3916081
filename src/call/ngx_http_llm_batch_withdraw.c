
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_count_cancelled(ngx_http_llm_batch_ctx_t *ctx);


void
ngx_http_llm_batch_withdraw(ngx_http_llm_batch_part_t *part)
{
    uint32_t                    i;
    ngx_connection_t           *c;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_call_t  *call;

    zone = part->ctx->zone;
    call = NULL;

    ngx_http_llm_batch_lock(zone);

    if (part->joined && zone->tables->epoch == part->epoch) {
        m = llmb_member(zone->tables, part->member);
        i = m->call;

        if (m->state == LLMB_MEMBER_CLAIMED
            && llmb_call(zone->tables, i)->worker == zone->worker
            && llmb_sched_live(zone->tables, i) == 1)
        {
            call = zone->calls[i];
        }
    }

    ngx_http_llm_batch_leave(part);

    ngx_http_llm_batch_unlock(zone);

    if (call == NULL || call->finished) {
        return;
    }

    /* nobody waits for it any more */

    call->finished = 1;

    ngx_http_llm_batch_dissolve(zone, call->index, call->epoch);

    c = call->request->connection;

    ngx_http_finalize_request(call->request, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_llm_batch_cancel(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    if (ctx->state != NGX_HTTP_LLM_BATCH_HELD) {
        return;
    }

    ngx_http_llm_batch_count_cancelled(ctx);

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        ngx_http_llm_batch_withdraw(part);
    }
}


/* once for a request: sent, if any of its parts is on its way */

static void
ngx_http_llm_batch_count_cancelled(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t                  sent;
    ngx_queue_t                *q;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_part_t  *part;

    zone = ctx->zone;
    sent = 0;

    ngx_http_llm_batch_lock(zone);

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts) && !sent;
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        sent = part->joined && part->epoch == zone->tables->epoch
               && llmb_member(zone->tables, part->member)->state
                  == LLMB_MEMBER_CLAIMED;
    }

    ngx_http_llm_batch_unlock(zone);

    if (sent) {
        ngx_http_llm_batch_count(zone->sh->metrics.cancelled_sent);

    } else {
        ngx_http_llm_batch_count(zone->sh->metrics.cancelled_queued);
    }
}


void
ngx_http_llm_batch_dissolve(ngx_http_llm_batch_zone_t *zone, uint32_t index,
    uint64_t epoch)
{
    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == epoch) {
        zone->calls[index] = NULL;
        llmb_sched_end(zone->tables, index, zone->worker, ngx_current_msec);
    }

    ngx_http_llm_batch_unlock(zone);
}
