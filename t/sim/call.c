
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a worker does about a call, and what the upstream makes of it.
 */


#include <stdlib.h>
#include <string.h>

#include "world.h"
#include "llmb_sched_call.h"


static void
end_flight(flight_t *f)
{
    free(f->items);
    free(f->members);
    f->items = NULL;
    f->members = NULL;
    f->tag = 0;
}


/* 0 if its worker or the tables have changed */

static unsigned
valid_flight(flight_t *f)
{
    if (f->life != workers[f->worker].life) {
        return 0;
    }

    lock(f->worker);

    if (f->epoch != z->epoch) {
        return 0;
    }

    if (llmb_call(z, f->call)->gen != f->gen
        || llmb_call(z, f->call)->worker != f->worker)
    {
        sim_fail("call %u is another's", f->call);
    }

    return 1;
}


/*
 * What is sent in a pause: since when there is one, and the last probe.  After
 * its record was used again a group is another one, which its key tells.
 */

static struct {
    uint64_t  since;
    uint64_t  probe;
    uint32_t  hash;
}  pause_of[4096];


void
forget_pauses(void)
{
    memset(pause_of, 0, sizeof(pause_of));
}


void
pauses(uint32_t group, uint64_t at)
{
    if (pause_of[group].hash != llmb_group(z, group)->hash
        || llmb_group(z, group)->paused <= at)
    {
        memset(&pause_of[group], 0, sizeof(pause_of[0]));
        pause_of[group].hash = llmb_group(z, group)->hash;
    }

    if (pause_of[group].since == 0) {
        pause_of[group].since = at;
    }
}


/* a call or a request by itself, at the time at which it left the queue */

void
leaves(uint32_t group, unsigned probe, unsigned close, uint64_t at)
{
    uint64_t       last;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    /*
     * a worker that quits waits for nothing, nor does one that has been given
     * up, once it goes on; clocks differ by 1 ms
     */

    if (close == LLMB_CLOSE_DRAIN || close == LLMB_CLOSE_ORPHAN
        || pause_of[group].hash != g->hash || pause_of[group].since == 0
        || at <= pause_of[group].since + 1
        || at + 1 >= g->paused)
    {
        return;
    }

    last = pause_of[group].probe;

    if (!probe) {
        sim_fail("group %u: a call in a pause, that is no probe", group);
    }

    if (last && at + 1 < last + LLMB_SCHED_PROBE) {
        sim_fail("group %u: a call in a pause, %llu ms after another", group,
                 (unsigned long long) (at - last));
    }

    stats->probes++;
    pause_of[group].probe = at;
}


static void
check_call(flight_t *f)
{
    size_t          stride;
    uint32_t        i, j, r, key;
    uint64_t        id, bytes;
    llmb_call_t    *c;
    passenger_t    *passenger;
    llmb_policy_t  *p;
    llmb_member_t  *m;

    stride = (size_t) llmb_max(o->bytes, SIM_ITEM);
    c = llmb_call(z, f->call);
    p = &llmb_group(z, c->group)->policy;
    f->items = malloc(c->items * sizeof(uint64_t));
    f->members = malloc(c->members.n * sizeof(passenger_t));
    f->nmembers = 0;
    bytes = 0;
    key = LLMB_NIL;

    if (f->items == NULL || f->members == NULL) {
        abort();
    }

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);
        r = request_of(i);

        if (r == LLMB_NIL && !workers[m->worker].dead) {
            sim_fail("call %u: member %u has no client", f->call, i);
        }

        if (m->result.index != f->nitems) {
            sim_fail("call %u: member %u has index %u, not %u", f->call, i,
                     m->result.index, f->nitems);
        }

        id = 0;

        if (r != LLMB_NIL) {
            id = requests[r].id;
            key = key == LLMB_NIL ? requests[r].key : key;

            if (requests[r].key != key) {
                sim_fail("call %u: two keys", f->call);
            }

            f->split |= requests[r].poison;
        }

        if (m->len != m->items * stride) {
            sim_fail("member %u has %u bytes instead of %u", i, m->len,
                     (unsigned) (m->items * stride));
        }

        passenger = &f->members[f->nmembers++];

        passenger->member = i;
        passenger->gen = m->gen;
        passenger->id = id;
        passenger->items = m->items;
        passenger->index = f->nitems;
        passenger->text = m->text.first;
        passenger->room = LLMB_NIL;

        for (j = 0; j < m->items; j++) {
            f->items[f->nitems++] = id;
        }

        bytes += m->len;
    }

    if (f->nitems != c->items
        || (f->nmembers > 1
            && (f->nitems > p->max_size || bytes > p->max_bytes
                || (p->max_tokens && 3 * f->nitems > p->max_tokens))))
    {
        sim_fail("call %u: %u items, %llu bytes", f->call, f->nitems,
                 (unsigned long long) bytes);
    }
}


