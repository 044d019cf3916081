
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is learned of upstreams: the time of calls, and where they go.
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

/*
 * The request r was sent for the group, to an address that is not known before:
 * it may be made of variables.  The caller holds the lock; usec is now.
 */
void ngx_http_llm_batch_learn_upstream(ngx_http_llm_batch_zone_t *zone,
    uint32_t group, ngx_http_request_t *r, uint64_t usec);


#endif /* _NGX_HTTP_LLM_BATCH_LEARN_H_INCLUDED_ */
