
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

/*
 * The group of a call, or of a member that went alone by r, pauses if the
 * upstream has said for how long.  Return the length of a pause that was none
 * before, or 0.  The caller holds the lock.
 */
ngx_msec_t ngx_http_llm_batch_pause_call(ngx_http_llm_batch_call_t *call);
ngx_msec_t ngx_http_llm_batch_halt(ngx_http_llm_batch_zone_t *zone,
    llmb_member_t *m, ngx_http_request_t *r);

/* logs that it begins; not under the lock */
void ngx_http_llm_batch_log_pause(ngx_http_llm_batch_zone_t *zone,
    ngx_msec_t pause);

/* a member could not wait for the end of a pause: answers it 429 */
void ngx_http_llm_batch_refused(ngx_http_llm_batch_part_t *part);


#endif /* _NGX_HTTP_LLM_BATCH_PAUSE_H_INCLUDED_ */
