
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The status page as JSON.
 */


#ifndef _NGX_HTTP_LLM_BATCH_JSON_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_JSON_H_INCLUDED_


/* makes the page of all zones, from the request's pool */
ngx_int_t ngx_http_llm_batch_status_json(ngx_http_request_t *r,
    ngx_str_t *page);


#endif /* _NGX_HTTP_LLM_BATCH_JSON_H_INCLUDED_ */
