
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request without a client.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DETACHED_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DETACHED_H_INCLUDED_


/*
 * Makes a request without a client out of the given one: its location, URI,
 * variables and those of its headers that may be sent in a call.  The pool of
 * the new connection becomes call->pool.
 */
ngx_int_t ngx_http_llm_batch_detach(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials);

/* starts the subrequest that carries the body to the upstream */
ngx_int_t ngx_http_llm_batch_launch(ngx_http_llm_batch_call_t *call,
    ngx_buf_t *body);


#endif /* _NGX_HTTP_LLM_BATCH_DETACHED_H_INCLUDED_ */
