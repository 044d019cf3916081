
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups whose calls go to one upstream share its slots, if their number is
 * learned.  A group that finds none waits for its turn.  That is the turn of
 * its tenant first, by what all of the tenant's groups have got: however many
 * it has, they have one share.  Then it is the group's among those, by what
 * each has got, weighted by priority, which is a matter of one tenant alone.
 * Turns are ranked like those of members in a group.  But they are charged for
 * the time of the upstream: tokens would give turns to those that send little
 * with each, and those with more to send, whose calls are worth it, would wait.
 *
 * Whose turn it is gets mail, and the slot is kept for it meanwhile, but not
 * for long: its worker may be slow, or dead.  Whatever goes wrong here, the
 * deadlines of members are kept, and nobody else needs a turn to do so.
 */


#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_share.h"
#include "llmb_upstream.h"
#include "llmb_when.h"


/* us that a call is said to take while nothing is known of that */

#define LLMB_SCHED_UNKNOWN  1000


static void llmb_line_push(llmb_line_t *l, llmb_tree_node_t *nodes,
    uint32_t i, uint64_t finish);
static void llmb_line_remove(llmb_line_t *l, llmb_tree_node_t *nodes,
    uint32_t i);
static void llmb_line_charge(llmb_line_t *l, llmb_tree_node_t *nodes,
    uint32_t i, uint64_t *finish, uint64_t time);


void
llmb_sched_line_up(llmb_zone_t *z, uint32_t group, uint64_t now)
{
    unsigned        waits;
    llmb_group_t   *g;
    llmb_tenant_t  *t;

    g = llmb_group(z, group);

    waits = llmb_sched_crowded(z, g, now)
            && llmb_when_free(z, g, now).at <= now;

    if (waits == (llmb_turns(z)[group].height != 0)) {
        return;
    }

    if (!waits) {
        llmb_sched_leave_line(z, group);
        return;
    }

    t = llmb_tenant_of(z, g);

    llmb_line_push(&t->line, llmb_turns(z), group, g->finish);

    if (t->line.n == 1) {
        llmb_line_push(&llmb_upstream_of(z, g)->line, llmb_tenant_turns(z),
                       g->payer, t->finish);
    }
}


void
llmb_sched_leave_line(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t     *g;
    llmb_tenant_t    *t;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    t = llmb_tenant_of(z, g);
    u = llmb_upstream_of(z, g);

    llmb_line_remove(&t->line, llmb_turns(z), group);

    if (t->line.n == 0) {
        llmb_line_remove(&u->line, llmb_tenant_turns(z), g->payer);
    }

    llmb_sched_use_turn(z, group);
}


uint32_t
llmb_sched_turn(llmb_zone_t *z, const llmb_upstream_t *u)
{
    uint32_t  tenant;

    tenant = llmb_tree_first(u->line.root, llmb_tenant_turns(z));

    return tenant == LLMB_NIL ? LLMB_NIL
           : llmb_tree_first(llmb_tenant(z, tenant)->line.root,
                             llmb_turns(z));
}


void
llmb_sched_call_up(llmb_zone_t *z, llmb_upstream_t *u, uint64_t now)
{
    llmb_group_t  *g;

    if (u->line.root == LLMB_NIL
        || llmb_sched_is_called(u, now)
        || llmb_sched_free_slots(u) == 0)
    {
        return;
    }

    u->called = llmb_sched_turn(z, u);
    u->since = now;

    g = llmb_group(z, u->called);

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
    uint64_t          time;
    llmb_group_t     *g;
    llmb_tenant_t    *t;
    llmb_upstream_t  *u;

    g = llmb_group(z, group);
    t = llmb_tenant_of(z, g);
    u = llmb_upstream_of(z, g);

    llmb_sched_use_turn(z, group);

    time = llmb_learn_service(llmb_learn_of(z, g), items);

    if (time == 0) {
        /* as long as nothing is known, each call takes the same time */
        time = LLMB_SCHED_UNKNOWN;
    }

    llmb_line_charge(&t->line, llmb_turns(z), group, &g->finish,
                     time * price / llmb_max(items, 1));

    /* what a request says of its priority is worth nothing to its tenant */

    llmb_line_charge(&u->line, llmb_tenant_turns(z), g->payer, &t->finish,
                     time);

    if (t->line.n) {
        llmb_line_push(&u->line, llmb_tenant_turns(z), g->payer, t->finish);
    }
}


static void
llmb_line_push(llmb_line_t *l, llmb_tree_node_t *nodes, uint32_t i,
    uint64_t finish)
{
    llmb_tree_insert(&l->root, nodes, i, llmb_max(l->time, finish),
                     l->turns++);
    l->n++;
}


static void
llmb_line_remove(llmb_line_t *l, llmb_tree_node_t *nodes, uint32_t i)
{
    if (nodes[i].height) {
        llmb_tree_remove(&l->root, nodes, i);
        l->n--;
    }
}


/* it waits no more, and has got so much time */

static void
llmb_line_charge(llmb_line_t *l, llmb_tree_node_t *nodes, uint32_t i,
    uint64_t *finish, uint64_t time)
{
    uint64_t  start;
    unsigned  rested;

    start = nodes[i].height ? nodes[i].rank : llmb_max(l->time, *finish);
    rested = *finish < start || *finish == 0;

    llmb_line_remove(l, nodes, i);

    *finish = start + time;
    l->last = llmb_max(l->last, *finish);

    if (l->root == LLMB_NIL) {
        /* whoever comes while this one is served is before its next turn */
        l->time = llmb_max(l->time, start);

    } else {
        /* who does not wait for its turn does not end those of others */
        i = llmb_tree_first(l->root, nodes);
        start = llmb_min(start, nodes[i].rank);
        l->time = llmb_max(l->time, start);

        if (rested) {
            /* or else those of whom there is no end were before all others */
            l->time += time / (l->n + 1) + 1;
        }
    }
}


void
llmb_sched_goes_to(llmb_zone_t *z, uint32_t group, uint64_t name, uint64_t now)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    if (llmb_upstream_of(z, g)->named.name || name == 0) {
        return;
    }

    llmb_sched_leave_line(z, group);
    llmb_upstream_join(z, group, name, now);

    if (g->queue.n) {
        /* there may be a slot for those who wait, or else they line up */
        llmb_sched_mail_member(z, g->queue.head);
    }
}
