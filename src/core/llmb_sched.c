
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The steps of a member's and a call's life, in the order in which they
 * happen.
 */


#include <string.h>

#include "llmb_sched.h"


static llmb_close_e llmb_sched_close(llmb_zone_t *z, llmb_group_t *g,
    uint64_t now);
static uint32_t llmb_sched_take(llmb_zone_t *z, llmb_group_t *g,
    uint32_t worker, uint32_t lender, uint32_t *taken);
static uint32_t llmb_sched_fill(llmb_zone_t *z, llmb_group_t *g,
    uint32_t worker, llmb_load_t *call);
static void llmb_sched_count(llmb_load_t *call, const llmb_member_t *m);
static void llmb_sched_seal(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t lender, uint32_t n, llmb_close_e close, uint64_t now);
static void llmb_sched_single(llmb_zone_t *z, uint32_t member,
    llmb_close_e close, uint64_t now);
static void llmb_sched_dequeue(llmb_zone_t *z, uint32_t member);
static void llmb_sched_enqueue(llmb_zone_t *z, uint32_t member,
    unsigned head);
static void llmb_sched_result(llmb_zone_t *z, uint32_t call);
static void llmb_sched_place(llmb_zone_t *z, uint32_t call, uint32_t worker);
static void llmb_sched_drop(llmb_zone_t *z, uint32_t call);
static uint32_t llmb_sched_lender(llmb_zone_t *z, uint32_t call,
    uint32_t worker);
static void llmb_sched_mail_member(llmb_zone_t *z, uint32_t member);
static void llmb_sched_mail_call(llmb_zone_t *z, uint32_t call,
    uint32_t worker);
static void llmb_sched_unmail(llmb_zone_t *z, uint32_t member);
static void llmb_sched_ring(llmb_zone_t *z, uint32_t worker);
static void llmb_sched_lose(llmb_zone_t *z, uint32_t member);


void
llmb_sched_join(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_JOIN);

    m->since = now;
    m->deadline = now + g->policy.max_wait;

    llmb_health_request(&g->health, now);
    llmb_sched_enqueue(z, member, 0);

    if (llmb_sched_close(z, g, now) != LLMB_CLOSE_NONE) {
        /* by mail, so whatever else this pass brings leaves with it */
        llmb_sched_mail_member(z, member);
    }
}


void
llmb_sched_flush(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t lender, uint64_t now)
{
    uint32_t       n;
    llmb_close_e   close;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    for ( ;; ) {
        close = llmb_sched_close(z, g, now);

        if (close == LLMB_CLOSE_NONE) {
            return;
        }

        lender = llmb_sched_take(z, g, worker, lender, &n);

        if (n == 1) {
            llmb_sched_single(z, g->queue.head, close, now);
            continue;
        }

        if (lender == LLMB_NIL) {
            llmb_sched_mail_member(z, g->queue.head);
            return;
        }

        llmb_sched_seal(z, group, worker, lender, n, close, now);
        lender = LLMB_NIL;
    }
}


void
llmb_sched_drain(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    uint32_t        n, lender;
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    while (m->state == LLMB_MEMBER_QUEUED) {
        lender = llmb_sched_take(z, g, m->worker, member, &n);

        if (n == 1) {
            llmb_sched_single(z, g->queue.head, LLMB_CLOSE_DRAIN, now);
            continue;
        }

        llmb_sched_seal(z, m->group, m->worker, lender, n, LLMB_CLOSE_DRAIN,
                        now);
    }
}


/* the load of the group, held against its policy */

static llmb_close_e
llmb_sched_close(llmb_zone_t *z, llmb_group_t *g, uint64_t now)
{
    llmb_load_t     load;
    llmb_member_t  *oldest;

    if (g->queue.n == 0) {
        return LLMB_CLOSE_NONE;
    }

    oldest = llmb_member(z, g->queue.head);

    load.requests = g->queue.n;
    load.items = g->items;
    load.tokens = g->tokens;
    load.bytes = g->bytes;
    load.inflight = g->inflight;
    load.since = oldest->since;
    load.deadline = oldest->deadline;
    load.paused = g->paused;

    return llmb_policy_close(&g->policy, &load, now);
}


/*
 * How many members, from the oldest on, go into the next call, and which of
 * them belongs to the worker.  If none does, the lender it named makes one of
 * them, as the last; so a worker in trouble holds up nobody else's members.
 */

