
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_returned.h"
#include "llmb_sched_call.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"
#include "llmb_upstream.h"
#include "llmb_verdict_learn.h"


static unsigned llmb_returned_learn(llmb_zone_t *z, uint32_t call,
    llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now);
static void llmb_returned_abilities(llmb_group_t *g,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts);
static llmb_learn_end_e llmb_returned_end(const llmb_outcome_t *outcome,
    unsigned own);
static void llmb_returned_several(llmb_zone_t *z, uint32_t call,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts,
    unsigned smaller, uint64_t now, llmb_returned_t *returned);
static void llmb_returned_absent(llmb_zone_t *z, uint32_t call,
    const llmb_facts_t *facts, uint64_t now);
static llmb_verdict_e llmb_returned_limit(llmb_zone_t *z, uint32_t call,
    llmb_verdict_e verdict, const llmb_facts_t *facts, uint64_t now);
static void llmb_returned_carry_out(llmb_zone_t *z, uint32_t call,
    uint32_t worker, const llmb_outcome_t *outcome, const llmb_facts_t *facts,
    uint64_t now, llmb_returned_t *returned);
static void llmb_returned_single(llmb_zone_t *z, uint32_t call,
    uint32_t worker, llmb_outcome_t *outcome, const llmb_facts_t *facts,
    uint64_t now, llmb_returned_t *returned);
static void llmb_returned_own(llmb_zone_t *z, llmb_call_t *c,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now,
    llmb_returned_t *returned);
static llmb_verdict_e llmb_returned_verdict_single(llmb_zone_t *z,
    uint32_t call, const llmb_outcome_t *outcome, const llmb_facts_t *facts,
    uint64_t now);
static void llmb_returned_release(llmb_zone_t *z, uint32_t call,
    llmb_reason_e reason);


void
llmb_returned(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now,
    llmb_returned_t *returned)
{
    unsigned      smaller;
    llmb_call_t  *c;

    c = llmb_call(z, call);

    memset(returned, 0, sizeof(llmb_returned_t));

    outcome->alone = llmb_call_is_single(z, call);
    outcome->members = llmb_sched_live(z, call);
    outcome->tries = c->tries;
    outcome->unsent = c->unsent;
    outcome->spent = llmb_sched_spent(z, call, outcome->spent);

    returned->verdict = llmb_verdict(outcome);
    returned->reason = llmb_verdict_reason(outcome);

    smaller = llmb_returned_learn(z, call, outcome, facts, now);

    if (outcome->alone) {
        llmb_returned_single(z, call, worker, outcome, facts, now, returned);
        return;
    }

    llmb_returned_several(z, call, outcome, facts, smaller, now, returned);

    if (smaller && returned->verdict != LLMB_VERDICT_DELIVER) {
        /* no fault of any member: they go in smaller calls, if they may wait */
        (void) llmb_sched_pause(z, call, 0, now);
        returned->verdict = LLMB_VERDICT_ALONE;
    }

    returned->verdict = llmb_returned_limit(z, call, returned->verdict, facts,
                                            now);

    llmb_returned_carry_out(z, call, worker, outcome, facts, now, returned);
}


/*
 * Whatever an outcome tells, however many were in the call.  Returns whether it
 * was an error about the size of a call, which is smaller from now on.
 */

static unsigned
llmb_returned_learn(llmb_zone_t *z, uint32_t call, llmb_outcome_t *outcome,
    const llmb_facts_t *facts, uint64_t now)
{
    unsigned        smaller;
    llmb_call_t    *c;
    llmb_group_t   *g;
    llmb_sample_t   sample;

    if (outcome->internal) {
        /* it tells nothing of the upstream */
        return 0;
    }

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);
    smaller = 0;

    if (!llmb_call_is_own(c)) {

        llmb_returned_abilities(g, outcome, facts);

        /* in the upstream's tokens, as far as they are known */

        outcome->tokens = llmb_calibrate(&g->calibration, outcome->tokens);

        smaller = llmb_verdict_learn(outcome, facts->words, g->proven.items,
                                     &g->learned);
    }

    sample.items = facts->items;
    sample.inflight = facts->inflight;
    sample.time = facts->usec - facts->sent;
    sample.end = llmb_returned_end(outcome, llmb_call_is_own(c));

    llmb_upstream_sample(z, c->group, &sample, facts->usec);

    if (outcome->answered && outcome->status == 429) {
        llmb_quota_exceeded(&g->quota, facts->sent, facts->retry,
                            facts->usec);

    } else if (outcome->answered) {
        llmb_quota_answered(&g->quota, facts->usec);
    }

    /* an upstream that takes a call in a pause takes others, too */

    if (c->probe && outcome->answered
        && outcome->status >= 200 && outcome->status < 300)
    {
        llmb_sched_resume(z, c->group, c->probe, now);
    }

    return smaller;
}


/*
 * How much the upstream takes, how it counts, and whether it gives the ids of
 * tokens and does not mind our asking.
 */

