
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The steps of a call's life, in the order in which they happen.
 */


#include <string.h>

#include "llmb_chunks.h"
#include "llmb_company.h"
#include "llmb_group.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_lost.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"


static void llmb_sched_place(llmb_zone_t *z, uint32_t call, uint32_t worker);
static void llmb_sched_post(llmb_zone_t *z, uint32_t call, uint32_t worker);
static uint32_t llmb_sched_lender(llmb_zone_t *z, uint32_t call,
    uint32_t worker);
static uint32_t llmb_sched_heir(llmb_zone_t *z, uint32_t call);
static void llmb_sched_result(llmb_zone_t *z, uint32_t call);
static void llmb_sched_take_along(llmb_zone_t *z, uint32_t member,
    llmb_reason_e reason);
static void llmb_sched_requeue(llmb_zone_t *z, uint32_t call, uint64_t now);


uint32_t
llmb_sched_send(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    uint32_t      lender;
    llmb_call_t  *c;

    c = llmb_call(z, call);

    if (c->state == LLMB_CALL_LOST) {

        if (!llmb_call_is_single(z, call)) {
            llmb_sched_bury(z, call);
            return LLMB_NIL;
        }

        /* nobody else has waited for it */

        llmb_call_do(z, c, LLMB_CALL_DO_FIND);
        llmb_sched_take_slot(z, llmb_group(z, c->group));
    }

    llmb_sched_drop(z, call);

    lender = llmb_sched_lender(z, call, worker);

    if (lender == LLMB_NIL
        || (c->members.n == 1 && !llmb_call_is_single(z, call)))
    {
        llmb_sched_place(z, call, worker);
        return LLMB_NIL;
    }

    llmb_call_do(z, c, LLMB_CALL_DO_SEND);
    c->carrier = LLMB_CARRIER_OURS;

    llmb_sched_result(z, call);

    return lender;
}


uint64_t
llmb_sched_spent(llmb_zone_t *z, uint32_t call, uint64_t ms)
{
    uint32_t        i;
    uint64_t        most;
    llmb_member_t  *m;

    most = 0;

    for (i = llmb_call(z, call)->members.head;
         i != LLMB_NIL;
         i = llmb_queue_links(z)[i].next)
    {
        m = llmb_member(z, i);
        m->spent = (uint32_t) llmb_min(m->spent + ms, UINT32_MAX);
        most = llmb_max(most, m->spent);
    }

    return most;
}


void
llmb_sched_again(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_reason_e reason, uint64_t now)
{
    uint64_t      delay;
    llmb_call_t  *c;

    c = llmb_call(z, call);
    c->reason = (uint8_t) reason;

    /* what was not sent has not failed */

    if (reason == LLMB_REASON_INTERNAL) {
        c->unsent++;

    } else {
        c->tries++;
    }

    /* the golden ratio: numbers that follow each other are far apart */

    delay = (uint32_t) c->number * 2654435769U;
    delay = LLMB_SCHED_BACKOFF + delay * LLMB_SCHED_BACKOFF / UINT32_MAX;

    c->until = now + delay;
    c->carrier = LLMB_CARRIER_NONE;
    (void) llmb_sched_spent(z, call, delay);

    llmb_call_do(z, c, LLMB_CALL_DO_RETURN);

    llmb_sched_place(z, call, worker);
}


void
llmb_sched_isolate(llmb_zone_t *z, uint32_t call, llmb_reason_e reason,
    uint32_t percent, uint64_t now)
{
    uint32_t        i, next, allowed, harmful;
    llmb_call_t    *c;
    llmb_group_t   *g;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);

    allowed = llmb_health_allow(&g->health, percent, llmb_sched_live(z, call),
                                now);

    for (harmful = 0; harmful < 2; harmful++) {

        for (i = c->members.head; i != LLMB_NIL && allowed; i = next) {
            next = llmb_queue_links(z)[i].next;
            m = llmb_member(z, i);

            if (m->state == LLMB_MEMBER_CLAIMED
                && llmb_health_charged(&g->health, m->flow) <= harmful)
            {
                llmb_sched_release(z, i, reason);
                allowed--;
            }
        }
    }
}


