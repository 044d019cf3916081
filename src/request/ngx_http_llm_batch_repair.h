
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "llm_batch_repair_encoding" for requests that go on their own; the answers
 * to calls are repaired as they are cut.
 */


#ifndef _NGX_HTTP_LLM_BATCH_REPAIR_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_REPAIR_H_INCLUDED_


/*
 * The header of an answer to a client: NGX_OK if it has to wait until it is
 * known how vectors are encoded, NGX_DECLINED if there is nothing to repair.
 */
ngx_int_t ngx_http_llm_batch_repair_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx);

/*
 * The body of such an answer.  NGX_AGAIN: it is collected, nothing may be
 * sent yet.  NGX_OK: the header has to be sent now, and then *out; from here
 * on the body passes.  NGX_DECLINED: it passes.
 */
ngx_int_t ngx_http_llm_batch_repair_body(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t **out);


#endif /* _NGX_HTTP_LLM_BATCH_REPAIR_H_INCLUDED_ */
