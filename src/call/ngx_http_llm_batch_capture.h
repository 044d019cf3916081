
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Filters: the answer to a call is kept here instead of being sent.
 */


#ifndef _NGX_HTTP_LLM_BATCH_CAPTURE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_CAPTURE_H_INCLUDED_


ngx_int_t ngx_http_llm_batch_capture_init(ngx_conf_t *cf);

/* called when the subrequest of a call is finalized; data is the call */
ngx_int_t ngx_http_llm_batch_post_subrequest(ngx_http_request_t *r,
    void *data, ngx_int_t rc);

/* the call whose subrequest this is, or NULL */
ngx_http_llm_batch_call_t *ngx_http_llm_batch_get_call(ngx_http_request_t *r);


#endif /* _NGX_HTTP_LLM_BATCH_CAPTURE_H_INCLUDED_ */
