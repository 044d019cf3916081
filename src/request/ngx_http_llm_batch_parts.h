
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request that is larger than what its upstream takes in a call, or may turn
 * out to be.  It is cut into parts, each a member like any other, which may
 * share its call with other clients.  There is a window of parts: further ones
 * are cut off as earlier ones are answered and joined, so a request costs the
 * memory, and time within the lock, of no more than that.
 *
 * An error is the answer to the whole request at once, as it would have been
 * without us.
 */


#ifndef _NGX_HTTP_LLM_BATCH_PARTS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_PARTS_H_INCLUDED_


/* parts that are under way, or answered and not joined yet */

#define NGX_HTTP_LLM_BATCH_WINDOW  8


struct ngx_http_llm_batch_cut_s {
    ngx_http_llm_batch_entry_t    entry;      /* once there is a key in it */
    llmb_cutter_t                 cutter;
    ngx_uint_t                    cutting;    /* the cutter has begun */
    ngx_uint_t                    live;       /* parts in the window */
    ngx_uint_t                    made;       /* parts sent so far */
    ngx_http_llm_batch_work_t     work;
    ngx_http_llm_batch_joint_t    joint;
};


/*
 * Makes the request one that is cut: by the policy of the entry, or, if that is
 * NULL, by what will have been learned when its only part comes back.
 * LLMB_REASON_PARTS: there would be more parts than may be.
 */
llmb_reason_e ngx_http_llm_batch_cut(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry);


/* a part that has no call or member any more is to be sent, or cut, anew */
void ngx_http_llm_batch_part_back(ngx_http_llm_batch_part_t *part);

/*
 * The part is answered; part->result is set, and the body, of which it takes
 * what is in it.  An error answers the whole request, and so does the last
 * part.  The request may be gone afterwards.
 */
void ngx_http_llm_batch_part_done(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer);


/* gives up all parts; calls that nobody else waits for are ended */
void ngx_http_llm_batch_abandon_parts(ngx_http_llm_batch_ctx_t *ctx);

/* a held request goes alone after all, with all of its parts */
void ngx_http_llm_batch_pass(ngx_http_llm_batch_ctx_t *ctx,
    llmb_reason_e reason);

/* the zone forgot the member */
void ngx_http_llm_batch_lost_member(ngx_http_llm_batch_part_t *part);

/* the same, of a part, whose result has to be in it */
void ngx_http_llm_batch_deliver_part(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_answer_t *answer);


#endif /* _NGX_HTTP_LLM_BATCH_PARTS_H_INCLUDED_ */
