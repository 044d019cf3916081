
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The queue of a group: who is next, and who looks after it.
 */


#include "llmb_patience.h"
#include "llmb_sched_hold.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_when.h"


/*
 * The member that was asked to flush the group, or that had set a timer for
 * the end of a pause, the next call of a budget or who is due first, may be
 * gone: another one is asked.
 */

void
llmb_sched_attend(llmb_zone_t *z, uint32_t group, uint64_t now)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    llmb_sched_line_up(z, group, now);
    llmb_sched_call_up(z, llmb_upstream_of(z, g), now);

    if (g->queue.n == 0) {
        return;
    }

    llmb_sched_watch(z, g, now);

    if (g->rearm || llmb_when_early(z, g, now)) {
        llmb_sched_mail_member(z, g->queue.head);
    }
}


void
llmb_sched_enqueue(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    /* behind all of the same rank, or age */

    llmb_list_insert(&g->queue, llmb_queue_links(z), member,
                     llmb_tree_beyond(g->ranks, llmb_ranks(z), m->rank));
    llmb_tree_insert(&g->ranks, llmb_ranks(z), member, m->rank, g->joins);

    llmb_list_insert(&g->ages, llmb_age_links(z), member,
                     llmb_tree_beyond(g->births, llmb_births(z), m->since));
    llmb_tree_insert(&g->births, llmb_births(z), member, m->since, g->joins);

    g->joins++;

    llmb_sched_press(z, member);
    llmb_patience_add(g, m);

    g->items += m->items;
    g->tokens += m->tokens;
    g->bytes += m->bytes;
}


unsigned
llmb_sched_waits(llmb_zone_t *z, llmb_group_t *g, uint32_t member)
{
    llmb_member_t  *m;

    if (member == LLMB_NIL) {
        return 0;
    }

    m = llmb_member(z, member);

    return m->state == LLMB_MEMBER_QUEUED && llmb_group(z, m->group) == g;
}


void
llmb_sched_dequeue(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    if (g->sweep == member) {
        g->sweep = llmb_queue_links(z)[member].next;
    }

    llmb_list_remove(&g->queue, llmb_queue_links(z), member);
    llmb_list_remove(&g->ages, llmb_age_links(z), member);
    llmb_tree_remove(&g->ranks, llmb_ranks(z), member);
    llmb_tree_remove(&g->births, llmb_births(z), member);
    llmb_sched_unpress(z, member);
    llmb_patience_remove(z, g, m);
    llmb_sched_unmail(z, member);

    if (m->part) {
        g->turn = 0;
    }

    g->items -= m->items;
    g->tokens -= m->tokens;
    g->bytes -= m->bytes;

    if (g->queue.n == 0) {
        llmb_sched_leave_line(z, m->group);
    }
}


/*
 * It leaves.  If that is not because its turn has come, the turns of others are
 * as before: they are not behind what is left of its flow.
 */

void
llmb_sched_serve(llmb_zone_t *z, uint32_t member)
{
    uint64_t        rank;
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);
    rank = m->rank;

    llmb_sched_dequeue(z, member);

    if (g->queue.n) {
        rank = llmb_min(rank, llmb_member(z, g->queue.head)->rank);
    }

    llmb_fair_serve(&g->fair, rank, g->queue.n == 0);
}


uint64_t
llmb_sched_wake(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_sched_watch(z, llmb_group(z, m->group), now);

    return llmb_when_timer(z, m, now);
}
