
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a call takes from its lender: all that the members have in common, and
 * nothing that is one client's.
 */


#ifndef _NGX_HTTP_LLM_BATCH_LENDER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_LENDER_H_INCLUDED_


/*
 * The part of detach() that fills the request in.  The path is the one that
 * the form sends its calls to.
 */
ngx_int_t ngx_http_llm_batch_borrow(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials);

/* adds a header to those that came, as the parser does */
ngx_int_t ngx_http_llm_batch_add_header(ngx_http_request_t *fr,
    ngx_str_t *key, ngx_str_t *value);


#endif /* _NGX_HTTP_LLM_BATCH_LENDER_H_INCLUDED_ */
