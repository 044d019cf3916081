
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A call that came back: what came of it, and its members' answers.  What is to
 * become of it is decided by llmb_returned().
 */


#include "ngx_http_llm_batch.h"


static ngx_uint_t ngx_http_llm_batch_is_awaited(
    ngx_http_llm_batch_call_t *call);
static ngx_int_t ngx_http_llm_batch_answer_step(
    ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_next_step(void *data);
static void ngx_http_llm_batch_end(ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_get_times(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome);
static ngx_uint_t ngx_http_llm_batch_is_intercepted(
    ngx_http_llm_batch_call_t *call);
static ngx_uint_t ngx_http_llm_batch_is_unsent(
    ngx_http_llm_batch_call_t *call);
static ngx_uint_t ngx_http_llm_batch_only_part(
    ngx_http_llm_batch_call_t *call, ngx_http_llm_batch_part_t **part);
static void ngx_http_llm_batch_log_credentials(
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome);
static void ngx_http_llm_batch_log_format(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, uint32_t off);


ngx_int_t
ngx_http_llm_batch_finish(ngx_http_llm_batch_call_t *call)
{
    llmb_facts_t                facts;
    llmb_outcome_t             *outcome;
    llmb_returned_t             returned;
    ngx_http_llm_batch_zone_t  *zone;
    ngx_http_llm_batch_part_t  *part;

    if (call->finished) {
        return NGX_OK;
    }

    call->finished = 1;
    zone = call->zone;
    outcome = &call->outcome;

    LLMB_CRASH("call returned");

    ngx_http_llm_batch_read_answer(call);

    if (call->starved) {
        /* no fault of the upstream: the members go alone */
        ngx_http_llm_batch_dissolve(zone, call->index, call->epoch);
        return NGX_OK;
    }

    ngx_http_llm_batch_compare(call);

    ngx_http_llm_batch_get_outcome(call, outcome);
    ngx_http_llm_batch_get_facts(call, &facts);

    ngx_http_llm_batch_lock(zone);

    if (!ngx_http_llm_batch_is_awaited(call)) {
        ngx_http_llm_batch_unlock(zone);
        return NGX_OK;
    }

    zone->calls[call->index] = NULL;

    ngx_http_llm_batch_learn_upstream(zone,
                                llmb_call(zone->tables, call->index)->group,
                                call->subrequest, facts.usec);

    llmb_returned(zone->tables, call->index, zone->worker, outcome, &facts,
                  ngx_current_msec, &returned);

    part = NULL;

    if (returned.verdict == LLMB_VERDICT_CUT) {
        part = zone->members[call->index];

        ngx_http_llm_batch_leave(part);
        llmb_sched_end(zone->tables, call->index, zone->worker,
                       ngx_current_msec);
    }

    LLMB_CRASH("verdict locked");
    LLMB_TEAR(zone, "verdict torn");

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_count_outcome(call, outcome, &returned);
    ngx_http_llm_batch_log_pause(zone, returned.pause);
    ngx_http_llm_batch_log_format(call, outcome, returned.format_off);
    ngx_http_llm_batch_log_credentials(call, outcome);

    if (part) {
        ngx_http_llm_batch_part_back(part);
        return NGX_OK;
    }

    if (returned.verdict == LLMB_VERDICT_AGAIN
        || returned.verdict == LLMB_VERDICT_HALVE)
    {
        return NGX_OK;
    }

    call->step.handler = ngx_http_llm_batch_next_step;
    call->step.data = call;

    return ngx_http_llm_batch_answer_step(call);
}


void
ngx_http_llm_batch_count_outcome(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, llmb_returned_t *returned)
{
    ngx_http_llm_batch_metrics_t  *metrics;

    metrics = &call->zone->sh->metrics;

    if (outcome->internal) {
        return;
    }

    if (outcome->mismatch != LLMB_MISMATCH_NONE) {
        ngx_http_llm_batch_count(metrics->mismatch[outcome->mismatch]);
    }

    if (returned->verdict == LLMB_VERDICT_SPLIT && outcome->members) {
        ngx_http_llm_batch_count_n(metrics->calls_saved, outcome->members - 1);
    }

    ngx_http_llm_batch_observe(&metrics->upstream, &llmb_hist_time,
                               (uint64_t) (ngx_current_msec - call->start)
                               * 1000);
}


/* NGX_AGAIN: there are more members, who get their answers in a moment */

static ngx_int_t
ngx_http_llm_batch_answer_step(ngx_http_llm_batch_call_t *call)
{
    if (ngx_http_llm_batch_answer_members(call) == NGX_AGAIN) {
        ngx_http_llm_batch_work_post(&call->step);
        return NGX_AGAIN;
    }

    LLMB_CRASH("members answered");

    ngx_http_llm_batch_end(call);

    return NGX_OK;
}


static void
ngx_http_llm_batch_next_step(void *data)
{
    ngx_http_llm_batch_call_t *call = data;

    ngx_connection_t  *c;

    if (ngx_http_llm_batch_answer_step(call) == NGX_AGAIN) {
        return;
    }

    c = call->request->connection;

    ngx_http_finalize_request(call->request, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


/* the slot is free; members that have no answer by now go alone */

static void
ngx_http_llm_batch_end(ngx_http_llm_batch_call_t *call)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == call->epoch) {
        llmb_sched_end(zone->tables, call->index, zone->worker,
                       ngx_current_msec);
        LLMB_CRASH("end locked");
    }

    ngx_http_llm_batch_unlock(zone);
}


/* whether members are left in it, but for ours if this worker was given up */

static ngx_uint_t
ngx_http_llm_batch_is_awaited(ngx_http_llm_batch_call_t *call)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;

    if (zone->tables->epoch != call->epoch) {
        /* the zone was reset, its members have gone alone */
        return 0;
    }

    if (llmb_call(zone->tables, call->index)->state != LLMB_CALL_LOST) {
        return 1;
    }

    /* what it took tells nothing of the upstream: ours go alone, too */

    zone->calls[call->index] = NULL;

    llmb_sched_end(zone->tables, call->index, zone->worker, ngx_current_msec);

    return 0;
}


void
ngx_http_llm_batch_tear_down(ngx_http_llm_batch_call_t *call)
{
    if (call->rest.posted) {
        ngx_delete_posted_event(&call->rest);
    }

    if (call->step.waits) {
        ngx_http_llm_batch_work_cancel(&call->step);
        ngx_http_llm_batch_end(call);
        return;
    }

    if (ngx_http_llm_batch_finish(call) == NGX_AGAIN) {
        /* its memory is about to go */
        ngx_http_llm_batch_tear_down(call);
    }
}


/* reads the answer to its end, and has it in one piece */

void
ngx_http_llm_batch_read_answer(ngx_http_llm_batch_call_t *call)
{
    u_char  *base;

    base = ngx_http_llm_batch_spool_base(call->answer);

    if (base == NULL) {
        /* which has been logged */
        call->starved = 1;
        return;
    }

    call->body = base;
    call->len = call->answer->len;

    if (call->status == NGX_HTTP_OK && call->complete
        && call->mismatch == LLMB_MISMATCH_NONE
        && call->split_rc == LLMB_AGAIN)
    {
        call->split_rc = llmb_split_read(&call->split, call->body, call->len,
                                         1);
    }
}


void
ngx_http_llm_batch_get_outcome(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome)
{
    ngx_memzero(outcome, sizeof(llmb_outcome_t));

    outcome->idempotent = call->adapter->idempotent;
    outcome->fallback = call->conf->fallback;
    outcome->moved = call->moved;
    outcome->items = call->items;
    outcome->tokens = call->tokens;
    outcome->bytes = call->bytes;

    ngx_http_llm_batch_get_times(call, outcome);

    if (call->status == 0) {

        if (ngx_http_llm_batch_is_intercepted(call)) {
            outcome->status = (unsigned) call->rc;
            outcome->answered = 1;
            return;
        }

        outcome->internal = ngx_http_llm_batch_is_unsent(call);
        outcome->status = call->rc == NGX_HTTP_GATEWAY_TIME_OUT
                          ? NGX_HTTP_GATEWAY_TIME_OUT : NGX_HTTP_BAD_GATEWAY;
        return;
    }

    if (call->status != NGX_HTTP_OK) {
        /* nor is an interim status an answer */
        outcome->answered = call->complete && call->status > NGX_HTTP_OK
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
            outcome->split = (call->split_rc == LLMB_OK);
            call->mismatch = outcome->split ? LLMB_MISMATCH_NONE
                                            : call->split.mismatch;
        }
    }

    outcome->mismatch = call->mismatch;
}


