
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Calls, and what is in them, that nobody waits for any more.
 */


#ifndef _NGX_HTTP_LLM_BATCH_WITHDRAW_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_WITHDRAW_H_INCLUDED_


/*
 * A part is no longer waited for.  If it was the last one of a call of this
 * worker, the call is given up.
 */
void ngx_http_llm_batch_withdraw(ngx_http_llm_batch_part_t *part);

/* the client of a held request is gone */
void ngx_http_llm_batch_cancel(ngx_http_llm_batch_ctx_t *ctx);

/* ends a call of this worker; members without an outcome go alone */
void ngx_http_llm_batch_dissolve(ngx_http_llm_batch_zone_t *zone,
    uint32_t index, uint64_t epoch);


#endif /* _NGX_HTTP_LLM_BATCH_WITHDRAW_H_INCLUDED_ */
