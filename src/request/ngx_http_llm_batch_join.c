
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How a request, or a part of one, becomes a member of its group.
 */


#include "ngx_http_llm_batch.h"


static llmb_reason_e ngx_http_llm_batch_may_join(
    ngx_http_llm_batch_ctx_t *ctx);
static uint64_t ngx_http_llm_batch_family(ngx_http_llm_batch_ctx_t *ctx);
static llmb_reason_e ngx_http_llm_batch_enter(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry);
static uint32_t ngx_http_llm_batch_find_group(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, llmb_reason_e *reason);
static void ngx_http_llm_batch_set_family(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, uint32_t group);
static void ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, llmb_group_t *group);
static llmb_reason_e ngx_http_llm_batch_refuse(
    ngx_http_llm_batch_part_t *part, llmb_policy_t *policy);
static llmb_reason_e ngx_http_llm_batch_reserve(
    ngx_http_llm_batch_part_t *part, uint32_t group,
    ngx_http_llm_batch_entry_t *entry);
static uint64_t ngx_http_llm_batch_flow(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials);
static llmb_reason_e ngx_http_llm_batch_grow(ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_write_items(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials);
static llmb_reason_e ngx_http_llm_batch_queue(ngx_http_llm_batch_part_t *part,
    uint64_t *wake);


llmb_reason_e
ngx_http_llm_batch_prepare(ngx_http_llm_batch_ctx_t *ctx, ngx_pool_t *pool,
    ngx_http_llm_batch_entry_t *entry)
{
    ngx_int_t      rc;
    llmb_reason_e  reason;

    reason = ngx_http_llm_batch_may_join(ctx);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    rc = ngx_http_llm_batch_key(ctx, pool, &entry->key);

    if (rc == NGX_OK) {
        rc = ngx_http_llm_batch_credentials(ctx, pool, &entry->credentials);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_batch_tenant(ctx, pool, &entry->tenant);
    }

    if (rc != NGX_OK) {
        return LLMB_REASON_INTERNAL;
    }

    if (entry->key.len > LLMB_KEY_MAX) {
        return LLMB_REASON_BODY_SIZE;
    }

    entry->hash = llmb_siphash(&ctx->zone->sh->secret,
                               ngx_http_llm_batch_str(&entry->key));
    entry->family = ngx_http_llm_batch_family(ctx);

    return LLMB_REASON_NONE;
}


/* those of older configurations are none of it */

static uint64_t
ngx_http_llm_batch_family(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_siphash_t  hash;

    llmb_siphash_init(&hash, &ctx->zone->sh->secret);
    llmb_siphash_update(&hash, &ctx->zone->generation, sizeof(ngx_uint_t));
    llmb_siphash_update(&hash, ctx->group.data, ctx->group.len);

    return llmb_siphash_final(&hash);
}


llmb_reason_e
ngx_http_llm_batch_join(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry, uint64_t *wake)
{
    llmb_reason_e  reason;

    reason = ngx_http_llm_batch_may_join(part->ctx);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    entry->budget = ngx_http_llm_batch_budget_left(part->ctx);

    reason = ngx_http_llm_batch_enter(part, entry);

    if (reason != LLMB_REASON_NONE || !part->joined) {
        return reason;
    }

    reason = ngx_http_llm_batch_grow(part);

    if (reason != LLMB_REASON_NONE) {
        ngx_http_llm_batch_lock(part->ctx->zone);
        ngx_http_llm_batch_leave(part);
        ngx_http_llm_batch_unlock(part->ctx->zone);

        return reason;
    }

    ngx_http_llm_batch_write_items(part, &entry->credentials);

    LLMB_CRASH("join reserved");

    return ngx_http_llm_batch_queue(part, wake);
}


ngx_int_t
ngx_http_llm_batch_appear(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry)
{
    uint32_t                    group;
    llmb_reason_e               reason;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;

    entry->before = LLMB_NIL;
    part->member = LLMB_NIL;

    ngx_http_llm_batch_lock(zone);

    group = ngx_http_llm_batch_find_group(part->ctx, entry, &reason);

    if (group != LLMB_NIL) {
        part->member = llmb_member_alloc(zone->tables, group, zone->worker, 0);
    }

    if (part->member != LLMB_NIL) {
        m = llmb_member(zone->tables, part->member);

        m->items = part->piece.items;
        llmb_company_enter(zone->tables, part->member, ngx_current_msec);

        part->gen = m->gen;
        part->epoch = zone->epoch;
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_differ(part->ctx, entry);

    return part->member == LLMB_NIL ? NGX_DECLINED : NGX_OK;
}


static llmb_reason_e
ngx_http_llm_batch_may_join(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = ctx->zone;

    if (ngx_exiting && ctx->state != NGX_HTTP_LLM_BATCH_HELD) {
        return LLMB_REASON_DRAINING;
    }

    if (ngx_process == NGX_PROCESS_SINGLE && zone->worker == LLMB_NIL) {
        /* on a reload of a single process nobody else calls it */
        (void) ngx_http_llm_batch_zone_attach(zone, (ngx_cycle_t *) ngx_cycle);
    }

    return zone->worker == LLMB_NIL ? LLMB_REASON_INTERNAL : LLMB_REASON_NONE;
}


/* makes the part a member, unless it is too large but can be cut */

static llmb_reason_e
ngx_http_llm_batch_enter(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry)
{
    uint32_t                    group;
    llmb_reason_e               reason;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;

    entry->before = LLMB_NIL;

    ngx_http_llm_batch_lock(zone);

    group = ngx_http_llm_batch_find_group(part->ctx, entry, &reason);

    if (reason == LLMB_REASON_NONE) {

        if (llmb_policy_takes(&entry->policy, part->piece.items,
                              part->piece.tokens, part->piece.bytes))
        {
            reason = ngx_http_llm_batch_reserve(part, group, entry);

        } else if (!ngx_http_llm_batch_may_cut(part)) {

            if (part->ctx->cut) {
                /* an item that is too large for company is to be sent, too */
                entry->solo = 1;
                reason = ngx_http_llm_batch_reserve(part, group, entry);

            } else {
                reason = ngx_http_llm_batch_refuse(part, &entry->policy);
            }
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_differ(part->ctx, entry);

    return reason;
}


/* the caller holds the lock */

static uint32_t
ngx_http_llm_batch_find_group(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, llmb_reason_e *reason)
{
    uint32_t                    g;
    unsigned                    fresh;
    llmb_group_t               *group;
    ngx_http_llm_batch_zone_t  *zone;

    zone = ctx->zone;

    if (zone->tables->epoch != zone->epoch) {
        /* others are still to be told that the tables are new */
        ngx_post_event(&zone->mail, &ngx_posted_events);
        *reason = LLMB_REASON_INTERNAL;
        return LLMB_NIL;
    }

    g = llmb_group_get(zone->tables, ngx_http_llm_batch_str(&entry->key),
                       entry->hash, &fresh);

    if (g == LLMB_NIL) {
        *reason = LLMB_REASON_ZONE_FULL;
        return LLMB_NIL;
    }

    group = llmb_group(zone->tables, g);

    if (fresh) {
        ngx_http_llm_batch_set_group(ctx, entry, group);
        ngx_http_llm_batch_set_family(ctx, entry, g);
        llmb_upstream_init(zone->tables, g);
    }

    entry->solo = 0;
    entry->policy = llmb_group_policy(group);
    *reason = LLMB_REASON_NONE;

    if (llmb_health_open(&group->health, ngx_current_msec)
        || (ctx->conf->fallback
            && llmb_health_apart(&group->health,
                                 ngx_http_llm_batch_flow(&ctx->whole,
                                                         &entry->credentials),
                                 ctx->conf->fallback_limit,
                                 ngx_current_msec)))
    {
        if (ctx->cut) {
            entry->solo = 1;

        } else {
            *reason = LLMB_REASON_BREAKER;
        }

    } else if (llmb_moved_off(&group->path, ngx_current_msec)) {
        *reason = LLMB_REASON_ADAPTER;

    } else if (llmb_understood_off(&zone->tables->understood, group->format,
                                   ngx_current_msec))
    {
        *reason = LLMB_REASON_FORMAT_OFF;
    }

    return g;
}


/* the caller holds the lock */

static void
ngx_http_llm_batch_set_family(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, uint32_t group)
{
    llmb_zone_t  *z;

    z = ctx->zone->tables;

    entry->before = llmb_family_attach(z, group,
                                       ngx_http_llm_batch_str(&ctx->group),
                                       entry->family, ctx->zone->generation,
                                       ngx_current_msec);

    entry->kin = llmb_group(z, group)->family;

    if (entry->before != LLMB_NIL) {
        entry->before_hash = llmb_group(z, entry->before)->hash;
    }
}


static void
ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, llmb_group_t *group)
{
    llmb_policy_t                  *policy;
    const llmb_adapter_t           *adapter;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;
    policy = &group->policy;
    adapter = ctx->body.adapter;

    group->kind = ngx_http_llm_batch_kind(ctx);
    group->tenant = entry->tenant;

    /* the same in another location may have another upstream */

    group->format = group->kind ^ ((uint64_t) conf->id << 32);
    group->adapter = ngx_http_llm_batch_adapter_slot(ctx->zone, adapter);

    policy->window = conf->window;
    policy->concurrency = conf->concurrency;
    policy->learned = conf->learned;
    policy->interval = conf->interval;
    policy->max_size = ngx_min(conf->max_size, adapter->max_items);
    policy->most_items = adapter->most_items;
    policy->max_tokens = conf->max_tokens;

    ngx_http_llm_batch_limit_policy(ctx->known, policy);

    policy->min_size = ngx_min(conf->min_size, policy->max_size);

    policy->max_bytes = NGX_HTTP_LLM_BATCH_MAX_CALL;
    policy->most_bytes = adapter->most_bytes;
    policy->max_wait = conf->max_wait;
    policy->patience = conf->patience;
    policy->spend = conf->spend;

    if (adapter->max_bytes) {
        policy->max_bytes = ngx_min(policy->max_bytes, adapter->max_bytes);
    }
}


ngx_uint_t
ngx_http_llm_batch_may_cut(ngx_http_llm_batch_part_t *part)
{
    return part->ctx->conf->split
           && part->ctx->body.divisible
           && part->piece.items > 1;
}


static llmb_reason_e
ngx_http_llm_batch_refuse(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy)
{
    if (policy->most_items && part->piece.items > policy->most_items) {
        return LLMB_REASON_ITEM;
    }

    if (policy->most_bytes && part->piece.bytes > policy->most_bytes) {
        return LLMB_REASON_BODY_SIZE;
    }

    return LLMB_REASON_TOKENS;
}


/* the caller holds the lock */

static llmb_reason_e
ngx_http_llm_batch_reserve(ngx_http_llm_batch_part_t *part, uint32_t group,
    ngx_http_llm_batch_entry_t *entry)
{
    uint32_t                    i;
    llmb_member_t              *m;
    llmb_request_t             *body;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;
    body = &part->ctx->body;

    i = llmb_member_alloc(zone->tables, group, zone->worker,
                          entry->credentials.len + part->piece.size);

    if (i == LLMB_NIL) {
        return LLMB_REASON_ZONE_FULL;
    }

    m = llmb_member(zone->tables, i);

    m->head = entry->credentials.len;
    m->items = part->piece.items;
    m->tokens = part->piece.tokens;
    m->bytes = part->piece.bytes;
    m->top = body->top;
    m->scalar = body->scalar;
    m->part = part->piece.items != body->items;
    m->solo = entry->solo != 0;
    m->priority = part->ctx->priority;
    m->wait = part->ctx->wait;
    m->tolerance = part->ctx->tolerance;
    m->budget = entry->budget;
    m->flow = ngx_http_llm_batch_flow(part, &entry->credentials);

    part->member = i;
    part->gen = m->gen;
    part->epoch = zone->epoch;
    part->joined = 1;
    part->grown = (llmb_chunks_needed(m->len) <= LLMB_CHUNKS_STEP);

    ngx_queue_insert_tail(&zone->held, &part->queue);

    return LLMB_REASON_NONE;
}


/*
 * Whose turn it is, among those that share a group: that of a tenant, and of
 * each request that was cut.
 */

static uint64_t
ngx_http_llm_batch_flow(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials)
{
    llmb_siphash_t       hash;
    ngx_http_request_t  *r;

    r = part->ctx->request;

    llmb_siphash_init(&hash, &part->ctx->zone->sh->secret);
    llmb_siphash_update(&hash, credentials->data, credentials->len);

    if (part->piece.items != part->ctx->body.items) {
        llmb_siphash_update(&hash, &ngx_pid, sizeof(ngx_pid_t));
        llmb_siphash_update(&hash, &r, sizeof(ngx_http_request_t *));
    }

    return llmb_siphash_final(&hash);
}


/* a large text gets its room step by step; others have the lock in between */

static llmb_reason_e
ngx_http_llm_batch_grow(ngx_http_llm_batch_part_t *part)
{
    llmb_rc_e                   rc;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;
    rc = part->grown ? LLMB_OK : LLMB_AGAIN;

    while (rc == LLMB_AGAIN) {
        ngx_http_llm_batch_lock(zone);

        /* after a reset nothing may be copied to where the member was */

        rc = zone->tables->epoch == part->epoch
             ? llmb_member_grow(zone->tables, part->member) : LLMB_INVALID;

        LLMB_CRASH("join growing");

        ngx_http_llm_batch_unlock(zone);
    }

    switch (rc) {

    case LLMB_OK:
        return LLMB_REASON_NONE;

    case LLMB_NOMEM:
        return LLMB_REASON_ZONE_FULL;

    default:
        return LLMB_REASON_WORKER_LOST;
    }
}


/* the part is reserved: its items are written by this worker alone */

static void
ngx_http_llm_batch_write_items(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials)
{
    llmb_sink_t           sink;
    llmb_zone_t          *z;
    llmb_chunk_writer_t   w;

    z = part->ctx->zone->tables;

    w.zone = z;
    w.chunk = llmb_member(z, part->member)->text.first;
    w.pos = 0;

    sink.write = llmb_chunks_write;
    sink.data = &w;

    (void) llmb_chunks_write(&w, credentials->data, credentials->len);
    (void) llmb_piece_pack(&part->ctx->body, &part->piece, &sink);
}


static llmb_reason_e
ngx_http_llm_batch_queue(ngx_http_llm_batch_part_t *part, uint64_t *wake)
{
    llmb_reason_e               reason;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;
    reason = LLMB_REASON_NONE;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == part->epoch) {
        zone->members[part->member] = part;

        llmb_sched_join(zone->tables, part->member, ngx_current_msec);

        *wake = llmb_sched_wake(zone->tables, part->member, ngx_current_msec);

        LLMB_CRASH("join locked");

    } else {
        ngx_http_llm_batch_leave(part);
        reason = LLMB_REASON_WORKER_LOST;
    }

    ngx_http_llm_batch_unlock(zone);

    return reason;
}
