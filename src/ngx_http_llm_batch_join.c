
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How a request becomes a member of its group.  The limits of a call are
 * those of the group, which has learned what the upstream takes; a request
 * beyond them is cut into parts that are members each.
 */


#include "ngx_http_llm_batch.h"


/* what has to be known of a request to join, from the pool of this step */

typedef struct {
    ngx_str_t      key;
    ngx_str_t      credentials;
    uint32_t       hash;
    uint32_t       path_hash;
    uint32_t       budget;            /* what is left of it */
    llmb_policy_t  policy;            /* of the group */
} ngx_http_llm_batch_entry_t;


static llmb_reason_e ngx_http_llm_batch_may_join(
    ngx_http_llm_batch_ctx_t *ctx);
static llmb_reason_e ngx_http_llm_batch_enter(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry);
static uint32_t ngx_http_llm_batch_find_group(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry, llmb_reason_e *reason);
static void ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    llmb_group_t *group);
static ngx_uint_t ngx_http_llm_batch_exceeds(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy);
static llmb_reason_e ngx_http_llm_batch_refuse(
    ngx_http_llm_batch_part_t *part, llmb_policy_t *policy);
static llmb_reason_e ngx_http_llm_batch_reserve(
    ngx_http_llm_batch_part_t *part, uint32_t group,
    ngx_http_llm_batch_entry_t *entry);
static uint32_t ngx_http_llm_batch_flow(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials);
static ngx_int_t ngx_http_llm_batch_cut(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy, ngx_queue_t *parts);
static llmb_reason_e ngx_http_llm_batch_enter_parts(
    ngx_http_llm_batch_ctx_t *ctx, ngx_queue_t *parts,
    ngx_http_llm_batch_entry_t *entry);
static llmb_reason_e ngx_http_llm_batch_place(ngx_http_llm_batch_ctx_t *ctx,
    ngx_queue_t *parts, ngx_http_llm_batch_entry_t *entry, uint64_t *wake);
