
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The list of a request's parts is in the order of its items.  What is in it
 * is either one that is under way or answered, of which there is a window, or
 * a range of items that is to be cut.  Ranges that meet become one, so the
 * list is never longer than twice the window and one.
 */


#include "ngx_http_llm_batch.h"


static ngx_uint_t ngx_http_llm_batch_count_parts(
    ngx_http_llm_batch_ctx_t *ctx, llmb_policy_t *policy);
static void ngx_http_llm_batch_set_limits(llmb_policy_t *policy,
    llmb_limits_t *limits);
static void ngx_http_llm_batch_work_on_parts(void *data);
static ngx_int_t ngx_http_llm_batch_join_answers(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_int_t ngx_http_llm_batch_answer_whole(
    ngx_http_llm_batch_part_t *part);
static ngx_int_t ngx_http_llm_batch_answer_joint(
    ngx_http_llm_batch_ctx_t *ctx);
static void ngx_http_llm_batch_fill_window(ngx_http_llm_batch_ctx_t *ctx);
static ngx_uint_t ngx_http_llm_batch_is_under_way(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_http_llm_batch_part_t *ngx_http_llm_batch_find_part(
    ngx_http_llm_batch_ctx_t *ctx, ngx_http_llm_batch_part_state_e state);
static llmb_reason_e ngx_http_llm_batch_set_entry(
    ngx_http_llm_batch_ctx_t *ctx);
static ngx_http_llm_batch_part_t *ngx_http_llm_batch_cut_off(
    ngx_http_llm_batch_part_t *range);
static void ngx_http_llm_batch_put_back(ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_meet(ngx_http_llm_batch_part_t *first,
    ngx_http_llm_batch_part_t *second);
static void ngx_http_llm_batch_fail(ngx_http_llm_batch_ctx_t *ctx,
    ngx_uint_t status, llmb_reason_e reason);


llmb_reason_e
ngx_http_llm_batch_cut(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry)
{
    ngx_pool_t                *pool;
    ngx_http_llm_batch_cut_t  *cut;

    pool = ctx->request->pool;

    if (entry && ngx_http_llm_batch_count_parts(ctx, &entry->policy)
                 > ctx->conf->split_max)
    {
        return LLMB_REASON_PARTS;
    }

    cut = ngx_pcalloc(pool, sizeof(ngx_http_llm_batch_cut_t));
    if (cut == NULL) {
        return LLMB_REASON_INTERNAL;
    }

    if (entry) {
        cut->entry = *entry;

        if (ngx_http_llm_batch_dup(pool, &cut->entry.key, &entry->key)
            != NGX_OK
            || ngx_http_llm_batch_dup(pool, &cut->entry.credentials,
                                      &entry->credentials)
               != NGX_OK)
        {
            return LLMB_REASON_INTERNAL;
        }
    }

    cut->work.handler = ngx_http_llm_batch_work_on_parts;
    cut->work.data = ctx;

    ngx_http_llm_batch_joint_init(&cut->joint, ctx);

    if (ctx->whole.state == NGX_HTTP_LLM_BATCH_PART_HELD) {
        cut->live = 1;
        cut->made = 1;
    }

    ctx->cut = cut;

    return LLMB_REASON_NONE;
}


/* one more than there may be stands for all above */

static ngx_uint_t
ngx_http_llm_batch_count_parts(ngx_http_llm_batch_ctx_t *ctx,
    llmb_policy_t *policy)
{
    ngx_uint_t      n;
    llmb_piece_t    piece;
    llmb_limits_t   limits;
    llmb_cutter_t   cutter;

    ngx_http_llm_batch_set_limits(policy, &limits);
    llmb_piece_cut(&cutter, &ctx->body, 0);

    for (n = 0; n <= ctx->conf->split_max; n++) {

        if (!llmb_piece_next(&cutter, &ctx->body, ctx->body.items, &limits,
                             &piece))
        {
            break;
        }
    }

    return n;
}


static void
ngx_http_llm_batch_set_limits(llmb_policy_t *policy, llmb_limits_t *limits)
{
    limits->items = policy->most_items;
    limits->tokens = policy->max_tokens;
    limits->bytes = policy->most_bytes;
}


static void
ngx_http_llm_batch_work_on_parts(void *data)
{
    ngx_http_llm_batch_ctx_t *ctx = data;

    if (ngx_http_llm_batch_join_answers(ctx) == NGX_OK) {
        ngx_http_llm_batch_fill_window(ctx);
    }
}


/* NGX_DONE: the request has its answer, or goes alone, and may be gone */

static ngx_int_t
ngx_http_llm_batch_join_answers(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_http_llm_batch_cut_t   *cut;
    ngx_http_llm_batch_part_t  *part;

    cut = ctx->cut;

    for ( ;; ) {
        part = ngx_queue_data(ngx_queue_head(&ctx->parts),
                              ngx_http_llm_batch_part_t, siblings);

        if (part->state != NGX_HTTP_LLM_BATCH_PART_ANSWERED) {
            return NGX_OK;
        }

        if (part->piece.items == ctx->body.items && !part->repair) {
            return ngx_http_llm_batch_answer_whole(part);
        }

        rc = ngx_http_llm_batch_joint_add(&cut->joint, part);

        if (rc == NGX_AGAIN) {
            ngx_http_llm_batch_work_post(&ctx->cut->work);
            return NGX_OK;
        }

        if (rc == NGX_DECLINED) {

            /* for the upstream to say what it thinks of so large a request */

            ngx_http_llm_batch_count(
                     ctx->zone->sh->metrics.mismatch[LLMB_MISMATCH_SIZE]);
            ngx_http_llm_batch_pass(ctx, LLMB_REASON_RESPONSE_SIZE);
            return NGX_DONE;
        }

        if (rc == NGX_ABORT) {

            /* ours, and no fault of the answers */

            ngx_http_llm_batch_pass(ctx, LLMB_REASON_INTERNAL);
            return NGX_DONE;
        }

        if (rc != NGX_OK) {

            /* answers that do not fit together are nobody's answer */

            ngx_http_llm_batch_fail(ctx, NGX_HTTP_BAD_GATEWAY,
                                    LLMB_REASON_MISMATCH);
            return NGX_DONE;
        }

        ngx_queue_remove(&part->siblings);
        cut->live--;

        if (ngx_queue_empty(&ctx->parts)) {
            return ngx_http_llm_batch_answer_joint(ctx);
        }
    }
}


/* nothing was cut after all */

static ngx_int_t
ngx_http_llm_batch_answer_whole(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;
    ctx->result = part->result;

    ngx_http_llm_batch_deliver(ctx, &part->answer, NULL);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_llm_batch_answer_joint(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_chain_t                 *out;
    ngx_http_llm_batch_joint_t  *joint;

    joint = &ctx->cut->joint;

    if (ngx_http_llm_batch_joint_end(joint, ctx, &out) != NGX_OK) {
        ngx_http_llm_batch_pass(ctx, LLMB_REASON_INTERNAL);
        return NGX_DONE;
    }

    ctx->result = joint->result;

    ngx_http_llm_batch_deliver(ctx, &joint->answer, out);

    return NGX_DONE;
}


/* makes parts of what is not cut yet, as many as may be under way */

static void
ngx_http_llm_batch_fill_window(ngx_http_llm_batch_ctx_t *ctx)
{
    uint64_t                    wake, next;
    llmb_reason_e               reason;
    ngx_http_llm_batch_cut_t   *cut;
    ngx_http_llm_batch_part_t  *range, *part;

    cut = ctx->cut;
    wake = (uint64_t) -1;

    while (cut->live < NGX_HTTP_LLM_BATCH_WINDOW) {

        range = ngx_http_llm_batch_find_part(ctx,
                                             NGX_HTTP_LLM_BATCH_PART_WAITS);

        if (range == NULL) {
            break;
        }

        if (cut->made >= ctx->conf->split_max) {

            /* limits were learned that are far below what was expected */

            ngx_http_llm_batch_pass(ctx, LLMB_REASON_PARTS);
            return;
        }

        reason = ngx_http_llm_batch_set_entry(ctx);
        part = ngx_http_llm_batch_cut_off(range);

        if (part == NULL) {
            ngx_http_llm_batch_pass(ctx, LLMB_REASON_INTERNAL);
            return;
        }

        cut->live++;
        cut->made++;

        if (reason == LLMB_REASON_NONE) {
            reason = ngx_http_llm_batch_join(part, &cut->entry, &next);

            if (reason == LLMB_REASON_NONE && part->joined) {
                wake = ngx_min(wake, next);
                continue;
            }
        }

        if (reason == LLMB_REASON_NONE) {

            /* there are smaller limits by now, which the entry has */

            cut->made--;
            ngx_http_llm_batch_put_back(part);
            continue;
        }

        /* others of it may make room, or else all of it goes its own way */

        cut->made--;
        ngx_http_llm_batch_put_back(part);

        if (ngx_http_llm_batch_is_under_way(ctx)) {
            break;
        }

        ngx_http_llm_batch_pass(ctx, reason);
        return;
    }

    if (wake != (uint64_t) -1) {
        ngx_http_llm_batch_set_timer(ctx);
    }
}


/* whether any of its parts is a member, after which there is work again */

static ngx_uint_t
ngx_http_llm_batch_is_under_way(ngx_http_llm_batch_ctx_t *ctx)
{
    return ngx_http_llm_batch_find_part(ctx, NGX_HTTP_LLM_BATCH_PART_HELD)
           != NULL;
}


/* the first of its parts in a state, or NULL */

static ngx_http_llm_batch_part_t *
ngx_http_llm_batch_find_part(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_part_state_e state)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    for (q = ngx_queue_head(&ctx->parts);
         q != ngx_queue_sentinel(&ctx->parts);
         q = ngx_queue_next(q))
    {
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, siblings);

        if (part->state == state) {
            return part;
        }
    }

    return NULL;
}


/* a request that was in one piece at first has none until it is needed */

static llmb_reason_e
ngx_http_llm_batch_set_entry(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_reason_e                reason;
    ngx_http_llm_batch_entry_t  *entry;

    entry = &ctx->cut->entry;

    if (entry->key.len) {
        return LLMB_REASON_NONE;
    }

    reason = ngx_http_llm_batch_prepare(ctx, ctx->request->pool, entry);

    if (reason != LLMB_REASON_NONE) {
        entry->key.len = 0;
    }

    return reason;
}


/* the first of a range, within the limits that are known; NULL: no memory */

static ngx_http_llm_batch_part_t *
ngx_http_llm_batch_cut_off(ngx_http_llm_batch_part_t *range)
{
    uint32_t                    end;
    llmb_limits_t               limits;
    ngx_http_llm_batch_cut_t   *cut;
    ngx_http_llm_batch_ctx_t   *ctx;
    ngx_http_llm_batch_part_t  *part;

    ctx = range->ctx;
    cut = ctx->cut;

    part = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_llm_batch_part_t));
    if (part == NULL) {
        return NULL;
    }

    part->ctx = ctx;

    if (!cut->cutting || cut->cutter.item != range->piece.first) {
        llmb_piece_cut(&cut->cutter, &ctx->body, range->piece.first);
        cut->cutting = 1;
    }

    end = range->piece.first + range->piece.items;

    ngx_http_llm_batch_set_limits(&cut->entry.policy, &limits);

    if (!llmb_piece_next(&cut->cutter, &ctx->body, end, &limits,
                         &part->piece))
    {
        return NULL;
    }

    part->state = NGX_HTTP_LLM_BATCH_PART_HELD;

    ngx_queue_insert_tail(&range->siblings, &part->siblings);

    range->piece.first += part->piece.items;
    range->piece.items -= part->piece.items;

    if (range->piece.items == 0) {
        ngx_queue_remove(&range->siblings);
    }

    return part;
}