/*
 * How long it took, and whether an upstream was silent for too long: one of
 * those that were tried, or the one whose answer has begun.
 */

static void
ngx_http_llm_batch_get_times(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome)
{
    ngx_uint_t                  i;
    ngx_http_request_t         *r;
    ngx_http_upstream_state_t  *state;

    r = call->subrequest;

    outcome->spent = ngx_current_msec - call->start;

    if (r == NULL || r->upstream == NULL || r->upstream->conf == NULL) {
        return;
    }

    outcome->timeout = r->upstream->conf->read_timeout;

    /* the connection is closed, but not in use again before this pass ends */

    if (call->peer && call->peer->number == call->peer_number
        && call->peer->read->timedout)
    {
        outcome->timed_out = 1;
    }

    if (r->upstream_states == NULL) {
        return;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].status == NGX_HTTP_GATEWAY_TIME_OUT) {
            outcome->timed_out = 1;
        }
    }
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


/* nginx failed before it had a connection to any of the upstream's servers */

static ngx_uint_t
ngx_http_llm_batch_is_unsent(ngx_http_llm_batch_call_t *call)
{
    ngx_uint_t                  i;
    ngx_http_request_t         *r;
    ngx_http_upstream_state_t  *state;

    r = call->subrequest;

    if (r == NULL || r->upstream == NULL || r->upstream_states == NULL
        || call->rc != NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        return 0;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].connect_time != (ngx_msec_t) -1) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_llm_batch_get_facts(ngx_http_llm_batch_call_t *call,
    llmb_facts_t *facts)
{
    ngx_uint_t                      ms;
    ngx_http_llm_batch_part_t      *part;
    ngx_http_llm_batch_loc_conf_t  *conf;

    ngx_memzero(facts, sizeof(llmb_facts_t));

    facts->ids_asked = call->merge.token_ids;
    facts->ids_given = call->split.token_ids;

    facts->items = call->merge.items;
    facts->inflight = call->inflight;
    facts->sent = call->sent;
    facts->usec = ngx_http_llm_batch_usec();

    if (call->subrequest
        && (call->status == NGX_HTTP_TOO_MANY_REQUESTS
            || call->rc == NGX_HTTP_TOO_MANY_REQUESTS))
    {
        facts->retry = ngx_http_llm_batch_retry_after(call->subrequest, &ms);
        facts->retry_ms = (ms != 0);
    }

    if (call->estimated && call->split.counted && call->tokens > call->copied)
    {
        facts->estimated = call->tokens - call->copied;
        facts->counted = call->split.input;
    }

    /* what an error says of sizes is said at its beginning, if at all */

    facts->words.data = call->body;
    facts->words.len = ngx_min(call->len, NGX_HTTP_LLM_BATCH_WORDS);

    if (ngx_http_llm_batch_only_part(call, &part)) {
        facts->divisible = ngx_http_llm_batch_may_cut(part);
        facts->began = ngx_current_msec
                       - (ngx_time() - part->ctx->request->start_sec) * 1000;
    }

    conf = call->conf;

    facts->fallback_limit = conf->fallback_limit;
    facts->breaker_failures = conf->breaker_failures;
    facts->breaker_cooldown = conf->breaker_cooldown;
}


