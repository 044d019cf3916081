
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The entry of a request: guards, body, joining a group, and the two ways
 * out, answered by a call or sent on its own.  A held request always has a
 * timer that is not cancelable; without one a worker that shuts down would
 * not wait for it.
 */


#include "ngx_http_llm_batch.h"


/* a request that is part of a call looks this often whether all is well */

#define NGX_HTTP_LLM_BATCH_POLL  1000


typedef struct {
    ngx_table_elt_t  *content_encoding;
    ngx_table_elt_t  *idempotency_key;
    ngx_table_elt_t  *task;
} ngx_http_llm_batch_headers_t;


static ngx_http_llm_batch_ctx_t *ngx_http_llm_batch_create_ctx(
    ngx_http_request_t *r, ngx_http_llm_batch_loc_conf_t *conf);
static llmb_reason_e ngx_http_llm_batch_check_headers(
    ngx_http_llm_batch_ctx_t *ctx, ngx_uint_t *body);
static ngx_uint_t ngx_http_llm_batch_is_json(ngx_str_t *type);
static void ngx_http_llm_batch_find_headers(ngx_http_request_t *r,
    ngx_http_llm_batch_headers_t *headers);
static void ngx_http_llm_batch_body_handler(ngx_http_request_t *r);
static llmb_reason_e ngx_http_llm_batch_inspect(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_get_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_llm_batch_set_names(ngx_http_llm_batch_ctx_t *ctx);
static llmb_reason_e ngx_http_llm_batch_join(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t *wake);
static llmb_reason_e ngx_http_llm_batch_reserve(
    ngx_http_llm_batch_ctx_t *ctx, ngx_str_t *key, ngx_str_t *credentials);
static void ngx_http_llm_batch_set_group(ngx_http_llm_batch_ctx_t *ctx,
    llmb_group_t *group);
static void ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t wake);
static void ngx_http_llm_batch_arm(ngx_http_llm_batch_ctx_t *ctx,
    uint64_t wake);
static void ngx_http_llm_batch_timer_handler(ngx_event_t *ev);
static void ngx_http_llm_batch_resume(ngx_http_llm_batch_ctx_t *ctx);
static void ngx_http_llm_batch_cleanup(void *data);
static void ngx_http_llm_batch_pool_cleanup(void *data);