void
ngx_http_llm_batch_part_back(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_put_back(part);
    ngx_http_llm_batch_work_post(&part->ctx->cut->work);
}


/* a part becomes a range again, or a piece of those beside it */

static void
ngx_http_llm_batch_put_back(ngx_http_llm_batch_part_t *part)
{
    ngx_queue_t               *q;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;

    part->state = NGX_HTTP_LLM_BATCH_PART_WAITS;
    ctx->cut->live--;

    q = ngx_queue_next(&part->siblings);

    if (q != ngx_queue_sentinel(&ctx->parts)) {
        ngx_http_llm_batch_meet(part, ngx_queue_data(q,
                                        ngx_http_llm_batch_part_t, siblings));
    }

    q = ngx_queue_prev(&part->siblings);

    if (q != ngx_queue_sentinel(&ctx->parts)) {
        ngx_http_llm_batch_meet(ngx_queue_data(q, ngx_http_llm_batch_part_t,
                                               siblings),
                                part);
    }
}


static void
ngx_http_llm_batch_meet(ngx_http_llm_batch_part_t *first,
    ngx_http_llm_batch_part_t *second)
{
    if (first->state != NGX_HTTP_LLM_BATCH_PART_WAITS
        || second->state != NGX_HTTP_LLM_BATCH_PART_WAITS)
    {
        return;
    }

    first->piece.items += second->piece.items;

    ngx_queue_remove(&second->siblings);
}


