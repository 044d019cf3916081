
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a worker does for a client: the lock, requests and mail.  A request's
 * text is its number, once for each item, and so is its answer: nobody can get
 * somebody else's without its being seen.
 */


#include <stdlib.h>
#include <string.h>

#include "world.h"
#include "llmb_chunks.h"
#include "llmb_group.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_lost.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"


static uint8_t  buffer[1 << 20];
static size_t   nbuffer;


uint64_t
clock_of(uint32_t w)
{
    /* workers look at the clock once in a pass */

    return workers[w].stale ? workers[w].stale : now / 1000 + w % 2;
}


unsigned
chance(double p)
{
    return p > 0 && sim_uniform() < p;
}


/* the lock */

void
finish(uint32_t r, sim_outcome_e outcome)
{
    request_t  *rq = &requests[r];

    if (rq->state == REQUEST_FREE) {
        sim_fail("request %u has two outcomes", r);
    }

    stats->outcomes[outcome]++;

    if (outcome == SIM_ANSWERED || outcome == SIM_ALONE) {
        stats->times[llmb_min((now - rq->arrived) / 1000, 999)]++;
    }

    rq->state = REQUEST_FREE;
    rq->id = 0;
    rq->next = free_request;
    free_request = r;
    active--;
}


uint64_t
service_time(uint32_t items)
{
    uint64_t  t, start;

    t = (uint64_t) (o->a + o->b * items) + sim_exponential(o->a / 10);

    if (!o->serial) {
        return now + t;
    }

    start = llmb_max(now, backend_free);
    backend_free = start + t;

    return backend_free;
}


/* some are parts of a request that was cut */

unsigned
is_part(const request_t *rq)
{
    return rq->id % 8 == 7;
}


static void
pass(uint32_t r)
{
    requests[r].state = REQUEST_PASSED;
    requests[r].member = LLMB_NIL;

    sim_event(SIM_SERVED, service_time(requests[r].items), r, requests[r].id);
}


void
lock(uint32_t w)
{
    uint32_t  r;

    if (llmb_worker(z, w)->lost) {
        workers[w].stale = 0;
        stats->returned++;
    }

    llmb_sched_seen(z, w, clock_of(w));

    if (workers[w].epoch == z->epoch) {
        return;
    }

    /* the tables were emptied: everybody goes alone */

    workers[w].epoch = z->epoch;
    llmb_zone_settle(z, w);

    for (r = 0; r < nrequests; r++) {
        if (requests[r].worker != w) {
            continue;
        }

        if (requests[r].state == REQUEST_ALONE) {
            requests[r].state = REQUEST_PASSED;
            requests[r].member = LLMB_NIL;

        } else if (requests[r].state == REQUEST_HELD
                   || requests[r].state == REQUEST_WRITING)
        {
            pass(r);
        }
    }
}


void
unlock(uint32_t w)
{
    uint32_t  i;

    for (i = 0; z->bells && i < z->nworkers; i++) {
        if (llmb_worker(z, i)->bell) {
            llmb_worker(z, i)->bell = 0;
            z->bells--;

            if (!workers[i].dead && !chance(o->deaf)) {
                sim_event(SIM_BELL, now + (i == w ? 5 : 30), i,
                          workers[i].life);
            }
        }
    }
}


llmb_member_t *
member_of(uint32_t r)
{
    llmb_member_t  *m;

    m = llmb_member(z, requests[r].member);

    if (m->gen != requests[r].gen || m->worker != requests[r].worker
        || m->state == LLMB_MEMBER_FREE)
    {
        sim_fail("request %u: member %u is another's", r,
                 requests[r].member);
    }

    return m;
}


/* texts */

static llmb_rc_e
read_text(void *data, const uint8_t *p, size_t len)
{
    (void) data;

    if (nbuffer + len > sizeof(buffer)) {
        return LLMB_LIMIT;
    }

    memcpy(buffer + nbuffer, p, len);
    nbuffer += len;

    return LLMB_OK;
}


/* the numbers in a text, one every "stride" bytes; 0 if it is another one */

