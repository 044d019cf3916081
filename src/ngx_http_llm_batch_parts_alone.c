
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A part that shares its call with nobody.  What other requests do alone, by
 * their location's handler, it does in a call of its own: here is what becomes
 * of that.
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_part_starved(ngx_http_llm_batch_part_t *part);
static void ngx_http_llm_batch_part_learn(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome,
    llmb_returned_t *returned);
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
    llmb_returned_t              returned;
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

    ngx_http_llm_batch_part_learn(part, call, &outcome, &returned);

    switch (returned.verdict) {

    case LLMB_VERDICT_PAUSE:
        ngx_http_llm_batch_part_back(part);
        return;

    case LLMB_VERDICT_ALONE:
    case LLMB_VERDICT_ABSENT:
        ngx_http_llm_batch_pass(part->ctx, returned.reason);
        return;

    default: /* LLMB_VERDICT_SPLIT, LLMB_VERDICT_DELIVER */
        break;
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


/* the zone learns of it, and has the slot back */

static void
ngx_http_llm_batch_part_learn(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_call_t *call, llmb_outcome_t *outcome,
    llmb_returned_t *returned)
{
    llmb_facts_t                facts;
    llmb_member_t              *m;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;

    ngx_http_llm_batch_get_facts(call, &facts);

    facts.divisible = ngx_http_llm_batch_may_cut(part);
    facts.began = ngx_current_msec
                  - (ngx_time() - part->ctx->request->start_sec) * 1000;

    ngx_memzero(returned, sizeof(llmb_returned_t));

    /* of one that the zone does not know, nothing is learned */

    returned->verdict = outcome->internal ? LLMB_VERDICT_ALONE
                                          : LLMB_VERDICT_DELIVER;
    returned->reason = llmb_verdict_reason(outcome);

    ngx_http_llm_batch_lock(zone);

    if (part->joined && part->epoch == zone->tables->epoch) {
        m = llmb_member(zone->tables, part->member);

        ngx_http_llm_batch_learn_upstream(zone, m->group, call->subrequest,
                                          facts.usec);

        llmb_returned_alone(zone->tables, part->member, outcome, &facts,
                            ngx_current_msec, returned);
    }

    ngx_http_llm_batch_leave(part);

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_count_outcome(call, outcome, returned);
    ngx_http_llm_batch_log_pause(zone, returned->pause);
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
        llmb_counts_weigh(&call->split, call->body, call->shares, 1);

        part->result.tokens = llmb_counts_tokens(&call->split,
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
