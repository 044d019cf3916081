
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_patience.h"
#include "llmb_sched_hold.h"
#include "llmb_sched_limits.h"
#include "llmb_when.h"


/* "fixed" sends early with min_size items at this share of max_wait */

#define LLMB_WHEN_EARLY(wait)  ((wait) * 7 / 10)


/* in the order in which they count */

typedef struct {
    llmb_when_t  list[6];
    unsigned     n;
} llmb_when_list_t;


static void llmb_when_reasons(const llmb_policy_t *policy,
    const llmb_load_t *load, llmb_when_list_t *r);
static void llmb_when_add(llmb_when_list_t *r, uint64_t at, llmb_close_e why,
    uint32_t who);
static llmb_close_e llmb_when_full(const llmb_policy_t *policy,
    const llmb_load_t *load);
static llmb_when_t llmb_when_slots(llmb_zone_t *z, const llmb_group_t *g,
    unsigned crowded, uint64_t now);
static void llmb_when_waiting(llmb_zone_t *z, const llmb_group_t *g,
    uint64_t now, llmb_load_t *load);
static uint64_t llmb_when_latest(llmb_zone_t *z, const llmb_group_t *g,
    uint32_t urgent, uint64_t now);
static unsigned llmb_when_soon(const llmb_group_t *g, const llmb_learn_t *l,
    uint64_t now, uint32_t *items);


/* each with the moment from which on it holds */

static void
llmb_when_reasons(const llmb_policy_t *policy, const llmb_load_t *load,
    llmb_when_list_t *r)
{
    uint64_t      open, early;
    llmb_close_e  full;

    r->n = 0;

    if (load->requests == 0) {
        return;
    }

    /* whatever is in flight */

    llmb_when_add(r, load->latest, LLMB_CLOSE_DEADLINE, load->urgent);

    if (!load->patient) {
        llmb_when_add(r, load->bound, LLMB_CLOSE_DEADLINE, load->oldest);
    }

    if (load->inflight >= policy->concurrency || load->crowded) {
        return;
    }

    if (!load->patient) {
        llmb_when_add(r, load->deadline, LLMB_CLOSE_DEADLINE, load->oldest);
    }

    open = llmb_max(load->paused, load->quota);

    if (policy->window == LLMB_WINDOW_RATE) {
        open = llmb_max(open, load->budget);
    }

    full = llmb_when_full(policy, load);

    if (full != LLMB_CLOSE_NONE) {
        llmb_when_add(r, open, full, LLMB_NIL);
    }

    open = llmb_max(open, load->gate);

    if (policy->window == LLMB_WINDOW_RATE) {
        llmb_when_add(r, open, LLMB_CLOSE_RATE, LLMB_NIL);
        return;
    }

    if (policy->window == LLMB_WINDOW_SLOT) {
        llmb_when_add(r, llmb_max(open, load->budget), LLMB_CLOSE_SLOT,
                      LLMB_NIL);
        return;
    }

    llmb_when_add(r, llmb_max(open, load->deadline), LLMB_CLOSE_DEADLINE,
                  load->oldest);

    if (load->items >= policy->min_size) {
        early = load->since + LLMB_WHEN_EARLY(policy->max_wait);
        llmb_when_add(r, llmb_max(open, early), LLMB_CLOSE_EARLY, LLMB_NIL);
    }
}


static void
llmb_when_add(llmb_when_list_t *r, uint64_t at, llmb_close_e why, uint32_t who)
{
    llmb_when_t  *when;

    when = &r->list[r->n++];

    when->at = at;
    when->why = why;
    when->who = who;
}


static llmb_close_e
llmb_when_full(const llmb_policy_t *policy, const llmb_load_t *load)
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


llmb_when_t
llmb_when_load(const llmb_policy_t *policy, const llmb_load_t *load,
    uint64_t now)
{
    unsigned          i;
    llmb_when_t       when = { UINT64_MAX, LLMB_CLOSE_NONE, LLMB_NIL };
    llmb_when_list_t  r;

    llmb_when_reasons(policy, load, &r);

    for (i = 0; i < r.n; i++) {

        if (r.list[i].at <= now) {
            return r.list[i];
        }

        if (r.list[i].at < when.at) {
            when = r.list[i];
        }
    }

    return when;
}


uint64_t
llmb_when_next(const llmb_policy_t *policy, const llmb_load_t *load,
    uint64_t now)
{
    unsigned          i;
    uint64_t          next;
    llmb_load_t       any;
    llmb_when_list_t  r;

    next = load->bound;

    if (load->patient && next <= now) {
        /* a slot that becomes free is told by whoever had it */
        next += LLMB_POLICY_SKEW;
        next = now < next ? next : UINT64_MAX;
    }

    any = *load;
    any.inflight = 0;
    any.crowded = 0;
    any.items = UINT32_MAX;

    llmb_when_reasons(policy, &any, &r);

    for (i = 0; i < r.n; i++) {
        if (r.list[i].at > now) {
            next = llmb_min(next, r.list[i].at);
        }
    }

    return next;
}


llmb_when_t
llmb_when(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    return llmb_when_slots(z, g, llmb_sched_crowded(z, g, now), now);
}


llmb_when_t
llmb_when_free(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    return llmb_when_slots(z, g, 0, now);
}