static void
llmb_returned_abilities(llmb_group_t *g, const llmb_outcome_t *outcome,
    const llmb_facts_t *facts)
{
    if (outcome->split) {
        llmb_policy_prove(&g->proven, facts->items, outcome->tokens,
                          outcome->bytes);

        if (facts->counted) {
            llmb_calibrate_learn(&g->calibration, facts->estimated,
                                 facts->counted);
        }

        if (facts->ids_given && g->token_ids == LLMB_TOKEN_IDS_UNKNOWN) {
            g->token_ids = LLMB_TOKEN_IDS_KNOWN;
        }

        return;
    }

    if (facts->ids_asked
        && (outcome->status == 200
            || (outcome->status >= 400 && outcome->status < 500)))
    {
        g->token_ids = LLMB_TOKEN_IDS_REFUSED;
    }
}


/*
 * 429 is about who asks, and 500 about what is asked for: whoever found
 * something that fails would else take the slots of all.
 */

static llmb_learn_end_e
llmb_returned_end(const llmb_outcome_t *outcome, unsigned own)
{
    switch (outcome->status) {

    case 200:
        return outcome->split || own ? LLMB_LEARN_GOOD : LLMB_LEARN_OTHER;

    case 429:
    case 500:
        return LLMB_LEARN_LIMITED;

    default:
        return outcome->status >= 500 ? LLMB_LEARN_OVERLOAD
                                      : LLMB_LEARN_OTHER;
    }
}


/* what only a call of several tells: whether merging works */

static void
llmb_returned_several(llmb_zone_t *z, uint32_t call,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts,
    unsigned smaller, uint64_t now, llmb_returned_t *returned)
{
    llmb_group_t   *g;
    llmb_format_e   format;

    g = llmb_group(z, llmb_call(z, call)->group);

    if (outcome->internal) {
        return;
    }

    if (outcome->status != 429 && !smaller) {
        llmb_health_result(&g->health, llmb_verdict_failed(outcome),
                           facts->breaker_failures, facts->breaker_cooldown,
                           now);
    }

    if (returned->verdict == LLMB_VERDICT_ABSENT) {
        llmb_returned_absent(z, call, facts, now);

    } else if (outcome->status == 200) {
        llmb_moved_found(&g->path);
    }

    format = llmb_verdict_format(outcome);

    if (format != LLMB_FORMAT_UNKNOWN) {
        returned->format_off = llmb_understood_result(&z->understood,
                                            g->format,
                                            format == LLMB_FORMAT_UNDERSTOOD,
                                            now);
    }
}


/* there is nothing at the path that calls go to: who waits goes alone, now */

static void
llmb_returned_absent(llmb_zone_t *z, uint32_t call, const llmb_facts_t *facts,
    uint64_t now)
{
    uint32_t  group;

    group = llmb_call(z, call)->group;

    llmb_moved_missed(&llmb_group(z, group)->path, facts->usec, now);

    llmb_sched_attend(z, group, now);
}


/* isolation must not multiply the load of an upstream in trouble */

static llmb_verdict_e
llmb_returned_limit(llmb_zone_t *z, uint32_t call, llmb_verdict_e verdict,
    const llmb_facts_t *facts, uint64_t now)
{
    llmb_group_t  *g;

    g = llmb_group(z, llmb_call(z, call)->group);

    switch (verdict) {

    case LLMB_VERDICT_PAUSE:
        return facts->retry ? verdict : LLMB_VERDICT_DELIVER;

    case LLMB_VERDICT_AGAIN:
    case LLMB_VERDICT_HALVE:
    case LLMB_VERDICT_ALONE:
    case LLMB_VERDICT_ABSENT:

        if (llmb_sched_yield(z, call, now)) {
            /* nobody is left to get anything */
            return LLMB_VERDICT_DELIVER;
        }

        if (verdict == LLMB_VERDICT_HALVE
            && llmb_health_allow(&g->health, facts->fallback_limit, 2, now)
               < 2)
        {
            return LLMB_VERDICT_DELIVER;
        }

        return verdict;

    default: /* LLMB_VERDICT_SPLIT, LLMB_VERDICT_DELIVER */
        return verdict;
    }
}


static void
llmb_returned_carry_out(llmb_zone_t *z, uint32_t call, uint32_t worker,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now,
    llmb_returned_t *returned)
{
    switch (returned->verdict) {

    case LLMB_VERDICT_AGAIN:
        llmb_sched_again(z, call, worker, returned->reason, now);
        break;

    case LLMB_VERDICT_HALVE:
        llmb_sched_halve(z, call, worker, returned->reason);
        break;

    case LLMB_VERDICT_PAUSE:
        llmb_group(z, llmb_call(z, call)->group)->retry_ms = facts->retry_ms;

        if (llmb_sched_pause(z, call, now + facts->retry, now)) {
            returned->pause = facts->retry;
        }

        break;

    case LLMB_VERDICT_ALONE:

        if (!outcome->internal) {
            llmb_sched_isolate(z, call, returned->reason,
                               facts->fallback_limit, now);
            break;
        }

        /* the upstream has seen nothing of a call that could not be sent */

        /* fall through */

    case LLMB_VERDICT_ABSENT:

        /* nor is a path of our choosing that is not there their fault */

        llmb_returned_release(z, call, returned->reason);
        break;

    default: /* LLMB_VERDICT_SPLIT, LLMB_VERDICT_DELIVER */
        break;
    }
}


