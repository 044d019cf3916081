
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * An upstream that answers 429 is left alone for as long as it says.
 */


#ifndef _NGX_HTTP_LLM_BATCH_PAUSE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_PAUSE_H_INCLUDED_


/*
 * How long, in ms, the upstream wants no calls after an answer of 429, or 0;
 * *ms: it has told that in ms.
 */
uint64_t ngx_http_llm_batch_retry_after(ngx_http_request_t *r, ngx_uint_t *ms);

/* logs that it begins; not under the lock */
void ngx_http_llm_batch_log_pause(ngx_http_llm_batch_zone_t *zone,
    uint64_t pause);


#endif /* _NGX_HTTP_LLM_BATCH_PAUSE_H_INCLUDED_ */
