
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request while it is held, as one part or as several.
 */


#ifndef _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_


/*
 * Makes the request a member of its group, or several if it is too large for
 * one call.  LLMB_REASON_NONE: it is held and may be over by now; else it is
 * as before.
 */
llmb_reason_e ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx);

/* sets the timer of a held request to the next time it has to look */
void ngx_http_llm_batch_set_timer(ngx_http_llm_batch_ctx_t *ctx);

/*
 * The timer of the part's request is to be set anew, by set_timers() at the end
 * of the pass, once for all of its parts.
 */
void ngx_http_llm_batch_wake(ngx_http_llm_batch_part_t *part);
void ngx_http_llm_batch_set_timers(ngx_http_llm_batch_zone_t *zone);

/* a held request goes alone after all, with all of its parts */
void ngx_http_llm_batch_pass(ngx_http_llm_batch_ctx_t *ctx,
    llmb_reason_e reason);

/* the request goes through its phases again, from where it was held */
void ngx_http_llm_batch_resume(ngx_http_llm_batch_ctx_t *ctx);

/* the zone forgot the member */
void ngx_http_llm_batch_lost_member(ngx_http_llm_batch_part_t *part);

/*
 * Ends the part of the zone in a request that is about to be answered or
 * whose client is gone.  Safe to call again.
 */
void ngx_http_llm_batch_release(ngx_http_llm_batch_ctx_t *ctx);

/* the same, of one part; the caller holds the lock */
void ngx_http_llm_batch_leave(ngx_http_llm_batch_part_t *part);

/* sends all held parts of this worker now */
void ngx_http_llm_batch_drain(ngx_http_llm_batch_zone_t *zone);


#endif /* _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_ */