/*
 * A call of one says nothing of whether merging works, and its error is its
 * client's own.
 */

static void
llmb_returned_single(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now,
    llmb_returned_t *returned)
{
    llmb_call_t   *c;
    llmb_group_t  *g;

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);

    if (c->reason != LLMB_REASON_NONE && !outcome->internal) {
        llmb_health_alone(&g->health, llmb_member(z, call)->flow,
                          outcome->status, facts->sent / 1000, now);
    }

    if (outcome->answered && outcome->status == 429 && facts->retry) {
        g->retry_ms = facts->retry_ms;

        if (llmb_sched_halt(z, c->group, c->probe, now + facts->retry, now)) {
            returned->pause = facts->retry;
        }
    }

    if (llmb_call_is_own(c)) {
        llmb_returned_own(z, c, outcome, facts, now, returned);
        return;
    }

    returned->verdict = llmb_returned_verdict_single(z, call, outcome, facts,
                                                     now);
    switch (returned->verdict) {

    case LLMB_VERDICT_AGAIN:
        llmb_sched_again(z, call, worker, returned->reason, now);
        break;

    case LLMB_VERDICT_PAUSE:
        (void) llmb_sched_pause(z, call, 0, now);

        if (c->members.n) {
            /* whose client can wait no longer */
            returned->verdict = LLMB_VERDICT_DELIVER;
            break;
        }

        llmb_sched_end(z, call, worker, now);
        break;

    case LLMB_VERDICT_ABSENT:
        llmb_returned_absent(z, call, facts, now);

        /* fall through */

    case LLMB_VERDICT_ALONE:
        llmb_sched_release(z, call, returned->reason);
        break;

    default: /* LLMB_VERDICT_SPLIT, LLMB_VERDICT_DELIVER, LLMB_VERDICT_CUT */
        return;
    }

    if (returned->verdict != LLMB_VERDICT_DELIVER) {
        /* it is in the mail, or in the queue */
        returned->verdict = LLMB_VERDICT_AGAIN;
    }
}


/* its client has the response by then */

static void
llmb_returned_own(llmb_zone_t *z, llmb_call_t *c,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now,
    llmb_returned_t *returned)
{
    llmb_group_t  *g;

    g = llmb_group(z, c->group);

    returned->verdict = LLMB_VERDICT_DELIVER;
    returned->absent = (llmb_moved_alone(&g->path, outcome->status,
                                         facts->sent, now) != 0);
}


/*
 * What is larger than is known by now of the upstream is cut again, and a part
 * that comes too soon waits, as its client would have to.  Any other error is
 * its client's.
 */

static llmb_verdict_e
llmb_returned_verdict_single(llmb_zone_t *z, uint32_t call,
    const llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now)
{
    llmb_policy_t   policy;
    llmb_member_t  *m;
    llmb_verdict_e  verdict;

    m = llmb_member(z, call);
    verdict = llmb_verdict(outcome);

    if (m->state != LLMB_MEMBER_CLAIMED) {
        /* nobody is left to get anything */
        return LLMB_VERDICT_DELIVER;
    }

    if (outcome->internal || outcome->split
        || verdict == LLMB_VERDICT_ABSENT)
    {
        return verdict;
    }

    if (!outcome->answered) {
        return LLMB_VERDICT_DELIVER;
    }

    switch (outcome->status) {

    case 400:
    case 413:
    case 422:
        policy = llmb_group_policy(llmb_group(z, m->group));

        return facts->divisible
               && !llmb_policy_takes(&policy, m->items, m->tokens, m->bytes)
               ? LLMB_VERDICT_CUT : LLMB_VERDICT_DELIVER;

    case 429:
        return m->part && facts->retry
               && now + facts->retry < facts->began + LLMB_SCHED_PATIENCE
               ? LLMB_VERDICT_PAUSE : LLMB_VERDICT_DELIVER;

    default:
        return LLMB_VERDICT_DELIVER;
    }
}


/* all of them go alone, whatever the allowance */

static void
llmb_returned_release(llmb_zone_t *z, uint32_t call, llmb_reason_e reason)
{
    uint32_t  i, next;

    for (i = llmb_call(z, call)->members.head; i != LLMB_NIL; i = next) {
        next = llmb_queue_links(z)[i].next;

        if (llmb_member(z, i)->state == LLMB_MEMBER_CLAIMED) {
            llmb_sched_release(z, i, reason);
        }
    }
}