void
send_call(flight_t *f)
{
    llmb_call_t    *c;
    llmb_member_t  *m;

    if (!valid_flight(f)) {
        end_flight(f);
        return;
    }

    c = llmb_call(z, f->call);
    stats->lost += (c->state == LLMB_CALL_LOST);

    if (llmb_sched_send(z, f->call, f->worker) == LLMB_NIL) {
        unlock(f->worker);
        end_flight(f);
        return;
    }

    f->losses = llmb_worker(z, f->worker)->losses;

    if (c->tries == 0 && c->reason == LLMB_REASON_NONE) {
        m = llmb_member(z, c->members.head);
        leaves(c->group, c->probe, c->close, m->since + m->result.wait);
    }

    f->split = 0;
    check_call(f);

    unlock(f->worker);

    sim_event(SIM_READ, now + 2, (uint32_t) (f - flights), f->tag);
}


/* without the lock; what it has read counts if nobody has given it up */

void
read_call(flight_t *f)
{
    uint32_t      k;
    unsigned      right, poisoned;
    passenger_t  *p;

    if (f->life != workers[f->worker].life) {
        end_flight(f);
        return;
    }

    right = 1;

    for (k = 0; k < f->nmembers; k++) {
        p = &f->members[k];

        right &= (p->id == 0
                  || check_chunks(p->text, p->id, p->items,
                                  (size_t) llmb_max(o->bytes, SIM_ITEM)));
    }

    if (z->epoch != f->epoch
        || llmb_worker(z, f->worker)->losses != f->losses)
    {
        if (valid_flight(f)) {
            stats->lost += (llmb_call(z, f->call)->state == LLMB_CALL_LOST);
            llmb_sched_end(z, f->call, f->worker, clock_of(f->worker));
            unlock(f->worker);
        }

        end_flight(f);
        return;
    }

    if (!right) {
        sim_fail("call %u: a member's text is another's", f->call);
    }

    poisoned = f->split;

    f->split = 0;
    f->status = poisoned ? 400
                : chance(o->busy) ? 429
                : chance(o->broken) ? (chance(0.5) ? 500 : 504)
                : 200;

    if (f->status == 200) {
        f->split = !chance(o->wrong);
    }

    f->sent = clock_of(f->worker);

    stats->calls++;
    stats->call_items += f->nitems;

    sim_event(SIM_BACKEND, service_time(f->nitems), (uint32_t) (f - flights),
              f->tag);
}


/* everybody that is left gets the upstream's answer */

static void
deliver(uint32_t call)
{
    uint32_t        i;
    llmb_member_t  *m;

    while ((i = llmb_call(z, call)->members.head) != LLMB_NIL) {
        m = llmb_member(z, i);
        m->result.reason = LLMB_REASON_UPSTREAM_ERROR;
        llmb_sched_answer(z, i, 0);
    }
}


static void
outcome_of(const flight_t *f, llmb_outcome_t *out, llmb_facts_t *facts)
{
    memset(out, 0, sizeof(llmb_outcome_t));
    memset(facts, 0, sizeof(llmb_facts_t));

    out->status = f->status;
    out->answered = f->status != 504;
    out->split = f->split != 0;
    out->idempotent = 1;
    out->fallback = 1;
    out->items = f->nitems;
    out->spent = clock_of(f->worker) - f->sent;
    out->mismatch = LLMB_MISMATCH_COUNT;

    facts->items = f->nitems;
    facts->inflight = 1;
    facts->sent = f->sent * 1000;
    facts->usec = clock_of(f->worker) * 1000;
    facts->retry = sim_random((uint64_t) o->pause);
    facts->fallback_limit = 50;
    facts->breaker_failures = 5;
    facts->breaker_cooldown = 100;
}


