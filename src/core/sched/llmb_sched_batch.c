
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who goes into the next call, which may be one alone.
 */


#include <string.h>

#include "llmb_sched_batch.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_slots.h"


static void llmb_sched_fill(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    llmb_batch_t *batch);
static unsigned llmb_sched_passed_over(const llmb_policy_t *policy,
    const llmb_load_t *call, const llmb_member_t *m,
    const llmb_batch_t *batch);
static void llmb_sched_count(llmb_load_t *call, const llmb_member_t *m);
static uint64_t llmb_sched_claim_batch(llmb_zone_t *z, llmb_group_t *g,
    uint32_t call, const llmb_batch_t *batch, uint64_t now);
static uint64_t llmb_sched_claim(llmb_zone_t *z, uint32_t call,
    uint32_t member, uint64_t now);
static void llmb_sched_spend(llmb_zone_t *z, llmb_group_t *g, uint32_t call,
    uint64_t price, uint64_t now);
static uint64_t llmb_sched_pace(llmb_zone_t *z, const llmb_group_t *g,
    uint32_t items, uint64_t now);
static uint32_t llmb_sched_waited(const llmb_member_t *m, uint64_t now);


/*
 * How many members go into the next call, in the order of the queue, and
 * whether one of them belongs to the worker.  If none does, the lender it named
 * makes one of them, if it fits at all; so a worker in trouble holds up nobody
 * else's members.
 */

void
llmb_sched_take(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    uint32_t lender, llmb_batch_t *batch)
{
    llmb_batch_t  other;

    llmb_sched_fill(z, g, worker, batch);

    if (batch->found || batch->must != LLMB_NIL
        || !llmb_sched_waits(z, g, lender))
    {
        return;
    }

    other = *batch;
    other.n = 0;
    other.must = lender;

    llmb_sched_fill(z, g, worker, &other);

    if (other.n > 1) {
        *batch = other;
    }
}


/* the one that has to be in it, and as many others as fit */