static void ngx_http_llm_batch_leave_parts(ngx_queue_t *parts);
static llmb_reason_e ngx_http_llm_batch_grow(ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_write_items(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials);
static llmb_reason_e ngx_http_llm_batch_join_parts(
    ngx_http_llm_batch_ctx_t *ctx, ngx_queue_t *parts, uint64_t *wake);


llmb_reason_e
ngx_http_llm_batch_join(ngx_http_llm_batch_part_t *part, uint64_t *wake)
{
    ngx_pool_t                  *pool;
    ngx_queue_t                  parts, *q, *next;
    llmb_reason_e                reason;
    ngx_http_llm_batch_ctx_t    *ctx;
    ngx_http_llm_batch_entry_t   entry;

    ctx = part->ctx;
    pool = ctx->zone->pool;

    reason = ngx_http_llm_batch_may_join(ctx);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    reason = LLMB_REASON_INTERNAL;

    if (ngx_http_llm_batch_key(ctx, pool, &entry.key) != NGX_OK
        || ngx_http_llm_batch_credentials(ctx, pool, &entry.credentials)
           != NGX_OK)
    {
        goto done;
    }

    entry.hash = ngx_murmur_hash2(entry.key.data, entry.key.len);
    entry.path_hash = ngx_http_llm_batch_path_hash(ctx);
    entry.budget = ngx_http_llm_batch_budget_left(ctx);

    reason = ngx_http_llm_batch_enter(part, &entry);

    if (reason != LLMB_REASON_NONE) {
        goto done;
    }

    /*
     * from here on "part" stands aside, and "parts" are what is held; they
     * come before q in the end
     */

    q = ngx_queue_next(&part->siblings);
    ngx_queue_remove(&part->siblings);
    ngx_queue_init(&parts);

    if (part->joined) {
        ngx_queue_insert_tail(&parts, &part->siblings);

    } else if (ngx_http_llm_batch_cut(part, &entry.policy, &parts) == NGX_OK) {
        reason = ngx_http_llm_batch_enter_parts(ctx, &parts, &entry);

    } else {
        reason = LLMB_REASON_INTERNAL;
    }

    if (reason == LLMB_REASON_NONE) {
        reason = ngx_http_llm_batch_place(ctx, &parts, &entry, wake);
    }

    if (reason != LLMB_REASON_NONE) {
        ngx_queue_insert_tail(q, &part->siblings);
        goto done;
    }

    if (!part->joined) {
        ctx->cut = 1;
    }

    while (!ngx_queue_empty(&parts)) {
        next = ngx_queue_head(&parts);
        ngx_queue_remove(next);
        ngx_queue_insert_tail(q, next);
    }

done:

    ngx_reset_pool(pool);

    return reason;
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


/* makes the part a member if it is not too large; else it remains to be cut */

static llmb_reason_e
ngx_http_llm_batch_enter(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry)
{
    uint32_t                    group;
    llmb_reason_e               reason;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;

    ngx_http_llm_batch_lock(zone);

    group = ngx_http_llm_batch_find_group(part->ctx, entry, &reason);

    if (reason == LLMB_REASON_NONE) {

        if (!ngx_http_llm_batch_exceeds(part, &entry->policy)) {
            reason = ngx_http_llm_batch_reserve(part, group, entry);

        } else if (!ngx_http_llm_batch_is_too_large(part, &entry->policy)) {
            reason = ngx_http_llm_batch_refuse(part, &entry->policy);
        }
    }

    ngx_http_llm_batch_unlock(zone);

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

    if (entry->path_hash
        && llmb_zone_is_absent(zone->tables, entry->path_hash))
    {
        *reason = LLMB_REASON_ADAPTER;
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
        ngx_http_llm_batch_set_group(ctx, group);
        llmb_upstream_init(zone->tables, g);
    }

    if (llmb_health_open(&group->health, ngx_current_msec)) {
        *reason = LLMB_REASON_BREAKER;

    } else {
        entry->policy = llmb_group_policy(group);
        *reason = LLMB_REASON_NONE;
    }

    return g;
}


uint32_t
ngx_http_llm_batch_path_hash(ngx_http_llm_batch_ctx_t *ctx)
{
    struct {
        ngx_uint_t  location;
        ngx_uint_t  generation;
        ngx_uint_t  adapter;
        ngx_uint_t  model;
    } about;

    if (ctx->body.form->from.len == 0 && ctx->body.form->to.len == 0) {
        return 0;
    }

    /* another configuration, or another model, may have another upstream */

    about.location = ctx->conf->id;
    about.generation = ctx->zone->generation;
    about.adapter = ngx_http_llm_batch_adapter_id(ctx->zone->mcf,
                                                  ctx->body.adapter);
    about.model = ngx_murmur_hash2(ctx->model.data, ctx->model.len);

    return ngx_murmur_hash2((u_char *) &about, sizeof(about));
}


static void
ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    llmb_group_t *group)
{
    llmb_policy_t                  *policy;
    const llmb_adapter_t           *adapter;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;
    policy = &group->policy;
    adapter = ctx->body.adapter;

    group->kind = ngx_http_llm_batch_kind(ctx);
    group->adapter = ngx_http_llm_batch_adapter_slot(ctx->zone, adapter);
    group->name_len = ngx_min(ctx->group.len, LLMB_GROUP_NAME);
    ngx_memcpy(group->name, ctx->group.data, group->name_len);

    policy->window = conf->window;
    policy->concurrency = conf->concurrency;
    policy->learned = conf->learned;
    policy->interval = conf->interval;
    policy->max_size = ngx_min(conf->max_size, adapter->max_items);
    policy->max_tokens = conf->max_tokens;

    ngx_http_llm_batch_limit_policy(ctx->known, policy);

    policy->min_size = ngx_min(conf->min_size, policy->max_size);

    policy->max_bytes = NGX_HTTP_LLM_BATCH_MAX_CALL;
    policy->max_wait = conf->max_wait;

    if (adapter->max_bytes) {
        policy->max_bytes = ngx_min(policy->max_bytes, adapter->max_bytes);
    }
}


static ngx_uint_t
ngx_http_llm_batch_exceeds(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy)
{
    return part->piece.items > policy->max_size
           || part->piece.size > policy->max_bytes
           || (policy->max_tokens && part->piece.tokens > policy->max_tokens);
}


ngx_uint_t
ngx_http_llm_batch_is_too_large(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy)
{
    return part->ctx->conf->split
           && part->ctx->body.divisible
           && part->piece.items > 1
           && ngx_http_llm_batch_exceeds(part, policy);
}


static llmb_reason_e
ngx_http_llm_batch_refuse(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy)
{
    if (part->piece.items > policy->max_size) {
        return LLMB_REASON_ITEM;
    }

    if (part->piece.size > policy->max_bytes) {
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
    m->top = body->top;
    m->scalar = body->scalar;
    m->part = part->piece.items != body->items;
    m->priority = part->ctx->priority;
    m->wait = part->ctx->wait;
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

static uint32_t
ngx_http_llm_batch_flow(ngx_http_llm_batch_part_t *part,
    ngx_str_t *credentials)
{
    uint32_t             flow;
    ngx_http_request_t  *r;

    r = part->ctx->request;
    flow = ngx_murmur_hash2(credentials->data, credentials->len);

    if (part->piece.items != part->ctx->body.items) {
        flow ^= ngx_murmur_hash2((u_char *) &r, sizeof(ngx_http_request_t *));
    }

    return flow;
}


/* makes the parts that a part is replaced by */

static ngx_int_t
ngx_http_llm_batch_cut(ngx_http_llm_batch_part_t *part, llmb_policy_t *policy,
    ngx_queue_t *parts)
{
    uint32_t                    end;
    llmb_limits_t               limits;
    llmb_cutter_t               cutter;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_part_t  *p;

    ctx = part->ctx;
    end = part->piece.first + part->piece.items;

    limits.items = policy->max_size;
    limits.tokens = policy->max_tokens;
    limits.bytes = policy->max_bytes;

    llmb_request_cut(&cutter, &ctx->body, part->piece.first);

    for ( ;; ) {
        p = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_llm_batch_part_t));
        if (p == NULL) {
            return NGX_ERROR;
        }

        p->ctx = ctx;

        if (!llmb_request_next(&cutter, &ctx->body, end, &limits, &p->piece)) {
            return ngx_queue_empty(parts) ? NGX_ERROR : NGX_OK;
        }

        ngx_queue_insert_tail(parts, &p->siblings);
    }
}


/* all of them, or none */

static llmb_reason_e
ngx_http_llm_batch_enter_parts(ngx_http_llm_batch_ctx_t *ctx,
    ngx_queue_t *parts, ngx_http_llm_batch_entry_t *entry)
{
    uint32_t                    group;
    ngx_queue_t                *q;
    llmb_reason_e               reason;
    ngx_http_llm_batch_part_t  *part;

    ngx_http_llm_batch_lock(ctx->zone);

    group = ngx_http_llm_batch_find_group(ctx, entry, &reason);

    for (q = ngx_queue_head(parts);
         q != ngx_queue_sentinel(parts) && reason == LLMB_REASON_NONE;
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        reason = ngx_http_llm_batch_reserve(part, group, entry);
    }

    if (reason != LLMB_REASON_NONE) {
        ngx_http_llm_batch_leave_parts(parts);
    }

    ngx_http_llm_batch_unlock(ctx->zone);

    return reason;
}


/* the caller holds the lock */

static void
ngx_http_llm_batch_leave_parts(ngx_queue_t *parts)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    for (q = ngx_queue_head(parts);
         q != ngx_queue_sentinel(parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        ngx_http_llm_batch_leave(part);
    }
}


/* the parts are reserved: writes their items, and puts them into the queue */

static llmb_reason_e
ngx_http_llm_batch_place(ngx_http_llm_batch_ctx_t *ctx, ngx_queue_t *parts,
    ngx_http_llm_batch_entry_t *entry, uint64_t *wake)
{
    ngx_queue_t                *q;
    llmb_reason_e               reason;
    ngx_http_llm_batch_part_t  *part;

    for (q = ngx_queue_head(parts);
         q != ngx_queue_sentinel(parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        reason = ngx_http_llm_batch_grow(part);

        if (reason != LLMB_REASON_NONE) {
            ngx_http_llm_batch_lock(ctx->zone);
            ngx_http_llm_batch_leave_parts(parts);
            ngx_http_llm_batch_unlock(ctx->zone);

            return reason;
        }

        ngx_http_llm_batch_write_items(part, &entry->credentials);
    }

    LLMB_CRASH("join reserved");

    return ngx_http_llm_batch_join_parts(ctx, parts, wake);
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
    (void) llmb_request_pack(&part->ctx->body, &part->piece, &sink);
}


static llmb_reason_e
ngx_http_llm_batch_join_parts(ngx_http_llm_batch_ctx_t *ctx,
    ngx_queue_t *parts, uint64_t *wake)
{
    uint64_t                    next;
    ngx_queue_t                *q;
    llmb_reason_e               reason;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_part_t  *part;

    zone = ctx->zone;
    reason = LLMB_REASON_NONE;
    *wake = (uint64_t) -1;

    ngx_http_llm_batch_lock(zone);

    for (q = ngx_queue_head(parts);
         q != ngx_queue_sentinel(parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        if (zone->tables->epoch != part->epoch) {
            ngx_http_llm_batch_leave(part);
            reason = LLMB_REASON_WORKER_LOST;
            continue;
        }

        zone->members[part->member] = part;

        llmb_sched_join(zone->tables, part->member, ngx_current_msec);

        next = llmb_sched_wake(zone->tables, part->member, ngx_current_msec);
        *wake = ngx_min(*wake, next);

        LLMB_CRASH("join locked");
    }

    ngx_http_llm_batch_unlock(zone);

    return reason;
}
