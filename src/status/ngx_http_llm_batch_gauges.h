
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the tables of a zone hold at one moment, for the status page.
 */


#ifndef _NGX_HTTP_LLM_BATCH_GAUGES_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_GAUGES_H_INCLUDED_


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


void ngx_http_llm_batch_get_gauges(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_gauges_t *gauges);


#endif /* _NGX_HTTP_LLM_BATCH_GAUGES_H_INCLUDED_ */