unsigned
check_chunks(uint32_t first, uint64_t id, uint32_t n, size_t stride)
{
    uint64_t     found;
    uint32_t     i;
    llmb_sink_t  sink;

    nbuffer = 0;
    sink.write = read_text;
    sink.data = NULL;

    if (llmb_chunks_read(z, first, n * stride, &sink) != LLMB_OK) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        memcpy(&found, buffer + i * stride, sizeof(found));

        if (found != id) {
            return 0;
        }
    }

    return 1;
}


void
check_text(uint32_t member, uint64_t id, uint32_t n, size_t stride)
{
    llmb_member_t  *m;

    m = llmb_member(z, member);

    if (m->len != n * stride) {
        sim_fail("member %u has %u bytes instead of %u", member, m->len,
                 (unsigned) (n * stride));
    }

    if (!check_chunks(m->text.first, id, n, stride)) {
        sim_fail("member %u has not the text of %llu", member,
                 (unsigned long long) id);
    }
}


/* 0 if there is no room */

unsigned
write_text(uint32_t first, const uint64_t *ids, uint32_t n, size_t stride)
{
    uint32_t              i;
    llmb_chunk_writer_t   w;

    w.zone = z;
    w.chunk = first;
    w.pos = 0;

    memset(buffer, '.', n * stride);

    for (i = 0; i < n; i++) {
        memcpy(buffer + i * stride, &ids[i], sizeof(uint64_t));
    }

    return llmb_chunks_write(&w, buffer, n * stride) == LLMB_OK;
}


/* requests */

static uint32_t
heavy_tail(double mean)
{
    double  x;

    if (mean <= 1) {
        return 1;
    }

    /* Pareto with a finite mean and an infinite variance */

    x = 1 + (mean - 1) * 0.5 / (1.0 - sim_uniform());

    return (uint32_t) llmb_min(x, 200);
}


static uint32_t
new_request(uint32_t w)
{
    uint32_t    r, n;
    request_t  *rq;

    if (free_request == LLMB_NIL) {
        n = nrequests;
        nrequests = 2 * nrequests + 1024;
        requests = realloc(requests, nrequests * sizeof(request_t));

        if (requests == NULL) {
            abort();
        }

        for (r = n; r < nrequests; r++) {
            memset(&requests[r], 0, sizeof(request_t));
            requests[r].next = r + 1 == nrequests ? LLMB_NIL : r + 1;
        }

        free_request = n;
    }

    r = free_request;
    rq = &requests[r];
    free_request = (uint32_t) rq->next;

    rq->id = ++tags;
    rq->worker = w;
    rq->key = (uint32_t) sim_random((uint64_t) o->groups);
    rq->items = heavy_tail(o->items);
    rq->poison = chance(o->poison);
    rq->arrived = now;
    rq->member = LLMB_NIL;

    stats->arrived++;
    active++;

    return r;
}


static uint32_t
group_of(uint32_t key)
{
    uint32_t        i;
    unsigned        fresh;
    llmb_str_t      str;
    llmb_policy_t  *p;

    str.data = (const uint8_t *) &key;
    str.len = sizeof(key);

    i = llmb_group_get(z, str, key % 7, &fresh);

    if (i != LLMB_NIL && fresh) {
        p = &llmb_group(z, i)->policy;

        p->window = o->fixed ? LLMB_WINDOW_FIXED : LLMB_WINDOW_SLOT;
        p->concurrency = (uint32_t) o->concurrency;
        p->min_size = 2;
        p->max_size = (uint32_t) o->max_size;
        p->max_tokens = (uint64_t) o->max_tokens;
        p->max_bytes = 256 * 1024;
        p->max_wait = (uint64_t) o->max_wait;
        p->patience = 10 * (key % 3);
        p->spend = key % 2;
    }

    return i;
}


