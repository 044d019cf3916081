
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What becomes of a call that came back.  The table of failures is in the
 * core; here its verdict is carried out.
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_get_outcome(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome);
static ngx_uint_t ngx_http_llm_batch_is_intercepted(
    ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_learn(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, llmb_verdict_e verdict);
static llmb_verdict_e ngx_http_llm_batch_limit(
    ngx_http_llm_batch_call_t *call, llmb_verdict_e verdict);
static uint64_t ngx_http_llm_batch_retry_after(
    ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_release_members(
    ngx_http_llm_batch_call_t *call, llmb_reason_e reason);
static void ngx_http_llm_batch_answer_members(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, llmb_verdict_e verdict);
static llmb_member_t *ngx_http_llm_batch_claimed(
    ngx_http_llm_batch_call_t *call, uint32_t k);
static void ngx_http_llm_batch_set_result(ngx_http_llm_batch_call_t *call,
    uint32_t k, llmb_member_t *m, llmb_outcome_t *outcome);
static ngx_int_t ngx_http_llm_batch_answer_local(
    ngx_http_llm_batch_call_t *call, uint32_t k,
    ngx_http_llm_batch_answer_t *answer, ngx_uint_t split);
static void ngx_http_llm_batch_answer_remote(ngx_http_llm_batch_call_t *call,
    uint32_t k, ngx_http_llm_batch_answer_t *answer, ngx_uint_t split);
static llmb_rc_e ngx_http_llm_batch_write_body(
    ngx_http_llm_batch_call_t *call, uint32_t k,
    ngx_http_llm_batch_answer_t *answer, ngx_uint_t split, llmb_sink_t *out);
static llmb_rc_e ngx_http_llm_batch_measure(void *data, const uint8_t *p,
    size_t len);
static llmb_rc_e ngx_http_llm_batch_fill(void *data, const uint8_t *p,
    size_t len);


void
ngx_http_llm_batch_finish(ngx_http_llm_batch_call_t *call)
{
    llmb_reason_e               reason;
    llmb_verdict_e              verdict;
    llmb_outcome_t              outcome;
    ngx_http_llm_batch_zone_t  *zone;

    if (call->finished) {
        return;
    }

    call->finished = 1;
    zone = call->zone;

    LLMB_CRASH("call returned");

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != call->epoch) {
        /* the zone was reset, its members have gone alone */
        ngx_http_llm_batch_unlock(zone);
        return;
    }

    zone->calls[call->index] = NULL;

    ngx_http_llm_batch_get_outcome(call, &outcome);

    verdict = llmb_verdict(&outcome);
    reason = llmb_verdict_reason(&outcome);

    ngx_http_llm_batch_learn(call, &outcome, verdict);

    verdict = ngx_http_llm_batch_limit(call, verdict);

    LLMB_CRASH("verdict locked");

    switch (verdict) {

    case LLMB_VERDICT_AGAIN:
        llmb_sched_again(zone->tables, call->index, zone->worker, reason);
        break;

    case LLMB_VERDICT_HALVE:
        llmb_sched_halve(zone->tables, call->index, zone->worker, reason);
        break;

    case LLMB_VERDICT_PAUSE:
        llmb_sched_pause(zone->tables, call->index,
                         ngx_current_msec
                         + ngx_http_llm_batch_retry_after(call),
                         ngx_current_msec);
        break;

    case LLMB_VERDICT_ALONE:
        ngx_http_llm_batch_release_members(call, reason);
        break;

    default: /* LLMB_VERDICT_SPLIT, LLMB_VERDICT_DELIVER */
        break;
    }

    ngx_http_llm_batch_unlock(zone);

    if (verdict == LLMB_VERDICT_AGAIN || verdict == LLMB_VERDICT_HALVE) {
        return;
    }

    ngx_http_llm_batch_answer_members(call, &outcome, verdict);

    LLMB_CRASH("members answered");

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == call->epoch) {
        llmb_sched_end(zone->tables, call->index, zone->worker,
                       ngx_current_msec);
        LLMB_CRASH("end locked");
    }

    ngx_http_llm_batch_unlock(zone);
}