static llmb_when_t
llmb_when_slots(llmb_zone_t *z, const llmb_group_t *g, unsigned crowded,
    uint64_t now)
{
    llmb_load_t     load;
    llmb_when_t     never = { UINT64_MAX, LLMB_CLOSE_NONE, LLMB_NIL };
    llmb_policy_t   policy;
    llmb_member_t  *oldest;

    if (g->queue.n == 0) {
        return never;
    }

    llmb_when_waiting(z, g, now, &load);

    oldest = llmb_member(z, g->ages.head);

    load.crowded = crowded != 0;
    load.oldest = g->ages.head;
    load.since = oldest->since;
    load.deadline = oldest->deadline;
    load.bound = oldest->bound;

    if (oldest->part && g->turn) {
        load.deadline = llmb_max(load.deadline, load.paused);
        load.deadline = llmb_max(load.deadline, load.quota);
        load.bound = load.deadline;
    }

    load.patient = oldest->part && !g->turn;

    policy = llmb_group_policy(g);

    return llmb_when_load(&policy, &load, now);
}


/* all but what is about one of them */

static void
llmb_when_waiting(llmb_zone_t *z, const llmb_group_t *g, uint64_t now,
    llmb_load_t *load)
{
    memset(load, 0, sizeof(llmb_load_t));

    load->requests = g->queue.n;
    load->items = g->items;
    load->tokens = g->tokens;
    load->bytes = g->bytes;
    load->inflight = g->inflight;
    load->paused = llmb_sched_shut(g);
    load->budget = llmb_policy_budget(&g->policy, g->next);
    load->gate = llmb_patience_gate(z, g);
    load->quota = llmb_sched_quota(g, now);
    load->urgent = llmb_sched_urgent(z, g, now);
    load->latest = llmb_when_latest(z, g, load->urgent, now);
    load->latest = llmb_max(load->latest, g->paused);
    load->oldest = LLMB_NIL;
}


/*
 * When the one whose answer is due first has to leave, with all that has
 * joined since; UINT64_MAX: there is nobody
 */

static uint64_t
llmb_when_latest(llmb_zone_t *z, const llmb_group_t *g, uint32_t urgent,
    uint64_t now)
{
    uint32_t        size, soon;
    uint64_t        time;
    llmb_learn_t   *l;
    llmb_member_t  *m;
    llmb_policy_t   policy;

    if (urgent == LLMB_NIL) {
        return UINT64_MAX;
    }

    l = llmb_learn_of(z, g);
    m = llmb_member(z, urgent);
    policy = llmb_group_policy(g);

    if (!llmb_when_soon(g, l, now, &soon)
        && policy.window == LLMB_WINDOW_SLOT)
    {
        /* items are taken to cost much, and most holds end before that */
        return UINT64_MAX;
    }

    size = llmb_min(policy.max_size, g->items + soon);
    time = llmb_sched_time(l, llmb_max(size, m->items));

    return m->due > time ? m->due - time : 0;
}


/*
 * Items that may come with the next pass, as all of them leave together; 0 if
 * it is not known what one more costs.
 */

static unsigned
llmb_when_soon(const llmb_group_t *g, const llmb_learn_t *l, uint64_t now,
    uint32_t *items)
{
    double  n, fixed, each;

    *items = 0;

    if (!llmb_learn_cost(l, &fixed, &each)) {
        return 0;
    }

    n = llmb_arrivals_rate(&g->arrivals, now * 1000) * LLMB_SCHED_MARGIN
        / 1000;
    n = (n + 1) * g->items / g->queue.n;

    *items = (uint32_t) llmb_min(n, 1e6);

    return 1;
}


/*
 * Whoever has a clock that is ahead may have no timer for a moment that is over
 * by it.  If there is no slot then, the group still has to get into the line
 * for one; once it is there, it is told when there is one.
 */

unsigned
llmb_when_near(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    uint32_t  group;
    uint64_t  any;
    unsigned  crowded;

    if (g->queue.n == 0) {
        return 0;
    }

    any = now + LLMB_POLICY_SKEW;
    group = llmb_member(z, g->queue.head)->group;

    crowded = llmb_turns(z)[group].height && llmb_sched_crowded(z, g, any);

    return llmb_when_slots(z, g, crowded, any).at <= any;
}


unsigned
llmb_when_early(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    llmb_load_t  load;

    llmb_when_waiting(z, g, now, &load);

    return load.paused > now || load.budget > now || load.quota > now
           || load.latest != UINT64_MAX
           || llmb_when_near(z, g, now);
}


/*
 * Of those that wait, the one that joined last has seen the most of them, so
 * its timer is early enough for whoever is due first, and for the oldest, that
 * may have looked before by its own clock, when there were too few of them.  If
 * that is over, a worker has been asked already.
 */

uint64_t
llmb_when_timer(llmb_zone_t *z, const llmb_member_t *m, uint64_t now)
{
    uint64_t       next, oldest;
    llmb_load_t    load;
    llmb_group_t  *g;

    g = llmb_group(z, m->group);

    llmb_when_waiting(z, g, now, &load);

    load.since = m->since;
    load.deadline = m->deadline;
    load.bound = m->bound;
    load.patient = m->part != 0;

    next = llmb_when_next(&g->policy, &load, now);

    if (g->ages.n) {
        load.since = llmb_member(z, g->ages.head)->since;

        oldest = llmb_when_next(&g->policy, &load, now);
        next = llmb_min(next, oldest);
    }

    return next;
}
