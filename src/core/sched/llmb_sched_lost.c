
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A worker that stands still: it was stopped, or waits for a disk.  Unlike one
 * that has died it may go on at any time, where it was, so what it has is not
 * taken from it but for what others wait for.
 */


#include "llmb_chunks.h"
#include "llmb_sched_batch.h"
#include "llmb_sched_call.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_lost.h"
#include "llmb_sched_queue.h"


static uint32_t llmb_sched_lose_call(llmb_zone_t *z, uint32_t call);


void
llmb_sched_seen(llmb_zone_t *z, uint32_t worker, uint64_t now)
{
    llmb_worker_t  *w;

    w = llmb_worker(z, worker);

    w->seen = now;

    if (w->lost) {
        w->lost = 0;
        llmb_chain_free(z, &w->room);
    }
}


unsigned
llmb_sched_is_lost(const llmb_worker_t *w, uint64_t now)
{
    /* clocks of workers differ: it may have been seen after "now" */

    return w->pid != 0 && now >= w->seen && now - w->seen >= LLMB_SCHED_LOST;
}


uint32_t
llmb_sched_give_up(llmb_zone_t *z, uint32_t worker, uint64_t now)
{
    uint32_t        i, n;
    llmb_call_t    *c;
    llmb_member_t  *m;
    llmb_worker_t  *w;

    w = llmb_worker(z, worker);
    n = 0;

    w->lost = 1;
    w->losses++;

    __sync_synchronize();

    for (i = 0; i < z->nmembers; i++) {
        m = llmb_member(z, i);

        if (m->state == LLMB_MEMBER_FREE || m->worker != worker) {
            continue;
        }

        if (m->state == LLMB_MEMBER_QUEUED) {
            llmb_sched_shelve(z, i, now);
        }
    }

    for (i = 0; i < z->ncalls; i++) {
        c = llmb_call(z, i);

        if (c->state != LLMB_CALL_FREE && c->state != LLMB_CALL_LOST
            && c->worker == worker)
        {
            n += llmb_sched_lose_call(z, i);
        }
    }

    /* it may have been the one that was to send them, or that had the timer */

    for (i = 0; i < z->ngroups; i++) {
        if (llmb_group(z, i)->used) {
            llmb_sched_attend(z, i, now);
        }
    }

    return n;
}


/* its record stays, for its worker has the index of it */

static uint32_t
llmb_sched_lose_call(llmb_zone_t *z, uint32_t call)
{
    uint32_t        i, n, next;
    llmb_call_t    *c;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    n = 0;

    for (i = c->members.head; i != LLMB_NIL; i = next) {
        next = llmb_queue_links(z)[i].next;
        m = llmb_member(z, i);

        if (m->worker == c->worker) {
            continue;
        }

        llmb_member_leave_room(z, i, c->worker);

        n += (m->state == LLMB_MEMBER_CLAIMED);
        llmb_sched_release(z, i, LLMB_REASON_WORKER_LOST);
    }

    llmb_call_do(z, c, LLMB_CALL_DO_LOSE);
    llmb_sched_free_slot(z, llmb_group(z, c->group));

    return n;
}
