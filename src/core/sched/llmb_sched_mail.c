
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What workers are told, and how they come to look.
 */


#include "llmb_sched_mail.h"


static void llmb_sched_ring(llmb_zone_t *z, uint32_t worker);


uint64_t
llmb_sched_later(llmb_zone_t *z, uint32_t worker)
{
    llmb_worker_t  *w;

    w = llmb_worker(z, worker);

    return w->later.n ? llmb_call(z, w->later.head)->until : UINT64_MAX;
}


void
llmb_sched_mail_member(llmb_zone_t *z, uint32_t member)
{
    uint32_t  worker;

    worker = llmb_member(z, member)->worker;

    if (!llmb_mail_links(z)[member].linked) {
        llmb_list_push(&llmb_worker(z, worker)->members, llmb_mail_links(z),
                       member);
    }

    llmb_sched_ring(z, worker);
}


void
llmb_sched_mail_call(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    uint32_t        i, n, next;
    llmb_call_t    *c;
    llmb_worker_t  *w;

    c = llmb_call(z, call);
    c->worker = (uint16_t) worker;

    w = llmb_worker(z, worker);

    if (c->until == 0) {
        llmb_list_push(&w->calls, llmb_call_links(z), call);

    } else {
        next = LLMB_NIL;

        /*
         * All of them are due within a moment, so it is near the tail; or else
         * it may as well be due with one that is not far from there.
         */

        n = 0;

        for (i = w->later.tail;
             i != LLMB_NIL && llmb_call(z, i)->until > c->until;
             i = llmb_call_links(z)[i].prev)
        {
            llmb_count_step();

            if (n++ == LLMB_SCHED_STEP) {
                c->until = llmb_call(z, i)->until;
                break;
            }

            next = i;
        }

        llmb_list_insert(&w->later, llmb_call_links(z), call, next);
    }

    llmb_sched_ring(z, worker);
}


void
llmb_sched_unmail_call(llmb_zone_t *z, uint32_t call)
{
    llmb_call_t    *c;
    llmb_worker_t  *w;

    c = llmb_call(z, call);
    w = llmb_worker(z, c->worker);

    if (llmb_call_links(z)[call].linked) {
        llmb_list_remove(c->until ? &w->later : &w->calls, llmb_call_links(z),
                         call);
    }
}


void
llmb_sched_remind(llmb_zone_t *z, uint32_t call)
{
    llmb_call_t  *c;

    c = llmb_call(z, call);

    if (c->state == LLMB_CALL_SEALED) {
        llmb_sched_ring(z, c->worker);
    }
}


void
llmb_sched_unmail(llmb_zone_t *z, uint32_t member)
{
    llmb_worker_t  *w;

    if (llmb_mail_links(z)[member].linked) {
        w = llmb_worker(z, llmb_member(z, member)->worker);
        llmb_list_remove(&w->members, llmb_mail_links(z), member);
    }
}


static void
llmb_sched_ring(llmb_zone_t *z, uint32_t worker)
{
    llmb_worker_t  *w;

    w = llmb_worker(z, worker);

    if (!w->bell) {
        w->bell = 1;
        z->bells++;
    }
}