void
ngx_http_llm_batch_part_done(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer)
{
    ngx_pool_t                  *pool;
    ngx_http_llm_batch_ctx_t    *ctx;
    ngx_http_llm_batch_spool_t  *body;

    ctx = part->ctx;

    body = ngx_http_llm_batch_spool_create(ctx->request->pool, ctx->request,
                                           ctx->conf->max_response);

    if (body == NULL) {
        ngx_http_llm_batch_fail(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                LLMB_REASON_INTERNAL);
        return;
    }

    if (answer->body) {
        ngx_http_llm_batch_spool_move(body, answer->body);
    }

    if (answer->local || answer->status != NGX_HTTP_OK) {
        ngx_http_llm_batch_abandon_parts(ctx);

        answer->body = body;
        ctx->result = part->result;

        ngx_http_llm_batch_deliver(ctx, answer, NULL);
        return;
    }

    /* the head is of the call, which is over before the other parts are */

    pool = ngx_http_llm_batch_part_pool(part);

    if (pool == NULL
        || ngx_http_llm_batch_answer_copy(pool, answer, &part->answer)
           != NGX_OK)
    {
        ngx_http_llm_batch_fail(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                LLMB_REASON_INTERNAL);
        return;
    }

    part->answer.body = body;
    part->state = NGX_HTTP_LLM_BATCH_PART_ANSWERED;

    if (ngx_http_llm_batch_join_answers(ctx) == NGX_OK) {
        ngx_http_llm_batch_work_post(&ctx->cut->work);
    }
}


