
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

/*
 * Makes a part a member of the group, or, if it is too large for one call,
 * replaces it by parts that are not.  LLMB_REASON_NONE, or why it cannot be:
 * then it is as before.  *wake is the earliest time for the timer.
 */
llmb_reason_e ngx_http_llm_batch_join(ngx_http_llm_batch_part_t *part,
    uint64_t *wake);

/*
 * A hash of the path that calls of such requests go to, if it is another than
 * that of the requests themselves; else 0.
 */
uint32_t ngx_http_llm_batch_path_hash(ngx_http_llm_batch_ctx_t *ctx);

/* whether the part is too large for one call, and may be cut */
ngx_uint_t ngx_http_llm_batch_is_too_large(ngx_http_llm_batch_part_t *part,
    llmb_policy_t *policy);

/* sets the timer of a held request to the next time it has to look */
void ngx_http_llm_batch_set_timer(ngx_http_llm_batch_part_t *part);

/* a released member: it goes the way of any other request */
void ngx_http_llm_batch_alone(ngx_http_llm_batch_part_t *part);

/* the zone forgot the member */
void ngx_http_llm_batch_lost_member(ngx_http_llm_batch_part_t *part);

/*
 * Ends the part of the zone in a request that is about to be answered or
 * whose client is gone.  Safe to call again.
 */
void ngx_http_llm_batch_release(ngx_http_llm_batch_ctx_t *ctx);

/* the same, of one part; the caller holds the lock */
void ngx_http_llm_batch_leave(ngx_http_llm_batch_part_t *part);

/* a request that went alone has its answer: the slot is free */
void ngx_http_llm_batch_alone_done(ngx_http_llm_batch_ctx_t *ctx);

/* sends all held parts of this worker now */
void ngx_http_llm_batch_drain(ngx_http_llm_batch_zone_t *zone);


/* the parts of a request that was cut */

/* sends a part in a call of its own; if it cannot, that is its answer */
void ngx_http_llm_batch_part_alone(ngx_http_llm_batch_part_t *part);

/*
 * The part is answered; part->result is set, the body lives as long as the
 * request.  An error answers the whole request, and so does the last part.
 * The request may be gone afterwards.
 */
void ngx_http_llm_batch_part_done(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer);

/* gives up the calls that parts have of their own */
void ngx_http_llm_batch_abandon_parts(ngx_http_llm_batch_ctx_t *ctx);


#endif /* _NGX_HTTP_LLM_BATCH_HELD_H_INCLUDED_ */
