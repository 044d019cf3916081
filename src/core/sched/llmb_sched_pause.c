
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * While an upstream wants no calls.  Who can wait for the end of the pause
 * does; the others are refused at once, since their calls would be the storm
 * that the upstream asked to be spared.  Once a second those of them who are
 * there leave together: if that call is taken, the pause is over.
 *
 * At its end, all who have waited would be as bad a storm.  So there is one
 * call, and the others wait until that is taken; but at their deadlines they
 * go, for they have done all that the upstream asked of them.
 */


#include <string.h>

#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"


static uint32_t llmb_sched_sweep(llmb_zone_t *z, llmb_group_t *g,
    unsigned probe, uint64_t now);
static void llmb_sched_refuse(llmb_zone_t *z, uint32_t member, uint64_t now);


unsigned
llmb_sched_halt(llmb_zone_t *z, uint32_t group, unsigned probe, uint64_t until,
    uint64_t now)
{
    uint64_t       before;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    if (until <= now) {
        return 0;
    }

    before = g->paused;

    /* what is said to a probe is newer than all that was said before */

    g->paused = probe == LLMB_PROBE_PAUSE ? until
                                          : llmb_max(g->paused, until);
    g->probe = now + LLMB_SCHED_PROBE;
    g->trial = 0;
    g->untried = 1;

    /* many calls may be told at once, and thousands may wait */

    if (g->paused > before || g->stranded) {
        g->sweep = LLMB_NIL;
        (void) llmb_sched_sweep(z, g, 0, now);
    }

    llmb_sched_attend(z, group, now);

    return before <= now;
}


void
llmb_sched_resume(llmb_zone_t *z, uint32_t group, unsigned probe,
    uint64_t now)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    if (now < g->paused && probe != LLMB_PROBE_PAUSE) {
        /* it had left when this pause began */
        return;
    }

    g->untried = 0;

    if (now < llmb_sched_shut(g)) {
        g->paused = 0;
        g->trial = 0;
        g->rearm = 1;
        llmb_sched_attend(z, group, now);
    }
}


unsigned
llmb_sched_is_shut_out(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    if (now >= g->paused || llmb_sched_may_wait(m, g->paused, now)) {
        return 0;
    }

    if (now < g->probe) {
        llmb_sched_refuse(z, member, now);
        return 1;
    }

    g->stranded = 1;
    g->joined = 1;

    return 0;
}


/*
 * A part is no probe: others of its request would be refused, and take it
 * along.
 */

uint32_t
llmb_sched_probe(llmb_zone_t *z, llmb_group_t *g, uint32_t lender,
    uint64_t now)
{
    unsigned        probe;
    llmb_member_t  *m;

    m = llmb_sched_waits(z, g, lender) ? llmb_member(z, lender) : NULL;
    probe = now >= g->probe;

    if (m && !llmb_sched_may_wait(m, g->paused, now)) {

        if (probe && !m->part) {
            return lender;
        }

        if (probe) {
            g->stranded = 1;

        } else {
            llmb_sched_dequeue(z, lender);
            llmb_sched_refuse(z, lender, now);
        }
    }

    return g->stranded ? llmb_sched_sweep(z, g, probe, now) : LLMB_NIL;
}


/*
 * Of those that wait, the ones that cannot are refused; or the first of them
 * is to be the probe.  There may be thousands, so it is done step by step: the
 * worker of the one at which a step has ended goes on with it.
 */

static uint32_t
llmb_sched_sweep(llmb_zone_t *z, llmb_group_t *g, unsigned probe,
    uint64_t now)
{
    uint32_t        i, n;
    llmb_member_t  *m;

    if (g->sweep == LLMB_NIL) {
        g->sweep = g->queue.head;
        g->joined = 0;
    }

    g->stranded = 1;

    for (n = LLMB_SCHED_STEP; g->sweep != LLMB_NIL && n; n--) {
        i = g->sweep;
        m = llmb_member(z, i);

        if (llmb_sched_may_wait(m, g->paused, now)) {
            g->sweep = llmb_queue_links(z)[i].next;
            continue;
        }

        if (probe && !m->part) {
            return i;
        }

        llmb_sched_dequeue(z, i);
        llmb_sched_refuse(z, i, now);
    }

    if (g->sweep != LLMB_NIL) {
        llmb_sched_mail_member(z, g->sweep);

    } else if (g->joined && g->queue.n) {
        llmb_sched_mail_member(z, g->queue.head);

    } else {
        g->stranded = 0;
    }

    return LLMB_NIL;
}


static void
llmb_sched_refuse(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_sched_set_refused(llmb_group(z, m->group), m, now);
    llmb_member_do(z, m, LLMB_MEMBER_DO_REFUSE);

    llmb_sched_mail_member(z, member);
}


void
llmb_sched_set_refused(const llmb_group_t *g, llmb_member_t *m, uint64_t now)
{
    memset(&m->result, 0, sizeof(llmb_result_t));

    m->result.wait = now > m->since ? (uint32_t) (now - m->since) : 0;
    m->result.status = LLMB_STATUS_FAILED;
    m->result.reason = LLMB_REASON_UPSTREAM_ERROR;

    m->refused = g->paused > now ? (uint32_t) (g->paused - now) : 1;
}