/* the whole request gets an error of ours */

static void
ngx_http_llm_batch_fail(ngx_http_llm_batch_ctx_t *ctx, ngx_uint_t status,
    llmb_reason_e reason)
{
    ngx_http_llm_batch_answer_t  answer;

    ngx_http_llm_batch_abandon_parts(ctx);

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    answer.status = status;
    answer.local = 1;

    ctx->result = ctx->cut->joint.result;
    ctx->result.status = LLMB_STATUS_FAILED;
    ctx->result.reason = reason;

    ngx_http_llm_batch_deliver(ctx, &answer, NULL);
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
ngx_http_llm_batch_pass(ngx_http_llm_batch_ctx_t *ctx, llmb_reason_e reason)
{
    if (ctx->cut) {
        ngx_http_llm_batch_abandon_parts(ctx);
        ngx_http_llm_batch_stop_parts(ctx);
    }

    ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
    ctx->reason = reason;

    ctx->result.status = LLMB_STATUS_FALLBACK;
    ctx->result.reason = reason;
    ctx->result.size = ctx->body.items;

    ngx_http_llm_batch_account(ctx);
    ngx_http_llm_batch_resume(ctx);
}


void
ngx_http_llm_batch_lost_member(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;

    ngx_http_llm_batch_lock(ctx->zone);
    ngx_http_llm_batch_leave(part);
    ngx_http_llm_batch_unlock(ctx->zone);

    if (ctx->state == NGX_HTTP_LLM_BATCH_ALONE) {
        /* it is under way already, and has no slot any more */
        ctx->state = NGX_HTTP_LLM_BATCH_PASSED;
        return;
    }

    if (ctx->cut == NULL) {
        ctx->result = part->result;
    }

    ngx_http_llm_batch_pass(ctx, LLMB_REASON_WORKER_LOST);
}


void
ngx_http_llm_batch_deliver_part(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer)
{
    if (part->ctx->cut) {
        ngx_http_llm_batch_part_done(part, answer);
        return;
    }

    part->ctx->result = part->result;

    ngx_http_llm_batch_deliver(part->ctx, answer, NULL);
}
