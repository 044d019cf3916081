
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups whose calls go to one upstream share its slots, if their number is
 * learned.  A group that finds none waits for its turn: those turns are ranked
 * like those of members in a group, by what each has got, weighted by priority.
 * But they are charged for the time of the upstream: tokens would give turns to
 * groups that send little with each, and those with more to send, whose calls
 * are worth it, would wait.
 *
 * Whose turn it is gets mail, and the slot is kept for it meanwhile, but not
 * for long: its worker may be slow, or dead.  Whatever goes wrong here, the
 * deadlines of members are kept, and nobody else needs a turn to do so.
 */


#include "llmb_sched_parts.h"


/* ms for which a slot is kept for the group whose turn it is */

#define LLMB_SCHED_KEPT  10


static unsigned llmb_sched_is_called(const llmb_upstream_t *u, uint64_t now);
static unsigned llmb_sched_free_slots(const llmb_upstream_t *u);


void
llmb_sched_take_slot(llmb_zone_t *z, llmb_group_t *g)
{
    g->inflight++;
    llmb_upstream_of(z, g)->inflight++;
}


unsigned
llmb_sched_crowded(llmb_zone_t *z, const llmb_group_t *g, uint64_t now)
{
    unsigned          kept;
    llmb_upstream_t  *u;

    if (!g->policy.learned) {
        return 0;
    }

    u = llmb_upstream_of(z, g);

    kept = llmb_sched_is_called(u, now) && llmb_group(z, u->called) != g;

    return llmb_sched_free_slots(u) <= kept;
}


static unsigned
llmb_sched_is_called(const llmb_upstream_t *u, uint64_t now)
{
    return u->called != LLMB_NIL && now < u->since + LLMB_SCHED_KEPT;
}


static unsigned
llmb_sched_free_slots(const llmb_upstream_t *u)
{
    uint32_t  slots;

    slots = llmb_learn_concurrency(&u->learn);

    return slots > u->inflight ? slots - u->inflight : 0;
}


void
llmb_sched_line_up(llmb_zone_t *z, uint32_t group, uint64_t now)
{
    unsigned          waits;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);

    waits = llmb_sched_crowded(z, g, now)
            && llmb_sched_wants(z, g, 0, now) != LLMB_CLOSE_NONE;

    if (waits == llmb_turns(z)[group].linked) {
        return;
    }

    if (waits) {
        llmb_heap_push(&u->waiting, llmb_turns(z), group,
                       llmb_max(u->time, g->finish), u->turns++);
        u->nwaiting++;
        return;
    }

    llmb_sched_leave_line(z, group);
}


void
llmb_sched_leave_line(llmb_zone_t *z, uint32_t group)
{
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, llmb_group(z, group));

    if (llmb_turns(z)[group].linked) {
        llmb_heap_remove(&u->waiting, llmb_turns(z), group);
        u->nwaiting--;
    }

    if (u->called == group) {
        u->called = LLMB_NIL;
    }
}


void
llmb_sched_call_up(llmb_zone_t *z, llmb_upstream_t *u, uint64_t now)
{
    llmb_group_t  *g;

    if (u->waiting == LLMB_NIL
        || llmb_sched_is_called(u, now)
        || llmb_sched_free_slots(u) == 0)
    {
        return;
    }

    g = llmb_group(z, u->waiting);

    u->called = u->waiting;
    u->since = now;

    llmb_sched_mail_member(z, g->queue.head);
}


void
llmb_sched_use_turn(llmb_zone_t *z, uint32_t group)
{
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, llmb_group(z, group));

    if (u->called == group) {
        u->called = LLMB_NIL;
    }
}


void
llmb_sched_charge(llmb_zone_t *z, uint32_t group, uint32_t items,
    uint64_t price)
{
    uint64_t          start, time;
    unsigned          rested;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    u = llmb_upstream_of(z, g);

    start = llmb_turns(z)[group].linked ? llmb_turns(z)[group].rank
                                        : llmb_max(u->time, g->finish);

    rested = g->finish < start;

    llmb_sched_leave_line(z, group);

    /* as long as nothing is known, each call takes the same time */

    time = llmb_max(llmb_learn_service(&u->learn, items), 1);
    time = time * price / llmb_max(items, 1);

    g->finish = start + time;
    u->last = llmb_max(u->last, g->finish);

    if (u->waiting == LLMB_NIL) {
        /* what is used while others want nothing is not held against it */
        u->time = u->last;

    } else {
        /* who does not wait for its turn does not end those of others */
        start = llmb_min(start, llmb_turns(z)[u->waiting].rank);
        u->time = llmb_max(u->time, start);

        if (rested) {
            /* or else those of whom there is no end were before all others */
            u->time += time / (u->nwaiting + 1);
        }
    }
}
