
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_policy.h"


/* "fixed" sends early with min_size items at this share of max_wait */

#define LLMB_POLICY_EARLY(wait)  ((wait) * 7 / 10)

/* us; what may be spent at once, and how far beyond that it can be overspent */

#define LLMB_POLICY_BURST        1000000
#define LLMB_POLICY_DEBT         60000000

/* the share of the time of a call over which the slots are taken */

#define LLMB_POLICY_PACE(time)   ((time) * 4 / 5)

/* us between two calls of which none has returned yet, at most */

#define LLMB_POLICY_PACE_MAX     100000


static llmb_close_e llmb_policy_full(const llmb_policy_t *policy,
    const llmb_load_t *load);
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


llmb_close_e
llmb_policy_close(const llmb_policy_t *policy, const llmb_load_t *load,
    uint64_t now)
{
    llmb_close_e  close;

    if (load->requests == 0) {
        return LLMB_CLOSE_NONE;
    }

    if (now >= load->deadline && !load->patient) {
        return LLMB_CLOSE_DEADLINE;
    }

    if (now < load->paused
        || load->inflight >= policy->concurrency
        || load->crowded)
    {
        return LLMB_CLOSE_NONE;
    }

    if (policy->window == LLMB_WINDOW_RATE) {

        if (now < load->budget) {
            return LLMB_CLOSE_NONE;
        }

        close = llmb_policy_full(policy, load);

        return close == LLMB_CLOSE_NONE ? LLMB_CLOSE_RATE : close;
    }

    close = llmb_policy_full(policy, load);

    if (close != LLMB_CLOSE_NONE) {
        return close;
    }

    if (policy->window == LLMB_WINDOW_SLOT) {
        return now < load->budget ? LLMB_CLOSE_NONE : LLMB_CLOSE_SLOT;
    }

    if (now >= load->deadline) {
        return LLMB_CLOSE_DEADLINE;
    }

    if (load->items >= policy->min_size
        && now >= load->since + LLMB_POLICY_EARLY(policy->max_wait))
    {
        return LLMB_CLOSE_EARLY;
    }

    return LLMB_CLOSE_NONE;
}


static llmb_close_e
llmb_policy_full(const llmb_policy_t *policy, const llmb_load_t *load)
{
    if (load->items >= policy->max_size) {
        return LLMB_CLOSE_SIZE;
    }

    if (policy->max_tokens && load->tokens >= policy->max_tokens) {
        return LLMB_CLOSE_TOKENS;
    }

    if (load->bytes >= policy->max_bytes) {
        return LLMB_CLOSE_BYTES;
    }

    return LLMB_CLOSE_NONE;
}


uint64_t
llmb_policy_wake(const llmb_policy_t *policy, uint64_t since,
    uint64_t deadline, uint64_t paused, uint64_t budget, unsigned patient,
    uint64_t now)
{
    uint64_t  wake, early;

    wake = deadline;

    if (patient && deadline <= now) {
        /* a slot that becomes free is told by whoever had it */
        wake = deadline + LLMB_POLICY_SKEW;
        wake = now < wake ? wake : UINT64_MAX;
    }

    if (paused > now && paused < wake) {
        wake = paused;
    }

    if (budget > now && budget < wake) {
        wake = budget;
    }

    if (policy->window == LLMB_WINDOW_FIXED) {
        early = since + LLMB_POLICY_EARLY(policy->max_wait);

        if (early > now && early < wake) {
            wake = early;
        }
    }

    return wake;
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
llmb_policy_pace(const llmb_policy_t *policy, uint32_t inflight, double rate,
    uint64_t time, uint64_t since)
{
    uint64_t  interval;

    if (policy->window != LLMB_WINDOW_SLOT
        || policy->concurrency < 2
        || inflight < policy->concurrency / 2)
    {
        return 0;
    }

    if (time == 0) {
        /* half of what has passed: each further slot has to last longer */
        return llmb_min(since / 2, LLMB_POLICY_PACE_MAX);
    }

    interval = LLMB_POLICY_PACE(time) / policy->concurrency;

    return rate * (double) interval > 1e6 ? interval : 0;
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
