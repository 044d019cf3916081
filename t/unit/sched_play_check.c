
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "llmb_slots.h"
#include "llmb_when.h"
#include "sched_play.h"


/* what the workers know and what the tables say */

static const char *
play_check_members(play_t *play)
{
    uint32_t        i;
    unsigned        mailed, due, ok;
    llmb_member_t  *m;
    play_member_t  *pm;
    play_worker_t  *pw;

    for (i = 0; i < play->z->nmembers; i++) {
        m = llmb_member(play->z, i);
        pm = &play->members[i];

        if (pm->phase == PLAY_NONE) {
            if (m->state != LLMB_MEMBER_FREE
                && m->state != LLMB_MEMBER_ABANDONED
                && !play->workers[m->worker].dead)
            {
                sched_fail("member %u, state %u is nobody's", i, m->state);
            }

            continue;
        }

        pw = &play->workers[pm->worker];

        if (pw->epoch != play->z->epoch) {
            continue;
        }

        mailed = llmb_mail_links(play->z)[i].linked;
        due = (m->state == LLMB_MEMBER_ANSWERED);

        switch (pm->phase) {

        case PLAY_WRITING:
            ok = (m->state == LLMB_MEMBER_WRITING);
            break;

        case PLAY_HELD:
            ok = (m->state == LLMB_MEMBER_QUEUED
                  || m->state == LLMB_MEMBER_CLAIMED || (due && mailed));
            break;

        case PLAY_ANSWER:
            ok = (m->state == LLMB_MEMBER_ANSWERED && !mailed);
            break;

        default: /* PLAY_GONE */
            ok = (m->state == LLMB_MEMBER_CLAIMED && m->call == i
                  && llmb_call_is_own(llmb_call(play->z, i)));
        }

        if (!ok || m->gen != pm->gen || m->worker != pm->worker) {
            sched_fail("member %u, state %u in phase %d, mailed %u", i,
                       m->state, pm->phase, mailed);
        }
    }

    return NULL;
}


static const char *
play_check_calls(play_t *play)
{
    uint32_t      i;
    unsigned      held;
    llmb_call_t  *c;
    play_call_t  *pc;

    for (i = 0; i < play->z->ncalls; i++) {
        c = llmb_call(play->z, i);
        pc = &play->calls[i];

        if (pc->held && play->workers[pc->worker].epoch != play->z->epoch) {
            continue;
        }

        if (c->state != LLMB_CALL_FREE && play->workers[c->worker].dead) {
            continue;
        }

        held = c->state == LLMB_CALL_SENT ? 2
               : c->state == LLMB_CALL_SEALED
                 && !llmb_call_links(play->z)[i].linked;

        if (pc->held != held
            || (held && (pc->worker != c->worker || pc->gen != c->gen)))
        {
            sched_fail("call %u, state %u: held %u", i, c->state, pc->held);
        }
    }

    return NULL;
}


/* whose turn it is knows, and calls up the next */

static unsigned
play_is_called(play_t *play, const llmb_upstream_t *u)
{
    uint32_t  i;

    i = u->called == LLMB_NIL ? LLMB_NIL
                              : llmb_group(play->z, u->called)->queue.head;

    for ( /* void */ ; i != LLMB_NIL; i = llmb_queue_links(play->z)[i].next) {
        if (llmb_mail_links(play->z)[i].linked) {
            return 1;
        }
    }

    return 0;
}


/*
 * What other groups learn of the upstream moves nobody's timer: who is due
 * first is looked at as soon as something happens in its own group.
 */

static unsigned
play_closes(play_t *play, llmb_group_t *g, uint64_t now)
{
    uint8_t      unsure;
    uint32_t     urgent;
    llmb_when_t  when;

    urgent = g->urgent;
    unsure = g->unsure;

    if (llmb_upstream_of(play->z, g)->named.groups > 1) {
        g->urgent = LLMB_NIL;
        g->unsure = 0;
    }

    when = llmb_when(play->z, g, now);

    g->urgent = urgent;
    g->unsure = unsure;

    return when.at <= now;
}


/* each group that waits has somebody who will look at it in time */

static const char *
play_check_wake(play_t *play, uint32_t group)
{
    uint32_t       i;
    uint64_t       timer;
    llmb_group_t  *g;

    g = llmb_group(play->z, group);
    timer = UINT64_MAX;

    if (play_is_called(play, llmb_upstream_of(play->z, g))) {
        return NULL;
    }

    for (i = g->queue.head;
         i != LLMB_NIL;
         i = llmb_queue_links(play->z)[i].next)
    {
        if (llmb_mail_links(play->z)[i].linked) {
            return NULL;
        }

        timer = llmb_min(timer, play->members[i].timer);
    }

    timer -= 2 * PLAY_SKEW + 1;

    if (g->queue.n && timer > play->now
        && play_closes(play, g, timer))
    {
        sched_fail("group %u is forgotten for %u ms", group,
                   (unsigned) (timer - play->now));
    }

    return NULL;
}


