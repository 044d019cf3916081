
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Gives the members of a call their answers.  Each body is written once, with
 * an upper bound of its length known before: for a member of this worker to
 * the pool of its request; for that of another one to the memory of the call,
 * behind the head, which is the same for all, and in one piece to the zone.
 */


#include "ngx_http_llm_batch.h"


static ngx_uint_t ngx_http_llm_batch_may_quote(ngx_http_llm_batch_call_t *call);
static ngx_int_t ngx_http_llm_batch_answer_local(
    ngx_http_llm_batch_call_t *call, uint32_t k, llmb_outcome_t *outcome,
    ngx_http_llm_batch_answer_t *answer);
static void ngx_http_llm_batch_answer_remote(ngx_http_llm_batch_call_t *call,
    uint32_t k, llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer);
static llmb_rc_e ngx_http_llm_batch_make_room(
    ngx_http_llm_batch_call_t *call, uint32_t k, size_t size,
    llmb_outcome_t *outcome, uint32_t *first);
static ngx_int_t ngx_http_llm_batch_write_head(
    ngx_http_llm_batch_call_t *call, size_t room,
    ngx_http_llm_batch_answer_t *answer);
static size_t ngx_http_llm_batch_bound(ngx_http_llm_batch_call_t *call,
    uint32_t k, llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer);
static ngx_int_t ngx_http_llm_batch_write_body(
    ngx_http_llm_batch_call_t *call, uint32_t k, llmb_outcome_t *outcome,
    ngx_http_llm_batch_answer_t *answer, ngx_buf_t *b);
static llmb_member_t *ngx_http_llm_batch_claimed(
    ngx_http_llm_batch_call_t *call, uint32_t k);
static void ngx_http_llm_batch_set_result(ngx_http_llm_batch_call_t *call,
    uint32_t k, llmb_member_t *m, llmb_outcome_t *outcome);


void
ngx_http_llm_batch_answer_members(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome)
{
    uint32_t                     k, worker;
    ngx_http_llm_batch_answer_t  answer;

    worker = call->zone->worker;

    if (outcome->split) {
        llmb_split_weigh(&call->split, call->body, call->shares, call->n);
    }

    if (ngx_http_llm_batch_answer_create(call, &answer) != NGX_OK) {
        /* the end of the call sends them alone */
        return;
    }

    if (!outcome->split) {
        answer.status = outcome->status == NGX_HTTP_OK ? NGX_HTTP_BAD_GATEWAY
                                                       : outcome->status;
        answer.local = (call->status != answer.status || !outcome->answered
                        || ngx_http_llm_batch_may_quote(call));
        answer.body.data = call->body;
        answer.body.len = call->len;
    }

    /* those of other workers first: they have a longer way */

    for (k = 0; k < call->n; k++) {
        if (call->members[k].worker != worker) {
            ngx_http_llm_batch_answer_remote(call, k, outcome, &answer);
        }
    }

    for (k = 0; k < call->n; k++) {
        if (call->members[k].worker == worker
            && ngx_http_llm_batch_answer_local(call, k, outcome, &answer)
               != NGX_OK)
        {
            return;
        }
    }
}


/*
 * An error may quote the item that it is about, or any other.  What is about
 * the caller is about all of them, who sent the same credentials.
 */

static ngx_uint_t
ngx_http_llm_batch_may_quote(ngx_http_llm_batch_call_t *call)
{
    if (call->n == 1) {
        return 0;
    }

    switch (call->status) {

    case NGX_HTTP_UNAUTHORIZED:
    case NGX_HTTP_FORBIDDEN:
    case NGX_HTTP_NOT_FOUND:
    case NGX_HTTP_TOO_MANY_REQUESTS:
        return 0;

    default:
        return 1;
    }
}