static void
ngx_http_llm_batch_get_outcome(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome)
{
    ngx_memzero(outcome, sizeof(llmb_outcome_t));

    outcome->idempotent = call->adapter->idempotent;
    outcome->fallback = call->conf->fallback;
    outcome->members = llmb_sched_live(call->zone->tables, call->index);
    outcome->items = call->items;
    outcome->tries = llmb_call(call->zone->tables, call->index)->tries;

    if (call->status == 0) {

        if (ngx_http_llm_batch_is_intercepted(call)) {
            outcome->status = (unsigned) call->rc;
            outcome->answered = 1;
            return;
        }

        outcome->status = call->rc == NGX_HTTP_GATEWAY_TIME_OUT
                          ? NGX_HTTP_GATEWAY_TIME_OUT : NGX_HTTP_BAD_GATEWAY;
        return;
    }

    if (call->status != NGX_HTTP_OK) {
        outcome->answered = call->complete
                            && call->mismatch == LLMB_MISMATCH_NONE;
        outcome->status = outcome->answered ? call->status
                                            : NGX_HTTP_BAD_GATEWAY;
        return;
    }

    outcome->status = NGX_HTTP_OK;
    outcome->answered = call->complete;

    if (call->mismatch == LLMB_MISMATCH_NONE) {

        if (!call->complete) {
            call->mismatch = LLMB_MISMATCH_TRUNCATED;

        } else {

            if (call->split_rc == LLMB_AGAIN) {
                call->split_rc = llmb_split_read(&call->split, call->body,
                                                 call->len, 1);
            }

            outcome->split = (call->split_rc == LLMB_OK);
            call->mismatch = outcome->split ? LLMB_MISMATCH_NONE
                                            : call->split.mismatch;
        }
    }

    outcome->mismatch = call->mismatch;
}


/* with "proxy_intercept_errors" an error arrives as a code, without a body */

static ngx_uint_t
ngx_http_llm_batch_is_intercepted(ngx_http_llm_batch_call_t *call)
{
    ngx_http_upstream_t  *u;

    u = call->subrequest ? call->subrequest->upstream : NULL;

    return u && call->rc >= NGX_HTTP_SPECIAL_RESPONSE
           && u->headers_in.status_n == (ngx_uint_t) call->rc;
}


/* counts the outcome, for the breaker, for the limits and for metrics */

static void
ngx_http_llm_batch_learn(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, llmb_verdict_e verdict)
{
    llmb_str_t                      body;
    llmb_group_t                   *g;
    ngx_http_llm_batch_loc_conf_t  *conf;
    ngx_http_llm_batch_metrics_t   *metrics;

    conf = call->conf;
    metrics = &call->zone->sh->metrics;
    g = llmb_group(call->zone->tables,
                   llmb_call(call->zone->tables, call->index)->group);

    if (outcome->status != NGX_HTTP_TOO_MANY_REQUESTS) {
        llmb_health_result(&g->health, llmb_verdict_failed(outcome),
                           conf->breaker_failures, conf->breaker_cooldown,
                           ngx_current_msec);
    }

    body.data = call->body;
    body.len = call->len;

    g->learned = llmb_verdict_learn(outcome, body, g->learned);

    if (outcome->mismatch != LLMB_MISMATCH_NONE) {
        ngx_http_llm_batch_count(metrics->mismatch[outcome->mismatch]);
    }

    if (verdict == LLMB_VERDICT_SPLIT) {
        ngx_http_llm_batch_count_n(metrics->calls_saved, outcome->members
                                   ? outcome->members - 1 : 0);
    }

    ngx_http_llm_batch_observe(&metrics->upstream, &llmb_hist_time,
                               (uint64_t) (ngx_current_msec - call->start)
                               * 1000);
}


/* isolation must not multiply the load of an upstream in trouble */

static llmb_verdict_e
ngx_http_llm_batch_limit(ngx_http_llm_batch_call_t *call,
    llmb_verdict_e verdict)
{
    llmb_group_t  *g;

    g = llmb_group(call->zone->tables,
                   llmb_call(call->zone->tables, call->index)->group);

    if (verdict == LLMB_VERDICT_HALVE
        && llmb_health_allow(&g->health, call->conf->fallback_limit, 2,
                             ngx_current_msec) < 2)
    {
        return LLMB_VERDICT_DELIVER;
    }

    if (verdict == LLMB_VERDICT_PAUSE
        && ngx_http_llm_batch_retry_after(call) == 0)
    {
        return LLMB_VERDICT_DELIVER;
    }

    return verdict;
}


/* milliseconds; 0 if the upstream does not tell */

