
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The parts of a request that was cut.  Each is a member like any other, and
 * may share its call with other clients.  The answers become one; an error is
 * the answer to the whole request at once, as it would have been without us.
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