static ngx_int_t
ngx_http_llm_batch_answer_local(ngx_http_llm_batch_call_t *call, uint32_t k,
    llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer)
{
    size_t                        size;
    ngx_buf_t                     b;
    llmb_member_t                *m;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_part_t    *part;
    ngx_http_llm_batch_answer_t   own;

    zone = call->zone;
    part = zone->members[call->members[k].index];

    if (part == NULL || part->gen != call->members[k].gen) {
        /* its client is gone */
        return NGX_OK;
    }

    size = ngx_http_llm_batch_bound(call, k, outcome, answer);

    b.pos = ngx_pnalloc(part->ctx->request->pool, size + 1);
    if (b.pos == NULL) {
        return NGX_ERROR;
    }

    b.last = b.pos;
    b.end = b.pos + size;

    if (ngx_http_llm_batch_write_body(call, k, outcome, answer, &b)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    own = *answer;
    own.body.data = b.pos;
    own.body.len = b.last - b.pos;

    ngx_http_llm_batch_lock(zone);

    m = ngx_http_llm_batch_claimed(call, k);

    if (m) {
        ngx_http_llm_batch_set_result(call, k, m, outcome);
        part->result = m->result;

        ngx_http_llm_batch_leave(part);
    }

    ngx_http_llm_batch_unlock(zone);

    if (m) {
        ngx_http_llm_batch_deliver_part(part, &own);
    }

    return NGX_OK;
}


static void
ngx_http_llm_batch_answer_remote(ngx_http_llm_batch_call_t *call, uint32_t k,
    llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer)
{
    size_t                      room, size;
    uint32_t                    i;
    llmb_rc_e                   rc;
    ngx_buf_t                  *b;
    llmb_member_t              *m;
    llmb_chunk_writer_t         w;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    i = call->members[k].index;
    b = &call->text;

    room = ngx_http_llm_batch_bound(call, k, outcome, answer);

    if (ngx_http_llm_batch_write_head(call, room, answer) != NGX_OK
        || ngx_http_llm_batch_write_body(call, k, outcome, answer, b)
           != NGX_OK)
    {
        return;
    }

    size = b->last - b->start;

    do {
        rc = ngx_http_llm_batch_make_room(call, k, size, outcome, &w.chunk);
    } while (rc == LLMB_AGAIN);

    if (rc != LLMB_OK) {
        return;
    }

    w.zone = zone->tables;
    w.pos = 0;

    (void) llmb_chunks_write(&w, b->start, b->pos - b->start);

    LLMB_CRASH("answer half written");

    (void) llmb_chunks_write(&w, b->pos, b->last - b->pos);

    ngx_http_llm_batch_lock(zone);

    /*
     * Its client may be gone meanwhile, which is seen to there.  Or we were
     * given up: then it has left the call, and these chunks are not its any
     * more.
     */

    m = llmb_member(zone->tables, i);

    if (zone->tables->epoch == call->epoch
        && m->gen == call->members[k].gen && m->call == call->index)
    {
        llmb_sched_answer(zone->tables, i, size);
        LLMB_CRASH("answer locked");
    }

    ngx_http_llm_batch_unlock(zone);
}


/*
 * A large answer gets its room step by step, and may lose its member then.
 * Where it begins is told, for only with the lock it can be looked up.
 */

static llmb_rc_e
ngx_http_llm_batch_make_room(ngx_http_llm_batch_call_t *call, uint32_t k,
    size_t size, llmb_outcome_t *outcome, uint32_t *first)
{
    uint32_t                    i;
    llmb_rc_e                   rc;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    i = call->members[k].index;
    rc = LLMB_INVALID;

    ngx_http_llm_batch_lock(zone);

    m = ngx_http_llm_batch_claimed(call, k);

    if (m) {
        rc = llmb_member_room(zone->tables, i, size);

        LLMB_CRASH("answer room");

        if (rc == LLMB_OK) {
            *first = m->room.first;
            ngx_http_llm_batch_set_result(call, k, m, outcome);

        } else if (rc == LLMB_NOMEM) {
            llmb_sched_release(zone->tables, i, LLMB_REASON_ZONE_FULL);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    return rc;
}


/* makes call->text the head, with room for a body behind it */

static ngx_int_t
ngx_http_llm_batch_write_head(ngx_http_llm_batch_call_t *call, size_t room,
    ngx_http_llm_batch_answer_t *answer)
{
    size_t        size;
    ngx_buf_t    *b;
    llmb_sink_t   sink;

    b = &call->text;

    if (b->start && (size_t) (b->end - b->pos) >= room) {
        b->last = b->pos;
        return NGX_OK;
    }

    if (b->start) {
        (void) ngx_pfree(call->pool, b->start);
    }

    size = 0;

    sink.write = ngx_http_llm_batch_measure;
    sink.data = &size;

    (void) ngx_http_llm_batch_answer_write(answer, &sink);

    /* members are much the same length, so this will do for most of them */

    size += room + room / 4;

    b->start = ngx_palloc(call->pool, size);
    if (b->start == NULL) {
        return NGX_ERROR;
    }

    b->last = b->start;
    b->end = b->start + size;

    sink.write = ngx_http_llm_batch_append;
    sink.data = b;

    if (ngx_http_llm_batch_answer_write(answer, &sink) != LLMB_OK) {
        return NGX_ERROR;
    }

    b->pos = b->last;

    return NGX_OK;
}


/* no more bytes than this are written for member k */

static size_t
ngx_http_llm_batch_bound(ngx_http_llm_batch_call_t *call, uint32_t k,
    llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer)
{
    if (outcome->split) {
        return llmb_split_bound(&call->split, &call->shares[k]);
    }

    return answer->local ? 0 : answer->body.len;
}


static ngx_int_t
ngx_http_llm_batch_write_body(ngx_http_llm_batch_call_t *call, uint32_t k,
    llmb_outcome_t *outcome, ngx_http_llm_batch_answer_t *answer,
    ngx_buf_t *b)
{
    llmb_rc_e    rc;
    llmb_sink_t  sink;

    sink.write = ngx_http_llm_batch_append;
    sink.data = b;

    if (outcome->split) {
        rc = llmb_split_write(&call->split, call->body, call->shares, call->n,
                              k, &sink);

    } else if (answer->local || answer->body.len == 0) {
        rc = LLMB_OK;

    } else {
        rc = sink.write(sink.data, answer->body.data, answer->body.len);
    }

    return rc == LLMB_OK ? NGX_OK : NGX_ERROR;
}


/* a member that waits for this call; the caller holds the lock */

static llmb_member_t *
ngx_http_llm_batch_claimed(ngx_http_llm_batch_call_t *call, uint32_t k)
{
    llmb_zone_t    *z;
    llmb_member_t  *m;

    z = call->zone->tables;

    if (z->epoch != call->epoch) {
        return NULL;
    }

    m = llmb_member(z, call->members[k].index);

    if (m->gen != call->members[k].gen || m->state != LLMB_MEMBER_CLAIMED
        || m->call != call->index)
    {
        return NULL;
    }

    return m;
}


static void
ngx_http_llm_batch_set_result(ngx_http_llm_batch_call_t *call, uint32_t k,
    llmb_member_t *m, llmb_outcome_t *outcome)
{
    unsigned  exact;

    m->result.upstream = ngx_current_msec - call->start;

    if (outcome->split) {
        m->result.tokens = llmb_split_tokens(&call->split, &call->shares[k],
                                             &exact);
        m->result.exact = exact;
        m->result.status = call->members[k].copied ? LLMB_STATUS_DEDUP
                                                   : LLMB_STATUS_MERGED;
        m->result.reason = LLMB_REASON_NONE;

        ngx_http_llm_batch_price(call, &call->shares[k], &m->result);
        return;
    }

    m->result.tokens = m->tokens;
    m->result.exact = 0;
    m->result.status = LLMB_STATUS_FAILED;
    m->result.reason = llmb_verdict_reason(outcome);
}


llmb_rc_e
ngx_http_llm_batch_append(void *data, const uint8_t *p, size_t len)
{
    ngx_buf_t *b = data;

    if ((size_t) (b->end - b->last) < len) {
        return LLMB_LIMIT;
    }

    b->last = ngx_cpymem(b->last, p, len);

    return LLMB_OK;
}


llmb_rc_e
ngx_http_llm_batch_measure(void *data, const uint8_t *p, size_t len)
{
    *(size_t *) data += len;

    return LLMB_OK;
}
