
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How members go: served, with their client, or with their worker.
 */


#include "llmb_chunks.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_lost.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"


static void llmb_sched_lose(llmb_zone_t *z, uint32_t member);


void
llmb_sched_leave(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    uint32_t        call;
    llmb_call_t    *c;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    call = m->call;

    if (m->state == LLMB_MEMBER_QUEUED) {
        llmb_sched_dequeue(z, member);
        llmb_sched_attend(z, m->group, now);
    }

    llmb_member_do(z, m, LLMB_MEMBER_DO_LEAVE);

    if (m->state != LLMB_MEMBER_ABANDONED) {
        llmb_sched_unmail(z, member);
        llmb_member_free(z, member);
        return;
    }

    c = llmb_call(z, call);

    if (call == member && c->carrier != LLMB_CARRIER_OURS) {
        llmb_sched_unmail_call(z, call);
        llmb_sched_end(z, call, m->worker, now);
    }
}


uint32_t
llmb_sched_reap(llmb_zone_t *z, uint32_t worker, uint64_t now)
{
    uint32_t        i, orphans;
    llmb_call_t    *c;
    llmb_worker_t  *w;

    w = llmb_worker(z, worker);
    orphans = 0;

    for (i = 0; i < z->nmembers; i++) {
        if (llmb_member(z, i)->worker == worker) {
            llmb_sched_lose(z, i);
        }
    }

    for (i = 0; i < z->ncalls; i++) {
        c = llmb_call(z, i);

        if (c->state == LLMB_CALL_FREE || c->worker != worker) {
            continue;
        }

        llmb_sched_unmail_call(z, i);

        if (c->state == LLMB_CALL_LOST) {
            llmb_sched_bury(z, i);
            continue;
        }

        llmb_sched_drop(z, i);
        orphans += c->members.n;

        (void) llmb_sched_release_all(z, i, LLMB_REASON_WORKER_LOST);

        llmb_call_do(z, c, LLMB_CALL_DO_END);
        llmb_sched_free_slot(z, llmb_group(z, c->group));
        llmb_call_free(z, i);
    }

    if (w->bell) {
        w->bell = 0;
        z->bells--;
    }

    w->lost = 0;
    llmb_chain_free(z, &w->room);

    /* it may have been the one that was to send them, or that had the timer */

    for (i = 0; i < z->ngroups; i++) {
        if (llmb_group(z, i)->used) {
            llmb_sched_attend(z, i, now);
        }
    }

    /* whatever it was copying, it does no more */

    llmb_zone_settle(z, worker);

    return orphans;
}


/* the client of this member died with its worker */

static void
llmb_sched_lose(llmb_zone_t *z, uint32_t member)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    if (m->state == LLMB_MEMBER_FREE || m->state == LLMB_MEMBER_ABANDONED) {
        return;
    }

    if (m->state == LLMB_MEMBER_QUEUED) {
        llmb_sched_dequeue(z, member);
    }

    llmb_member_do(z, m, LLMB_MEMBER_DO_LEAVE);

    if (m->state == LLMB_MEMBER_ABANDONED) {
        return;
    }

    llmb_sched_unmail(z, member);
    llmb_member_free(z, member);
}
