
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A part that shares its call with nobody.  What other requests do alone, by
 * their location's handler, it does in a call of its own: here is what becomes
 * of that.
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_part_starved(ngx_http_llm_batch_part_t *part);
static ngx_uint_t ngx_http_llm_batch_part_learn(
    ngx_http_llm_batch_part_t *part, ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome);
static ngx_msec_t ngx_http_llm_batch_part_hear(
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
    if (ngx_http_llm_batch_send_part(part) != NGX_OK) {
        ngx_http_llm_batch_pass(part->ctx, LLMB_REASON_INTERNAL);
    }
}


void
ngx_http_llm_batch_part_returned(ngx_http_llm_batch_call_t *call)
{
    llmb_outcome_t               outcome;
    ngx_http_llm_batch_part_t   *part;
    ngx_http_llm_batch_answer_t  answer;

    part = call->part;
    part->call = NULL;
    part->result.upstream = ngx_current_msec - call->start;

    ngx_http_llm_batch_read_answer(call);

    if (call->starved) {
        ngx_http_llm_batch_part_starved(part);
        return;
    }

    ngx_http_llm_batch_get_outcome(call, &outcome);

    if (ngx_http_llm_batch_part_learn(part, call, &outcome)) {
        ngx_http_llm_batch_part_back(part);
        return;
    }

    if (outcome.internal) {
        /* as if it could not have been made */
        ngx_http_llm_batch_pass(part->ctx, LLMB_REASON_INTERNAL);
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


/* the request goes its own way, and nothing is learned of the upstream */

static void
ngx_http_llm_batch_part_starved(ngx_http_llm_batch_part_t *part)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;

    ngx_http_llm_batch_lock(zone);
    ngx_http_llm_batch_leave(part);
    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_pass(part->ctx, LLMB_REASON_INTERNAL);
}


/* gives the slot back; tells whether the part, or what it is cut into, waits */

static ngx_uint_t
ngx_http_llm_batch_part_learn(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome)
{
    ngx_msec_t                  pause;
    ngx_uint_t                  again;
    llmb_str_t                  body;
    llmb_group_t               *g;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    again = 0;
    pause = 0;

    ngx_http_llm_batch_lock(zone);

    if (part->joined && part->epoch == zone->tables->epoch) {
        g = llmb_group(zone->tables,
                       llmb_member(zone->tables, part->member)->group);

        body = ngx_http_llm_batch_words(call);

        if (!outcome->internal) {
            ngx_http_llm_batch_learn_call(call, zone,
                             llmb_member(zone->tables, part->member)->group,
                             outcome);
        }

        pause = ngx_http_llm_batch_part_hear(part, call, outcome);

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

        if (!again && !outcome->internal) {
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

    ngx_http_llm_batch_log_pause(zone, pause);

    if (outcome->mismatch != LLMB_MISMATCH_NONE) {
        ngx_http_llm_batch_count(zone->sh->metrics.mismatch[outcome->mismatch]);
    }

    ngx_http_llm_batch_observe(&zone->sh->metrics.upstream, &llmb_hist_time,
                               (uint64_t) (ngx_current_msec - call->start)
                               * 1000);

    return again;
}


/* as of a request that went alone */

static ngx_msec_t
ngx_http_llm_batch_part_hear(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome)
{
    llmb_member_t  *m;

    m = llmb_member(call->zone->tables, part->member);

    if (!outcome->answered) {
        return 0;
    }

    if (outcome->status == NGX_HTTP_TOO_MANY_REQUESTS) {
        return ngx_http_llm_batch_halt(call->zone, m, call->subrequest);
    }

    if (m->probe && outcome->status >= 200 && outcome->status < 300) {
        llmb_sched_resume(call->zone->tables, m->group, m->probe,
                          ngx_current_msec);
    }

    return 0;
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
    ngx_uint_t      ms;
    llmb_policy_t   policy;

    if (!outcome->answered) {
        return 0;
    }

    switch (outcome->status) {

    case NGX_HTTP_BAD_REQUEST:
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
    case 422:
        policy = llmb_group_policy(g);
        return ngx_http_llm_batch_may_cut(part)
               && !llmb_policy_takes(&policy, part->piece.items,
                                     part->piece.tokens, part->piece.bytes);

    case NGX_HTTP_TOO_MANY_REQUESTS:
        since = (uint64_t) (ngx_time() - part->ctx->request->start_sec) * 1000;
        pause = ngx_http_llm_batch_retry_after(call->subrequest, &ms);

        return !ngx_http_llm_batch_part_is_whole(part)
               && pause && since + pause < LLMB_SCHED_PATIENCE;

    default:
        return 0;
    }
}


/*
 * What the upstream says to a request of its own is for its client.  An answer
 * that can be cut is joined to others as it came.
 */

static ngx_int_t
ngx_http_llm_batch_part_answer(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome,
    ngx_http_llm_batch_answer_t *answer)
{
    unsigned  exact;

    if (ngx_http_llm_batch_answer_create(call, answer) != NGX_OK) {
        return NGX_ERROR;
    }

    answer->body = call->answer;

    if (outcome->split) {
        llmb_split_weigh(&call->split, call->body, call->shares, 1);

        part->result.tokens = llmb_split_tokens(&call->split,
                                                &call->shares[0], &exact);
        /* the usage of a call of its own is its own */
        part->result.exact = 1;

        part->repair = call->split.repaired;

        ngx_http_llm_batch_price(call, &call->shares[0], &part->result);

        return NGX_OK;
    }

    if (outcome->status == NGX_HTTP_OK && outcome->answered
        && call->mismatch != LLMB_MISMATCH_ENCODING
        && call->mismatch != LLMB_MISMATCH_CACHE
        && ngx_http_llm_batch_part_is_whole(part))
    {
        /* nobody else's, and nothing to be cut: for the client to judge */
        return NGX_OK;
    }

    part->result.status = LLMB_STATUS_FAILED;
    part->result.reason = llmb_verdict_reason(outcome);

    answer->status = outcome->status == NGX_HTTP_OK ? NGX_HTTP_BAD_GATEWAY
                                                    : outcome->status;
    answer->local = (call->status != answer->status || !outcome->answered);

    return NGX_OK;
}


/* a request that is in one piece, and may only have to be cut yet */

static ngx_uint_t
ngx_http_llm_batch_part_is_whole(ngx_http_llm_batch_part_t *part)
{
    return part->piece.items == part->ctx->body.items;
}