static uint32_t
llmb_sched_take(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    uint32_t lender, uint32_t *taken)
{
    uint32_t     found;
    llmb_load_t  call;

    memset(&call, 0, sizeof(llmb_load_t));

    found = llmb_sched_fill(z, g, worker, &call);

    if (found == LLMB_NIL && lender != LLMB_NIL
        && llmb_member(z, lender)->state == LLMB_MEMBER_QUEUED
        && llmb_group(z, llmb_member(z, lender)->group) == g)
    {
        found = lender;

        memset(&call, 0, sizeof(llmb_load_t));

        llmb_sched_count(&call, llmb_member(z, lender));
        (void) llmb_sched_fill(z, g, worker, &call);
    }

    *taken = call.requests;

    return found;
}


/* adds the oldest members to a call, as many as fit */

static uint32_t
llmb_sched_fill(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    llmb_load_t *call)
{
    uint32_t        i, found;
    llmb_policy_t   policy;
    llmb_member_t  *m;

    policy = g->policy;

    if (g->learned && g->learned < policy.max_size) {
        policy.max_size = g->learned;
    }

    found = LLMB_NIL;

    for (i = g->queue.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);

        if (!llmb_policy_fits(&policy, call, m->items, m->tokens, m->len)) {
            break;
        }

        llmb_sched_count(call, m);

        if (m->worker == worker) {
            found = i;
        }
    }

    return found;
}


static void
llmb_sched_count(llmb_load_t *call, const llmb_member_t *m)
{
    call->requests++;
    call->items += m->items;
    call->tokens += m->tokens;
    call->bytes += m->len;
}


/* makes the n oldest members, the lender among them, a call */

static void
llmb_sched_seal(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t lender, uint32_t n, llmb_close_e close, uint64_t now)
{
    uint32_t        call, i;
    llmb_call_t    *c;
    llmb_group_t   *g;
    llmb_member_t  *m;

    g = llmb_group(z, group);
    call = llmb_call_alloc(z, group);

    if (call == LLMB_NIL) {
        llmb_sched_single(z, g->queue.head, close, now);
        return;
    }

    c = llmb_call(z, call);
    c->close = (uint8_t) close;
    c->sealed = now;

    while (c->members.n < n) {
        i = g->queue.head;

        if (c->members.n == n - 1
            && llmb_member(z, lender)->state == LLMB_MEMBER_QUEUED)
        {
            i = lender;
        }

        m = llmb_member(z, i);

        llmb_sched_dequeue(z, i);
        (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_CLAIM);

        m->call = call;
        m->result.close = (uint8_t) close;
        m->result.wait = (uint32_t) (now - m->since);

        llmb_list_push(&c->members, llmb_queue_links(z), i);
    }

    g->inflight++;

    llmb_sched_mail_call(z, call, worker);
}


/* a lone member needs no call of ours: it goes the way of any request */

static void
llmb_sched_single(llmb_zone_t *z, uint32_t member, llmb_close_e close,
    uint64_t now)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_sched_dequeue(z, member);
    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_RELEASE);

    m->slot = 1;
    llmb_group(z, m->group)->inflight++;

    m->result.size = m->items;
    m->result.tokens = m->tokens;
    m->result.close = (uint8_t) close;
    m->result.wait = (uint32_t) (now - m->since);
    m->result.status = LLMB_STATUS_SINGLE;

    llmb_sched_mail_member(z, member);
}


static void
llmb_sched_enqueue(llmb_zone_t *z, uint32_t member, unsigned head)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    if (head) {
        llmb_list_push_head(&g->queue, llmb_queue_links(z), member);

    } else {
        llmb_list_push(&g->queue, llmb_queue_links(z), member);
    }

    g->items += m->items;
    g->tokens += m->tokens;
    g->bytes += m->len;
}


static void
llmb_sched_dequeue(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    llmb_list_remove(&g->queue, llmb_queue_links(z), member);
    llmb_sched_unmail(z, member);

    g->items -= m->items;
    g->tokens -= m->tokens;
    g->bytes -= m->len;
}


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
            return LLMB_MAIL_ANSWER;

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


uint64_t
llmb_sched_wake(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    return llmb_policy_wake(&g->policy, m->since, m->deadline, g->paused, now);
}