/*
 * Who would be sent if there were a slot, by the clocks of all workers, is in
 * the line for one, or told to look, or has a timer that has fired by now: a
 * slot that comes free is not passed by, and nobody waits for a deadline.
 */

static const char *
play_check_line(play_t *play, uint32_t group)
{
    uint32_t          i;
    llmb_group_t     *g;
    llmb_upstream_t  *u;

    g = llmb_group(play->z, group);
    u = llmb_upstream_of(play->z, g);

    if (!g->policy.learned || llmb_turns(play->z)[group].height
        || u->inflight < llmb_slots_now(&u->slots)
        || play->now < llmb_sched_shut(g))
    {
        return NULL;
    }

    for (i = g->queue.head;
         i != LLMB_NIL;
         i = llmb_queue_links(play->z)[i].next)
    {
        if (llmb_mail_links(play->z)[i].linked
            || play->members[i].timer <= play->now + PLAY_SKEW)
        {
            return NULL;
        }
    }

    if (llmb_when_free(play->z, g, play->now).at <= play->now) {
        sched_fail("group %u waits for a slot, but not in the line", group);
    }

    return NULL;
}


/* in a pause not more than a call in a second, but for a worker that quits */

const char *
play_check_probe(play_t *play, uint32_t group, unsigned close, uint64_t at)
{
    uint64_t  gap, *last;

    last = &play->probes[group];

    if (close == LLMB_CLOSE_DRAIN) {
        return NULL;
    }

    /* they need not be seen in the order in which they left */

    gap = at > *last ? at - *last : *last - at;

    if (*last && gap + PLAY_SKEW < LLMB_SCHED_PROBE) {
        sched_fail("group %u: a probe after %u ms", group, (unsigned) gap);
    }

    *last = llmb_max(*last, at);

    return NULL;
}


/* nobody waits in vain: in a pause, for its end, or to be sent in this pass */

static const char *
play_check_pause(play_t *play, uint32_t group)
{
    uint32_t       i;
    unsigned       vain, mailed;
    llmb_group_t  *g;

    g = llmb_group(play->z, group);
    vain = mailed = 0;

    if (play->now + PLAY_SKEW >= g->paused) {
        return NULL;
    }

    for (i = g->queue.head;
         i != LLMB_NIL;
         i = llmb_queue_links(play->z)[i].next)
    {
        mailed |= llmb_mail_links(play->z)[i].linked;
        vain |= !llmb_sched_may_wait(llmb_member(play->z, i), g->paused,
                                     play->now);
    }

    if (vain && !(g->stranded && mailed)) {
        sched_fail("group %u: some wait in vain for the end of a pause",
                   group);
    }

    return NULL;
}


const char *
play_check(play_t *play)
{
    uint32_t        i;
    unsigned        away;
    llmb_worker_t  *w;
    play_worker_t  *pw;

    away = 0;

    sched_try(sched_check(play->z));
    sched_try(play_check_members(play));
    sched_try(play_check_calls(play));

    for (i = 0; i < PLAY_WORKERS; i++) {
        pw = &play->workers[i];
        w = llmb_worker(play->z, i);

        if (pw->dead || pw->epoch != play->z->epoch) {
            away = 1;

        } else if ((w->members.n || w->calls.n) && !pw->rung) {
            sched_fail("worker %u does not know of its mail", i);

        } else if (pw->later > llmb_sched_later(play->z, i) && !pw->rung) {
            sched_fail("worker %u has no timer for its calls", i);
        }
    }

    for (i = 0; i < PLAY_WORKERS; i++) {
        if (llmb_worker(play->z, i)->epoch == play->z->epoch) {
            continue;
        }

        if (play->z->settled || play->z->nfree != play->z->nchunks) {
            sched_fail("chunks given out before worker %u has settled", i);
        }
    }

    if (away == 0 && !play->z->settled) {
        sched_fail("all are here, but not settled");
    }

    for (i = 0; !away && i < play->z->ngroups; i++) {
        if (llmb_group(play->z, i)->used) {
            sched_try(play_check_wake(play, i));
            sched_try(play_check_line(play, i));
            sched_try(play_check_pause(play, i));
        }
    }

    return NULL;
}