ngx_int_t
ngx_http_llm_batch_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_uint_t                      body;
    ngx_http_llm_batch_ctx_t       *ctx;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_llm_batch_module);

    /* our own calls are subrequests, too, and go on to the upstream here */

    if (conf->zone == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_batch_module);

    if (ctx) {
        return ctx->state >= NGX_HTTP_LLM_BATCH_ALONE ? NGX_DECLINED
                                                      : NGX_DONE;
    }

    ctx = ngx_http_llm_batch_create_ctx(r, conf);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->reason = ngx_http_llm_batch_check_headers(ctx, &body);

    if (!body) {
        ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
        ngx_http_llm_batch_account(ctx);
        return NGX_DECLINED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_llm_batch_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static ngx_http_llm_batch_ctx_t *
ngx_http_llm_batch_create_ctx(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf)
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
    ctx->released = 1;
    ctx->result.status = LLMB_STATUS_BYPASS;

    ctx->timer.handler = ngx_http_llm_batch_timer_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;

    cln->handler = ngx_http_llm_batch_cleanup;
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


/*
 * What the headers tell.  *body is 0 if the body cannot matter any more;
 * otherwise it is read even for a request that is not batched, since its
 * model may decide where it goes.
 */

static llmb_reason_e
ngx_http_llm_batch_check_headers(ngx_http_llm_batch_ctx_t *ctx,
    ngx_uint_t *body)
{
    ngx_http_request_t            *r;
    ngx_http_llm_batch_headers_t   headers;

    r = ctx->request;
    *body = 0;

    if (r->method != NGX_HTTP_POST) {
        return LLMB_REASON_METHOD;
    }

    if (r->headers_in.content_type == NULL
        || !ngx_http_llm_batch_is_json(&r->headers_in.content_type->value))
    {
        return LLMB_REASON_CONTENT_TYPE;
    }

    ngx_http_llm_batch_find_headers(r, &headers);

    if (headers.content_encoding) {
        return LLMB_REASON_ENCODING;
    }

    if (r->headers_in.content_length_n > (off_t) ctx->conf->max_body) {
        return LLMB_REASON_BODY_SIZE;
    }

    *body = 1;

    if (headers.task) {
        ctx->task = headers.task->value;
    }

    if (headers.idempotency_key) {
        return LLMB_REASON_IDEMPOTENCY;
    }

    return LLMB_REASON_NONE;
}


/* application/json or application/...+json, parameters aside */

static ngx_uint_t
ngx_http_llm_batch_is_json(ngx_str_t *type)
{
    size_t   len;
    u_char  *p;

    p = ngx_strlchr(type->data, type->data + type->len, ';');
    len = p ? (size_t) (p - type->data) : type->len;

    while (len && (type->data[len - 1] == ' ' || type->data[len - 1] == '\t'))
    {
        len--;
    }

    if (len == 16) {
        return ngx_memcmp(type->data, "application/json", 16) == 0
               || ngx_strncasecmp(type->data, (u_char *) "application/json",
                                  16)
                  == 0;
    }

    return len > 17
           && ngx_strncasecmp(type->data, (u_char *) "application/", 12) == 0
           && ngx_strncasecmp(type->data + len - 5, (u_char *) "+json", 5)
              == 0;
}


/* of several headers of one name the first */

static void
ngx_http_llm_batch_find_headers(ngx_http_request_t *r,
    ngx_http_llm_batch_headers_t *headers)
{
    u_char            *name;
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h, **found;

    ngx_memzero(headers, sizeof(ngx_http_llm_batch_headers_t));

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        switch (h[i].key.len) {

        case sizeof("content-encoding") - 1:
            name = (u_char *) "content-encoding";
            found = &headers->content_encoding;
            break;

        case sizeof("idempotency-key") - 1:
            name = (u_char *) "idempotency-key";
            found = &headers->idempotency_key;
            break;

        case sizeof("x-llm-task") - 1:
            name = (u_char *) "x-llm-task";
            found = &headers->task;
            break;

        default:
            continue;
        }

        if (*found == NULL
            && ngx_memcmp(h[i].lowcase_key, name, h[i].key.len) == 0)
        {
            *found = &h[i];
        }
    }
}