uint32_t
llmb_sched_send(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    uint32_t      lender;
    llmb_call_t  *c;

    c = llmb_call(z, call);

    llmb_sched_drop(z, call);

    lender = llmb_sched_lender(z, call, worker);

    if (lender == LLMB_NIL || c->members.n == 1) {
        llmb_sched_place(z, call, worker);
        return LLMB_NIL;
    }

    (void) llmb_call_step(&c->state, LLMB_CALL_DO_SEND);

    llmb_sched_result(z, call);

    return lender;
}


void
llmb_sched_again(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_reason_e reason)
{
    llmb_call_t  *c;

    c = llmb_call(z, call);
    c->tries++;
    c->reason = (uint8_t) reason;

    (void) llmb_call_step(&c->state, LLMB_CALL_DO_RETURN);

    llmb_sched_place(z, call, worker);
}


void
llmb_sched_halve(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_reason_e reason)
{
    uint32_t       i, half, other;
    llmb_call_t   *c, *o;

    c = llmb_call(z, call);
    c->reason = (uint8_t) reason;

    (void) llmb_call_step(&c->state, LLMB_CALL_DO_RETURN);

    llmb_sched_drop(z, call);

    other = llmb_call_alloc(z, c->group);

    if (other != LLMB_NIL) {
        o = llmb_call(z, other);
        o->close = c->close;
        o->sealed = c->sealed;
        o->tries = c->tries;
        o->reason = c->reason;

        for (half = c->members.n / 2; half; half--) {
            i = c->members.tail;

            llmb_list_remove(&c->members, llmb_queue_links(z), i);
            llmb_list_push_head(&o->members, llmb_queue_links(z), i);
            llmb_member(z, i)->call = other;
        }

        llmb_group(z, c->group)->inflight++;
        llmb_sched_place(z, other, worker);
    }

    llmb_sched_place(z, call, worker);
}


/*
 * Finds out who sends a sealed call: this worker if it holds a member, else
 * one that does.  What is left of it may also be a single member, which goes
 * alone, or nothing.
 */

static void
llmb_sched_place(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    uint32_t      i;
    llmb_call_t  *c;

    llmb_sched_drop(z, call);

    c = llmb_call(z, call);
    i = c->members.head;

    if (c->members.n == 1) {
        llmb_sched_release(z, i, (llmb_reason_e) c->reason);
    }

    if (c->members.n == 0) {
        (void) llmb_call_step(&c->state, LLMB_CALL_DO_END);
        llmb_group(z, c->group)->inflight--;
        llmb_call_free(z, call);
        return;
    }

    if (llmb_sched_lender(z, call, worker) == LLMB_NIL) {
        worker = llmb_member(z, i)->worker;
    }

    llmb_sched_mail_call(z, call, worker);
}


/* frees the members whose clients are gone */

static void
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
            (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_DROP);
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

        m->result.call = c->number;
        m->result.index = c->items;
        m->result.status = LLMB_STATUS_MERGED;

        c->items += m->items;
    }

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        llmb_member(z, i)->result.size = c->items;
    }
}


void
llmb_sched_pause(llmb_zone_t *z, uint32_t call, uint64_t until, uint64_t now)
{
    uint32_t        i, prev;
    llmb_call_t    *c;
    llmb_group_t   *g;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    g = llmb_group(z, c->group);

    g->paused = llmb_max(g->paused, until);

    /* the oldest is put back last, so it comes first again */

    for (i = c->members.tail; i != LLMB_NIL; i = prev) {
        prev = llmb_queue_links(z)[i].prev;
        m = llmb_member(z, i);

        if (m->state != LLMB_MEMBER_CLAIMED || m->deadline <= until) {
            continue;
        }

        llmb_list_remove(&c->members, llmb_queue_links(z), i);
        (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_REQUEUE);

        m->call = LLMB_NIL;
        memset(&m->result, 0, sizeof(llmb_result_t));

        llmb_sched_enqueue(z, i, 1);
        llmb_sched_mail_member(z, i);
    }

    /* somebody has to set a timer for the end of the pause */

    if (g->queue.n && until > now) {
        llmb_sched_mail_member(z, g->queue.head);
    }
}


void
llmb_sched_answer(llmb_zone_t *z, uint32_t member, uint32_t chunks,
    uint32_t len)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_list_remove(&llmb_call(z, m->call)->members, llmb_queue_links(z),
                     member);

    llmb_chunks_free(z, m->chunks, m->nchunks);

    m->chunks = chunks;
    m->nchunks = llmb_chunks_needed(len);
    m->len = len;
    m->call = LLMB_NIL;

    if (m->state == LLMB_MEMBER_ABANDONED) {
        (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_DROP);
        llmb_member_free(z, member);
        return;
    }

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_ANSWER);

    llmb_sched_mail_member(z, member);
}


