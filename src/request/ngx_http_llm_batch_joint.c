
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    ngx_http_llm_batch_joint_t  *joint;
    ngx_http_llm_batch_spool_t  *text;        /* of the frame, so far */
    ngx_pool_t                  *pool;
    ngx_http_request_t          *request;
    ngx_chain_t                **last;
} ngx_http_llm_batch_joint_out_t;


static ngx_int_t ngx_http_llm_batch_joint_begin(
    ngx_http_llm_batch_joint_t *joint, ngx_http_llm_batch_part_t *part);
static ngx_int_t ngx_http_llm_batch_joint_read(
    ngx_http_llm_batch_joint_t *joint, ngx_http_llm_batch_part_t *part);
static ngx_int_t ngx_http_llm_batch_joint_fit(
    ngx_http_llm_batch_joint_t *joint, ngx_http_llm_batch_part_t *part);
static ngx_int_t ngx_http_llm_batch_joint_write(
    ngx_http_llm_batch_joint_t *joint, ngx_http_llm_batch_part_t *part);
static ngx_int_t ngx_http_llm_batch_joint_head(
    ngx_http_llm_batch_joint_t *joint, ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_joint_result(ngx_http_llm_batch_joint_t *joint,
    llmb_result_t *own);
static llmb_rc_e ngx_http_llm_batch_joint_text(void *data, const uint8_t *p,
    size_t len);
static llmb_rc_e ngx_http_llm_batch_joint_insert(void *data, unsigned i);
static ngx_int_t ngx_http_llm_batch_joint_flush(
    ngx_http_llm_batch_joint_out_t *out);


void
ngx_http_llm_batch_joint_init(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_memzero(joint, sizeof(ngx_http_llm_batch_joint_t));

    (void) llmb_join_init(&joint->join, ctx->body.form);
}


ngx_int_t
ngx_http_llm_batch_joint_add(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (joint->room == NULL) {
        rc = ngx_http_llm_batch_joint_begin(joint, part);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_batch_joint_read(joint, part);
    }

    if (rc == NGX_OK && !joint->added) {
        rc = ngx_http_llm_batch_joint_fit(joint, part);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_llm_batch_joint_write(joint, part);
    }

    if (part->answer.body) {
        ngx_http_llm_batch_spool_forget(part->answer.body);
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        ngx_http_llm_batch_spool_free(part->answer.body);
        rc = ngx_http_llm_batch_joint_head(joint, part);
    }

    ngx_http_llm_batch_joint_stop(joint);

    return rc;
}


void
ngx_http_llm_batch_joint_stop(ngx_http_llm_batch_joint_t *joint)
{
    if (joint->room) {
        ngx_free(joint->room);
        ngx_http_llm_batch_memory_give(joint->room_size);

        joint->room = NULL;
    }
}


static ngx_int_t
ngx_http_llm_batch_joint_begin(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part)
{
    llmb_split_conf_t          conf;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;

    if (part->answer.body == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&conf, sizeof(llmb_split_conf_t));

    conf.form = ctx->body.form;
    conf.items = part->piece.items;
    conf.per = ctx->body.per;
    conf.base64 = ctx->body.base64;
    conf.repair = part->repair;

    joint->room_size = llmb_split_room(&conf);

    if (ngx_http_llm_batch_memory_take(joint->room_size) != NGX_OK) {
        return NGX_ABORT;
    }

    joint->room = ngx_alloc(joint->room_size, ctx->request->connection->log);

    if (joint->room == NULL) {
        ngx_http_llm_batch_memory_give(joint->room_size);
        return NGX_ABORT;
    }

    llmb_split_init(&joint->split, &conf, joint->room);

    joint->read = 0;
    joint->list = 0;
    joint->next = 0;
    joint->added = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_joint_read(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part)
{
    u_char     *base;
    size_t      len, size;
    llmb_rc_e   rc;

    len = part->answer.body->len;

    if (joint->added || (joint->read && joint->read == len)) {
        return NGX_OK;
    }

    size = ngx_min(len - joint->read, ngx_http_llm_batch_work_left());

    if (size == 0 && joint->read < len) {
        return NGX_AGAIN;
    }

    base = ngx_http_llm_batch_spool_base(part->answer.body);

    if (base == NULL) {
        return NGX_ABORT;
    }

    joint->read += size;
    ngx_http_llm_batch_work_done(size);

    rc = llmb_split_read(&joint->split, base, joint->read, joint->read == len);

    if (rc == LLMB_AGAIN) {
        return NGX_AGAIN;
    }

    /* what may follow a complete answer is white space */

    joint->read = len;

    return rc == LLMB_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_llm_batch_joint_fit(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part)
{
    u_char                    *base, *frame;
    size_t                     size;
    unsigned                   i;
    ngx_http_llm_batch_ctx_t  *ctx;

    ctx = part->ctx;
    base = ngx_http_llm_batch_spool_base(part->answer.body);
    frame = NULL;

    if (base == NULL) {
        return NGX_ABORT;
    }

    if (joint->parts == 0) {
        size = llmb_join_frame_size(&joint->split);

        if (size > NGX_HTTP_LLM_BATCH_FRAME) {
            return NGX_ERROR;
        }

        frame = ngx_pnalloc(ctx->request->pool, size + 1);
        if (frame == NULL) {
            return NGX_ABORT;
        }

        joint->size = size;
    }

    if (llmb_join_add(&joint->join, &joint->split, base, frame) != LLMB_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < joint->join.nlists && joint->parts == 0; i++) {
        joint->lists[i] = ngx_http_llm_batch_spool_create(ctx->request->pool,
                                          ctx->request,
                                          ctx->conf->max_response);
        if (joint->lists[i] == NULL) {
            return NGX_ABORT;
        }
    }

    joint->added = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_joint_write(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part)
{
    u_char                      *base;
    size_t                       before;
    llmb_rc_e                    rc;
    llmb_sink_t                  sink;
    ngx_http_llm_batch_spool_t  *list;

    base = ngx_http_llm_batch_spool_base(part->answer.body);

    if (base == NULL) {
        return NGX_ABORT;
    }

    sink.write = ngx_http_llm_batch_spool_write;

    while (joint->list < joint->join.nlists) {

        if (ngx_http_llm_batch_work_left() == 0) {
            return NGX_AGAIN;
        }

        list = joint->lists[joint->list];
        before = list->len;
        sink.data = list;

        rc = llmb_join_write(&joint->join, joint->list, &joint->split, base,
                             &joint->next, ngx_http_llm_batch_work_left(),
                             &sink);

        ngx_http_llm_batch_work_done(list->len - before);
        joint->size += list->len - before;

        if (list->full || joint->size > part->ctx->conf->max_response) {
            return NGX_DECLINED;
        }

        if (rc == LLMB_OK) {
            joint->list++;
            joint->next = 0;

        } else if (rc != LLMB_AGAIN) {
            return rc == LLMB_NOMEM ? NGX_ABORT : NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* status and headers are of the first; who answered is told of each */

static ngx_int_t
ngx_http_llm_batch_joint_head(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part)
{
    ngx_str_t                  *peer;
    ngx_uint_t                  i;
    ngx_pool_t                 *pool;
    ngx_http_upstream_state_t  *src, *dst;

    if (joint->parts++ == 0) {
        joint->answer = part->answer;
        joint->answer.body = NULL;
        joint->result = part->result;

        return NGX_OK;
    }

    pool = part->ctx->request->pool;
    src = part->answer.states.elts;

    for (i = 0; i < part->answer.states.nelts; i++) {

        dst = ngx_array_push(&joint->answer.states);
        if (dst == NULL) {
            return NGX_ABORT;
        }

        *dst = src[i];
        dst->peer = NULL;

        if (src[i].peer == NULL) {
            continue;
        }

        peer = ngx_palloc(pool, sizeof(ngx_str_t));
        if (peer == NULL) {
            return NGX_ABORT;
        }

        peer->len = src[i].peer->len;
        peer->data = ngx_pstrdup(pool, src[i].peer);
        if (peer->data == NULL) {
            return NGX_ABORT;
        }

        dst->peer = peer;
    }

    ngx_http_llm_batch_part_free(part);

    ngx_http_llm_batch_joint_result(joint, &part->result);

    return NGX_OK;
}


/* what is told about all of them: of the first, with sums and the longest */

static void
ngx_http_llm_batch_joint_result(ngx_http_llm_batch_joint_t *joint,
    llmb_result_t *own)
{
    llmb_result_t  *result;

    result = &joint->result;

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


ngx_int_t
ngx_http_llm_batch_joint_end(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_ctx_t *ctx, ngx_chain_t **chain)
{
    llmb_sink_t                     sink;
    ngx_http_llm_batch_joint_out_t  out;

    out.joint = joint;
    out.text = NULL;
    out.request = ctx->request;
    out.pool = ctx->request->pool;
    out.last = chain;

    *chain = NULL;

    sink.write = ngx_http_llm_batch_joint_text;
    sink.data = &out;

    if (llmb_join_end(&joint->join, &sink, ngx_http_llm_batch_joint_insert,
                      &out)
        != LLMB_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_joint_flush(&out);
}


static llmb_rc_e
ngx_http_llm_batch_joint_text(void *data, const uint8_t *p, size_t len)
{
    ngx_http_llm_batch_joint_out_t *out = data;

    if (out->text == NULL) {

        /* sums have more digits than what was added up */

        out->text = ngx_http_llm_batch_spool_create(out->pool, out->request,
                                               2 * NGX_HTTP_LLM_BATCH_FRAME);
        if (out->text == NULL) {
            return LLMB_NOMEM;
        }
    }

    return ngx_http_llm_batch_spool_write(out->text, p, len);
}


static llmb_rc_e
ngx_http_llm_batch_joint_insert(void *data, unsigned i)
{
    ngx_http_llm_batch_joint_out_t *out = data;

    if (ngx_http_llm_batch_joint_flush(out) != NGX_OK) {
        return LLMB_NOMEM;
    }

    out->last = ngx_http_llm_batch_spool_chain(out->joint->lists[i], out->pool,
                                               out->last);

    return out->last ? LLMB_OK : LLMB_NOMEM;
}


static ngx_int_t
ngx_http_llm_batch_joint_flush(ngx_http_llm_batch_joint_out_t *out)
{
    if (out->text == NULL) {
        return NGX_OK;
    }

    out->last = ngx_http_llm_batch_spool_chain(out->text, out->pool,
                                               out->last);
    out->text = NULL;

    return out->last ? NGX_OK : NGX_ERROR;
}
