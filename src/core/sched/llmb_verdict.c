
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_verdict.h"


#define LLMB_VERDICT_MAX_PAUSE  3600000


static llmb_verdict_e llmb_verdict_wanted(const llmb_outcome_t *outcome);
static llmb_verdict_e llmb_verdict_isolate(const llmb_outcome_t *outcome);
static unsigned llmb_verdict_late(const llmb_outcome_t *outcome);
static unsigned llmb_verdict_timed_out(const llmb_outcome_t *outcome);


llmb_verdict_e
llmb_verdict(const llmb_outcome_t *outcome)
{
    llmb_verdict_e  verdict;

    verdict = llmb_verdict_wanted(outcome);

    switch (verdict) {

    case LLMB_VERDICT_AGAIN:
    case LLMB_VERDICT_HALVE:
    case LLMB_VERDICT_ALONE:
        return llmb_verdict_late(outcome) ? LLMB_VERDICT_DELIVER : verdict;

    default:
        return verdict;
    }
}


/* if there is time enough */

static llmb_verdict_e
llmb_verdict_wanted(const llmb_outcome_t *outcome)
{
    if (outcome->internal) {
        /* alone, each member would need at once what one call has not got */
        return outcome->unsent < LLMB_VERDICT_UNSENT ? LLMB_VERDICT_AGAIN
                                                     : LLMB_VERDICT_ALONE;
    }

    if (outcome->status == 200) {

        if (outcome->split) {
            return LLMB_VERDICT_SPLIT;
        }

        /* whatever it is, it is nobody's answer */

        return outcome->fallback ? LLMB_VERDICT_ALONE : LLMB_VERDICT_DELIVER;
    }

    if (outcome->answered) {

        switch (outcome->status) {

        case 400:
        case 413:
        case 422:
            return llmb_verdict_isolate(outcome);

        case 404:
        case 405:
            if (outcome->moved) {
                return LLMB_VERDICT_ABSENT;
            }

            return LLMB_VERDICT_DELIVER;

        case 429:
            return LLMB_VERDICT_PAUSE;
        }

        if (outcome->status >= 400 && outcome->status < 500) {
            return LLMB_VERDICT_DELIVER;
        }

        if (outcome->status < 400) {
            /* a redirect, or no content: meant for a request of its own */
            return outcome->fallback ? LLMB_VERDICT_ALONE
                                     : LLMB_VERDICT_DELIVER;
        }
    }

    if (!outcome->fallback) {
        return LLMB_VERDICT_DELIVER;
    }

    return outcome->tries == 0 && outcome->idempotent ? LLMB_VERDICT_AGAIN
                                                      : LLMB_VERDICT_ALONE;
}


static llmb_verdict_e
llmb_verdict_isolate(const llmb_outcome_t *outcome)
{
    if (!outcome->fallback) {
        return LLMB_VERDICT_DELIVER;
    }

    if (outcome->items <= LLMB_VERDICT_SINGLY || outcome->members <= 2) {
        return LLMB_VERDICT_ALONE;
    }

    return LLMB_VERDICT_HALVE;
}


static unsigned
llmb_verdict_late(const llmb_outcome_t *outcome)
{
    return outcome->timed_out || outcome->status == 504
           || (outcome->timeout && outcome->spent > outcome->timeout / 2);
}


/* and nobody has given an answer after that */

static unsigned
llmb_verdict_timed_out(const llmb_outcome_t *outcome)
{
    return outcome->status == 504
           || (outcome->timed_out && !outcome->answered);
}


unsigned
llmb_verdict_status(const llmb_outcome_t *outcome)
{
    if (llmb_verdict_timed_out(outcome)) {
        return 504;
    }

    switch (outcome->status) {

    case 200:
        return 502;

    case 400:
    case 413:
    case 422:
        return outcome->fallback && !outcome->alone ? 502 : outcome->status;

    default:
        return outcome->status;
    }
}


llmb_reason_e
llmb_verdict_reason(const llmb_outcome_t *outcome)
{
    if (outcome->status == 200 && outcome->split) {
        return LLMB_REASON_NONE;
    }

    if (llmb_verdict_timed_out(outcome)) {
        return LLMB_REASON_TIMEOUT;
    }

    if (outcome->internal) {
        return LLMB_REASON_INTERNAL;
    }

    if (outcome->status == 200) {

        switch (outcome->mismatch) {

        case LLMB_MISMATCH_TRUNCATED:
            return LLMB_REASON_TRUNCATED;

        case LLMB_MISMATCH_SIZE:
            return LLMB_REASON_RESPONSE_SIZE;

        default:
            return LLMB_REASON_MISMATCH;
        }
    }

    return LLMB_REASON_UPSTREAM_ERROR;
}


llmb_format_e
llmb_verdict_format(const llmb_outcome_t *outcome)
{
    if (outcome->status != 200 || !outcome->answered) {
        return LLMB_FORMAT_UNKNOWN;
    }

    if (outcome->split) {
        return LLMB_FORMAT_UNDERSTOOD;
    }

    switch (outcome->mismatch) {

    case LLMB_MISMATCH_JSON:
    case LLMB_MISMATCH_SHAPE:
    case LLMB_MISMATCH_COUNT:
    case LLMB_MISMATCH_INDEX:
    case LLMB_MISMATCH_ENCODING:
        return LLMB_FORMAT_MISUNDERSTOOD;

    default:
        return LLMB_FORMAT_UNKNOWN;
    }
}


unsigned
llmb_verdict_failed(const llmb_outcome_t *outcome)
{
    if (outcome->status == 200) {
        return !outcome->split;
    }

    if (!outcome->answered || outcome->status >= 500
        || outcome->status < 400)
    {
        return 1;
    }

    return outcome->status == 400 || outcome->status == 413
           || outcome->status == 422;
}


uint64_t
llmb_verdict_retry_after(llmb_str_t value, unsigned ms, uint64_t missing)
{
    size_t    i;
    uint64_t  n;

    if (value.len == 0) {
        return missing;
    }

    n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.data[i] == '.' && i > 0) {
            /* rather late than early */
            n++;
            break;
        }

        if (value.data[i] < '0' || value.data[i] > '9') {
            return missing;
        }

        n = llmb_min(n * 10 + (uint64_t) (value.data[i] - '0'),
                     LLMB_VERDICT_MAX_PAUSE);
    }

    return llmb_min(ms ? n : n * 1000, LLMB_VERDICT_MAX_PAUSE);
}
