
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "dry_run": what company a request would have had that goes on its own.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DRY_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DRY_H_INCLUDED_


/*
 * The request is there from now on, without being held.  Otherwise, that is, if
 * there is no room for that, nothing will be known of its company; or it could
 * not have been held: then this tells why.
 */
llmb_reason_e ngx_http_llm_batch_dry_enter(ngx_http_llm_batch_ctx_t *ctx);

/* it is over: who was there is known, and counted */
void ngx_http_llm_batch_dry_leave(ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_DRY_H_INCLUDED_ */
