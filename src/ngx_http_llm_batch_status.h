
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The status page.
 */


#ifndef _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_


/* what the tables hold at one moment */

typedef struct {
    uint64_t     queued;
    uint64_t     inflight;
    uint64_t     members;
    uint64_t     calls;
    uint64_t     groups;
    uint64_t     illegal;     /* transitions */
    uint64_t     open;        /* breakers */
    uint64_t     used;        /* bytes */
    uint64_t     free;
    uint64_t     placeless;   /* workers of the newest configuration */
} ngx_http_llm_batch_gauges_t;


char *ngx_http_llm_batch_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* each makes the page of all zones, from the request's pool */
ngx_int_t ngx_http_llm_batch_status_prometheus(ngx_http_request_t *r,
    ngx_str_t *page);
ngx_int_t ngx_http_llm_batch_status_json(ngx_http_request_t *r,
    ngx_str_t *page);

void ngx_http_llm_batch_get_gauges(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_gauges_t *gauges);


#endif /* _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_ */
