
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Headers of answers.
 */


#ifndef _NGX_HTTP_LLM_BATCH_FIELDS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_FIELDS_H_INCLUDED_


/*
 * The number of the place in r->headers_out, beside the list of all, at which
 * nginx has the header; 0 if there is none.
 */
ngx_uint_t ngx_http_llm_batch_find_slot(ngx_http_request_t *r,
    ngx_table_elt_t *h);

/* makes those of the answer the request's, with copies from its pool */
ngx_int_t ngx_http_llm_batch_set_headers(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer);

/* adds Retry-After to an answer of ours, if it has such a time */
ngx_int_t ngx_http_llm_batch_set_retry(ngx_http_request_t *r,
    ngx_http_llm_batch_answer_t *answer);

/* X-LLM-Batch in the answer of a client, in place of an upstream's */
ngx_int_t ngx_http_llm_batch_add_client_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_FIELDS_H_INCLUDED_ */
