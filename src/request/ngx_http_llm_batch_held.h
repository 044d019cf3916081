
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request while it is held, as one part or as several.
 */


#ifndef _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_


/* sets the timer of a held request to the next time it has to look */
void ngx_http_llm_batch_set_timer(ngx_http_llm_batch_ctx_t *ctx);

/*
 * The timer of the part's request is to be set anew, by set_timers() at the end
 * of the pass, once for all of its parts.
 */
void ngx_http_llm_batch_wake(ngx_http_llm_batch_part_t *part);
void ngx_http_llm_batch_set_timers(ngx_http_llm_batch_zone_t *zone);


/* the request goes through its phases again, from where it was held */
void ngx_http_llm_batch_resume(ngx_http_llm_batch_ctx_t *ctx);


/*
 * Ends the part of the zone in a request that is about to be answered or
 * whose client is gone.  Safe to call again.
 */
void ngx_http_llm_batch_release(ngx_http_llm_batch_ctx_t *ctx);

/* the same, of one part; the caller holds the lock */
void ngx_http_llm_batch_leave(ngx_http_llm_batch_part_t *part);

/* from here on the request waits for its mail; "wake" is in ms */
void ngx_http_llm_batch_suspend(ngx_http_llm_batch_ctx_t *ctx, uint64_t wake);

/* called off: nothing more is cut off or joined */
void ngx_http_llm_batch_stop_parts(ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_ */
