
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Conversations, which pass through: what is read of them, and of their
 * answers.  Neither is changed, nor waited for.
 */


#ifndef _NGX_HTTP_LLM_BATCH_GENERATE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_GENERATE_H_INCLUDED_


/*
 * $llm_batch_prefix, computed when it is asked for first.  NGX_DECLINED: there
 * is none, or the body was not read.
 */
ngx_int_t ngx_http_llm_batch_find_prefix(ngx_http_llm_batch_ctx_t *ctx);

/* the client's answer begins, goes on, and is over */
void ngx_http_llm_batch_meter_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx);
void ngx_http_llm_batch_meter_body(ngx_http_llm_batch_ctx_t *ctx,
    ngx_chain_t *in);
void ngx_http_llm_batch_meter_done(ngx_http_llm_batch_ctx_t *ctx);

/* what the answer has told of its tokens so far; 0: nothing */
ngx_uint_t ngx_http_llm_batch_spent(ngx_http_llm_batch_ctx_t *ctx,
    llmb_spent_t *spent);


#endif /* _NGX_HTTP_LLM_BATCH_GENERATE_H_INCLUDED_ */
