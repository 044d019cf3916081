
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How long a member may be held: so long that its call is still almost
 * certainly answered within its budget.  If that is not so anyway, or nothing
 * is known of calls, it is a small part of what is left.
 *
 * A call gets longer by all that joins while the first of its members are
 * held.  How much that will be is not guessed: a group knows whose answer is
 * due first, and each one that joins looks when that one has to leave now.
 *
 * If slots are learned, the end of the longest hold is no reason to send more
 * calls than the upstream works on: they would wait there, each of them alone,
 * and it would fall behind.  So one that neither its budget nor its tolerance
 * calls for waits for a slot, at most until its bound.
 *
 * One that is late whatever is done waits like those without a budget: were
 * all of them sent at once, an upstream that is behind would get the smallest
 * calls, and never catch up.
 */


#include "llmb_sched_hold.h"
#include "llmb_sched_limits.h"


/* the part of what is left of a budget that is spent on uncertain waiting */

#define LLMB_SCHED_UNKNOWN   8

/* ms for which a longest hold that is shorter does not outrun slots */

#define LLMB_SCHED_BOUND     500

/* the oldest, among which it is looked for who is due next */

#define LLMB_SCHED_LOOK      16


static uint64_t llmb_sched_longest(const llmb_group_t *g,
    const llmb_member_t *m);
static uint64_t llmb_sched_alone(const llmb_learn_t *l,
    const llmb_member_t *m);
static unsigned llmb_sched_is_late(const llmb_learn_t *l,
    const llmb_member_t *m, uint64_t now);


void
llmb_sched_hold(llmb_zone_t *z, const llmb_group_t *g, llmb_member_t *m,
    uint64_t now)
{
    uint32_t       size;
    uint64_t       alone, time, hold;
    llmb_learn_t  *l;
    llmb_policy_t  policy;

    m->due = UINT64_MAX;
    m->deadline = now + m->wait;
    m->bound = now + llmb_sched_longest(g, m);

    l = llmb_learn_of(z, g);
    alone = llmb_sched_alone(l, m);

    if (m->budget == 0 || alone >= m->budget) {
        return;
    }

    policy = llmb_group_policy(g);
    size = llmb_min(policy.max_size, g->items + m->items);
    size = llmb_max(size, m->items);

    time = llmb_sched_time(l, size);

    if (alone == 0 || time >= m->budget) {
        hold = (m->budget - alone) / LLMB_SCHED_UNKNOWN;

    } else {
        hold = m->budget - time;
        m->due = m->part ? UINT64_MAX : now + m->budget;
    }

    m->deadline = llmb_min(m->deadline, now + hold);
    m->bound = llmb_min(m->bound, now + hold);
}


/* ms, for which it is held if there is no slot */

static uint64_t
llmb_sched_longest(const llmb_group_t *g, const llmb_member_t *m)
{
    if (!g->policy.learned || m->tolerance < 100 || m->part) {
        return m->wait;
    }

    return llmb_max(m->wait, LLMB_SCHED_BOUND);
}


uint64_t
llmb_sched_time(const llmb_learn_t *l, uint32_t size)
{
    return (llmb_learn_time(l, size) + 999) / 1000
           + LLMB_SCHED_MARGIN;
}


/* ms, at the least */

static uint64_t
llmb_sched_alone(const llmb_learn_t *l, const llmb_member_t *m)
{
    return (llmb_learn_expected(l, m->items) + 999) / 1000;
}


static unsigned
llmb_sched_is_late(const llmb_learn_t *l, const llmb_member_t *m,
    uint64_t now)
{
    return m->due <= now + llmb_sched_alone(l, m);
}


void
llmb_sched_press(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    if (m->due != UINT64_MAX
        && (g->urgent == LLMB_NIL || m->due < llmb_member(z, g->urgent)->due))
    {
        g->urgent = member;
    }
}


void
llmb_sched_unpress(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t  *g;

    g = llmb_group(z, llmb_member(z, member)->group);

    if (g->urgent == member) {
        g->urgent = LLMB_NIL;
        g->unsure = 1;
    }

    if (g->queue.n == 0) {
        g->unsure = 0;
    }
}


/*
 * Not all are looked at, as there may be thousands.  Who is not found still
 * has its own deadline, and those of all that joined when it was known.
 */

uint32_t
llmb_sched_urgent(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    uint32_t        i, n, found;
    uint64_t        due;
    llmb_learn_t   *l;
    llmb_member_t  *m;

    l = llmb_learn_of(z, g);

    if (!g->unsure
        && (g->urgent == LLMB_NIL
            || !llmb_sched_is_late(l, llmb_member(z, g->urgent), now)))
    {
        return g->urgent;
    }

    n = LLMB_SCHED_LOOK;
    due = UINT64_MAX;
    found = LLMB_NIL;

    for (i = g->ages.head;
         i != LLMB_NIL && n;
         i = llmb_age_links(z)[i].next)
    {
        m = llmb_member(z, i);
        n--;

        if (m->due < due && !llmb_sched_is_late(l, m, now)) {
            due = m->due;
            found = i;
        }
    }

    return found;
}


void
llmb_sched_watch(llmb_zone_t *z, llmb_group_t *g, uint64_t now)
{
    g->urgent = llmb_sched_urgent(z, g, now);
    g->unsure = 0;
}
