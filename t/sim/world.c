
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Workers, which do what the glue does, and clients, who check what they get.
 * A request's text is its number, once for each item, and so is its answer:
 * nobody can get somebody else's without its being seen.
 */


#include <stdlib.h>
#include <string.h>

#include "llmb_verdict.h"
#include "sched_check.h"
#include "sim.h"


#define SIM_LOOK     50000        /* a held request looks for itself */
#define SIM_FOREVER  60000000     /* nobody is served as late as that */
#define SIM_ITEM     8            /* bytes of an item of an answer */


typedef enum {
    REQUEST_FREE = 0,
    REQUEST_WRITING,
    REQUEST_HELD,
    REQUEST_ALONE,                /* on its own, but holds a slot */
    REQUEST_PASSED                /* on its own */
} request_state_e;


typedef struct {
    uint64_t         id;
    request_state_e  state;
    uint32_t         worker;
    uint32_t         key;
    uint32_t         items;
    uint32_t         member;
    uint32_t         gen;
    unsigned         poison;
    uint64_t         arrived;
    uint64_t         timer;
    uint64_t         next;        /* free */
} request_t;


/* a call on its way, and what its worker keeps of it */

typedef struct {
    uint64_t         tag;         /* 0: none */
    uint32_t         call;
    uint32_t         gen;
    uint32_t         worker;
    uint64_t         life;
    uint64_t         epoch;
    unsigned         status;
    unsigned         split;
    uint32_t         nitems;
    uint32_t         nmembers;
    uint64_t        *items;       /* whose each is */
} flight_t;


typedef struct {
    unsigned         dead;
    uint64_t         life;
    uint64_t         epoch;
} worker_t;


static const sim_options_t  *o;
static sim_stats_t          *stats;
static llmb_zone_t          *z;

static uint64_t              now;
static uint64_t              tags;
static uint64_t              backend_free;
static uint64_t              active;       /* requests */
static unsigned              busy_world;   /* more are to come */

static worker_t              workers[SIM_MAX_WORKERS];
static request_t            *requests;
static uint32_t              nrequests, free_request;
static flight_t             *flights;
static uint32_t              nflights;

static uint8_t               buffer[1 << 20];
static size_t                nbuffer;


static uint64_t
clock_of(uint32_t w)
{
    /* workers look at the clock once in a pass */

    return now / 1000 + w % 2;
}


static unsigned
chance(double p)
{
    return p > 0 && sim_uniform() < p;
}


/* the lock */

static void
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


static uint64_t
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


static void
pass(uint32_t r)
{
    requests[r].state = REQUEST_PASSED;
    requests[r].member = LLMB_NIL;

    sim_event(SIM_SERVED, service_time(requests[r].items), r, requests[r].id);
}


static void
lock(uint32_t w)
{
    uint32_t  r;

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


static void
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


static llmb_member_t *
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


/* the numbers in the text of a member, one every "stride" bytes */

static void
check_text(uint32_t member, uint64_t id, uint32_t n, size_t stride)
{
    uint64_t        found;
    uint32_t        i;
    llmb_sink_t     sink;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    nbuffer = 0;
    sink.write = read_text;
    sink.data = NULL;

    if (m->len != n * stride
        || llmb_chunks_read(z, m->chunks, m->len, &sink) != LLMB_OK)
    {
        sim_fail("member %u has %u bytes instead of %u", member, m->len,
                 (unsigned) (n * stride));
    }

    for (i = 0; i < n; i++) {
        memcpy(&found, buffer + i * stride, sizeof(found));

        if (found != id) {
            sim_fail("member %u: the text of %llu instead of %llu", member,
                     (unsigned long long) found, (unsigned long long) id);
        }
    }
}


static void
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

    if (llmb_chunks_write(&w, buffer, n * stride) != LLMB_OK) {
        sim_fail("no room for a text of %u items", n);
    }
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
    }

    return i;
}


