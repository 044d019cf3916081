
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Gives the members of a call their answers, some at a time.  Those of this
 * worker's members are written where they are sent from, with an upper bound
 * of the length known before; those of another's to the zone, behind the head,
 * which is the same for all.
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    llmb_chunk_writer_t  writer;
    size_t               len;
} ngx_http_llm_batch_remote_t;


static ngx_int_t ngx_http_llm_batch_begin_answers(
    ngx_http_llm_batch_call_t *call);
static ngx_uint_t ngx_http_llm_batch_is_raw(ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_answer_single(ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_answer_local(ngx_http_llm_batch_call_t *call,
    uint32_t k);
static void ngx_http_llm_batch_answer_remote(ngx_http_llm_batch_call_t *call,
    uint32_t k);
static llmb_rc_e ngx_http_llm_batch_make_room(
    ngx_http_llm_batch_call_t *call, uint32_t k, size_t size,
    uint32_t *first);
static llmb_rc_e ngx_http_llm_batch_remote_write(void *data, const uint8_t *p,
    size_t len);
static size_t ngx_http_llm_batch_bound(ngx_http_llm_batch_call_t *call,
    uint32_t k);
static ngx_int_t ngx_http_llm_batch_write_body(
    ngx_http_llm_batch_call_t *call, uint32_t k, llmb_sink_t *sink);
static llmb_member_t *ngx_http_llm_batch_claimed(
    ngx_http_llm_batch_call_t *call, uint32_t k);
static void ngx_http_llm_batch_set_result(ngx_http_llm_batch_call_t *call,
    uint32_t k, llmb_member_t *m);


ngx_int_t
ngx_http_llm_batch_answer_members(ngx_http_llm_batch_call_t *call)
{
    uint32_t  k, worker;

    worker = call->zone->worker;

    if (call->next == 0 && ngx_http_llm_batch_begin_answers(call) != NGX_OK) {
        /* the end of the call sends them alone */
        return NGX_OK;
    }

    if (call->outcome.alone) {
        ngx_http_llm_batch_answer_single(call);
        return NGX_OK;
    }

    /* those of other workers first: they have a longer way */

    while (call->next < 2 * call->n) {

        if (ngx_http_llm_batch_work_left() == 0) {
            ngx_http_llm_batch_spool_forget(call->answer);
            return NGX_AGAIN;
        }

        k = call->next % call->n;

        if (call->next++ < call->n) {

            if (call->members[k].worker != worker) {
                ngx_http_llm_batch_answer_remote(call, k);
            }

        } else if (call->members[k].worker == worker) {
            ngx_http_llm_batch_answer_local(call, k);
        }
    }

    return NGX_OK;
}


/* what is the same for all */

static ngx_int_t
ngx_http_llm_batch_begin_answers(ngx_http_llm_batch_call_t *call)
{
    llmb_outcome_t               *outcome;
    ngx_http_llm_batch_answer_t  *head;

    outcome = &call->outcome;
    head = &call->head;

    if (ngx_http_llm_batch_answer_create(call, head) != NGX_OK) {
        return NGX_ERROR;
    }

    call->raw = ngx_http_llm_batch_is_raw(call);

    if (outcome->split) {
        llmb_counts_weigh(&call->split, call->body, call->shares, call->n);

    } else if (!call->raw) {
        head->status = llmb_verdict_status(outcome);
        head->local = (call->status != head->status || !outcome->answered);

        call->error.data = call->body;
        call->error.len = call->len;

        if (!head->local && !outcome->alone) {
            ngx_http_llm_batch_neutralize(call, head);
        }
    }

    head->size = ngx_http_llm_batch_answer_size(head);

    return NGX_OK;
}


/*
 * What the upstream says to a request of its own is for its client.  An answer
 * that can be cut is joined to others as it came; one that cannot be is for the
 * client to judge, if it is to all of its request.
 */

static ngx_uint_t
ngx_http_llm_batch_is_raw(ngx_http_llm_batch_call_t *call)
{
    llmb_outcome_t  *outcome;

    outcome = &call->outcome;

    if (!outcome->alone || outcome->split) {
        return outcome->alone;
    }

    return outcome->status == NGX_HTTP_OK && outcome->answered
           && call->mismatch != LLMB_MISMATCH_ENCODING
           && call->mismatch != LLMB_MISMATCH_CACHE
           && !call->shares[0].part;
}


/* the same of the one that was alone: it takes all of it */

static void
ngx_http_llm_batch_answer_single(ngx_http_llm_batch_call_t *call)
{
    llmb_member_t                *m;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_part_t    *part;
    ngx_http_llm_batch_answer_t   own;

    zone = call->zone;
    part = zone->members[call->index];

    if (part == NULL || part->gen != call->members[0].gen) {
        /* its client is gone */
        return;
    }

    own = call->head;
    own.body = call->answer;

    ngx_http_llm_batch_lock(zone);

    m = ngx_http_llm_batch_claimed(call, 0);

    if (m) {
        ngx_http_llm_batch_set_result(call, 0, m);

        part->result = m->result;
        part->repair = call->split.repaired;

        ngx_http_llm_batch_leave(part);
    }

    ngx_http_llm_batch_unlock(zone);

    if (m) {
        ngx_http_llm_batch_deliver_part(part, &own);
    }
}


/* if it has no room for it, the end of the call sends it alone */

static void
ngx_http_llm_batch_answer_local(ngx_http_llm_batch_call_t *call, uint32_t k)
{
    size_t                        size;
    llmb_sink_t                   sink;
    llmb_member_t                *m;
    ngx_http_request_t           *r;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_part_t    *part;
    ngx_http_llm_batch_answer_t   own;

    zone = call->zone;
    part = zone->members[call->members[k].index];

    if (part == NULL || part->gen != call->members[k].gen) {
        /* its client is gone */
        return;
    }

    r = part->ctx->request;
    size = ngx_http_llm_batch_bound(call, k);

    own = call->head;
    own.body = ngx_http_llm_batch_spool_create(r->pool, r, size);

    if (own.body == NULL) {
        return;
    }

    sink.write = ngx_http_llm_batch_spool_write;
    sink.data = own.body;

    if (ngx_http_llm_batch_spool_reserve(own.body, size) != NGX_OK
        || ngx_http_llm_batch_write_body(call, k, &sink) != NGX_OK)
    {
        ngx_http_llm_batch_work_done(own.body->len);
        ngx_http_llm_batch_spool_free(own.body);
        return;
    }

    ngx_http_llm_batch_work_done(own.body->len);

    ngx_http_llm_batch_lock(zone);

    m = ngx_http_llm_batch_claimed(call, k);

    if (m) {
        ngx_http_llm_batch_set_result(call, k, m);
        part->result = m->result;

        ngx_http_llm_batch_leave(part);
    }

    ngx_http_llm_batch_unlock(zone);

    if (m) {
        ngx_http_llm_batch_deliver_part(part, &own);
    }
}


/* into the zone: the head, then the body */

static void
ngx_http_llm_batch_answer_remote(ngx_http_llm_batch_call_t *call, uint32_t k)
{
    size_t                       size;
    uint32_t                     i;
    llmb_rc_e                    rc;
    llmb_sink_t                  sink;
    llmb_member_t               *m;
    ngx_http_llm_batch_zone_t   *zone;
    ngx_http_llm_batch_remote_t  remote;

    zone = call->zone;
    i = call->members[k].index;
    size = call->head.size + ngx_http_llm_batch_bound(call, k);

    do {
        rc = ngx_http_llm_batch_make_room(call, k, size,
                                          &remote.writer.chunk);
    } while (rc == LLMB_AGAIN);

    if (rc != LLMB_OK) {
        return;
    }

    remote.writer.zone = zone->tables;
    remote.writer.pos = 0;
    remote.len = 0;

    sink.write = ngx_http_llm_batch_remote_write;
    sink.data = &remote;

    rc = ngx_http_llm_batch_answer_write(&call->head, &sink);

    LLMB_CRASH("answer half written");

    if (rc == LLMB_OK
        && ngx_http_llm_batch_write_body(call, k, &sink) != NGX_OK)
    {
        rc = LLMB_INVALID;
    }

    ngx_http_llm_batch_work_done(remote.len);

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
        if (rc == LLMB_OK) {
            llmb_sched_answer(zone->tables, i, remote.len);

        } else {
            llmb_sched_release(zone->tables, i, LLMB_REASON_INTERNAL);
        }

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
    size_t size, uint32_t *first)
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
            ngx_http_llm_batch_set_result(call, k, m);

        } else if (rc == LLMB_NOMEM) {
            llmb_sched_release(zone->tables, i, LLMB_REASON_ZONE_FULL);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    return rc;
}


static llmb_rc_e
ngx_http_llm_batch_remote_write(void *data, const uint8_t *p, size_t len)
{
    ngx_http_llm_batch_remote_t *remote = data;

    remote->len += len;

    return llmb_chunks_write(&remote->writer, p, len);
}


/* no more bytes than this are written for member k */

static size_t
ngx_http_llm_batch_bound(ngx_http_llm_batch_call_t *call, uint32_t k)
{
    if (call->outcome.split) {
        return llmb_split_write_bound(&call->split, &call->shares[k]);
    }

    return call->head.local ? 0 : call->error.len;
}


static ngx_int_t
ngx_http_llm_batch_write_body(ngx_http_llm_batch_call_t *call, uint32_t k,
    llmb_sink_t *sink)
{
    llmb_rc_e  rc;

    if (call->outcome.split) {
        rc = llmb_split_write(&call->split, call->body, call->shares, call->n,
                              k, sink);

    } else if (call->head.local || call->error.len == 0) {
        rc = LLMB_OK;

    } else {
        rc = sink->write(sink->data, call->error.data, call->error.len);
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
    llmb_member_t *m)
{
    unsigned         exact;
    llmb_outcome_t  *outcome;

    outcome = &call->outcome;

    m->result.upstream = ngx_current_msec - call->start;

    if (outcome->split) {
        m->result.tokens = llmb_counts_tokens(&call->split, &call->shares[k],
                                              &exact);
        /* the usage of a call of its own is its own */
        m->result.exact = exact || outcome->alone;

        if (!outcome->alone) {
            m->result.status = call->members[k].copied ? LLMB_STATUS_DEDUP
                                                       : LLMB_STATUS_MERGED;
            m->result.reason = LLMB_REASON_NONE;
        }

        ngx_http_llm_batch_price(call, &call->shares[k], &m->result);
        return;
    }

    if (call->raw) {
        return;
    }

    m->result.tokens = m->tokens;
    m->result.exact = 0;
    m->result.status = LLMB_STATUS_FAILED;
    m->result.reason = llmb_verdict_reason(outcome);
}
