
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request while it is held, from joining a group to the two ways out,
 * answered by a call or sent on its own.  A held request always has a timer
 * that is not cancelable; without one a worker that shuts down would not wait
 * for it.
 */


#include "ngx_http_llm_batch.h"


/* a request that is part of a call looks this often whether all is well */

#define NGX_HTTP_LLM_BATCH_POLL  1000


static llmb_reason_e ngx_http_llm_batch_join(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t *wake);
static llmb_reason_e ngx_http_llm_batch_reserve(
    ngx_http_llm_batch_ctx_t *ctx, ngx_str_t *key, ngx_str_t *credentials);
static void ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    llmb_group_t *group);
static void ngx_http_llm_batch_suspend(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t wake);
static void ngx_http_llm_batch_arm(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t wake);
static void ngx_http_llm_batch_timer_handler(ngx_event_t *ev);
static void ngx_http_llm_batch_resume(ngx_http_llm_batch_ctx_t *ctx);


llmb_reason_e
ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx)
{
    uint64_t       wake;
    llmb_reason_e  reason;

    reason = ngx_http_llm_batch_join(ctx, &wake);

    if (reason == LLMB_REASON_NONE) {
        ngx_http_llm_batch_suspend(ctx, wake);
    }

    return reason;
}


/*
 * Puts the items into the zone and makes the request a member of its group;
 * *wake is the time for its timer.
 */

static llmb_reason_e
ngx_http_llm_batch_join(ngx_http_llm_batch_ctx_t *ctx, uint64_t *wake)
{
    ngx_str_t                   key, credentials;
    ngx_pool_t                 *pool;
    llmb_reason_e               reason;
    llmb_member_t              *m;
    llmb_chunk_writer_t         w;
    ngx_http_llm_batch_zone_t  *zone;

    zone = ctx->zone;

    if (ngx_exiting) {
        return LLMB_REASON_DRAINING;
    }

    if (ngx_process == NGX_PROCESS_SINGLE && zone->worker == LLMB_NIL) {
        /* on a reload of a single process nobody else calls it */
        (void) ngx_http_llm_batch_zone_attach(zone, (ngx_cycle_t *) ngx_cycle);
    }

    if (zone->worker == LLMB_NIL) {
        return LLMB_REASON_INTERNAL;
    }

    pool = zone->pool;
    reason = LLMB_REASON_INTERNAL;

    if (ngx_http_llm_batch_key(ctx, pool, &key) != NGX_OK
        || ngx_http_llm_batch_credentials(ctx, pool, &credentials) != NGX_OK)
    {
        goto done;
    }

    reason = ngx_http_llm_batch_reserve(ctx, &key, &credentials);

    if (reason != LLMB_REASON_NONE) {
        goto done;
    }

    m = llmb_member(zone->tables, ctx->member);

    w.zone = zone->tables;
    w.chunk = m->chunks;
    w.pos = 0;

    (void) llmb_chunks_write(&w, credentials.data, credentials.len);
    (void) llmb_chunks_write(&w, ctx->body.span.data, ctx->body.span.len);

    LLMB_CRASH("join reserved");

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == ctx->epoch) {
        zone->members[ctx->member] = ctx;
        llmb_sched_join(zone->tables, ctx->member, ngx_current_msec);
        *wake = llmb_sched_wake(zone->tables, ctx->member, ngx_current_msec);
        LLMB_CRASH("join locked");

    } else {
        reason = LLMB_REASON_WORKER_LOST;
    }

    ngx_http_llm_batch_unlock(zone);

done:

    ngx_reset_pool(pool);

    return reason;
}


static llmb_reason_e
ngx_http_llm_batch_reserve(ngx_http_llm_batch_ctx_t *ctx, ngx_str_t *key,
    ngx_str_t *credentials)
{
    uint32_t                    i, g, hash;
    unsigned                    fresh;
    llmb_group_t               *group;
    llmb_reason_e               reason;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    zone = ctx->zone;
    hash = ngx_murmur_hash2(key->data, key->len);
    reason = LLMB_REASON_ZONE_FULL;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != zone->epoch) {
        /* others are still to be told that the tables are new */
        ngx_post_event(&zone->mail, &ngx_posted_events);
        reason = LLMB_REASON_INTERNAL;
        goto done;
    }

    g = llmb_group_get(zone->tables, ngx_http_llm_batch_str(key), hash,
                       &fresh);

    if (g == LLMB_NIL) {
        goto done;
    }

    group = llmb_group(zone->tables, g);

    if (fresh) {
        ngx_http_llm_batch_set_group(ctx, group);
    }

    if (llmb_health_open(&group->health, ngx_current_msec)) {
        reason = LLMB_REASON_BREAKER;
        goto done;
    }

    if (group->learned && ctx->body.items > group->learned) {
        reason = LLMB_REASON_ITEM;
        goto done;
    }

    i = llmb_member_alloc(zone->tables, g, zone->worker,
                          credentials->len + ctx->body.span.len);

    if (i == LLMB_NIL) {
        goto done;
    }

    m = llmb_member(zone->tables, i);

    m->head = credentials->len;
    m->items = ctx->body.items;
    m->tokens = ctx->body.tokens;

    ctx->member = i;
    ctx->gen = m->gen;
    ctx->epoch = zone->epoch;

    reason = LLMB_REASON_NONE;

done:

    ngx_http_llm_batch_unlock(zone);

    return reason;
}


