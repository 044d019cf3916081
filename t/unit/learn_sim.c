
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn_sim.h"


static void sim_step(sim_t *s);
static void sim_arrival(sim_t *s);
static void sim_end(sim_t *s, unsigned call);
static void sim_flush(sim_t *s);
static unsigned sim_free(const sim_t *s);
static void sim_send(sim_t *s, const uint64_t *came, unsigned n);
static void sim_pace(sim_t *s, unsigned n);
static double sim_random(sim_t *s);
static int sim_compare(const void *a, const void *b);


void
sim_init(sim_t *s, const sim_upstream_t *upstream, double rate, uint64_t seed)
{
    memset(s, 0, sizeof(sim_t));

    llmb_learn_init(&s->learn);
    llmb_slots_init(&s->slots, 1, 16);

    s->rate = rate;
    s->seed = seed * 2654435761u + 1;
    s->now = 1000000000;
    s->next = s->now;

    sim_change(s, upstream);
    sim_clear(s);
}


void
sim_change(sim_t *s, const sim_upstream_t *upstream)
{
    s->upstream = *upstream;
    memset(s->servers, 0, sizeof(s->servers));
}


void
sim_clear(sim_t *s)
{
    s->ended = 0;
    s->late = 0;
    s->requests = 0;
    s->alone = 0;
    s->items = 0;
    s->sum = 0;
    s->least = UINT32_MAX;
    s->most = 0;
    s->ntimes = 0;
}


void
sim_calls(sim_t *s, unsigned n)
{
    for (n += s->ended; s->ended < n; /* void */) {
        sim_step(s);
    }
}


void
sim_time(sim_t *s, uint64_t time)
{
    for (time += s->now; s->now < time; /* void */) {
        sim_step(s);
    }
}


static void
sim_step(sim_t *s)
{
    unsigned  i, first;
    uint64_t  end;

    first = s->inflight;

    for (i = 0; i < s->inflight; i++) {
        if (first == s->inflight || s->calls[i].end < s->calls[first].end) {
            first = i;
        }
    }

    end = first < s->inflight ? s->calls[first].end : UINT64_MAX;

    if (sim_free(s) && s->pace <= llmb_min(end, s->next)) {
        s->now = s->pace;

    } else if (end <= s->next) {
        s->now = end;
        sim_end(s, first);

    } else {
        s->now = s->next;
        s->next += (uint64_t) (-log(1 - sim_random(s)) * 1e6 / s->rate);
        sim_arrival(s);
    }

    sim_flush(s);
}


static void
sim_arrival(sim_t *s)
{
    llmb_arrivals_add(&s->arrivals, s->now);

    if (!llmb_learn_merges(&s->learn, s->now)) {
        s->alone++;

        if (s->inflight < SIM_CALLS) {
            sim_send(s, &s->now, 1);
        }

        return;
    }

    if (s->queued < SIM_QUEUE) {
        s->queue[s->queued++] = s->now;
    }
}


static void
sim_end(sim_t *s, unsigned call)
{
    sim_call_t     c;
    llmb_sample_t  sample;
    uint32_t       slots;
    unsigned       i;

    c = s->calls[call];
    s->calls[call] = s->calls[--s->inflight];

    sample.items = c.items;
    sample.inflight = c.inflight;
    sample.time = s->now - c.sent;
    sample.end = c.how;

    llmb_learn_sample(&s->learn, &s->slots, &sample, NULL, s->now);

    slots = llmb_slots_now(&s->slots);
    s->least = llmb_min(s->least, slots);
    s->most = llmb_max(s->most, slots);
    s->sum += slots;

    s->ended++;

    if (c.how != LLMB_LEARN_GOOD) {
        return;
    }

    s->late += c.expected && sample.time > c.expected;
    s->items += c.items;
    s->requests += c.items;

    for (i = 0; i < c.items && s->ntimes < SIM_TIMES; i++) {
        s->times[s->ntimes++] = s->now - c.came[i];
    }
}


static void
sim_flush(sim_t *s)
{
    unsigned  n;

    while (sim_free(s) && (s->now >= s->pace || s->queued >= SIM_SIZE)) {
        n = llmb_min(s->queued, SIM_SIZE);

        sim_send(s, s->queue, n);
        sim_pace(s, n);

        s->queued -= n;
        memmove(s->queue, s->queue + n, s->queued * sizeof(uint64_t));
    }
}


/* whether there is a slot for what waits */

static unsigned
sim_free(const sim_t *s)
{
    return s->queued && s->inflight < llmb_slots_now(&s->slots);
}


static void
sim_pace(sim_t *s, unsigned n)
{
    s->pace = s->now
              + llmb_policy_pace(llmb_slots_now(&s->slots),
                                 s->inflight,
                                 llmb_arrivals_rate(&s->arrivals, s->now),
                                 llmb_learn_service(&s->learn, n),
                                 s->now - s->busy);
}


static void
sim_send(sim_t *s, const uint64_t *came, unsigned n)
{
    double           time;
    uint64_t         start, *server;
    unsigned         i;
    sim_call_t      *c;
    sim_upstream_t  *u;

    u = &s->upstream;
    c = &s->calls[s->inflight++];

    if (s->inflight == 1) {
        s->busy = s->now;
    }

    c->sent = s->now;
    c->items = n;
    c->inflight = s->inflight;
    c->how = LLMB_LEARN_GOOD;
    c->expected = llmb_learn_time(&s->learn, n);
    memcpy(c->came, came, n * sizeof(uint64_t));

    if (u->limit && s->inflight > u->limit) {
        c->how = LLMB_LEARN_OVERLOAD;
        c->end = s->now + 1000;
        return;
    }

    time = u->fixed + n * u->each;
    time *= 1 + u->jitter * (2 * sim_random(s) - 1);

    if (sim_random(s) < u->slow) {
        time *= 10;
    }

    start = s->now;

    if (u->parallel) {
        server = s->servers;

        for (i = 1; i < u->parallel; i++) {
            server = s->servers[i] < *server ? &s->servers[i] : server;
        }

        start = llmb_max(start, *server);
        *server = start + (uint64_t) time;
    }

    c->end = start + (uint64_t) time;
}


static double
sim_random(sim_t *s)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;

    return (double) (s->seed >> 11) / 9007199254740992.0;
}


uint64_t
sim_percentile(sim_t *s, double percent)
{
    qsort(s->times, s->ntimes, sizeof(uint64_t), sim_compare);

    return s->times[(unsigned) (percent * (s->ntimes - 1) / 100)];
}


static int
sim_compare(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}