static void
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
        at = llmb_max((at - rq->worker % 2) * 1000, now);
    }

    rq->timer = llmb_min(at, now + SIM_LOOK);
    sim_event(SIM_TIMER, rq->timer, r, rq->id);
}


static void
join(uint32_t r)
{
    uint32_t    i;
    uint64_t    ids[200];
    request_t  *rq = &requests[r];

    lock(rq->worker);

    if (rq->state != REQUEST_WRITING) {
        return;
    }

    for (i = 0; i < rq->items; i++) {
        ids[i] = rq->id;
    }

    write_text(llmb_member(z, rq->member)->chunks, ids, rq->items,
               (size_t) llmb_max(o->bytes, SIM_ITEM));

    rq->state = REQUEST_HELD;
    llmb_sched_join(z, rq->member, clock_of(rq->worker));

    unlock(rq->worker);
    set_timer(r);
}


static void
cancel(uint32_t r)
{
    request_t  *rq = &requests[r];

    if (rq->member != LLMB_NIL) {
        lock(rq->worker);
    }

    if (rq->member != LLMB_NIL) {
        (void) member_of(r);
        llmb_sched_leave(z, rq->member, clock_of(rq->worker));
        unlock(rq->worker);
    }

    finish(r, SIM_CANCELED);
}


/* mail */

static uint32_t
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

    return f;
}


static void
take_mail(uint32_t w)
{
    uint32_t     i, r;
    flight_t    *f;
    llmb_mail_e  mail;

    for ( ;; ) {
        mail = llmb_sched_mail(z, w, clock_of(w), &i);

        if (mail == LLMB_MAIL_NONE) {
            return;
        }

        if (mail == LLMB_MAIL_CALL) {
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

        case LLMB_MAIL_ALONE:
            stats->waits[llmb_min(member_of(r)->result.wait, 999)]++;
            llmb_sched_go(z, i);
            requests[r].state = REQUEST_ALONE;
            sim_event(SIM_SERVED, service_time(requests[r].items), r,
                      requests[r].id);
            break;

        default: /* LLMB_MAIL_WAKE */
            set_timer(r);
        }
    }
}


static void
bell(uint32_t w)
{
    lock(w);
    take_mail(w);
    unlock(w);
}


static void
timer(uint32_t r)
{
    uint32_t        w;
    uint64_t        id;
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

        if (m->state == LLMB_MEMBER_QUEUED && clock_of(w) >= m->deadline) {
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

    if (rq->id == id && now - rq->arrived > SIM_FOREVER) {
        sim_fail("request %u is never served", r);
    }
}


/* calls */

static void
end_flight(flight_t *f)
{
    free(f->items);
    f->items = NULL;
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


static void
check_call(flight_t *f)
{
    uint32_t        i, j, r, key;
    uint64_t        id, bytes;
    llmb_call_t    *c;
    llmb_policy_t  *p;
    llmb_member_t  *m;

    c = llmb_call(z, f->call);
    p = &llmb_group(z, c->group)->policy;
    f->items = malloc(c->items * sizeof(uint64_t));
    f->nmembers = c->members.n;
    bytes = 0;
    key = LLMB_NIL;

    if (f->items == NULL) {
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

            check_text(i, id, m->items,
                       (size_t) llmb_max(o->bytes, SIM_ITEM));

            f->split |= requests[r].poison;
        }

        for (j = 0; j < m->items; j++) {
            f->items[f->nitems++] = id;
        }

        bytes += m->len;
    }

    if (f->nitems != c->items || f->nitems > p->max_size
        || bytes > p->max_bytes
        || (p->max_tokens && 3 * f->nitems > p->max_tokens))
    {
        sim_fail("call %u: %u items, %llu bytes", f->call, f->nitems,
                 (unsigned long long) bytes);
    }
}


static void
send_call(flight_t *f)
{
    unsigned  poisoned;

    if (!valid_flight(f)) {
        end_flight(f);
        return;
    }

    if (llmb_sched_send(z, f->call, f->worker) == LLMB_NIL) {
        unlock(f->worker);
        end_flight(f);
        return;
    }

    unlock(f->worker);

    f->split = 0;
    check_call(f);
    poisoned = f->split;

    f->split = 0;
    f->status = poisoned ? 400
                : chance(o->busy) ? 429
                : chance(o->broken) ? (chance(0.5) ? 500 : 504)
                : 200;

    if (f->status == 200) {
        f->split = !chance(o->wrong);
    }

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
        llmb_sched_answer(z, i, LLMB_NIL, 0);
    }
}


