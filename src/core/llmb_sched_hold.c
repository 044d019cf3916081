
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How long a member may be held: so long that its call is still almost
 * certainly answered within its budget.  If that is not so anyway, or nothing
 * is known of calls, it is a small part of what is left.
 *
 * One that is late whatever is done waits like those without a budget: were
 * all of them sent at once, an upstream that is behind would get the smallest
 * calls, and never catch up.
 */


#include "llmb_sched_parts.h"


/* the part of what is left of a budget that is spent on uncertain waiting */

#define LLMB_SCHED_UNKNOWN   8

/* the part by which more may join than the rate of arrivals tells */

#define LLMB_SCHED_SURGE     4


static uint64_t llmb_sched_time(const llmb_learn_t *l, uint32_t size);
static uint64_t llmb_sched_left(const llmb_group_t *g, const llmb_learn_t *l,
    uint32_t size, uint32_t max, uint64_t left, uint64_t now);
static uint32_t llmb_sched_growth(const llmb_group_t *g, uint64_t hold,
    uint64_t now);


uint64_t
llmb_sched_hold(llmb_zone_t *z, const llmb_group_t *g, const llmb_member_t *m,
    uint64_t now)
{
    uint32_t       size;
    uint64_t       alone, time, left;
    llmb_learn_t  *l;
    llmb_policy_t  policy;

    if (m->budget == 0) {
        return m->wait;
    }

    l = &llmb_upstream_of(z, g)->learn;
    policy = llmb_group_policy(z, g);
    size = llmb_min(policy.max_size, g->items + m->items);
    size = llmb_max(size, m->items);

    alone = (llmb_learn_expected(l, m->items) + 999) / 1000;
    time = llmb_sched_time(l, size);

    if (alone >= m->budget) {
        return m->wait;
    }

    if (alone == 0 || time >= m->budget) {
        return llmb_min(m->wait, (m->budget - alone) / LLMB_SCHED_UNKNOWN);
    }

    left = m->budget - time;

    if (policy.window != LLMB_WINDOW_SLOT) {
        left = llmb_sched_left(g, l, size, policy.max_size, left, now);
    }

    return llmb_min(m->wait, left);
}


/* ms from the end of a hold to the answer */

static uint64_t
llmb_sched_time(const llmb_learn_t *l, uint32_t size)
{
    return (llmb_learn_time(l, size) + 999) / 1000
           + LLMB_SCHED_MARGIN;
}


/*
 * What is left for a hold that no free slot ends: the call gets longer by all
 * that joins meanwhile, G for a hold of H, so it may last h with
 * h + G * h / H = H, or H - G if a full call makes that longer.
 */

static uint64_t
llmb_sched_left(const llmb_group_t *g, const llmb_learn_t *l, uint32_t size,
    uint32_t max, uint64_t left, uint64_t now)
{
    uint32_t  grown;
    uint64_t  time, more, most;

    grown = size + llmb_sched_growth(g, left, now);

    time = llmb_sched_time(l, size);
    more = llmb_sched_time(l, grown);
    most = llmb_sched_time(l, llmb_max(size, llmb_min(grown, max)));

    /* what was learned of large calls may be less than of small ones */

    more = more > time ? more - time : 0;
    most = most > time ? most - time : 0;

    return llmb_max(left * left / (left + more),
                    left > most ? left - most : 0);
}


static uint32_t
llmb_sched_growth(const llmb_group_t *g, uint64_t hold, uint64_t now)
{
    double  n;

    n = llmb_arrivals_rate(&g->arrivals, now * 1000) * (double) hold / 1000;

    if (g->queue.n) {
        n = n * g->items / g->queue.n;
    }

    n += n / LLMB_SCHED_SURGE;

    return (uint32_t) llmb_min(n, 1e6);
}
