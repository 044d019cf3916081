
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is still to happen.  Of what happens at the same time, first come the
 * events of connections, then timers, then what a worker has posted for the
 * end of the pass, as in nginx.
 */


#include "model.h"


static unsigned
sim_before(const sim_event_t *a, const sim_event_t *b)
{
    if (a->at != b->at) {
        return a->at < b->at;
    }

    return a->type != b->type ? a->type < b->type : a->order < b->order;
}


void
sim_queue_push(sim_queue_t *queue, sim_event_e type, uint64_t at,
    uint32_t index)
{
    size_t       i, up;
    sim_event_t  event;

    if (queue->n == queue->room) {
        queue->room = 2 * queue->room + 256;
        queue->heap = sim_realloc(queue->heap, queue->room,
                                  sizeof(sim_event_t));
    }

    event.at = at;
    event.order = queue->order++;
    event.index = index;
    event.type = type;

    for (i = queue->n++; i; i = up) {
        up = (i - 1) / 2;

        if (!sim_before(&event, &queue->heap[up])) {
            break;
        }

        queue->heap[i] = queue->heap[up];
    }

    queue->heap[i] = event;
}


unsigned
sim_queue_pop(sim_queue_t *queue, sim_event_t *event)
{
    size_t       i, down;
    sim_event_t  last;

    if (queue->n == 0) {
        return 0;
    }

    *event = queue->heap[0];
    last = queue->heap[--queue->n];

    for (i = 0; (down = 2 * i + 1) < queue->n; i = down) {

        if (down + 1 < queue->n
            && sim_before(&queue->heap[down + 1], &queue->heap[down]))
        {
            down++;
        }

        if (!sim_before(&queue->heap[down], &last)) {
            break;
        }

        queue->heap[i] = queue->heap[down];
    }

    queue->heap[i] = last;

    return 1;
}
