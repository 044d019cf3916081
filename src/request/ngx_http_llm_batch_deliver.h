
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The last step of a held request: its answer is sent.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DELIVER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DELIVER_H_INCLUDED_


/*
 * Sends the answer and finalizes the request, which may be gone afterwards.
 * The result has to be in the context.  The body is that of the answer, or the
 * given chain, and of the request's pool.
 */
void ngx_http_llm_batch_deliver(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_answer_t *answer, ngx_chain_t *body);


#endif /* _NGX_HTTP_LLM_BATCH_DELIVER_H_INCLUDED_ */