/* the caller holds the lock */

static unsigned
in_call(const flight_t *f, const passenger_t *p)
{
    llmb_member_t  *m;

    m = llmb_member(z, p->member);

    return m->gen == p->gen && m->call == f->call;
}


static void
make_rooms(flight_t *f)
{
    uint32_t      k;
    passenger_t  *p;

    for (k = 0; k < f->nmembers; k++) {
        p = &f->members[k];

        if (in_call(f, p)
            && llmb_member_room(z, p->member, p->items * SIM_ITEM) == LLMB_OK)
        {
            p->room = llmb_member(z, p->member)->room.first;
        }
    }
}


void
backend(flight_t *f)
{
    uint32_t         w, group;
    uint64_t         ms;
    unsigned         paused;
    llmb_facts_t     facts;
    llmb_outcome_t   out;
    llmb_returned_t  returned;

    if (!valid_flight(f)) {
        end_flight(f);
        return;
    }

    w = f->worker;
    ms = clock_of(w);

    if (llmb_call(z, f->call)->state == LLMB_CALL_LOST) {
        stats->lost++;
        llmb_sched_end(z, f->call, w, ms);
        unlock(w);
        end_flight(f);
        return;
    }

    group = llmb_call(z, f->call)->group;

    outcome_of(f, &out, &facts);

    if (out.status == 429 && facts.retry) {
        stats->paused++;
        pauses(group, ms);
    }

    paused = llmb_group(z, group)->paused > ms;

    llmb_returned(z, f->call, w, &out, &facts, ms, &returned);

    switch (returned.verdict) {

    case LLMB_VERDICT_SPLIT:

        make_rooms(f);
        unlock(w);
        sim_event(SIM_COPY, now + 10, (uint32_t) (f - flights), f->tag);
        return;

    case LLMB_VERDICT_AGAIN:
        stats->again++;
        unlock(w);
        end_flight(f);
        return;

    case LLMB_VERDICT_HALVE:
        stats->halved++;
        unlock(w);
        end_flight(f);
        return;

    default:
        break;
    }

    if (paused && llmb_call(z, f->call)->members.n == 0) {
        stats->yielded++;
    }

    deliver(f->call);

    llmb_sched_end(z, f->call, w, ms);
    unlock(w);
    end_flight(f);
}


/*
 * Half of the answers, then the others: without the lock, so it may be that
 * the members are served, and the tables empty.  What is written to is
 * nobody's.
 */

static void
copy_some(flight_t *f, uint32_t from, uint32_t to)
{
    uint32_t      k;
    passenger_t  *p;

    for (k = from; k < to; k++) {
        p = &f->members[k];

        if (p->room == LLMB_NIL) {
            continue;
        }

        if (!write_text(p->room, f->items + p->index, p->items, SIM_ITEM)
            && f->epoch == z->epoch)
        {
            sim_fail("no room for an answer of %u items", p->items);
        }
    }
}


void
copy(flight_t *f)
{
    if (f->life != workers[f->worker].life) {
        end_flight(f);
        return;
    }

    copy_some(f, 0, f->nmembers / 2);

    sim_event(SIM_COPIED, now + 10, (uint32_t) (f - flights), f->tag);
}


void
copied(flight_t *f)
{
    uint32_t      k;
    passenger_t  *p;

    if (f->life == workers[f->worker].life) {
        copy_some(f, f->nmembers / 2, f->nmembers);
    }

    if (!valid_flight(f)) {
        end_flight(f);
        return;
    }

    stats->lost += (llmb_call(z, f->call)->state == LLMB_CALL_LOST);

    for (k = 0; k < f->nmembers; k++) {
        p = &f->members[k];

        if (!in_call(f, p)) {
            continue;
        }

        if (p->room == LLMB_NIL) {
            llmb_sched_release(z, p->member, LLMB_REASON_ZONE_FULL);
            continue;
        }

        llmb_sched_answer(z, p->member, p->items * SIM_ITEM);
    }

    llmb_sched_end(z, f->call, f->worker, clock_of(f->worker));
    unlock(f->worker);
    end_flight(f);
}
