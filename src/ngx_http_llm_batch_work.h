
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Bytes that a worker copies or reads for its clients, a step at a time: large
 * answers, however many there are, leave the event loop its turns.
 */


#ifndef _NGX_HTTP_LLM_BATCH_WORK_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_WORK_H_INCLUDED_


/* bytes, for all clients together, between two turns of the event loop */

#define NGX_HTTP_LLM_BATCH_STEP   (2 * 1024 * 1024)

/* what it counts as to look at a piece of work that has none to copy */

#define NGX_HTTP_LLM_BATCH_LOOK   (32 * 1024)


/* work that waits for the next turn; zeros, but for handler and data */

typedef struct {
    ngx_queue_t     queue;
    void          (*handler)(void *data);
    void           *data;
    ngx_uint_t      waits;        /* in the queue of its worker */
} ngx_http_llm_batch_work_t;


/*
 * The handler is called in one of the next turns, first come, first served; it
 * may post the work again, or free it.  A worker that shuts down waits for it.
 * What is posted or cancelled already is left as it is.
 */
void ngx_http_llm_batch_work_post(ngx_http_llm_batch_work_t *work);
void ngx_http_llm_batch_work_cancel(ngx_http_llm_batch_work_t *work);

/* bytes that may still be done in this turn; 0: the rest is to be posted */
size_t ngx_http_llm_batch_work_left(void);

/* so many were */
void ngx_http_llm_batch_work_done(size_t bytes);


#endif /* _NGX_HTTP_LLM_BATCH_WORK_H_INCLUDED_ */
