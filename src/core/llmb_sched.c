
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Members wait in the queue of their group, and leave it as a call or alone.
 * Mail tells workers what there is to do.
 */


#include <string.h>

#include "llmb_sched_parts.h"


static unsigned llmb_sched_is_due(llmb_zone_t *z, llmb_group_t *g,
    uint32_t member, uint64_t now);
static void llmb_sched_send_due(llmb_zone_t *z, uint32_t group,
    uint32_t worker, uint32_t member, uint64_t now);
static uint32_t llmb_sched_take(llmb_zone_t *z, llmb_group_t *g,
    uint32_t worker, uint32_t lender, uint32_t *taken);
static unsigned llmb_sched_waits(llmb_zone_t *z, llmb_group_t *g,
    uint32_t member);
static uint32_t llmb_sched_fill(llmb_zone_t *z, llmb_group_t *g,
    uint32_t first, uint32_t worker, llmb_load_t *call);
static void llmb_sched_count(llmb_load_t *call, const llmb_member_t *m);
static void llmb_sched_seal(llmb_zone_t *z, uint32_t first, uint32_t worker,
    uint32_t lender, uint32_t n, llmb_close_e close, uint64_t now);
static void llmb_sched_single(llmb_zone_t *z, uint32_t member,
    llmb_close_e close, uint64_t now);
static uint32_t llmb_sched_waited(const llmb_member_t *m, uint64_t now);
static void llmb_sched_ring(llmb_zone_t *z, uint32_t worker);


void
llmb_sched_join(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_JOIN);

    /* a request that was cut does not keep those that come after it waiting */

    m->since = now;
    m->deadline = now + g->policy.max_wait * (m->part ? 2 : 1);

    llmb_health_request(&g->health, now);
    llmb_sched_enqueue(z, member);

    if (llmb_sched_close(z, g, now) != LLMB_CLOSE_NONE) {
        /* by mail, so whatever else this pass brings leaves with it */
        llmb_sched_mail_member(z, member);
    }
}


void
llmb_sched_flush(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t lender, uint64_t now)
{
    uint32_t       n, found, before;
    llmb_close_e   close;
    llmb_group_t  *g;

    g = llmb_group(z, group);
    before = g->queue.n;

    for ( ;; ) {
        close = llmb_sched_close(z, g, now);

        if (close == LLMB_CLOSE_NONE) {

            if (llmb_sched_is_due(z, g, lender, now)) {
                llmb_sched_send_due(z, group, worker, lender, now);
            }

            break;
        }

        found = llmb_sched_take(z, g, worker, lender, &n);

        if (n == 1) {
            llmb_sched_single(z, g->queue.head, close, now);
            continue;
        }

        if (found != LLMB_NIL) {
            llmb_sched_seal(z, g->queue.head, worker, found, n, close, now);
            continue;
        }

        /* another worker is asked, but a deadline does not wait for it */

        llmb_sched_mail_member(z, g->queue.head);

        if (!llmb_sched_is_due(z, g, lender, now)) {
            return;
        }

        llmb_sched_single(z, lender, close, now);
    }

    if (g->queue.n != before) {
        llmb_sched_attend(z, g, now);
    }
}


static unsigned
llmb_sched_is_due(llmb_zone_t *z, llmb_group_t *g, uint32_t member,
    uint64_t now)
{
    llmb_member_t  *m;

    if (!llmb_sched_waits(z, g, member)) {
        return 0;
    }

    m = llmb_member(z, member);

    return !m->part && now >= m->deadline;
}


/* sends a member that is due behind others that are not */

static void
llmb_sched_send_due(llmb_zone_t *z, uint32_t group, uint32_t worker,
    uint32_t member, uint64_t now)
{
    llmb_load_t  call;

    memset(&call, 0, sizeof(llmb_load_t));

    (void) llmb_sched_fill(z, llmb_group(z, group), member, worker, &call);

    if (call.requests == 1) {
        llmb_sched_single(z, member, LLMB_CLOSE_DEADLINE, now);
        return;
    }

    llmb_sched_seal(z, member, worker, member, call.requests,
                    LLMB_CLOSE_DEADLINE, now);
}


void
llmb_sched_drain(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    uint32_t        n, found;
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    while (m->state == LLMB_MEMBER_QUEUED) {
        found = llmb_sched_take(z, g, m->worker, member, &n);

        if (found == LLMB_NIL) {
            llmb_sched_single(z, member, LLMB_CLOSE_DRAIN, now);

        } else if (n == 1) {
            llmb_sched_single(z, found, LLMB_CLOSE_DRAIN, now);

        } else {
            llmb_sched_seal(z, g->queue.head, m->worker, found, n,
                            LLMB_CLOSE_DRAIN, now);
        }
    }

    llmb_sched_attend(z, g, now);
}


/* the load of the group, held against its policy */

llmb_close_e
llmb_sched_close(llmb_zone_t *z, llmb_group_t *g, uint64_t now)
{
    llmb_load_t     load;
    llmb_policy_t   policy;
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
    load.patient = oldest->part && (!g->turn || now < g->paused);

    policy = llmb_group_policy(g);

    return llmb_policy_close(&policy, &load, now);
}


llmb_policy_t
llmb_group_policy(const llmb_group_t *g)
{
    llmb_policy_t  policy;

    policy = g->policy;
    llmb_policy_learn(&policy, &g->learned);

    return policy;
}