void
llmb_sched_halve(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_reason_e reason)
{
    uint32_t       i, n, other;
    llmb_call_t   *c, *o;

    c = llmb_call(z, call);
    c->reason = (uint8_t) reason;
    c->carrier = LLMB_CARRIER_NONE;

    llmb_call_do(z, c, LLMB_CALL_DO_RETURN);

    llmb_sched_drop(z, call);

    other = c->members.n < 2 ? LLMB_NIL : llmb_call_alloc(z, c->group);

    if (other == LLMB_NIL) {
        /* the same call again would come to the same end */

        (void) llmb_sched_release_all(z, call, reason);
        llmb_sched_place(z, call, worker);
        return;
    }

    o = llmb_call(z, other);
    o->close = c->close;
    o->tries = c->tries;
    o->unsent = c->unsent;
    o->reason = c->reason;

    for (n = c->members.n / 2; n; n--) {
        i = c->members.tail;

        llmb_list_remove(&c->members, llmb_queue_links(z), i);
        llmb_list_push_head(&o->members, llmb_queue_links(z), i);
        llmb_member(z, i)->call = other;
    }

    llmb_sched_take_slot(z, llmb_group(z, c->group));

    llmb_sched_place(z, call, worker);
    llmb_sched_place(z, other, worker);
}


/*
 * Finds out who sends a sealed call: this worker if it holds a member, else
 * one that does.  What is left of one of several may also be a single member,
 * which goes alone, or nothing.
 */

static void
llmb_sched_place(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    uint32_t       i;
    llmb_call_t   *c;
    llmb_group_t  *g;

    llmb_sched_drop(z, call);

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);

    if (c->members.n == 1 && !llmb_call_is_single(z, call)) {
        llmb_sched_release(z, c->members.head, (llmb_reason_e) c->reason);
    }

    if (c->members.n == 0) {
        llmb_call_do(z, c, LLMB_CALL_DO_END);
        llmb_sched_free_slot(z, g);

        /* a slot may be free for those whose turn it is, or one of ours */

        i = llmb_sched_turn(z, llmb_upstream_of(z, g));

        if (i != LLMB_NIL) {
            llmb_sched_mail_member(z, llmb_group(z, i)->queue.head);
        }

        if (g->queue.n) {
            llmb_sched_mail_member(z, g->queue.head);
        }

        llmb_call_free(z, call);
        return;
    }

    if (llmb_sched_lender(z, call, worker) == LLMB_NIL) {
        worker = llmb_sched_heir(z, call);
    }

    llmb_sched_post(z, call, worker);
}


/* to its worker, which may have been given up */

static void
llmb_sched_post(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    llmb_call_t  *c;

    c = llmb_call(z, call);

    llmb_sched_mail_call(z, call, worker);

    if (llmb_worker(z, worker)->lost) {
        llmb_call_do(z, c, LLMB_CALL_DO_LOSE);
        llmb_sched_free_slot(z, llmb_group(z, c->group));
    }
}


/* who has a member of a call, and is not lost if that can be */

static uint32_t
llmb_sched_heir(llmb_zone_t *z, uint32_t call)
{
    uint32_t  i, head;

    head = llmb_call(z, call)->members.head;

    for (i = head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        if (!llmb_worker(z, llmb_member(z, i)->worker)->lost) {
            return llmb_member(z, i)->worker;
        }
    }

    return llmb_member(z, head)->worker;
}


/* frees the members whose clients are gone */

void
llmb_sched_drop(llmb_zone_t *z, uint32_t call)
{
    uint32_t        i, next;
    llmb_call_t    *c;
    llmb_member_t  *m;

    c = llmb_call(z, call);

    for (i = c->members.head; i != LLMB_NIL; i = next) {
        next = llmb_queue_links(z)[i].next;
        m = llmb_member(z, i);

        if (m->state == LLMB_MEMBER_ABANDONED) {
            llmb_list_remove(&c->members, llmb_queue_links(z), i);
            llmb_member_do(z, m, LLMB_MEMBER_DO_DROP);
            llmb_member_free(z, i);
        }
    }
}


