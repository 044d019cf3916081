
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


/* pieces of mail, or held requests, that are seen to before others are */

#define NGX_HTTP_LLM_BATCH_PASS  64


static void ngx_http_llm_batch_mail_handler(ngx_event_t *ev);
static void ngx_http_llm_batch_drain(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_await(ngx_http_llm_batch_zone_t *zone,
    uint64_t later);
static void ngx_http_llm_batch_lost(ngx_http_llm_batch_zone_t *zone);


void
ngx_http_llm_batch_actions_init(ngx_http_llm_batch_zone_t *zone)
{
    zone->mail.handler = ngx_http_llm_batch_mail_handler;
    zone->mail.data = zone;

    zone->later.handler = ngx_http_llm_batch_mail_handler;
    zone->later.data = zone;
}


static void
ngx_http_llm_batch_mail_handler(ngx_event_t *ev)
{
    uint32_t                    i;
    uint64_t                    epoch, later;
    ngx_uint_t                  n;
    llmb_mail_e                 mail;
    ngx_http_llm_batch_zone_t  *zone;

    zone = ev->data;

    if (zone == NULL || zone->worker == LLMB_NIL) {
        return;
    }

    if (zone->drains) {
        zone->drains = 0;
        ngx_http_llm_batch_drain(zone);
    }

    for (n = 0; n < NGX_HTTP_LLM_BATCH_PASS; n++) {
        ngx_http_llm_batch_lock(zone);

        mail = llmb_sched_mail(zone->tables, zone->worker, ngx_current_msec,
                               &i);
        epoch = zone->tables->epoch;
        later = llmb_sched_later(zone->tables, zone->worker);

        LLMB_CRASH("mail locked");
        LLMB_TEAR(zone, "mail torn");

        ngx_http_llm_batch_unlock(zone);

        if (epoch != zone->epoch) {
            ngx_http_llm_batch_lost(zone);
        }

        switch (mail) {

        case LLMB_MAIL_SEND:
            LLMB_CRASH("call popped");
            ngx_http_llm_batch_dispatch(zone, i);
            break;

        case LLMB_MAIL_ANSWER:
            ngx_http_llm_batch_fetch(zone->members[i]);
            break;

        case LLMB_MAIL_REFUSE:
            ngx_http_llm_batch_refused(zone->members[i]);
            break;

        case LLMB_MAIL_ARM:
            ngx_http_llm_batch_wake(zone->members[i]);
            break;

        default: /* LLMB_MAIL_NONE */
            ngx_http_llm_batch_set_timers(zone);
            ngx_http_llm_batch_await(zone, later);
            return;
        }
    }

    ngx_http_llm_batch_set_timers(zone);

    /* the event loop has its turn before the rest of it */

    ngx_post_event(&zone->mail, &ngx_posted_next_events);
}


/* others have the lock in between, as there may be thousands */

static void
ngx_http_llm_batch_drain(ngx_http_llm_batch_zone_t *zone)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q;
    llmb_member_t              *m;
    ngx_http_llm_batch_part_t  *part;

    if (zone->worker == LLMB_NIL) {
        return;
    }

    n = 0;

    ngx_http_llm_batch_lock(zone);

    for (q = ngx_queue_head(&zone->held);
         q != ngx_queue_sentinel(&zone->held);
         q = ngx_queue_next(q))
    {
        if (++n % NGX_HTTP_LLM_BATCH_PASS == 0) {
            ngx_http_llm_batch_unlock(zone);
            ngx_http_llm_batch_lock(zone);
        }

        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, queue);
        m = llmb_member(zone->tables, part->member);

        /* the parts of a request have their timer, and go as slots are free */

        if (zone->tables->epoch == part->epoch
            && m->state == LLMB_MEMBER_QUEUED
            && !m->part)
        {
            llmb_sched_drain(zone->tables, part->member, ngx_current_msec);
        }
    }

    ngx_http_llm_batch_unlock(zone);
}


/* the mail is looked at again when the first call is due that is sent later */

static void
ngx_http_llm_batch_await(ngx_http_llm_batch_zone_t *zone, uint64_t later)
{
    if (zone->later.timer_set) {
        ngx_del_timer(&zone->later);
    }

    if (later != UINT64_MAX) {
        ngx_add_timer(&zone->later, later > ngx_current_msec
                                    ? (ngx_msec_t) (later - ngx_current_msec)
                                    : 0);
    }
}


/* the tables were emptied: whoever was in them is on its own */

static void
ngx_http_llm_batch_lost(ngx_http_llm_batch_zone_t *zone)
{
    ngx_queue_t                *q;
    ngx_http_llm_batch_part_t  *part;

    ngx_memzero(zone->members, zone->tables->nmembers
                               * sizeof(ngx_http_llm_batch_part_t *));
    ngx_memzero(zone->calls, zone->tables->ncalls
                             * sizeof(ngx_http_llm_batch_call_t *));

    zone->epoch = zone->tables->epoch;

    /* each leaves the queue, and may take others along */

    while (!ngx_queue_empty(&zone->held)) {
        q = ngx_queue_head(&zone->held);
        part = ngx_queue_data(q, ngx_http_llm_batch_part_t, queue);

        ngx_http_llm_batch_lost_member(part);
    }
}
