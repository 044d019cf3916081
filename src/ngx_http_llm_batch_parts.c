
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The parts of a request that was cut.  Each is a member like any other, and
 * may share its call with other clients; only what other requests do alone,
 * by their location's handler, a part does in a call of its own.  The answers
 * become one; an error is the answer to the whole request at once, as it
 * would have been without us.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_all_answered(
    ngx_http_llm_batch_ctx_t *ctx);
static void ngx_http_llm_batch_answer_parts(ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_joint_head(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_joint_body(ngx_http_llm_batch_ctx_t *ctx,
    ngx_str_t *body);
static ngx_int_t ngx_http_llm_batch_read_parts(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, llmb_joint_t *joints, ngx_uint_t n);
static void ngx_http_llm_batch_joint_result(ngx_http_llm_batch_ctx_t *ctx);
static ngx_uint_t ngx_http_llm_batch_part_learn(
    ngx_http_llm_batch_part_t *part, ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome);
static ngx_uint_t ngx_http_llm_batch_part_waits(
    ngx_http_llm_batch_part_t *part, llmb_group_t *g,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome);
static ngx_int_t ngx_http_llm_batch_part_answer(
    ngx_http_llm_batch_part_t *part, ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer);
static ngx_uint_t ngx_http_llm_batch_part_is_whole(
    ngx_http_llm_batch_part_t *part);


void
ngx_http_llm_batch_part_alone(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_answer_t  answer;

    if (ngx_http_llm_batch_send_part(part) == NGX_OK) {
        return;
    }

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    answer.status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    answer.local = 1;

    part->result.status = LLMB_STATUS_FAILED;
    part->result.reason = LLMB_REASON_INTERNAL;

    ngx_http_llm_batch_part_done(part, &answer);
}


void
ngx_http_llm_batch_part_done(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;

    if (answer->local || answer->status != NGX_HTTP_OK) {
        ngx_http_llm_batch_abandon_parts(ctx);

        ctx->result = part->result;
        ngx_http_llm_batch_deliver(ctx, answer);
        return;
    }

    /* the head is of the call, which is over before the other parts are */

    if (ngx_http_llm_batch_answer_copy(ctx->request->pool, answer,
                                       &part->answer)
        != NGX_OK)
    {
        ngx_http_llm_batch_abandon_parts(ctx);

        ctx->result = part->result;
        answer->local = 1;
        answer->status = NGX_HTTP_INTERNAL_SERVER_ERROR;

        ngx_http_llm_batch_deliver(ctx, answer);
        return;
    }

    part->answered = 1;

    if (ngx_http_llm_batch_all_answered(ctx)) {
        ngx_http_llm_batch_answer_parts(ctx);
    }
}


static ngx_int_t
ngx_http_llm_batch_all_answered(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        if (!part->answered) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_llm_batch_answer_parts(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_http_llm_batch_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    ngx_http_llm_batch_joint_result(ctx);

    if (ngx_http_llm_batch_joint_head(ctx, &answer) != NGX_OK
        || ngx_http_llm_batch_joint_body(ctx, &answer.body) != NGX_OK)
    {
        /* answers that do not fit together are nobody's answer */

        ctx->result.status = LLMB_STATUS_FAILED;
        ctx->result.reason = LLMB_REASON_MISMATCH;

        answer.status = NGX_HTTP_BAD_GATEWAY;
        answer.local = 1;
    }

    ngx_http_llm_batch_deliver(ctx, &answer);
}


/* status and headers of the first, and who answered each of them */

static ngx_int_t
ngx_http_llm_batch_joint_head(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    ngx_http_upstream_state_t  *src, *dst;
    ngx_http_llm_batch_part_t  *part;

    q = ngx_queue_head(&ctx->parts);
    part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

    *answer = part->answer;

    for (q = ngx_queue_next(q);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        src = part->answer.states.elts;

        for (i = 0; i < part->answer.states.nelts; i++) {

            dst = ngx_array_push(&answer->states);
            if (dst == NULL) {
                return NGX_ERROR;
            }

            *dst = src[i];
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_joint_body(ngx_http_llm_batch_ctx_t *ctx, ngx_str_t *body)
{
    size_t                      size;
    ngx_int_t                   rc;
    ngx_buf_t                   b;
    ngx_uint_t                  n;
    ngx_pool_t                 *pool;
    ngx_queue_t                *q;
    llmb_sink_t                 sink;
    llmb_joint_t               *joints;
    ngx_http_llm_batch_part_t  *part;

    n = 0;

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        n++;
    }

    if (n == 1) {
        part = ngx_queue_data(ngx_queue_head(&ctx->parts),
                              ngx_http_llm_batch_part_t, siblings);
        *body = part->answer.body;
        return NGX_OK;
    }

    pool = ngx_create_pool(4096, ctx->request->connection->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    joints = ngx_palloc(pool, n * sizeof(llmb_joint_t));

    if (joints == NULL
        || ngx_http_llm_batch_read_parts(ctx, pool, joints, n) != NGX_OK)
    {
        goto done;
    }

    size = llmb_split_join_bound(joints, n);

    b.pos = ngx_pnalloc(ctx->request->pool, size);
    if (b.pos == NULL) {
        goto done;
    }

    b.last = b.pos;
    b.end = b.pos + size;

    sink.write = ngx_http_llm_batch_append;
    sink.data = &b;

    if (llmb_split_join(joints, n, &sink) != LLMB_OK) {
        goto done;
    }

    body->data = b.pos;
    body->len = b.last - b.pos;

    rc = NGX_OK;

done:

    ngx_destroy_pool(pool);

    return rc;
}


static ngx_int_t
ngx_http_llm_batch_read_parts(ngx_http_llm_batch_ctx_t *ctx, ngx_pool_t *pool,
    llmb_joint_t *joints, ngx_uint_t n)
{
    void                       *room;
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    llmb_split_conf_t           conf;
    ngx_http_llm_batch_part_t  *part;

    ngx_memzero(&conf, sizeof(llmb_split_conf_t));

    conf.form = ctx->body.form;
    conf.per = ctx->body.per;

    q = ngx_queue_head(&ctx->parts);

    for (i = 0; i < n; i++) {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        q = ngx_queue_next(q);

        conf.items = part->piece.items;

        room = ngx_palloc(pool, llmb_split_room(&conf));
        if (room == NULL) {
            return NGX_ERROR;
        }

        joints[i].base = part->answer.body.data;

        llmb_split_init(&joints[i].split, &conf, room);

        if (llmb_split_read(&joints[i].split, joints[i].base,
                            part->answer.body.len, 1)
            != LLMB_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what is told about all of them: of the first, with sums and the longest */

static void
ngx_http_llm_batch_joint_result(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_queue_t                *q;
    llmb_result_t              *result, *own;
    ngx_http_llm_batch_part_t  *part;

    result = &ctx->result;
    q = ngx_queue_head(&ctx->parts);
    part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

    *result = part->result;

    for (q = ngx_queue_next(q);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        own = &part->result;

        result->tokens += own->tokens;
        result->cost += own->cost;
        result->saved += own->saved;
        result->exact = result->exact && own->exact;
        result->wait = ngx_max(result->wait, own->wait);
        result->upstream = ngx_max(result->upstream, own->upstream);

        if (own->status == LLMB_STATUS_FALLBACK) {
            result->status = own->status;
            result->reason = own->reason;
        }
    }
}


void
ngx_http_llm_batch_abandon_parts(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);
        ngx_http_llm_batch_withdraw(part);
    }
}


void
ngx_http_llm_batch_part_returned(ngx_http_llm_batch_call_t *call)
{
    uint64_t                     wake;
    ngx_uint_t                   again;
    llmb_outcome_t               outcome;
    ngx_http_llm_batch_part_t   *part;
    ngx_http_llm_batch_answer_t  answer;

    part = call->part;
    part->call = NULL;
    part->result.upstream = ngx_current_msec - call->start;

    ngx_http_llm_batch_get_outcome(call, &outcome);

    again = ngx_http_llm_batch_part_learn(part, call, &outcome);

    if (again && ngx_http_llm_batch_join(part, &wake) == LLMB_REASON_NONE) {
        ngx_http_llm_batch_set_timer(part);
        return;
    }

    if (ngx_http_llm_batch_part_answer(part, call, &outcome, &answer)
        != NGX_OK)
    {
        ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

        answer.status = NGX_HTTP_INTERNAL_SERVER_ERROR;
        answer.local = 1;
    }

    ngx_http_llm_batch_part_done(part, &answer);
}


/* gives the slot back; tells whether the part, or what it is cut into, waits */

static ngx_uint_t
ngx_http_llm_batch_part_learn(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome)
{
    ngx_uint_t                  again;
    llmb_str_t                  body;
    llmb_group_t               *g;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    again = 0;

    ngx_http_llm_batch_lock(zone);

    if (part->joined && part->epoch == zone->tables->epoch) {
        g = llmb_group(zone->tables,
                       llmb_member(zone->tables, part->member)->group);

        body.data = call->body;
        body.len = call->len;

        ngx_http_llm_batch_learn_call(call, zone,
                             llmb_member(zone->tables, part->member)->group,
                             outcome);

        if (outcome->split) {
            llmb_policy_prove(&g->proven, call->merge.items, call->tokens,
                              call->bytes);

            ngx_http_llm_batch_calibrate(call, g);

        } else {
            outcome->tokens = llmb_calibrate(&g->calibration, outcome->tokens);

            (void) llmb_verdict_learn(outcome, body, g->proven.items,
                                      &g->learned);
            again = ngx_http_llm_batch_part_waits(part, g, call, outcome);
        }

        if (!again) {
            /* an error in what its client sent is no failure of ours */

            llmb_health_result(&g->health,
                               outcome->status == NGX_HTTP_OK
                               ? !outcome->split : outcome->status >= 500,
                               call->conf->breaker_failures,
                               call->conf->breaker_cooldown,
                               ngx_current_msec);
        }
    }

    ngx_http_llm_batch_leave(part);

    ngx_http_llm_batch_unlock(zone);

    if (outcome->mismatch != LLMB_MISMATCH_NONE) {
        ngx_http_llm_batch_count(zone->sh->metrics.mismatch[outcome->mismatch]);
    }

    ngx_http_llm_batch_observe(&zone->sh->metrics.upstream, &llmb_hist_time,
                               (uint64_t) (ngx_current_msec - call->start)
                               * 1000);

    return again;
}


/*
 * A part that is larger than what is known by now of the upstream is cut
 * again; one that comes too soon waits, as its client would have to.
 */

static ngx_uint_t
ngx_http_llm_batch_part_waits(ngx_http_llm_batch_part_t *part,
    llmb_group_t *g, ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome)
{
    uint64_t        pause, since;
    llmb_policy_t   policy;

    if (!outcome->answered) {
        return 0;
    }

    switch (outcome->status) {

    case NGX_HTTP_BAD_REQUEST:
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
    case 422:
        policy = llmb_group_policy(part->ctx->zone->tables, g);
        return ngx_http_llm_batch_is_too_large(part, &policy);

    case NGX_HTTP_TOO_MANY_REQUESTS:
        since = (uint64_t) (ngx_time() - part->ctx->request->start_sec) * 1000;
        pause = ngx_http_llm_batch_retry_after(call->subrequest);

        if (ngx_http_llm_batch_part_is_whole(part)
            || pause == 0 || since + pause >= LLMB_SCHED_PATIENCE)
        {
            return 0;
        }

        g->paused = ngx_max(g->paused, ngx_current_msec + pause);
        return 1;

    default:
        return 0;
    }
}


/* what the upstream says to a request of its own is for its client */

static ngx_int_t
ngx_http_llm_batch_part_answer(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome,
    ngx_http_llm_batch_answer_t *answer)
{
    size_t        size;
    unsigned      exact;
    ngx_buf_t     b;
    llmb_rc_e     rc;
    llmb_sink_t   sink;

    if (ngx_http_llm_batch_answer_create(call, answer) != NGX_OK) {
        return NGX_ERROR;
    }

    if (outcome->split) {
        llmb_split_weigh(&call->split, call->body, call->shares, 1);
        size = llmb_split_bound(&call->split, &call->shares[0]);

    } else if (outcome->status == NGX_HTTP_OK && outcome->answered
               && call->mismatch != LLMB_MISMATCH_ENCODING
               && ngx_http_llm_batch_part_is_whole(part))
    {
        /* nobody else's, and nothing to be cut: for the client to judge */
        size = call->len;

    } else {
        part->result.status = LLMB_STATUS_FAILED;
        part->result.reason = llmb_verdict_reason(outcome);

        answer->status = outcome->status == NGX_HTTP_OK ? NGX_HTTP_BAD_GATEWAY
                                                        : outcome->status;
        answer->local = (call->status != answer->status
                         || !outcome->answered);
        size = answer->local ? 0 : call->len;
    }

    b.pos = ngx_pnalloc(part->ctx->request->pool, size + 1);
    if (b.pos == NULL) {
        return NGX_ERROR;
    }

    b.last = b.pos;
    b.end = b.pos + size;

    sink.write = ngx_http_llm_batch_append;
    sink.data = &b;

    if (outcome->split) {
        rc = llmb_split_write(&call->split, call->body, call->shares, 1, 0,
                              &sink);

        part->result.tokens = llmb_split_tokens(&call->split,
                                                &call->shares[0], &exact);
        /* the usage of a call of its own is its own */
        part->result.exact = 1;

        ngx_http_llm_batch_price(call, &call->shares[0], &part->result);

    } else {
        rc = sink.write(sink.data, call->body, size);
    }

    answer->body.data = b.pos;
    answer->body.len = b.last - b.pos;

    return rc == LLMB_OK ? NGX_OK : NGX_ERROR;
}


/* a request that is in one piece, and may only have to be cut yet */

static ngx_uint_t
ngx_http_llm_batch_part_is_whole(ngx_http_llm_batch_part_t *part)
{
    return part->piece.items == part->ctx->body.items;
}