static uint32_t
llmb_sched_lender(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    uint32_t        i;
    llmb_member_t  *m;

    for (i = llmb_call(z, call)->members.head;
         i != LLMB_NIL;
         i = llmb_queue_links(z)[i].next)
    {
        m = llmb_member(z, i);

        if (m->worker == worker && m->state == LLMB_MEMBER_CLAIMED) {
            return i;
        }
    }

    return LLMB_NIL;
}


/* numbers the members of a call that is being sent */

static void
llmb_sched_result(llmb_zone_t *z, uint32_t call)
{
    uint32_t        i;
    llmb_call_t    *c;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    c->items = 0;

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);

        if (!llmb_call_is_single(z, call)) {
            m->result.call = c->number;
        }

        m->result.index = c->items;
        m->result.tokens = m->tokens;
        m->result.reason = c->reason;
        m->result.status = !llmb_call_is_single(z, call) ? LLMB_STATUS_MERGED
                           : c->reason == LLMB_REASON_NONE
                           ? LLMB_STATUS_SINGLE : LLMB_STATUS_FALLBACK;
        m->result.alone = (uint8_t) llmb_company_why(z, m);

        c->items += m->items;
    }

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        llmb_member(z, i)->result.size = c->items;
    }
}


void
llmb_sched_answer(llmb_zone_t *z, uint32_t member, uint32_t len)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_list_remove(&llmb_call(z, m->call)->members, llmb_queue_links(z),
                     member);

    llmb_chain_free(z, &m->text);

    m->text = m->room;
    m->len = len;
    m->room.n = 0;
    m->call = LLMB_NIL;

    if (m->state == LLMB_MEMBER_ABANDONED) {
        llmb_member_do(z, m, LLMB_MEMBER_DO_DROP);
        llmb_member_free(z, member);
        return;
    }

    llmb_member_do(z, m, LLMB_MEMBER_DO_ANSWER);

    llmb_sched_mail_member(z, member);
}


void
llmb_sched_release(llmb_zone_t *z, uint32_t member, llmb_reason_e reason)
{
    llmb_call_t    *c;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    c = llmb_call(z, m->call);

    if (m->state == LLMB_MEMBER_ABANDONED) {
        llmb_list_remove(&c->members, llmb_queue_links(z), member);

        llmb_member_do(z, m, LLMB_MEMBER_DO_DROP);
        llmb_member_free(z, member);
        return;
    }

    llmb_member_unroom(z, member);

    if (!llmb_call_is_single(z, m->call)) {
        llmb_sched_take_along(z, member, reason);
        return;
    }

    /* by its client's own request, as there is no other way left */

    c->reason = (uint8_t) reason;
    c->direct = 1;
    c->carrier = LLMB_CARRIER_NONE;

    switch (c->state) {

    case LLMB_CALL_SENT:
        llmb_call_do(z, c, LLMB_CALL_DO_RETURN);
        break;

    case LLMB_CALL_LOST:
        llmb_call_do(z, c, LLMB_CALL_DO_FIND);
        llmb_sched_take_slot(z, llmb_group(z, c->group));
        break;
    }

    llmb_sched_unmail_call(z, m->call);
    c->until = 0;

    llmb_sched_post(z, m->call, m->worker);
}


/* from a call of several into one of its own */

static void
llmb_sched_take_along(llmb_zone_t *z, uint32_t member, llmb_reason_e reason)
{
    llmb_call_t    *c, *own;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    c = llmb_call(z, m->call);

    llmb_list_remove(&c->members, llmb_queue_links(z), member);

    llmb_call_open(z, member, m->group);

    own = llmb_call(z, member);
    own->close = c->close;
    own->probe = c->probe;
    own->reason = (uint8_t) reason;

    m->call = member;
    llmb_list_push(&own->members, llmb_queue_links(z), member);

    llmb_sched_take_slot(z, llmb_group(z, m->group));

    llmb_sched_post(z, member, m->worker);
}


llmb_rc_e
llmb_sched_release_all(llmb_zone_t *z, uint32_t call, llmb_reason_e reason)
{
    llmb_call_t  *c;

    for (c = llmb_call(z, call); c->members.n; /* void */ ) {

        if (llmb_call_is_single(z, call)
            && llmb_member(z, call)->state == LLMB_MEMBER_CLAIMED)
        {
            llmb_sched_release(z, call, reason);
            return LLMB_AGAIN;
        }

        llmb_sched_release(z, c->members.head, reason);
    }

    return LLMB_OK;
}


