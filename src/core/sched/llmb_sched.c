
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Members join their group; whether anything of it is to be sent, and why.
 */


#include <string.h>

#include "llmb_company.h"
#include "llmb_patience.h"
#include "llmb_sched.h"
#include "llmb_sched_batch.h"
#include "llmb_sched_hold.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_when.h"


static unsigned llmb_sched_goes_apart(llmb_zone_t *z, llmb_group_t *g,
    const llmb_member_t *m, uint64_t now);
static unsigned llmb_sched_next(llmb_zone_t *z, llmb_group_t *g,
    uint32_t lender, uint64_t now, llmb_batch_t *batch);
static unsigned llmb_sched_is_due(llmb_zone_t *z, llmb_group_t *g,
    uint32_t member, uint64_t now);
static void llmb_sched_due_calls(llmb_zone_t *z, llmb_worker_t *w,
    uint64_t now);


void
llmb_sched_join(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    llmb_member_do(z, m, LLMB_MEMBER_DO_JOIN);

    m->since = now;
    llmb_company_enter(z, member, now);
    llmb_sched_hold(z, g, m, now);
    m->patience = (uint8_t) llmb_patience_of(&g->policy, m);

    llmb_health_request(&g->health, m->flow, now);
    llmb_patience_sees(z, g, now);
    llmb_arrivals_add(&g->arrivals, now * 1000);

    if (llmb_sched_is_shut_out(z, member, now)) {
        return;
    }

    m->rank = llmb_fair_rank(&g->fair, m->flow, m->priority,
                             llmb_max(m->tokens, m->items));

    llmb_sched_enqueue(z, member);

    if (llmb_sched_goes_apart(z, g, m, now)) {
        llmb_sched_single(z, g, member, LLMB_CLOSE_SLOT, now);

        /* those who wait are not served by that */
        llmb_sched_attend(z, m->group, now);
        return;
    }

    if (g->stranded || llmb_sched_is_due(z, g, member, now)
        || llmb_when(z, g, now).at <= now)
    {
        /* by mail, so whatever else this pass brings leaves with it */
        llmb_sched_mail_member(z, member);
        return;
    }

    llmb_sched_line_up(z, m->group, now);
}


/*
 * Where calls do not get cheaper by company there is nothing to wait for,
 * unless there are to be few of them, or none for now.
 */

static unsigned
llmb_sched_goes_apart(llmb_zone_t *z, llmb_group_t *g, const llmb_member_t *m,
    uint64_t now)
{
    if (now < llmb_sched_shut(g) || now < llmb_sched_quota(g, now)) {
        return 0;
    }

    if (m->solo) {
        return 1;
    }

    return !m->part
           && g->policy.window == LLMB_WINDOW_SLOT
           && !llmb_learn_merges(llmb_learn_of(z, g), now * 1000);
}


void
llmb_sched_flush(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t lender, uint64_t now)
{
    uint32_t       before;
    llmb_batch_t   batch;
    llmb_group_t  *g;

    g = llmb_group(z, group);
    before = g->queue.n;

    llmb_sched_use_turn(z, group);
    llmb_sched_watch(z, g, now);

    /* if there is more to be sent than this, somebody is asked to go on */

    while (before - g->queue.n < LLMB_SCHED_STEP
           && llmb_sched_next(z, g, lender, now, &batch))
    {
        llmb_count_step();

        llmb_sched_take(z, g, worker, lender, &batch);

        if (batch.n > 1 && !batch.found) {
            /* another worker is asked */
            llmb_sched_mail_member(z, llmb_sched_first(g, &batch));
            break;
        }

        llmb_sched_seal(z, g, worker, &batch, now);
    }

    if (g->queue.n != before) {
        llmb_sched_attend(z, group, now);

    } else {
        llmb_sched_line_up(z, group, now);
        llmb_sched_call_up(z, llmb_upstream_of(z, g), now);
    }
}


/*
 * Whether anything is to be sent, and why.  Who is due is sent, whatever those
 * before it may wait for.
 */