void
arrive(uint32_t w)
{
    uint32_t        r, group, len;
    request_t      *rq;
    llmb_member_t  *m;

    r = new_request(w);
    rq = &requests[r];

    if (chance(o->cancel)) {
        sim_event(SIM_CANCEL, now + sim_exponential(o->a * 2), r, rq->id);
    }

    lock(w);

    group = group_of(rq->key);
    len = rq->items * (uint32_t) llmb_max(o->bytes, SIM_ITEM);

    if (group != LLMB_NIL
        && !llmb_health_open(&llmb_group(z, group)->health, clock_of(w)))
    {
        rq->member = llmb_member_alloc(z, group, w, len);
    }

    if (rq->member == LLMB_NIL) {
        unlock(w);
        pass(r);
        return;
    }

    m = llmb_member(z, rq->member);
    m->items = rq->items;
    m->tokens = 3 * rq->items;
    m->part = is_part(rq);
    m->wait = (uint32_t) llmb_group(z, group)->policy.max_wait;
    m->tolerance = (uint8_t) (rq->id % 4 ? 100 : 50);
    m->priority = LLMB_FAIR_PRIORITY;
    m->flow = (uint32_t) (rq->id % 3);
    rq->gen = m->gen;
    rq->state = REQUEST_WRITING;

    unlock(w);

    sim_event(SIM_JOIN, now + 2, r, rq->id);
}


static void
set_timer(uint32_t r)
{
    uint64_t        at;
    request_t      *rq = &requests[r];
    llmb_member_t  *m;

    m = member_of(r);
    at = now + SIM_LOOK;

    if (m->state == LLMB_MEMBER_QUEUED) {
        at = llmb_sched_wake(z, rq->member, clock_of(rq->worker));
        at = llmb_min(at, (now + SIM_LOOK) / 1000 + 1);
        at = llmb_max((at - rq->worker % 2) * 1000, now);
    }

    rq->timer = llmb_min(at, now + SIM_LOOK);
    sim_event(SIM_TIMER, rq->timer, r, rq->id);
}


static void
leave(uint32_t r)
{
    request_t  *rq = &requests[r];

    if (rq->member != LLMB_NIL) {
        lock(rq->worker);
    }

    /* the lock may have found the tables emptied */

    if (rq->member != LLMB_NIL) {
        (void) member_of(r);
        llmb_sched_leave(z, rq->member, clock_of(rq->worker));
        unlock(rq->worker);
    }
}


void
join(uint32_t r)
{
    request_t  *rq = &requests[r];

    lock(rq->worker);

    if (rq->state != REQUEST_WRITING) {
        return;
    }

    switch (llmb_member_grow(z, rq->member)) {

    case LLMB_OK:
        break;

    case LLMB_AGAIN:
        /* others have the lock in between */
        unlock(rq->worker);
        sim_event(SIM_JOIN, now + 2, r, rq->id);
        return;

    default:
        unlock(rq->worker);
        leave(r);
        pass(r);
        return;
    }

    rq->first = llmb_member(z, rq->member)->text.first;
    rq->epoch = z->epoch;

    unlock(rq->worker);

    sim_event(SIM_WRITTEN, now + 2, r, rq->id);
}


/* it writes without the lock, whatever may have become of the tables */

void
written(uint32_t r)
{
    uint32_t    i;
    uint64_t    ids[200];
    unsigned    complete;
    request_t  *rq = &requests[r];

    if (rq->state != REQUEST_WRITING) {
        return;
    }

    for (i = 0; i < rq->items; i++) {
        ids[i] = rq->id;
    }

    complete = write_text(rq->first, ids, rq->items,
                          (size_t) llmb_max(o->bytes, SIM_ITEM));

    if (!complete && rq->epoch == z->epoch) {
        sim_fail("no room for a text of %u items", rq->items);
    }

    lock(rq->worker);

    if (rq->state != REQUEST_WRITING) {
        return;
    }

    rq->state = REQUEST_HELD;
    llmb_sched_join(z, rq->member, clock_of(rq->worker));

    unlock(rq->worker);
    set_timer(r);
}


void
cancel(uint32_t r)
{
    leave(r);
    finish(r, SIM_CANCELED);
}


/* mail */