/* of a call of one, if its client is still there */

static ngx_uint_t
ngx_http_llm_batch_only_part(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_part_t **part)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;

    if (!llmb_call_is_single(zone->tables, call->index)
        || zone->epoch != call->epoch)
    {
        return 0;
    }

    *part = zone->members[call->index];

    return *part != NULL && (*part)->gen == call->members[0].gen;
}


/*
 * "llm_batch_tenant" has merged clients, but the upstream wants to know who
 * asks.  What a location sends may depend on a credential in ways that cannot
 * be seen when it is configured, so that is said here, once an hour.
 */

static void
ngx_http_llm_batch_log_credentials(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome)
{
    ngx_str_t                      *name;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = call->conf;

    if (!call->mixed || !outcome->answered
        || (outcome->status != NGX_HTTP_UNAUTHORIZED
            && outcome->status != NGX_HTTP_FORBIDDEN)
        || (conf->warned && ngx_time() < conf->warned + 3600))
    {
        return;
    }

    conf->warned = ngx_time();
    name = &call->zone->shm_zone->shm.name;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "an upstream of zone \"%V\" has answered %ud to a call of "
                  "clients with different credentials, which "
                  "\"llm_batch_tenant\" has merged: none of those is sent",
                  name, outcome->status);
}


/* the name of a group may hold what a client sent as the name of a model */

static void
ngx_http_llm_batch_log_format(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, uint32_t off)
{
    u_char     name[LLMB_GROUP_NAME];
    size_t     i, len;
    ngx_str_t  adapter, kind;

    if (off == 0) {
        return;
    }

    len = ngx_min(call->group.len, LLMB_GROUP_NAME);

    for (i = 0; i < len; i++) {
        name[i] = call->group.data[i];

        if (name[i] < 0x20 || name[i] > 0x7e || name[i] == '"') {
            name[i] = '?';
        }
    }

    adapter = ngx_http_llm_batch_ngx_str(&call->adapter->name);
    kind = ngx_http_llm_batch_ngx_str(&llmb_mismatch_names[outcome->mismatch]);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "answers to calls of several requests are not in the "
                  "format \"%V\" (%V), group \"%*s\" of zone \"%V\": its "
                  "requests go alone for %uDms",
                  &adapter, &kind, len, name, &call->zone->shm_zone->shm.name,
                  off);
}
