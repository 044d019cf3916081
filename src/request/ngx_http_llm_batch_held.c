
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request while it is held, and the two ways out of it: answered by calls,
 * or sent on its own.  A held request always has a timer that is not
 * cancelable; without one a worker that shuts down would not wait for it.
 */


#include "ngx_http_llm_batch.h"


/* a request that is part of a call looks this often whether all is well */

#define NGX_HTTP_LLM_BATCH_POLL  1000

static void ngx_http_llm_batch_arm(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t wake);
static void ngx_http_llm_batch_timer_handler(ngx_event_t *ev);
static void ngx_http_llm_batch_look(ngx_http_llm_batch_part_t *part);


/* from here on the request waits for its mail */

void
ngx_http_llm_batch_suspend(ngx_http_llm_batch_ctx_t *ctx, uint64_t wake)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ctx->state = NGX_HTTP_LLM_BATCH_HELD;

    ctx->timer.handler = ngx_http_llm_batch_timer_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = c->log;

    ngx_http_llm_batch_arm(ctx, wake);

    r->write_event_handler = ngx_http_request_empty_handler;

    if (ngx_http_llm_batch_ignores_abort(r)) {
        r->read_event_handler = ngx_http_block_reading;
        return;
    }

    r->read_event_handler = ngx_http_test_reading;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


void
ngx_http_llm_batch_set_timer(ngx_http_llm_batch_ctx_t *ctx)
{
    uint64_t                    wake, next;
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;
    ngx_http_llm_batch_zone_t  *zone;

    if (ctx->state != NGX_HTTP_LLM_BATCH_HELD) {
        return;
    }

    zone = ctx->zone;
    wake = (uint64_t) -1;

    ngx_http_llm_batch_lock(zone);

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        if (part->joined && part->epoch == zone->tables->epoch
            && llmb_member(zone->tables, part->member)->state
               == LLMB_MEMBER_QUEUED)
        {
            next = llmb_sched_wake(zone->tables, part->member,
                                   ngx_current_msec);
            wake = ngx_min(wake, next);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_arm(ctx, wake);
}


void
ngx_http_llm_batch_wake(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_ctx_t  *ctx;

    if (part == NULL) {
        return;
    }

    ctx = part->ctx;

    if (!ctx->wakes) {
        ctx->wakes = 1;
        ngx_queue_insert_tail(&ctx->zone->waking, &ctx->waking);
    }
}


void
ngx_http_llm_batch_set_timers(ngx_http_llm_batch_zone_t *zone)
{
    ngx_queue_t               *q;
    ngx_http_llm_batch_ctx_t  *ctx;

    while (!ngx_queue_empty(&zone->waking)) {
        q = ngx_queue_head(&zone->waking);
        ctx = ngx_queue_data(q, ngx_http_llm_batch_ctx_t, waking);

        ngx_queue_remove(q);
        ctx->wakes = 0;

        ngx_http_llm_batch_set_timer(ctx);
    }
}


static void
ngx_http_llm_batch_arm(ngx_http_llm_batch_ctx_t *ctx, uint64_t wake)
{
    wake = ngx_min(wake, ngx_current_msec + NGX_HTTP_LLM_BATCH_POLL);

    /* an armed timer would keep its old time if the new one is near */

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_add_timer(&ctx->timer, wake > ngx_current_msec
                               ? (ngx_msec_t) (wake - ngx_current_msec) : 0);
}


static void
ngx_http_llm_batch_timer_handler(ngx_event_t *ev)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_part_t  *part;

    ctx = ev->data;
    zone = ctx->zone;

    ngx_http_llm_batch_lock(zone);

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        if (part->joined && part->epoch == zone->tables->epoch) {
            ngx_http_llm_batch_look(part);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_set_timer(ctx);

    /* also for mail whose ring was lost */

    ngx_post_event(&zone->mail, &ngx_posted_events);
}


/* the caller holds the lock */

static void
ngx_http_llm_batch_look(ngx_http_llm_batch_part_t *part)
{
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;
    m = llmb_member(zone->tables, part->member);

    if (m->state == LLMB_MEMBER_QUEUED) {
        llmb_sched_flush(zone->tables, m->group, zone->worker, part->member,
                         ngx_current_msec);

    } else if (m->state == LLMB_MEMBER_CLAIMED) {
        llmb_sched_remind(zone->tables, m->call);
    }
}


void
ngx_http_llm_batch_resume(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_llm_batch_release(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->wakes) {
        ctx->wakes = 0;
        ngx_queue_remove(&ctx->waking);
    }

    if (ctx->cut) {
        ngx_http_llm_batch_stop_parts(ctx);
    }

    if (ctx->whole.ctx == NULL || (!ctx->cut && !ctx->whole.joined)) {
        return;
    }

    ngx_http_llm_batch_lock(ctx->zone);

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        ngx_http_llm_batch_leave(part);
    }

    ngx_http_llm_batch_unlock(ctx->zone);
}


void
ngx_http_llm_batch_leave(ngx_http_llm_batch_part_t *part)
{
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    if (!part->joined) {
        return;
    }

    part->joined = 0;
    zone = part->ctx->zone;

    ngx_queue_remove(&part->queue);

    if (zone->tables->epoch == part->epoch) {
        m = llmb_member(zone->tables, part->member);

        if (m->gen == part->gen) {
            part->result.alone = (uint8_t) llmb_company_why(zone->tables, m);

            llmb_sched_leave(zone->tables, part->member, ngx_current_msec);
            LLMB_CRASH("leave locked");
        }
    }

    if (zone->epoch == part->epoch && zone->members[part->member] == part) {
        zone->members[part->member] = NULL;
    }

    if (part->ctx->state == NGX_HTTP_LLM_BATCH_ALONE) {
        ngx_http_llm_batch_set_alone(part->ctx, part->result.alone);
        ngx_http_llm_batch_count_alone(part->ctx);
    }
}


void
ngx_http_llm_batch_stop_parts(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_http_llm_batch_work_cancel(&ctx->cut->work);
    ngx_http_llm_batch_joint_stop(&ctx->cut->joint);
}