static uint64_t
ngx_http_llm_batch_retry_after(ngx_http_llm_batch_call_t *call)
{
    uint64_t          pause;
    ngx_uint_t        i, ms;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (call->status == 0) {
        return 0;
    }

    pause = 0;
    part = &call->subrequest->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return pause;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash == 0) {
            continue;
        }

        ms = (h[i].key.len == sizeof("Retry-After-Ms") - 1);

        if ((ms && ngx_strncasecmp(h[i].key.data, (u_char *) "Retry-After-Ms",
                                   h[i].key.len) == 0)
            || (h[i].key.len == sizeof("Retry-After") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Retry-After",
                                   h[i].key.len) == 0
                && pause == 0))
        {
            pause = llmb_verdict_retry_after(
                                     ngx_http_llm_batch_str(&h[i].value), ms,
                                     pause);
        }
    }
}


/* sends them alone, as many as may be; the others get the error */

static void
ngx_http_llm_batch_release_members(ngx_http_llm_batch_call_t *call,
    llmb_reason_e reason)
{
    uint32_t        i, next, allowed;
    llmb_call_t    *c;
    llmb_zone_t    *z;
    llmb_group_t   *g;

    z = call->zone->tables;
    c = llmb_call(z, call->index);
    g = llmb_group(z, c->group);

    allowed = llmb_health_allow(&g->health, call->conf->fallback_limit,
                                llmb_sched_live(z, call->index),
                                ngx_current_msec);

    for (i = c->members.head; i != LLMB_NIL && allowed; i = next) {
        next = llmb_queue_links(z)[i].next;

        if (llmb_member(z, i)->state == LLMB_MEMBER_CLAIMED) {
            llmb_sched_release(z, i, reason);
            allowed--;
        }
    }
}


/* gives each member that is still claimed its part, or the error */

static void
ngx_http_llm_batch_answer_members(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, llmb_verdict_e verdict)
{
    uint32_t                      k;
    ngx_uint_t                    split, local;
    llmb_member_t                *m;
    ngx_http_llm_batch_ctx_t     *ctx;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_answer_t   answer;

    zone = call->zone;
    split = (verdict == LLMB_VERDICT_SPLIT);

    if (ngx_http_llm_batch_answer_create(call, &answer) != NGX_OK) {
        /* the end of the call sends them alone */
        return;
    }

    if (!split) {
        answer.status = outcome->status == NGX_HTTP_OK ? NGX_HTTP_BAD_GATEWAY
                                                       : outcome->status;
        answer.local = (call->status != answer.status || !outcome->answered);
        answer.body.data = call->body;
        answer.body.len = call->len;
    }

    /* those of other workers first: they have a longer way */

    for (local = 0; local < 2; local++) {

        for (k = 0; k < call->n; k++) {

            ngx_http_llm_batch_lock(zone);

            m = ngx_http_llm_batch_claimed(call, k);

            if (m == NULL || (m->worker == zone->worker) != local) {
                ngx_http_llm_batch_unlock(zone);
                continue;
            }

            ngx_http_llm_batch_set_result(call, k, m, outcome);

            if (local) {
                ctx = zone->members[call->members[k].index];
                ctx->result = m->result;
            }

            ngx_http_llm_batch_unlock(zone);

            if (!local) {
                ngx_http_llm_batch_answer_remote(call, k, &answer, split);
                continue;
            }

            if (ngx_http_llm_batch_answer_local(call, k, &answer, split)
                != NGX_OK)
            {
                return;
            }
        }
    }
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
        m->result.status = LLMB_STATUS_MERGED;
        m->result.reason = LLMB_REASON_NONE;
        return;
    }

    m->result.tokens = m->tokens;
    m->result.exact = 0;
    m->result.status = LLMB_STATUS_FAILED;
    m->result.reason = llmb_verdict_reason(outcome);
}


static ngx_int_t
ngx_http_llm_batch_answer_local(ngx_http_llm_batch_call_t *call, uint32_t k,
    ngx_http_llm_batch_answer_t *answer, ngx_uint_t split)
{
    u_char                       *p;
    size_t                        size;
    llmb_sink_t                   sink;
    ngx_http_llm_batch_ctx_t     *ctx;
    ngx_http_llm_batch_answer_t   own;

    ctx = call->zone->members[call->members[k].index];

    size = 0;

    sink.write = ngx_http_llm_batch_measure;
    sink.data = &size;

    (void) ngx_http_llm_batch_write_body(call, k, answer, split, &sink);

    own = *answer;
    own.body.len = size;
    own.body.data = ngx_pnalloc(ctx->request->pool, size);

    if (own.body.data == NULL) {
        return NGX_ERROR;
    }

    p = own.body.data;

    sink.write = ngx_http_llm_batch_fill;
    sink.data = &p;

    (void) ngx_http_llm_batch_write_body(call, k, answer, split, &sink);

    ngx_http_llm_batch_deliver(ctx, &own);

    return NGX_OK;
}