static void
ngx_http_llm_batch_body_handler(ngx_http_request_t *r)
{
    uint64_t                   wake;
    llmb_reason_e              reason;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_llm_batch_module);

    reason = ngx_http_llm_batch_inspect(ctx);

    if (ctx->reason == LLMB_REASON_NONE) {
        ctx->reason = reason;
    }

    if (ctx->reason == LLMB_REASON_NONE && ctx->conf->dry_run) {
        ctx->result.status = LLMB_STATUS_DRYRUN;

    } else if (ctx->reason == LLMB_REASON_NONE) {
        ctx->reason = ngx_http_llm_batch_join(ctx, &wake);

        if (ctx->reason == LLMB_REASON_NONE) {
            ngx_http_llm_batch_hold(ctx, wake);
            return;
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "llm batch bypass: \"%*s\"",
                   llmb_reason_names[ctx->reason].len,
                   llmb_reason_names[ctx->reason].data);

    ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
    ngx_http_llm_batch_account(ctx);

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/* what the body tells */

static llmb_reason_e
ngx_http_llm_batch_inspect(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_str_t                       body;
    llmb_reason_e                   reason;
    const llmb_adapter_t           *adapter;
    ngx_http_request_t             *r;
    ngx_http_llm_batch_loc_conf_t  *conf;

    r = ctx->request;
    conf = ctx->conf;

    if (r->headers_in.content_length_n > (off_t) conf->max_body) {
        return LLMB_REASON_BODY_SIZE;
    }

    rc = ngx_http_llm_batch_get_body(r, &body);

    if (rc != NGX_OK) {
        return LLMB_REASON_INTERNAL;
    }

    adapter = llmb_adapter_find(ngx_http_llm_batch_str(&r->uri),
                                conf->adapters);
    reason = LLMB_REASON_NONE;

    (void) llmb_request_read(&ctx->body, adapter,
                             ngx_http_llm_batch_str(&body), &reason);

    if (ngx_http_llm_batch_set_names(ctx) != NGX_OK) {
        return LLMB_REASON_INTERNAL;
    }

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    ctx->mode = ngx_http_llm_batch_get_mode(r, conf);

    if (ctx->mode == NGX_HTTP_LLM_BATCH_MODE_PER_REQUEST) {
        return LLMB_REASON_MODE;
    }

    if (ctx->body.items > ngx_min(conf->max_size, adapter->max_items)) {
        return LLMB_REASON_ITEM;
    }

    if (conf->max_tokens && ctx->body.tokens > conf->max_tokens) {
        return LLMB_REASON_TOKENS;
    }

    return LLMB_REASON_NONE;
}


/* the whole body in one piece; it is copied only if it is not already */

static ngx_int_t
ngx_http_llm_batch_get_body(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char       *p;
    size_t        size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && ngx_buf_in_memory(cl->buf)) {
        body->data = cl->buf->pos;
        body->len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    size = 0;

    for ( /* void */ ; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = size;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = ngx_buf_size(b);

        if (size == 0) {

            /* the end of a chunked body is neither in memory nor in a file */

            continue;
        }

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != (ssize_t) size) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/* the readable name of the group, which by default ends with the model */

static ngx_int_t
ngx_http_llm_batch_set_names(ngx_http_llm_batch_ctx_t *ctx)
{
    u_char  *p;

    p = ngx_pnalloc(ctx->request->pool, ctx->task.len + 1
                                        + ctx->body.model.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->group.data = p;

    p = ngx_cpymem(p, ctx->task.data, ctx->task.len);
    *p++ = ':';

    ctx->model.data = p;

    if (ctx->body.model.len) {
        ctx->model.len = llmb_json_decode(ctx->body.model, p);
    }

    ctx->group.len = ctx->task.len + 1 + ctx->model.len;

    if (ctx->conf->group) {
        return ngx_http_complex_value(ctx->request, ctx->conf->group,
                                      &ctx->group);
    }

    return NGX_OK;
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
    uint32_t                    i, g;
    unsigned                    fresh;
    llmb_group_t               *group;
    llmb_reason_e               reason;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    zone = ctx->zone;
    reason = LLMB_REASON_ZONE_FULL;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != zone->epoch) {
        /* others are still to be told that the tables are new */
        ngx_post_event(&zone->mail, &ngx_posted_events);
        reason = LLMB_REASON_INTERNAL;
        goto done;
    }

    g = llmb_group_get(zone->tables, ngx_http_llm_batch_str(key),
                       ngx_murmur_hash2(key->data, key->len), &fresh);

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
ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx, uint64_t wake)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ctx->state = NGX_HTTP_LLM_BATCH_HELD;
    ctx->released = 0;

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
ngx_http_llm_batch_account(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t                     adapter;
    llmb_result_t                 *result;
    ngx_http_llm_batch_metrics_t  *metrics;

    if (ctx->counted) {
        return;
    }

    ctx->counted = 1;

    result = &ctx->result;
    metrics = &ctx->zone->sh->metrics;
    adapter = ctx->body.adapter ? llmb_adapter_id(ctx->body.adapter)
                                : NGX_HTTP_LLM_BATCH_NONE;

    ngx_http_llm_batch_count(metrics->requests[adapter][result->status]);

    switch (result->status) {

    case LLMB_STATUS_BYPASS:
        ngx_http_llm_batch_count(metrics->bypass[ctx->reason]);
        return;

    case LLMB_STATUS_DRYRUN:
        return;

    case LLMB_STATUS_SINGLE:
        ngx_http_llm_batch_count(metrics->calls[adapter][result->close]);
        ngx_http_llm_batch_count_n(metrics->items, result->size);
        ngx_http_llm_batch_observe(&metrics->items_per_call, &llmb_hist_items,
                                   result->size);
        break;

    case LLMB_STATUS_FALLBACK:
        ngx_http_llm_batch_count(metrics->fallback[ctx->reason]);
        ngx_http_llm_batch_count(metrics->isolate_calls);
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
}


/* the client is gone, or the request is over */

static void
ngx_http_llm_batch_cleanup(void *data)
{
    ngx_http_llm_batch_ctx_t *ctx = data;

    ngx_http_llm_batch_cancel(ctx);
    ngx_http_llm_batch_release(ctx);
}


static void
ngx_http_llm_batch_pool_cleanup(void *data)
{
    /* it marks the place of the context, nothing else */
}