/*
 * How many members, from the oldest on, go into the next call, and which of
 * them belongs to the worker.  If none does, the lender it named makes one of
 * them, as the last, if it fits at all; so a worker in trouble holds up nobody
 * else's members.
 */

static uint32_t
llmb_sched_take(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    uint32_t lender, uint32_t *taken)
{
    uint32_t     found;
    llmb_load_t  call;

    memset(&call, 0, sizeof(llmb_load_t));

    found = llmb_sched_fill(z, g, g->queue.head, worker, &call);
    *taken = call.requests;

    if (found != LLMB_NIL || !llmb_sched_waits(z, g, lender)) {
        return found;
    }

    memset(&call, 0, sizeof(llmb_load_t));

    llmb_sched_count(&call, llmb_member(z, lender));
    (void) llmb_sched_fill(z, g, g->queue.head, worker, &call);

    if (call.requests == 1) {
        return LLMB_NIL;
    }

    *taken = call.requests;

    return lender;
}


static unsigned
llmb_sched_waits(llmb_zone_t *z, llmb_group_t *g, uint32_t member)
{
    llmb_member_t  *m;

    if (member == LLMB_NIL) {
        return 0;
    }

    m = llmb_member(z, member);

    return m->state == LLMB_MEMBER_QUEUED && llmb_group(z, m->group) == g;
}


/*
 * Adds members to a call, from the given one on, as many as fit; returns the
 * last one of the worker, or LLMB_NIL.
 */

static uint32_t
llmb_sched_fill(llmb_zone_t *z, llmb_group_t *g, uint32_t first,
    uint32_t worker, llmb_load_t *call)
{
    uint32_t        i, found;
    llmb_policy_t   policy;
    llmb_member_t  *m;

    policy = llmb_group_policy(g);
    found = LLMB_NIL;

    for (i = first; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
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


/* makes n members from the first one on, the lender among them, a call */

static void
llmb_sched_seal(llmb_zone_t *z, uint32_t first, uint32_t worker,
    uint32_t lender, uint32_t n, llmb_close_e close, uint64_t now)
{
    uint32_t        call, group, i, next;
    llmb_call_t    *c;
    llmb_member_t  *m;

    group = llmb_member(z, first)->group;
    call = llmb_call_alloc(z, group);

    if (call == LLMB_NIL) {
        llmb_sched_single(z, first, close, now);
        return;
    }

    c = llmb_call(z, call);
    c->close = (uint8_t) close;
    c->sealed = now;

    for (next = first; c->members.n < n; /* void */ ) {
        i = next;

        if (c->members.n == n - 1
            && llmb_member(z, lender)->state == LLMB_MEMBER_QUEUED)
        {
            i = lender;
        }

        m = llmb_member(z, i);
        next = llmb_queue_links(z)[i].next;

        llmb_sched_dequeue(z, i);
        (void) llmb_member_step(&m->state, LLMB_MEMBER_DO_CLAIM);

        m->call = call;
        m->result.close = (uint8_t) close;
        m->result.wait = llmb_sched_waited(m, now);

        llmb_list_push(&c->members, llmb_queue_links(z), i);
    }

    llmb_group(z, group)->inflight++;

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
    m->result.wait = llmb_sched_waited(m, now);
    m->result.status = LLMB_STATUS_SINGLE;

    llmb_sched_mail_member(z, member);
}


/* another worker's clock may be ahead of ours */

static uint32_t
llmb_sched_waited(const llmb_member_t *m, uint64_t now)
{
    return now > m->since ? (uint32_t) (now - m->since) : 0;
}


/*
 * The member that was asked to flush the group, or that had set a timer for
 * the end of a pause, may be gone: another one is asked.
 */

void
llmb_sched_attend(llmb_zone_t *z, llmb_group_t *g, uint64_t now)
{
    if (g->queue.n == 0) {
        return;
    }

    if (g->paused > now || llmb_sched_close(z, g, now) != LLMB_CLOSE_NONE) {
        llmb_sched_mail_member(z, g->queue.head);
    }
}


/*
 * Others are sent at their deadlines, whatever is in flight.  Under a load
 * under which that never ends no slot would ever be free for a part.
 */

void
llmb_sched_free_slot(llmb_zone_t *z, llmb_group_t *g)
{
    g->inflight--;

    if (g->queue.n && llmb_member(z, g->queue.head)->part) {
        g->turn = 1;
    }
}


/* puts a member into its queue, behind all that have no later deadline */

void
llmb_sched_enqueue(llmb_zone_t *z, uint32_t member)
{
    uint32_t        i, before;
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);
    before = LLMB_NIL;

    for (i = g->queue.tail; i != LLMB_NIL; i = llmb_queue_links(z)[i].prev) {

        if (llmb_member(z, i)->deadline <= m->deadline) {
            break;
        }

        before = i;
    }

    llmb_list_insert(&g->queue, llmb_queue_links(z), member, before);

    g->items += m->items;
    g->tokens += m->tokens;
    g->bytes += m->len;
}


void
llmb_sched_dequeue(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t   *g;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);

    llmb_list_remove(&g->queue, llmb_queue_links(z), member);
    llmb_sched_unmail(z, member);

    if (m->part) {
        g->turn = 0;
    }

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

    return llmb_policy_wake(&g->policy, m->since, m->deadline, g->paused,
                            m->part, now);
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