static void
isolate(flight_t *f, llmb_reason_e reason)
{
    uint32_t       n;
    llmb_group_t  *g;
    llmb_call_t   *c;

    c = llmb_call(z, f->call);
    g = llmb_group(z, c->group);

    n = llmb_health_allow(&g->health, 50, c->members.n, clock_of(f->worker));

    for ( /* void */ ; n; n--) {
        llmb_sched_release(z, c->members.head, reason);
    }

    deliver(f->call);
}


static void
backend(flight_t *f)
{
    uint32_t         i, w;
    uint64_t         ms;
    llmb_group_t    *g;
    llmb_reason_e    reason;
    llmb_outcome_t   out;

    if (!valid_flight(f)) {
        end_flight(f);
        return;
    }

    w = f->worker;
    ms = clock_of(w);
    g = llmb_group(z, llmb_call(z, f->call)->group);

    memset(&out, 0, sizeof(llmb_outcome_t));
    out.status = f->status;
    out.answered = f->status != 504;
    out.split = f->split != 0;
    out.idempotent = 1;
    out.fallback = 1;
    out.members = f->nmembers;
    out.items = f->nitems;
    out.tries = llmb_call(z, f->call)->tries;
    out.mismatch = LLMB_MISMATCH_COUNT;

    reason = llmb_verdict_reason(&out);
    llmb_health_result(&g->health, llmb_verdict_failed(&out), 5, 100, ms);

    switch (llmb_verdict(&out)) {

    case LLMB_VERDICT_SPLIT:

        for (i = llmb_call(z, f->call)->members.head;
             i != LLMB_NIL;
             i = llmb_queue_links(z)[i].next)
        {
            (void) llmb_member_room(z, i, llmb_member(z, i)->items * SIM_ITEM);
        }

        unlock(w);
        sim_event(SIM_COPIED, now + 20, (uint32_t) (f - flights), f->tag);
        return;

    case LLMB_VERDICT_AGAIN:

        if (llmb_health_allow(&g->health, 50, 1, ms)) {
            stats->again++;
            llmb_sched_again(z, f->call, w, reason);
            unlock(w);
            end_flight(f);
            return;
        }

        deliver(f->call);
        break;

    case LLMB_VERDICT_HALVE:

        if (llmb_health_allow(&g->health, 50, 2, ms) == 2) {
            stats->halved++;
            llmb_sched_halve(z, f->call, w, reason);
            unlock(w);
            end_flight(f);
            return;
        }

        deliver(f->call);
        break;

    case LLMB_VERDICT_PAUSE:
        stats->paused++;
        llmb_sched_pause(z, f->call, ms + sim_random(300), ms);
        deliver(f->call);
        break;

    case LLMB_VERDICT_ALONE:
        isolate(f, reason);
        break;

    case LLMB_VERDICT_DELIVER:
        deliver(f->call);
        break;
    }

    llmb_sched_end(z, f->call, w, ms);
    unlock(w);
    end_flight(f);
}


static void
copied(flight_t *f)
{
    uint32_t        i;
    llmb_call_t    *c;
    llmb_member_t  *m;

    if (!valid_flight(f)) {
        end_flight(f);
        return;
    }

    c = llmb_call(z, f->call);

    while ((i = c->members.head) != LLMB_NIL) {
        m = llmb_member(z, i);

        if (m->room == LLMB_NIL) {
            llmb_sched_release(z, i, LLMB_REASON_ZONE_FULL);
            continue;
        }

        write_text(m->room, f->items + m->result.index, m->items, SIM_ITEM);
        llmb_sched_answer(z, i, m->room, m->items * SIM_ITEM);
    }

    llmb_sched_end(z, f->call, f->worker, clock_of(f->worker));
    unlock(f->worker);
    end_flight(f);
}