static void
ngx_http_llm_batch_answer_remote(ngx_http_llm_batch_call_t *call, uint32_t k,
    ngx_http_llm_batch_answer_t *answer, ngx_uint_t split)
{
    size_t                      size;
    uint32_t                    i, chunks;
    llmb_sink_t                 sink;
    llmb_member_t              *m;
    llmb_chunk_writer_t         w;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    i = call->members[k].index;
    size = 0;

    sink.write = ngx_http_llm_batch_measure;
    sink.data = &size;

    (void) ngx_http_llm_batch_answer_write(answer, &sink);
    (void) ngx_http_llm_batch_write_body(call, k, answer, split, &sink);

    ngx_http_llm_batch_lock(zone);

    m = ngx_http_llm_batch_claimed(call, k);
    chunks = LLMB_NIL;

    if (m) {
        chunks = llmb_member_room(zone->tables, i, size);

        if (chunks == LLMB_NIL) {
            llmb_sched_release(zone->tables, i, LLMB_REASON_ZONE_FULL);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    if (chunks == LLMB_NIL) {
        return;
    }

    w.zone = zone->tables;
    w.chunk = chunks;
    w.pos = 0;

    sink.write = llmb_chunks_write;
    sink.data = &w;

    (void) ngx_http_llm_batch_answer_write(answer, &sink);

    LLMB_CRASH("answer half written");

    (void) ngx_http_llm_batch_write_body(call, k, answer, split, &sink);

    ngx_http_llm_batch_lock(zone);

    /* its client may be gone meanwhile, which is seen to there */

    if (zone->tables->epoch == call->epoch
        && llmb_member(zone->tables, i)->gen == call->members[k].gen)
    {
        llmb_sched_answer(zone->tables, i, chunks, size);
        LLMB_CRASH("answer locked");
    }

    ngx_http_llm_batch_unlock(zone);
}


static llmb_rc_e
ngx_http_llm_batch_write_body(ngx_http_llm_batch_call_t *call, uint32_t k,
    ngx_http_llm_batch_answer_t *answer, ngx_uint_t split, llmb_sink_t *out)
{
    if (split) {
        return llmb_split_write(&call->split, call->body, call->shares,
                                call->n, k, out);
    }

    if (answer->local || answer->body.len == 0) {
        return LLMB_OK;
    }

    return out->write(out->data, answer->body.data, answer->body.len);
}


static llmb_rc_e
ngx_http_llm_batch_measure(void *data, const uint8_t *p, size_t len)
{
    *(size_t *) data += len;

    return LLMB_OK;
}


static llmb_rc_e
ngx_http_llm_batch_fill(void *data, const uint8_t *p, size_t len)
{
    u_char  **pos = data;

    *pos = ngx_cpymem(*pos, p, len);

    return LLMB_OK;
}


void
ngx_http_llm_batch_cancel(ngx_http_llm_batch_ctx_t *ctx)
{
    uint32_t                    i;
    ngx_connection_t           *c;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_call_t  *call;

    if (ctx->released || ctx->state != NGX_HTTP_LLM_BATCH_HELD) {
        return;
    }

    zone = ctx->zone;
    call = NULL;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == ctx->epoch) {
        m = llmb_member(zone->tables, ctx->member);
        i = m->call;

        if (m->state != LLMB_MEMBER_CLAIMED) {
            ngx_http_llm_batch_count(zone->sh->metrics.cancelled_queued);

        } else {
            ngx_http_llm_batch_count(zone->sh->metrics.cancelled_sent);

            if (llmb_call(zone->tables, i)->worker == zone->worker
                && llmb_sched_live(zone->tables, i) == 1)
            {
                call = zone->calls[i];
            }
        }
    }

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_release(ctx);

    if (call == NULL || call->finished) {
        return;
    }

    /* nobody waits for it any more */

    call->finished = 1;

    ngx_http_llm_batch_dissolve(zone, call->index, call->epoch);

    c = call->request->connection;

    ngx_http_finalize_request(call->request, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}
