
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A call of one.  Its carrier is chosen as it is sent: its client's own
 * request, which goes the way of any other; or, like a call of several, a
 * request of ours, if the client's is, or may have to be, cut.
 */


#ifndef _NGX_HTTP_LLM_BATCH_SINGLE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_SINGLE_H_INCLUDED_


/*
 * Sends a sealed call of one.  NGX_DECLINED: it is SENT, but by a request of
 * ours, which is to be made.
 */
ngx_int_t ngx_http_llm_batch_single_send(ngx_http_llm_batch_zone_t *zone,
    uint32_t index);

/* a request that carried its own call has its answer: the call is over */
void ngx_http_llm_batch_single_done(ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_SINGLE_H_INCLUDED_ */
