
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The status page.
 */


#ifndef _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_


char *ngx_http_llm_batch_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* each makes the page of all zones, from the request's pool */
ngx_int_t ngx_http_llm_batch_status_prometheus(ngx_http_request_t *r,
    ngx_str_t *page);
ngx_int_t ngx_http_llm_batch_status_json(ngx_http_request_t *r,
    ngx_str_t *page);


#endif /* _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_ */
