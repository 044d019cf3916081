
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What workers are told, and how they come to look.
 */


#include "llmb_sched_parts.h"


static void llmb_sched_ring(llmb_zone_t *z, uint32_t worker);


llmb_mail_e
llmb_sched_mail(llmb_zone_t *z, uint32_t worker, uint64_t now, uint32_t *i)
{
    llmb_worker_t  *w;
    llmb_member_t  *m;

    w = llmb_worker(z, worker);

    for ( ;; ) {
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

        case LLMB_MEMBER_RELEASED:
            return LLMB_MAIL_ALONE;

        case LLMB_MEMBER_QUEUED:
            llmb_sched_flush(z, m->group, worker, *i, now);

            if (m->state == LLMB_MEMBER_QUEUED) {
                return LLMB_MAIL_WAKE;
            }

            break;
        }
    }
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
    llmb_call(z, call)->worker = (uint16_t) worker;

    llmb_list_push(&llmb_worker(z, worker)->calls, llmb_call_links(z), call);

    llmb_sched_ring(z, worker);
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