static void
ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    llmb_group_t *group)
{
    llmb_policy_t                  *policy;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;
    policy = &group->policy;

    group->adapter = llmb_adapter_id(ctx->body.adapter);
    group->name_len = ngx_min(ctx->group.len, LLMB_GROUP_NAME);
    ngx_memcpy(group->name, ctx->group.data, group->name_len);

    policy->window = conf->window;
    policy->concurrency = conf->concurrency;
    policy->max_size = ngx_min(conf->max_size, ctx->body.adapter->max_items);
    policy->min_size = ngx_min(conf->min_size, policy->max_size);
    policy->max_tokens = conf->max_tokens;
    policy->max_bytes = NGX_HTTP_LLM_BATCH_MAX_CALL;
    policy->max_wait = conf->max_wait;
}


/* from here on the request waits for its mail */

static void
ngx_http_llm_batch_suspend(ngx_http_llm_batch_ctx_t *ctx, uint64_t wake)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ctx->state = NGX_HTTP_LLM_BATCH_HELD;
    ctx->released = 0;

    ctx->timer.handler = ngx_http_llm_batch_timer_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = c->log;

    ngx_queue_insert_tail(&ctx->zone->held, &ctx->queue);
    ngx_http_llm_batch_arm(ctx, wake);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


void
ngx_http_llm_batch_set_timer(ngx_http_llm_batch_ctx_t *ctx)
{
    uint64_t                    wake;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    if (ctx == NULL || ctx->state != NGX_HTTP_LLM_BATCH_HELD) {
        return;
    }

    zone = ctx->zone;
    wake = (uint64_t) -1;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == ctx->epoch) {
        m = llmb_member(zone->tables, ctx->member);

        if (m->state == LLMB_MEMBER_QUEUED) {
            wake = llmb_sched_wake(zone->tables, ctx->member,
                                   ngx_current_msec);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_arm(ctx, wake);
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
    uint32_t                    worker;
    llmb_member_t              *m;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_zone_t  *zone;

    ctx = ev->data;
    zone = ctx->zone;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == ctx->epoch) {
        m = llmb_member(zone->tables, ctx->member);

        if (m->state == LLMB_MEMBER_QUEUED) {
            llmb_sched_flush(zone->tables, m->group, zone->worker,
                             ctx->member, ngx_current_msec);

        } else if (m->state == LLMB_MEMBER_CLAIMED) {
            llmb_sched_remind(zone->tables, m->call);

            worker = llmb_call(zone->tables, m->call)->worker;
            ngx_http_llm_batch_check_worker(zone, worker);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_set_timer(ctx);

    /* also for mail whose ring was lost */

    ngx_post_event(&zone->mail, &ngx_posted_events);
}


void
ngx_http_llm_batch_alone(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    if (ctx == NULL) {
        return;
    }

    zone = ctx->zone;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == ctx->epoch) {
        m = llmb_member(zone->tables, ctx->member);
        ctx->result = m->result;
        llmb_sched_go(zone->tables, ctx->member);
    }

    ngx_http_llm_batch_unlock(zone);

    LLMB_CRASH("alone");

    ctx->reason = ctx->result.reason;
    ctx->state = NGX_HTTP_LLM_BATCH_ALONE;

    ngx_http_llm_batch_account(ctx);
    ngx_http_llm_batch_resume(ctx);
}


void
ngx_http_llm_batch_lost_member(ngx_http_llm_batch_ctx_t *ctx)
{
    if (ctx->state == NGX_HTTP_LLM_BATCH_ALONE) {
        /* it is under way already, and has no slot any more */
        ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
        ngx_http_llm_batch_release(ctx);
        return;
    }

    ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
    ctx->result.status = LLMB_STATUS_FALLBACK;
    ctx->result.reason = LLMB_REASON_WORKER_LOST;
    ctx->reason = LLMB_REASON_WORKER_LOST;

    ngx_http_llm_batch_release(ctx);
    ngx_http_llm_batch_account(ctx);
    ngx_http_llm_batch_resume(ctx);
}


static void
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
    ngx_http_llm_batch_zone_t  *zone;

    if (ctx->released) {
        return;
    }

    zone = ctx->zone;

    ngx_http_llm_batch_lock(zone);
    ngx_http_llm_batch_leave(ctx);
    ngx_http_llm_batch_unlock(zone);
}


void
ngx_http_llm_batch_leave(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    ctx->released = 1;
    zone = ctx->zone;

    ngx_queue_remove(&ctx->queue);

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (zone->tables->epoch == ctx->epoch) {
        m = llmb_member(zone->tables, ctx->member);

        if (m->gen == ctx->gen) {
            llmb_sched_leave(zone->tables, ctx->member, ngx_current_msec);
            LLMB_CRASH("leave locked");
        }
    }

    if (zone->epoch == ctx->epoch && zone->members[ctx->member] == ctx) {
        zone->members[ctx->member] = NULL;
    }
}


void
ngx_http_llm_batch_alone_done(ngx_http_llm_batch_ctx_t *ctx)
{
    if (ctx->state == NGX_HTTP_LLM_BATCH_ALONE) {
        ngx_http_llm_batch_release(ctx);
    }
}


void
ngx_http_llm_batch_drain(ngx_http_llm_batch_zone_t *zone)
{
    ngx_queue_t               *q;
    llmb_member_t             *m;
    ngx_http_llm_batch_ctx_t  *ctx;

    if (zone->worker == LLMB_NIL) {
        return;
    }

    ngx_http_llm_batch_lock(zone);

    for (q = ngx_queue_head(&zone->held);
         q != ngx_queue_sentinel(&zone->held);
         q = ngx_queue_next(q))
    {
        ctx = ngx_queue_data(q, ngx_http_llm_batch_ctx_t, queue);
        m = llmb_member(zone->tables, ctx->member);

        if (zone->tables->epoch == ctx->epoch
            && m->state == LLMB_MEMBER_QUEUED)
        {
            llmb_sched_drain(zone->tables, ctx->member, ngx_current_msec);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_zone_watch(zone);
}
