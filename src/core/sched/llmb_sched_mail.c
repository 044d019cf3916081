
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What workers are told, and how they come to look.
 */


#include "llmb_sched_parts.h"
#include "llmb_sched_mail.h"


static void llmb_sched_due_calls(llmb_zone_t *z, llmb_worker_t *w,
    uint64_t now);
static void llmb_sched_ring(llmb_zone_t *z, uint32_t worker);


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
            return LLMB_MAIL_CALL;
        }

        *i = llmb_list_pop(&w->members, llmb_mail_links(z));

        if (*i == LLMB_NIL) {
            return LLMB_MAIL_NONE;
        }

        m = llmb_member(z, *i);

        switch (m->state) {

        case LLMB_MEMBER_ANSWERED:
            return m->refused ? LLMB_MAIL_REFUSED : LLMB_MAIL_ANSWER;

        case LLMB_MEMBER_QUEUED:
            llmb_sched_flush(z, m->group, worker, *i, now);

            if (m->state == LLMB_MEMBER_QUEUED) {
                return LLMB_MAIL_WAKE;
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
