
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_work_arm(void);
static void ngx_http_llm_batch_work_turn(ngx_event_t *ev);
static void ngx_http_llm_batch_work_move(ngx_queue_t *to, ngx_queue_t *from);


/* of this worker */

static struct {
    ngx_queue_t       queue;
    ngx_event_t       event;
    ngx_connection_t  none;       /* that the event is of */
    size_t            done;       /* bytes, since the last turn */
} ngx_http_llm_batch_work;


void
ngx_http_llm_batch_work_post(ngx_http_llm_batch_work_t *work)
{
    if (work->waits) {
        return;
    }

    ngx_http_llm_batch_work_arm();

    work->waits = 1;
    ngx_queue_insert_tail(&ngx_http_llm_batch_work.queue, &work->queue);
}


void
ngx_http_llm_batch_work_cancel(ngx_http_llm_batch_work_t *work)
{
    if (work->waits) {
        work->waits = 0;
        ngx_queue_remove(&work->queue);
    }
}


size_t
ngx_http_llm_batch_work_left(void)
{
    return NGX_HTTP_LLM_BATCH_STEP
           - ngx_min(ngx_http_llm_batch_work.done, NGX_HTTP_LLM_BATCH_STEP);
}


void
ngx_http_llm_batch_work_done(size_t bytes)
{
    ngx_http_llm_batch_work.done += bytes;

    if (ngx_http_llm_batch_work_left() == 0) {
        ngx_http_llm_batch_work_arm();
    }
}


/*
 * The turn is the next one.  There is a timer, too, as a worker that shuts down
 * waits for nothing else.
 */

static void
ngx_http_llm_batch_work_arm(void)
{
    ngx_event_t  *ev;

    ev = &ngx_http_llm_batch_work.event;

    if (ev->handler == NULL) {
        ev->handler = ngx_http_llm_batch_work_turn;

        /* for whoever logs events, and wants to know a connection's number */

        ngx_http_llm_batch_work.none.fd = (ngx_socket_t) -1;
        ev->data = &ngx_http_llm_batch_work.none;

        ngx_queue_init(&ngx_http_llm_batch_work.queue);
    }

    ev->log = ngx_cycle->log;

    ngx_post_event(ev, &ngx_posted_next_events);

    if (!ev->timer_set) {
        ngx_add_timer(ev, 1);
    }
}


static void
ngx_http_llm_batch_work_turn(ngx_event_t *ev)
{
    ngx_queue_t                *q, turn;
    ngx_http_llm_batch_work_t  *work;

    /* it may be here by either way */

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_http_llm_batch_work.done = 0;

    /* what is posted from here on is for the next one */

    ngx_queue_init(&turn);
    ngx_http_llm_batch_work_move(&turn, &ngx_http_llm_batch_work.queue);

    while (!ngx_queue_empty(&turn) && ngx_http_llm_batch_work_left()) {

        q = ngx_queue_head(&turn);
        work = ngx_queue_data(q, ngx_http_llm_batch_work_t, queue);

        ngx_http_llm_batch_work_cancel(work);

        work->handler(work->data);

        ngx_http_llm_batch_work_done(NGX_HTTP_LLM_BATCH_LOOK);
    }

    /* who has waited longest goes first then */

    ngx_http_llm_batch_work_move(&turn, &ngx_http_llm_batch_work.queue);
    ngx_http_llm_batch_work_move(&ngx_http_llm_batch_work.queue, &turn);

    if (!ngx_queue_empty(&ngx_http_llm_batch_work.queue)) {
        ngx_http_llm_batch_work_arm();
    }
}


/* all of one queue, behind those of the other */

static void
ngx_http_llm_batch_work_move(ngx_queue_t *to, ngx_queue_t *from)
{
    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}