static void
served(uint32_t r)
{
    request_t      *rq = &requests[r];
    sim_outcome_e   outcome;

    outcome = rq->state == REQUEST_PASSED ? SIM_PASSED : SIM_ALONE;

    if (rq->member != LLMB_NIL) {
        lock(rq->worker);
    }

    if (rq->member != LLMB_NIL) {
        (void) member_of(r);
        llmb_sched_leave(z, rq->member, clock_of(rq->worker));
        unlock(rq->worker);
    }

    finish(r, outcome);
}


/* workers */

static void
next_death(uint32_t w)
{
    if (o->life > 0 && busy_world) {
        sim_event(SIM_DEATH, now + sim_exponential(o->life * 1000), w,
                  workers[w].life);
    }
}


static void
death(uint32_t w)
{
    uint32_t  r;

    if (!busy_world) {
        return;
    }

    stats->deaths++;

    if (chance(o->torn)) {
        /* half way through something */

        memset(&llmb_queue_links(z)[sim_random(z->nmembers)], 0x5a,
               sizeof(llmb_link_t));
        z->nfree = 0;
        z->free_members.head = (uint32_t) sim_random(z->nmembers);

        stats->resets++;
        llmb_zone_reset(z);
        workers[w].dead = 1;
        unlock(w);
    }

    workers[w].dead = 1;
    workers[w].life = ++tags;

    for (r = 0; r < nrequests; r++) {
        if (requests[r].state != REQUEST_FREE && requests[r].worker == w) {
            finish(r, SIM_KILLED);
        }
    }

    sim_event(SIM_RESPAWN, now + 500 + sim_random(20000), w, workers[w].life);
}


static void
respawn(uint32_t w)
{
    workers[w].dead = 0;

    stats->orphans += llmb_sched_reap(z, w, clock_of(w));
    lock(w);
    unlock(w);

    next_death(w);
}


/* what a worker does when it is told to quit */

static void
drain(void)
{
    uint32_t  r, w;

    w = (uint32_t) sim_random((uint64_t) o->workers);

    if (!workers[w].dead) {
        stats->drains++;
        lock(w);

        for (r = 0; r < nrequests; r++) {
            if (requests[r].worker == w && requests[r].state == REQUEST_HELD
                && member_of(r)->state == LLMB_MEMBER_QUEUED)
            {
                llmb_sched_drain(z, requests[r].member, clock_of(w));
            }
        }

        unlock(w);
    }

    if (busy_world) {
        sim_event(SIM_DRAIN, now + sim_exponential(o->drain * 1000), 0, 0);
    }
}


/* the run */

static void
arrivals(void)
{
    uint32_t  i, n, w;

    n = o->burst > 1 ? 1 + (uint32_t) sim_random((uint64_t) o->burst * 2 - 1)
                     : 1;

    for (i = 0; i < n && stats->arrived < o->requests; i++) {
        w = (uint32_t) sim_random((uint64_t) o->workers);

        if (!workers[w].dead) {
            arrive(w);
        }
    }

    busy_world = stats->arrived < o->requests;

    if (busy_world) {
        sim_event(SIM_ARRIVE, now + sim_exponential(1e6 / o->rate * n), 0, 0);
    }
}


/* a flight or a request that this was about may be long gone */

static unsigned
is_stale(const sim_event_t *e)
{
    switch (e->type) {

    case SIM_JOIN:
    case SIM_TIMER:
    case SIM_SERVED:
    case SIM_CANCEL:
        return requests[e->index].id != e->tag;

    case SIM_SEND:
    case SIM_BACKEND:
    case SIM_COPIED:
        return flights[e->index].tag != e->tag;

    case SIM_BELL:
    case SIM_DEATH:
    case SIM_RESPAWN:
        return workers[e->index].life != e->tag;

    default:
        return 0;
    }
}