void
llmb_sched_go(llmb_zone_t *z, uint32_t call)
{
    llmb_call_t    *c;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    m = llmb_member(z, call);

    c->carrier = LLMB_CARRIER_CLIENT;

    /* the room is for those that wait */

    llmb_chain_free(z, &m->text);
    m->len = 0;
}


void
llmb_sched_end(llmb_zone_t *z, uint32_t call, uint32_t worker, uint64_t now)
{
    uint32_t      group;
    llmb_call_t  *c;

    c = llmb_call(z, call);
    group = c->group;

    if (c->state == LLMB_CALL_LOST) {
        llmb_sched_bury(z, call);
        return;
    }

    if (llmb_sched_release_all(z, call, LLMB_REASON_INTERNAL) != LLMB_OK) {
        return;
    }

    llmb_call_do(z, c, LLMB_CALL_DO_END);

    /* the record may be needed at once, for a member that waits again */

    llmb_group_pin(z, group);
    llmb_call_free(z, call);

    llmb_sched_use_slot(z, group, worker, now);
    llmb_group_release(z, group);
}


uint32_t
llmb_sched_live(llmb_zone_t *z, uint32_t call)
{
    uint32_t  i, n;

    n = 0;

    for (i = llmb_call(z, call)->members.head;
         i != LLMB_NIL;
         i = llmb_queue_links(z)[i].next)
    {
        n += (llmb_member(z, i)->state == LLMB_MEMBER_CLAIMED);
    }

    return n;
}


unsigned
llmb_sched_pause(llmb_zone_t *z, uint32_t call, uint64_t until, uint64_t now)
{
    unsigned      begun;
    llmb_call_t  *c;

    c = llmb_call(z, call);

    begun = llmb_sched_halt(z, c->group, c->probe, until, now);

    llmb_sched_requeue(z, call, now);

    return begun;
}


unsigned
llmb_sched_yield(llmb_zone_t *z, uint32_t call, uint64_t now)
{
    uint32_t       i;
    llmb_call_t   *c;
    llmb_group_t  *g;

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);

    if (now >= g->paused) {
        return 0;
    }

    llmb_sched_requeue(z, call, now);

    while (c->members.n) {
        i = c->members.head;

        llmb_sched_set_refused(g, llmb_member(z, i), now);
        llmb_member_unroom(z, i);
        llmb_sched_answer(z, i, 0);
    }

    return 1;
}


/* members of a call that may wait go back to the queue */

static void
llmb_sched_requeue(llmb_zone_t *z, uint32_t call, uint64_t now)
{
    uint32_t        i, next;
    llmb_call_t    *c;
    llmb_group_t   *g;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);

    for (i = c->members.head; i != LLMB_NIL; i = next) {
        next = llmb_queue_links(z)[i].next;
        m = llmb_member(z, i);

        if (m->state != LLMB_MEMBER_CLAIMED) {
            continue;
        }

        if (llmb_worker(z, m->worker)->lost) {
            /* nobody is in a queue who cannot leave it */
            llmb_sched_release(z, i, LLMB_REASON_WORKER_LOST);
            continue;
        }

        if (!llmb_sched_may_wait(m, g->paused, now)) {
            continue;
        }

        llmb_list_remove(&c->members, llmb_queue_links(z), i);
        llmb_member_do(z, m, LLMB_MEMBER_DO_REQUEUE);

        m->call = LLMB_NIL;
        memset(&m->result, 0, sizeof(llmb_result_t));

        llmb_member_unroom(z, i);
        llmb_sched_enqueue(z, i);
        llmb_sched_mail_member(z, i);
    }

    llmb_sched_attend(z, c->group, now);
}


void
llmb_sched_bury(llmb_zone_t *z, uint32_t call)
{
    llmb_call_t  *c;

    c = llmb_call(z, call);

    if (llmb_sched_release_all(z, call, LLMB_REASON_WORKER_LOST) != LLMB_OK) {
        return;
    }

    llmb_call_do(z, c, LLMB_CALL_DO_END);
    llmb_call_free(z, call);
}
