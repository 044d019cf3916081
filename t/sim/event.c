
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Chance and time.
 */


#include <math.h>
#include <stdlib.h>

#include "sim.h"


static uint64_t      sim_state;

static sim_event_t  *heap;
static size_t        nheap, heap_size;
static uint64_t      order;


void
sim_seed(uint64_t seed)
{
    sim_state = seed * 0x9e3779b97f4a7c15 + 1;
    nheap = 0;
    order = 0;
}


static uint64_t
sim_bits(void)
{
    uint64_t  x;

    sim_state += 0x9e3779b97f4a7c15;

    x = sim_state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;

    return x ^ (x >> 31);
}


uint64_t
sim_random(uint64_t n)
{
    return sim_bits() % n;
}


double
sim_uniform(void)
{
    return (double) (sim_bits() >> 11) / 9007199254740992.0;
}


uint64_t
sim_exponential(double mean)
{
    return (uint64_t) (-log(1.0 - sim_uniform()) * mean);
}


static unsigned
sim_earlier(const sim_event_t *a, const sim_event_t *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}


void
sim_event(sim_event_e type, uint64_t at, uint32_t index, uint64_t tag)
{
    size_t       i, up;
    sim_event_t  e;

    if (nheap == heap_size) {
        heap_size = 2 * heap_size + 1024;
        heap = realloc(heap, heap_size * sizeof(sim_event_t));

        if (heap == NULL) {
            abort();
        }
    }

    e.at = at;
    e.order = order++;
    e.tag = tag;
    e.index = index;
    e.type = type;

    for (i = nheap++; i; i = up) {
        up = (i - 1) / 2;

        if (!sim_earlier(&e, &heap[up])) {
            break;
        }

        heap[i] = heap[up];
    }

    heap[i] = e;
}


unsigned
sim_next(sim_event_t *event)
{
    size_t       i, down;
    sim_event_t  e;

    if (nheap == 0) {
        return 0;
    }

    *event = heap[0];
    e = heap[--nheap];

    for (i = 0; (down = 2 * i + 1) < nheap; i = down) {

        if (down + 1 < nheap && sim_earlier(&heap[down + 1], &heap[down])) {
            down++;
        }

        if (!sim_earlier(&heap[down], &e)) {
            break;
        }

        heap[i] = heap[down];
    }

    heap[i] = e;

    return 1;
}