static unsigned
llmb_sched_next(llmb_zone_t *z, llmb_group_t *g, uint32_t lender,
    uint64_t now, llmb_batch_t *batch)
{
    llmb_when_t  when;

    memset(batch, 0, sizeof(llmb_batch_t));

    batch->must = LLMB_NIL;

    if (now < g->paused) {
        batch->close = LLMB_CLOSE_DEADLINE;
        batch->must = llmb_sched_probe(z, g, lender, now);
        batch->paused = g->paused;
        return batch->must != LLMB_NIL;
    }

    g->stranded = 0;
    g->sweep = LLMB_NIL;

    if (llmb_sched_is_due(z, g, lender, now)) {
        batch->close = LLMB_CLOSE_DEADLINE;
        batch->must = lender;
        return 1;
    }

    when = llmb_when(z, g, now);

    batch->close = when.why;
    batch->must = when.who;

    return when.at <= now;
}


static unsigned
llmb_sched_is_due(llmb_zone_t *z, llmb_group_t *g, uint32_t member,
    uint64_t now)
{
    llmb_member_t  *m;

    if (!llmb_sched_waits(z, g, member)) {
        return 0;
    }

    m = llmb_member(z, member);

    if (m->part || now < m->deadline) {
        return 0;
    }

    return now >= m->bound
           || (g->inflight < llmb_group_policy(g).concurrency
               && !llmb_sched_crowded(z, g, now));
}


void
llmb_sched_drain(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_batch_t    batch;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    if (m->state == LLMB_MEMBER_QUEUED) {
        memset(&batch, 0, sizeof(llmb_batch_t));

        batch.close = LLMB_CLOSE_DRAIN;
        batch.must = member;

        llmb_sched_take(z, g, m->worker, member, &batch);

        llmb_sched_seal(z, g, m->worker, &batch, now);
    }

    llmb_sched_attend(z, m->group, now);
}


void
llmb_sched_use_slot(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint64_t now)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    llmb_sched_free_slot(z, g);

    if (llmb_sched_turn(z, llmb_upstream_of(z, g)) != group) {
        llmb_sched_call_up(z, llmb_upstream_of(z, g), now);
    }

    llmb_sched_flush(z, group, worker, LLMB_NIL, now);

    if (g->turn || g->urgent != LLMB_NIL || g->unsure
        || llmb_when_near(z, g, now))
    {
        /*
         * a part that may go, but not before the end of a pause; or what was
         * learned of this call makes somebody leave earlier; or it is not yet
         * time for the next call, but it was by the clock of who waits for it
         */
        llmb_sched_attend(z, group, now);
    }
}


llmb_mail_e
llmb_sched_mail(llmb_zone_t *z, uint32_t worker, uint64_t now, uint32_t *i)
{
    llmb_worker_t  *w;
    llmb_member_t  *m;

    w = llmb_worker(z, worker);

    llmb_sched_due_calls(z, w, now);

    for ( ;; ) {
        llmb_count_step();

        *i = llmb_list_pop(&w->calls, llmb_call_links(z));

        if (*i != LLMB_NIL) {
            return LLMB_MAIL_SEND;
        }

        *i = llmb_list_pop(&w->members, llmb_mail_links(z));

        if (*i == LLMB_NIL) {
            return LLMB_MAIL_NONE;
        }

        m = llmb_member(z, *i);

        switch (m->state) {

        case LLMB_MEMBER_ANSWERED:
            return m->refused ? LLMB_MAIL_REFUSE : LLMB_MAIL_ANSWER;

        case LLMB_MEMBER_QUEUED:
            llmb_sched_flush(z, m->group, worker, *i, now);

            if (m->state == LLMB_MEMBER_QUEUED) {
                llmb_group(z, m->group)->rearm = 0;
                return LLMB_MAIL_ARM;
            }

            if (llmb_mail_links(z)[*i].linked) {
                /* it is next: those behind it may have groups of their own */
                llmb_list_remove(&w->members, llmb_mail_links(z), *i);
                llmb_list_push_head(&w->members, llmb_mail_links(z), *i);
            }

            break;
        }
    }
}


/* calls that were to be sent later are mail from now on, step by step */

static void
llmb_sched_due_calls(llmb_zone_t *z, llmb_worker_t *w, uint64_t now)
{
    uint32_t  i, n;

    for (n = LLMB_SCHED_STEP;
         n && w->later.n && llmb_call(z, w->later.head)->until <= now;
         n--)
    {
        llmb_count_step();

        i = llmb_list_pop(&w->later, llmb_call_links(z));

        llmb_call(z, i)->until = 0;
        llmb_list_push(&w->calls, llmb_call_links(z), i);
    }
}