uint32_t
request_of(uint32_t member)
{
    uint32_t  r;

    static uint32_t   *known;
    static uint32_t    n;

    if (n != z->nmembers) {
        n = z->nmembers;
        known = realloc(known, n * sizeof(uint32_t));

        if (known == NULL) {
            abort();
        }

        memset(known, 0, n * sizeof(uint32_t));
    }

    r = known[member];

    if (r < nrequests && requests[r].state != REQUEST_FREE
        && requests[r].member == member
        && requests[r].gen == llmb_member(z, member)->gen)
    {
        return r;
    }

    for (r = 0; r < nrequests; r++) {
        if (requests[r].state != REQUEST_FREE && requests[r].member == member
            && requests[r].gen == llmb_member(z, member)->gen)
        {
            known[member] = r;
            return r;
        }
    }

    return LLMB_NIL;
}


static void
fetch(uint32_t r, uint32_t w)
{
    request_t      *rq = &requests[r];
    llmb_member_t  *m;

    m = member_of(r);
    stats->waits[llmb_min(m->result.wait, 999)]++;

    if (m->result.reason == LLMB_REASON_UPSTREAM_ERROR) {
        llmb_sched_leave(z, rq->member, clock_of(w));
        finish(r, SIM_ERROR);
        return;
    }

    if (rq->poison) {
        sim_fail("request %u: poison was answered", r);
    }

    check_text(rq->member, rq->id, rq->items, SIM_ITEM);

    llmb_sched_leave(z, rq->member, clock_of(w));
    finish(r, SIM_ANSWERED);
}


static void
refused(uint32_t r, uint32_t w)
{
    llmb_sched_leave(z, requests[r].member, clock_of(w));
    finish(r, SIM_REFUSED);
}


/* the upstream may take a request by itself for one too many, too */

static void
alone_served(uint32_t r)
{
    uint64_t         ms;
    request_t       *rq = &requests[r];
    llmb_facts_t     facts;
    llmb_member_t   *m;
    llmb_outcome_t   out;
    llmb_returned_t  returned;

    m = member_of(r);
    ms = clock_of(rq->worker);

    memset(&out, 0, sizeof(llmb_outcome_t));
    memset(&facts, 0, sizeof(llmb_facts_t));

    out.status = chance(o->busy) ? 429 : rq->poison ? 400 : 200;
    out.answered = 1;
    out.items = rq->items;

    facts.items = rq->items;
    facts.inflight = 1;
    facts.sent = rq->sent * 1000;
    facts.usec = ms * 1000;
    facts.retry = sim_random((uint64_t) o->pause);

    if (out.status == 429 && facts.retry) {
        pauses(m->group, ms);
    }

    if (llmb_call(z, rq->member)->state == LLMB_CALL_SENT) {
        llmb_returned(z, rq->member, rq->worker, &out, &facts, ms, &returned);
    }
}


static flight_t *
new_flight(uint32_t w, uint32_t call)
{
    uint32_t   i;
    flight_t  *f;

    for (i = 0; i < nflights; i++) {
        if (flights[i].tag == 0) {
            break;
        }
    }

    if (i == nflights) {
        nflights = 2 * nflights + 64;
        flights = realloc(flights, nflights * sizeof(flight_t));

        if (flights == NULL) {
            abort();
        }

        memset(&flights[i], 0, (nflights - i) * sizeof(flight_t));
    }

    f = &flights[i];
    f->tag = ++tags;
    f->call = call;
    f->gen = llmb_call(z, call)->gen;
    f->worker = w;
    f->life = workers[w].life;
    f->epoch = z->epoch;
    f->nitems = 0;
    f->items = NULL;
    f->members = NULL;

    return f;
}


/* a call of one is carried by its client's own request, but for parts */

static unsigned
goes_itself(uint32_t call)
{
    return llmb_call_is_single(z, call)
           && (!llmb_member(z, call)->part || llmb_call(z, call)->direct);
}


