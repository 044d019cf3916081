
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_policy.h"


/* us; what may be spent at once, and how far beyond that it can be overspent */

#define LLMB_POLICY_BURST        1000000
#define LLMB_POLICY_DEBT         60000000

/* the share of the time of a call over which the slots are taken */

#define LLMB_POLICY_PACE(time)   (0.9 * (double) (time))

/* us between two calls of which none has returned yet, at most */

#define LLMB_POLICY_PACE_MAX     100000


static uint64_t llmb_policy_burst(const llmb_policy_t *policy);


void
llmb_policy_learn(llmb_policy_t *policy, const llmb_learned_t *learned)
{
    if (learned->items && learned->items < policy->max_size) {
        policy->max_size = learned->items;
    }

    if (learned->items
        && (policy->most_items == 0 || learned->items < policy->most_items))
    {
        policy->most_items = learned->items;
    }

    if (learned->tokens
        && (policy->max_tokens == 0 || learned->tokens < policy->max_tokens))
    {
        policy->max_tokens = learned->tokens;
    }

    if (learned->bytes && learned->bytes < policy->max_bytes) {
        policy->max_bytes = learned->bytes;
    }

    if (learned->bytes
        && (policy->most_bytes == 0 || learned->bytes < policy->most_bytes))
    {
        policy->most_bytes = learned->bytes;
    }
}


void
llmb_policy_prove(llmb_learned_t *proven, uint32_t items, uint64_t tokens,
    uint64_t bytes)
{
    proven->items = llmb_max(proven->items, items);
    proven->tokens = llmb_max(proven->tokens, tokens);
    proven->bytes = llmb_max(proven->bytes, bytes);
}


unsigned
llmb_policy_proven(const llmb_learned_t *proven, uint32_t items,
    uint64_t tokens, uint64_t bytes)
{
    return items <= proven->items
           && tokens <= proven->tokens
           && bytes <= proven->bytes;
}


unsigned
llmb_policy_takes(const llmb_policy_t *policy, uint32_t items,
    uint64_t tokens, uint64_t bytes)
{
    return (policy->most_items == 0 || items <= policy->most_items)
           && (policy->most_bytes == 0 || bytes <= policy->most_bytes)
           && (policy->max_tokens == 0 || tokens <= policy->max_tokens);
}


void
llmb_policy_spend(const llmb_policy_t *policy, uint64_t *next, uint64_t now)
{
    uint64_t  latest;

    if (policy->window != LLMB_WINDOW_RATE) {
        return;
    }

    /* or else an hour of too many calls would be held against the next day */

    latest = now * 1000 + llmb_policy_burst(policy) + LLMB_POLICY_DEBT;

    *next = llmb_max(*next, now * 1000) + policy->interval;
    *next = llmb_min(*next, latest);
}


/* what may be spent at once, in us */

static uint64_t
llmb_policy_burst(const llmb_policy_t *policy)
{
    return llmb_max(policy->interval, LLMB_POLICY_BURST);
}


uint64_t
llmb_policy_budget(const llmb_policy_t *policy, uint64_t next)
{
    uint64_t  burst;

    if (policy->window == LLMB_WINDOW_FIXED) {
        return 0;
    }

    if (policy->window == LLMB_WINDOW_SLOT) {
        return next / 1000;
    }

    burst = llmb_policy_burst(policy);

    return next > burst - policy->interval
           ? (next - (burst - policy->interval) + 999) / 1000 : 0;
}


uint64_t
llmb_policy_pace(double slots, uint32_t inflight, double rate, uint64_t time,
    uint64_t since)
{
    double  interval;

    if (slots <= 1) {
        return 0;
    }

    if (time == 0) {
        /* half of what has passed: each further slot has to last longer */
        return inflight < slots / 2 ? 0
               : llmb_min(since / 2, LLMB_POLICY_PACE_MAX);
    }

    interval = LLMB_POLICY_PACE(time) / slots;

    return rate * interval > 1e6 ? (uint64_t) interval : 0;
}


unsigned
llmb_policy_fits(const llmb_policy_t *policy, const llmb_load_t *call,
    uint32_t items, uint64_t tokens, uint64_t bytes)
{
    if (call->requests == 0) {
        return 1;
    }

    if ((uint64_t) call->items + items > policy->max_size) {
        return 0;
    }

    if (policy->max_tokens && call->tokens + tokens > policy->max_tokens) {
        return 0;
    }

    return call->bytes + bytes <= policy->max_bytes;
}
