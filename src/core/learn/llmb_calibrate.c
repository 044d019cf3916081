
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The ratio is that of two sums which forget.  A mean of the calls' ratios
 * would be that of short texts, with the few tokens that an upstream adds to
 * each of them.
 */


#include "llmb_calibrate.h"


/* a call is forgotten after about so many others */

#define LLMB_CALIBRATE_CALLS  16

/* as many calls of ratio 1 as are assumed before the first one */

#define LLMB_CALIBRATE_PRIOR  4

/* sums are in units of 1/256 tokens, so that forgetting works for few */

#define LLMB_CALIBRATE_SCALE  256

/* keeps products within 64 bits */

#define LLMB_CALIBRATE_TOKENS ((uint64_t) 1 << 36)


void
llmb_calibrate_learn(llmb_calibration_t *c, uint64_t estimate,
    uint64_t actual)
{
    if (estimate == 0 || actual == 0) {
        return;
    }

    estimate = llmb_min(estimate, LLMB_CALIBRATE_TOKENS);
    actual = llmb_min(actual, LLMB_CALIBRATE_TOKENS);

    actual = llmb_min(actual, estimate * LLMB_CALIBRATE_MAX);
    actual = llmb_max(actual, estimate / LLMB_CALIBRATE_MAX);

    estimate *= LLMB_CALIBRATE_SCALE;
    actual *= LLMB_CALIBRATE_SCALE;

    if (c->estimate == 0) {
        c->estimate = estimate * LLMB_CALIBRATE_PRIOR;
        c->actual = c->estimate;
    }

    c->estimate += estimate - c->estimate / LLMB_CALIBRATE_CALLS;
    c->actual += actual - c->actual / LLMB_CALIBRATE_CALLS;
}


uint32_t
llmb_calibrate_ratio(const llmb_calibration_t *c)
{
    uint64_t  ratio;

    if (c->estimate == 0) {
        return LLMB_CALIBRATE_ONE;
    }

    ratio = c->actual * LLMB_CALIBRATE_ONE / c->estimate;
    ratio = llmb_min(ratio, LLMB_CALIBRATE_ONE * LLMB_CALIBRATE_MAX);

    return (uint32_t) llmb_max(ratio, LLMB_CALIBRATE_ONE / LLMB_CALIBRATE_MAX);
}


uint64_t
llmb_calibrate(const llmb_calibration_t *c, uint64_t estimate)
{
    uint64_t  tokens;

    if (c->estimate == 0 || estimate == 0) {
        return estimate;
    }

    tokens = llmb_min(estimate, LLMB_CALIBRATE_TOKENS)
             * llmb_calibrate_ratio(c) / LLMB_CALIBRATE_ONE;

    return llmb_max(tokens, 1);
}


uint64_t
llmb_calibrate_limit(const llmb_calibration_t *c, uint64_t limit)
{
    uint64_t  estimate;

    if (c->estimate == 0 || limit == 0) {
        return limit;
    }

    estimate = llmb_min(limit, LLMB_CALIBRATE_TOKENS) * LLMB_CALIBRATE_ONE
               / llmb_calibrate_ratio(c);

    return llmb_max(estimate, 1);
}