static void
go(uint32_t call, uint32_t w)
{
    uint32_t        r;
    llmb_call_t    *c;
    llmb_member_t  *m;

    r = request_of(call);
    c = llmb_call(z, call);
    m = llmb_member(z, call);

    if (llmb_sched_send(z, call, w) != call || r == LLMB_NIL
        || requests[r].worker != w || requests[r].state != REQUEST_HELD)
    {
        sim_fail("a call of member %u, which is not held", call);
    }

    if (c->reason == LLMB_REASON_NONE) {
        leaves(c->group, c->probe, c->close, m->since + m->result.wait);
    }

    stats->waits[llmb_min(m->result.wait, 999)]++;

    llmb_sched_go(z, call);

    requests[r].state = REQUEST_ALONE;
    requests[r].sent = clock_of(w);
    sim_event(SIM_SERVED, service_time(requests[r].items), r, requests[r].id);
}


static void
take_mail(uint32_t w)
{
    uint32_t     i, r;
    uint64_t     later;
    flight_t    *f;
    llmb_mail_e  mail;

    for ( ;; ) {
        mail = llmb_sched_mail(z, w, clock_of(w), &i);

        if (mail == LLMB_MAIL_NONE) {
            later = llmb_sched_later(z, w);

            if (later != UINT64_MAX) {
                later = (later - w % 2) * 1000;
                sim_event(SIM_BELL, llmb_max(later, now + 1), w,
                          workers[w].life);
            }

            return;
        }

        if (mail == LLMB_MAIL_SEND && goes_itself(i)) {
            go(i, w);
            continue;
        }

        if (mail == LLMB_MAIL_SEND && llmb_call_is_single(z, i)) {
            /* at once: it is over when its client is gone */
            send_call(new_flight(w, i));
            continue;
        }

        if (mail == LLMB_MAIL_SEND) {
            f = new_flight(w, i);
            sim_event(SIM_SEND, now + 3, (uint32_t) (f - flights), f->tag);
            continue;
        }

        r = request_of(i);

        if (r == LLMB_NIL || requests[r].worker != w
            || requests[r].state != REQUEST_HELD)
        {
            sim_fail("mail %d for member %u, which is not held", mail, i);
        }

        switch (mail) {

        case LLMB_MAIL_ANSWER:
            fetch(r, w);
            break;

        case LLMB_MAIL_REFUSE:
            refused(r, w);
            break;

        default: /* LLMB_MAIL_ARM */
            set_timer(r);
        }
    }
}


void
bell(uint32_t w)
{
    lock(w);
    take_mail(w);
    unlock(w);
}


void
timer(uint32_t r)
{
    uint32_t        w;
    uint64_t        id, bound;
    request_t      *rq = &requests[r];
    llmb_member_t  *m;

    if (rq->state != REQUEST_HELD || rq->timer != now) {
        return;
    }

    w = rq->worker;
    id = rq->id;
    lock(w);

    if (rq->state != REQUEST_HELD) {
        return;
    }

    m = member_of(r);

    if (m->state == LLMB_MEMBER_QUEUED) {
        llmb_sched_flush(z, m->group, w, rq->member, clock_of(w));

        if (m->state == LLMB_MEMBER_QUEUED && !m->part
            && clock_of(w) >= m->bound)
        {
            sim_fail("request %u waits past its deadline", r);
        }
    }

    /* and for those whose ring was lost */

    take_mail(w);
    unlock(w);

    rq = &requests[r];

    if (rq->id == id && rq->state == REQUEST_HELD) {
        set_timer(r);
    }

    bound = SIM_FOREVER;

    if (is_part(rq)) {
        /* it waits out a rate limit */
        bound += LLMB_SCHED_PATIENCE * 1000;
    }

    if (rq->id == id && now - rq->arrived > bound) {
        sim_fail("request %u is never served", r);
    }
}


void
served(uint32_t r)
{
    request_t      *rq = &requests[r];
    sim_outcome_e   outcome;

    outcome = rq->state == REQUEST_PASSED ? SIM_PASSED : SIM_ALONE;

    if (rq->member != LLMB_NIL) {
        lock(rq->worker);
    }

    if (rq->member != LLMB_NIL) {
        alone_served(r);
    }

    leave(r);
    finish(r, outcome);
}
