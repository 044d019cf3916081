
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The metrics in the text format of Prometheus.
 */


#ifndef _NGX_HTTP_LLM_BATCH_PROMETHEUS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_PROMETHEUS_H_INCLUDED_


/* makes the page of all zones, from the request's pool */
ngx_int_t ngx_http_llm_batch_status_prometheus(ngx_http_request_t *r,
    ngx_str_t *page);


#endif /* _NGX_HTTP_LLM_BATCH_PROMETHEUS_H_INCLUDED_ */
