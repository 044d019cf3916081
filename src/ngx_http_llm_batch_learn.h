
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is learned from each call, and from each request that went alone.
 */


#ifndef _NGX_HTTP_LLM_BATCH_LEARN_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_LEARN_H_INCLUDED_


/*
 * Microseconds of a monotonic clock: nginx's own time is that of the beginning
 * of the pass of the event loop, too coarse for calls of a few milliseconds.
 */
uint64_t ngx_http_llm_batch_usec(void);

/*
 * What the calls of a group are: all that their cost and their number depend
 * on, but for the upstream they go to.
 */
uint64_t ngx_http_llm_batch_kind(ngx_http_llm_batch_ctx_t *ctx);

/* a call of the group is over; the caller holds the lock */
void ngx_http_llm_batch_learn_call(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_zone_t *zone, uint32_t group, llmb_outcome_t *outcome);

/*
 * The answer to a request that went alone has passed, with the status that
 * its client gets; the caller holds the lock.
 */
void ngx_http_llm_batch_learn_alone(ngx_http_llm_batch_part_t *part,
    uint32_t group, ngx_uint_t status);


#endif /* _NGX_HTTP_LLM_BATCH_LEARN_H_INCLUDED_ */