void
llmb_sched_release(llmb_zone_t *z, uint32_t member, llmb_reason_e reason)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_list_remove(&llmb_call(z, m->call)->members, llmb_queue_links(z),
                     member);

    m->call = LLMB_NIL;

    if (m->state == LLMB_MEMBER_ABANDONED) {
        (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_DROP);
        llmb_member_free(z, member);
        return;
    }

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_RELEASE);

    m->slot = 1;
    llmb_group(z, m->group)->inflight++;

    m->result.size = m->items;
    m->result.index = 0;
    m->result.tokens = m->tokens;
    m->result.reason = (uint8_t) reason;
    m->result.status = reason == LLMB_REASON_NONE ? LLMB_STATUS_SINGLE
                                                  : LLMB_STATUS_FALLBACK;

    llmb_sched_mail_member(z, member);
}


void
llmb_sched_end(llmb_zone_t *z, uint32_t call, uint32_t worker, uint64_t now)
{
    uint32_t      group;
    llmb_call_t  *c;

    c = llmb_call(z, call);
    group = c->group;

    while (c->members.n) {
        llmb_sched_release(z, c->members.head, LLMB_REASON_INTERNAL);
    }

    (void) llmb_call_step(&c->state, LLMB_CALL_DO_END);

    llmb_group(z, group)->inflight--;
    llmb_sched_flush(z, group, worker, LLMB_NIL, now);
    llmb_call_free(z, call);
}


void
llmb_sched_go(llmb_zone_t *z, uint32_t member)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_GO);

    /* its own request has the text; the room is for those that wait */

    llmb_chunks_free(z, m->chunks, m->nchunks);

    m->chunks = LLMB_NIL;
    m->nchunks = 0;
    m->len = 0;
}


void
llmb_sched_leave(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    uint32_t        group, worker, asked;
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    group = m->group;
    worker = m->worker;
    g = llmb_group(z, group);
    asked = llmb_mail_links(z)[member].linked;

    if (m->state == LLMB_MEMBER_QUEUED) {
        llmb_sched_dequeue(z, member);

    } else {
        asked = 0;
    }

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_LEAVE);

    if (m->state == LLMB_MEMBER_ABANDONED) {
        return;
    }

    if (m->slot) {
        g->inflight--;
        asked = 1;
    }

    llmb_sched_unmail(z, member);

    if (asked) {
        /* it was to flush the group, or a slot became free */
        llmb_sched_flush(z, group, worker, LLMB_NIL, now);
    }

    llmb_member_free(z, member);
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


uint32_t
llmb_sched_reap(llmb_zone_t *z, uint32_t worker, uint64_t now)
{
    uint32_t        i, orphans;
    llmb_call_t    *c;
    llmb_group_t   *g;
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

        if (llmb_call_links(z)[i].linked) {
            llmb_list_remove(&w->calls, llmb_call_links(z), i);
        }

        llmb_sched_drop(z, i);
        orphans += c->members.n;

        while (c->members.n) {
            llmb_sched_release(z, c->members.head, LLMB_REASON_WORKER_LOST);
        }

        (void) llmb_call_step(&c->state, LLMB_CALL_DO_END);
        llmb_group(z, c->group)->inflight--;
        llmb_call_free(z, i);
    }

    w->bell = 0;

    /* it may have been the one that was to send them */

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);

        if (g->used && llmb_sched_close(z, g, now) != LLMB_CLOSE_NONE) {
            llmb_sched_mail_member(z, g->queue.head);
        }
    }

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

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_LEAVE);

    if (m->state == LLMB_MEMBER_ABANDONED) {
        return;
    }

    if (m->slot) {
        llmb_group(z, m->group)->inflight--;
    }

    llmb_sched_unmail(z, member);
    llmb_member_free(z, member);
}


static void
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


static void
llmb_sched_mail_call(llmb_zone_t *z, uint32_t call, uint32_t worker)
{
    llmb_call(z, call)->worker = (uint16_t) worker;

    llmb_list_push(&llmb_worker(z, worker)->calls, llmb_call_links(z), call);

    llmb_sched_ring(z, worker);
}


static void
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