static void
llmb_sched_fill(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    llmb_batch_t *batch)
{
    uint32_t        i, passed;
    llmb_load_t     call;
    llmb_policy_t   policy;
    llmb_member_t  *m;

    passed = 0;
    policy = llmb_group_policy(g);
    memset(&call, 0, sizeof(llmb_load_t));

    if (batch->must != LLMB_NIL) {
        m = llmb_member(z, batch->must);
        llmb_sched_count(&call, m);
        batch->found = (m->worker == worker);
    }

    for (i = g->queue.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {

        m = llmb_member(z, i);

        if (i == batch->must) {
            continue;
        }

        if (llmb_sched_passed_over(&policy, &call, m, batch)) {

            if (++passed == LLMB_SCHED_STEP) {
                break;
            }

            continue;
        }

        if (!llmb_policy_fits(&policy, &call, m->items, m->tokens, m->bytes)) {
            break;
        }

        llmb_sched_count(&call, m);

        if (m->worker == worker) {
            batch->found = 1;
        }
    }

    batch->n = call.requests;
}


/*
 * What does not fit ends a call, or else small members would always overtake a
 * large one.  But the parts of a request do not keep those waiting that go with
 * somebody who is due.  And a probe is of those that would be refused.
 */

static unsigned
llmb_sched_passed_over(const llmb_policy_t *policy, const llmb_load_t *call,
    const llmb_member_t *m, const llmb_batch_t *batch)
{
    if (batch->paused && llmb_sched_may_wait(m, batch->paused, 0)) {
        return 1;
    }

    return batch->must != LLMB_NIL && m->part
           && !llmb_policy_fits(policy, call, m->items, m->tokens, m->bytes);
}


static void
llmb_sched_count(llmb_load_t *call, const llmb_member_t *m)
{
    call->requests++;
    call->items += m->items;
    call->tokens += m->tokens;
    call->bytes += m->bytes;
}


/* makes the members of a batch a call, sent by a worker that has one of them */

void
llmb_sched_seal(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    const llmb_batch_t *batch, uint64_t now)
{
    uint32_t      call, group, first;
    uint64_t      price;
    llmb_call_t  *c;

    first = llmb_sched_first(g, batch);
    group = llmb_member(z, first)->group;

    call = batch->n > 1 ? llmb_call_alloc(z, group) : LLMB_NIL;

    if (call == LLMB_NIL) {
        llmb_sched_single(z, g, first, batch->close, now);
        return;
    }

    c = llmb_call(z, call);
    c->close = (uint8_t) batch->close;
    c->probe = llmb_sched_departs(g, now);

    price = llmb_sched_claim_batch(z, g, call, batch, now);

    llmb_sched_spend(z, g, call, price, now);

    llmb_sched_mail_call(z, call, worker);
}


/* all of them; returns what that costs their flows together */

static uint64_t
llmb_sched_claim_batch(llmb_zone_t *z, llmb_group_t *g, uint32_t call,
    const llmb_batch_t *batch, uint64_t now)
{
    uint32_t        i, next;
    uint64_t        price;
    llmb_call_t    *c;
    llmb_load_t     load;
    llmb_policy_t   policy;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    policy = llmb_group_policy(g);
    price = 0;

    memset(&load, 0, sizeof(llmb_load_t));

    if (batch->must != LLMB_NIL) {
        llmb_sched_count(&load, llmb_member(z, batch->must));
    }

    for (next = g->queue.head; c->members.n < batch->n; /* void */ ) {
        i = next;

        if (i == LLMB_NIL
            || (c->members.n == batch->n - 1 && batch->must != LLMB_NIL
                && llmb_member(z, batch->must)->state == LLMB_MEMBER_QUEUED))
        {
            i = batch->must;
        }

        m = llmb_member(z, i);
        next = llmb_queue_links(z)[i].next;

        if (i != batch->must) {

            if (llmb_sched_passed_over(&policy, &load, m, batch)) {
                continue;
            }

            llmb_sched_count(&load, m);
        }

        price += llmb_sched_claim(z, call, i, now);
    }

    return price;
}


void
llmb_sched_single(llmb_zone_t *z, llmb_group_t *g, uint32_t member,
    llmb_close_e close, uint64_t now)
{
    uint64_t        price;
    llmb_call_t    *c;
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_call_open(z, member, m->group);

    c = llmb_call(z, member);
    c->close = (uint8_t) close;
    c->probe = llmb_sched_departs(g, now);

    price = llmb_sched_claim(z, member, member, now);

    llmb_sched_spend(z, g, member, price, now);

    llmb_sched_mail_call(z, member, m->worker);
}


void
llmb_sched_shelve(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_call_t    *c;
    llmb_member_t  *m;

    m = llmb_member(z, member);

    llmb_call_open(z, member, m->group);

    c = llmb_call(z, member);
    c->close = LLMB_CLOSE_ORPHAN;

    (void) llmb_sched_claim(z, member, member, now);

    llmb_sched_mail_call(z, member, m->worker);
    llmb_call_do(z, c, LLMB_CALL_DO_LOSE);
}


/* from the queue into a call */

static uint64_t
llmb_sched_claim(llmb_zone_t *z, uint32_t call, uint32_t member, uint64_t now)
{
    llmb_call_t    *c;
    llmb_member_t  *m;

    c = llmb_call(z, call);
    m = llmb_member(z, member);

    llmb_sched_serve(z, member);

    llmb_member_do(z, m, LLMB_MEMBER_DO_CLAIM);

    m->call = call;
    m->result.close = c->close;
    m->result.wait = llmb_sched_waited(m, now);

    c->items += m->items;

    llmb_list_push(&c->members, llmb_queue_links(z), member);

    return llmb_fair_price(m->priority, m->items);
}


/* a call takes a slot, and is counted */

static void
llmb_sched_spend(llmb_zone_t *z, llmb_group_t *g, uint32_t call,
    uint64_t price, uint64_t now)
{
    uint64_t      next;
    llmb_call_t  *c;

    c = llmb_call(z, call);

    llmb_sched_charge(z, c->group, c->items, price);

    if (g->inflight == 0) {
        g->busy = now;
    }

    llmb_sched_take_slot(z, g);
    llmb_policy_spend(&g->policy, &g->next, now);
    llmb_quota_spend(&g->quota, now * 1000);

    if (g->policy.window == LLMB_WINDOW_SLOT) {
        next = now * 1000 + llmb_sched_pace(z, g, c->items, now);

        /* who waits for it has set a timer: it does not come any sooner */
        g->next = llmb_max(g->next, next);
    }
}


/* us until the next call may be sent, by a free slot, after one of so many */

static uint64_t
llmb_sched_pace(llmb_zone_t *z, const llmb_group_t *g, uint32_t items,
    uint64_t now)
{
    double            slots;
    uint64_t          since;
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);

    slots = llmb_group_policy(g).concurrency;

    if (g->policy.learned) {
        slots = llmb_min(slots, (double) llmb_slots_now(&u->slots)
                                / u->busy);
    }

    since = now > g->busy ? now - g->busy : 0;

    return llmb_policy_pace(slots, u->inflight,
                            llmb_arrivals_rate(&g->arrivals, now * 1000),
                            llmb_learn_service(llmb_learn_of(z, g), items),
                            since * 1000);
}


/* another worker's clock may be ahead of ours */

static uint32_t
llmb_sched_waited(const llmb_member_t *m, uint64_t now)
{
    return now > m->since ? (uint32_t) (now - m->since) : 0;
}


/* the one that a batch begins with */

uint32_t
llmb_sched_first(const llmb_group_t *g, const llmb_batch_t *batch)
{
    return batch->must == LLMB_NIL ? g->queue.head : batch->must;
}