static void
handle(const sim_event_t *e)
{
    switch (e->type) {

    case SIM_ARRIVE:
        arrivals();
        break;

    case SIM_JOIN:
        join(e->index);
        break;

    case SIM_TIMER:
        timer(e->index);
        break;

    case SIM_BELL:
        bell(e->index);
        break;

    case SIM_SEND:
        send_call(&flights[e->index]);
        break;

    case SIM_BACKEND:
        backend(&flights[e->index]);
        break;

    case SIM_COPIED:
        copied(&flights[e->index]);
        break;

    case SIM_SERVED:
        served(e->index);
        break;

    case SIM_CANCEL:
        cancel(e->index);
        break;

    case SIM_DEATH:
        death(e->index);
        break;

    case SIM_RESPAWN:
        respawn(e->index);
        break;

    case SIM_DRAIN:
        drain();
        break;
    }
}


/* nobody that has a living worker is still in a queue after its deadline */

static void
check_deadlines(void)
{
    uint32_t        i, j;
    llmb_group_t   *g;
    llmb_member_t  *m;

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);

        if (!g->used) {
            continue;
        }

        for (j = g->queue.head; j != LLMB_NIL; j = llmb_queue_links(z)[j].next)
        {
            m = llmb_member(z, j);

            if (now / 1000 <= m->deadline + 2) {
                break;
            }

            if (!workers[m->worker].dead) {
                sim_fail("member %u is %llu ms late", j,
                         (unsigned long long) (now / 1000 - m->deadline));
            }
        }
    }
}


static void
check(unsigned all)
{
    const char  *problem;

    check_deadlines();

    if (all) {
        problem = sched_check(z);

        if (problem) {
            sim_fail("%s", problem);
        }
    }
}


static void
start(void)
{
    size_t    size;
    uint32_t  i;

    size = (size_t) o->zone * 1024;
    z = aligned_alloc(64, size);

    if (z == NULL
        || llmb_zone_init(z, size, (uint32_t) o->workers) != LLMB_OK)
    {
        abort();
    }

    now = 1000000000;
    tags = 0;
    backend_free = 0;
    active = 0;
    busy_world = 1;
    nrequests = 0;
    nflights = 0;
    free_request = LLMB_NIL;

    memset(workers, 0, sizeof(workers));

    for (i = 0; i < z->nworkers; i++) {
        llmb_worker(z, i)->pid = 1 + i;
        workers[i].life = ++tags;
        next_death(i);
    }

    sim_event(SIM_ARRIVE, now, 0, 0);

    if (o->drain > 0) {
        sim_event(SIM_DRAIN, now, 0, 0);
    }
}


void
sim_world(const sim_options_t *options, sim_stats_t *s)
{
    uint32_t      i;
    uint64_t      sum;
    sim_event_t   e;
    const char   *problem;

    o = options;
    stats = s;

    start();

    while (sim_next(&e)) {
        now = e.at;

        if (is_stale(&e)) {
            continue;
        }

        handle(&e);

        stats->events++;

        if (stats->events % 64 == 0) {
            check(stats->events % 8192 == 0);
        }
    }

    for (i = 0; i < z->nworkers; i++) {
        bell(i);
    }

    for (i = 0, sum = 0; i < SIM_NOUTCOMES; i++) {
        sum += stats->outcomes[i];
    }

    if (active || sum != stats->arrived) {
        sim_fail("%llu requests are left, %llu outcomes of %llu requests",
                 (unsigned long long) active, (unsigned long long) sum,
                 (unsigned long long) stats->arrived);
    }

    problem = sched_check_drained(z);

    if (problem) {
        sim_fail("after the end: %s", problem);
    }

    free(z);
    free(requests);
    free(flights);
    requests = NULL;
    flights = NULL;
}
