
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A client's request: from the phase handler until it is answered or sent
 * on its own.
 */


#ifndef _NGX_HTTP_LLM_BATCH_HANDLER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_HANDLER_H_INCLUDED_


typedef enum {
    NGX_HTTP_LLM_BATCH_READING = 0,   /* its body */
    NGX_HTTP_LLM_BATCH_HELD,          /* it is a member of a group */
    NGX_HTTP_LLM_BATCH_ALONE,         /* on its own, still holds a slot */
    NGX_HTTP_LLM_BATCH_PASSED,        /* on its own */
    NGX_HTTP_LLM_BATCH_DONE           /* answered by us */
} ngx_http_llm_batch_state_e;


struct ngx_http_llm_batch_ctx_s {
    ngx_http_request_t             *request;
    ngx_http_llm_batch_loc_conf_t  *conf;
    ngx_http_llm_batch_zone_t      *zone;
    ngx_http_llm_batch_state_e      state;

    llmb_request_t                  body;
    llmb_reason_e                   reason;
    ngx_http_llm_batch_mode_e       mode;

    uint32_t                        member;   /* while held or alone */
    uint32_t                        gen;
    uint64_t                        epoch;
    ngx_queue_t                     queue;    /* of the zone's held */
    ngx_event_t                     timer;

    llmb_result_t                   result;
    ngx_str_t                       task;
    ngx_str_t                       group;    /* its readable name */
    ngx_str_t                       model;    /* decoded */

    unsigned                        released:1;   /* its part of the batching
                                                     is over */
    unsigned                        counted:1;
};


ngx_int_t ngx_http_llm_batch_handler(ngx_http_request_t *r);

/* finds the context, also after an internal redirect; may be NULL */
ngx_http_llm_batch_ctx_t *ngx_http_llm_batch_get_ctx(ngx_http_request_t *r);

/*
 * Makes the request a member of its group.  LLMB_REASON_NONE: it is held and
 * may be over by now; else it is as before.
 */
llmb_reason_e ngx_http_llm_batch_hold(ngx_http_llm_batch_ctx_t *ctx);

/* sets the timer of a held request to the next time it has to look */
void ngx_http_llm_batch_set_timer(ngx_http_llm_batch_ctx_t *ctx);

/* a released member: the request goes the way of any other */
void ngx_http_llm_batch_alone(ngx_http_llm_batch_ctx_t *ctx);

/* the zone forgot the member */
void ngx_http_llm_batch_lost_member(ngx_http_llm_batch_ctx_t *ctx);

/*
 * Ends the part of the zone in a held request that is about to be answered
 * or whose client is gone.  Safe to call again.
 */
void ngx_http_llm_batch_release(ngx_http_llm_batch_ctx_t *ctx);

/* the same, of one that was not yet released; the caller holds the lock */
void ngx_http_llm_batch_leave(ngx_http_llm_batch_ctx_t *ctx);

/* a request that went alone has its answer: the slot is free */
void ngx_http_llm_batch_alone_done(ngx_http_llm_batch_ctx_t *ctx);

/* what became of the request is known: counts it, once */
void ngx_http_llm_batch_account(ngx_http_llm_batch_ctx_t *ctx);

/* sends all held requests of this worker now */
void ngx_http_llm_batch_drain(ngx_http_llm_batch_zone_t *zone);


#endif /* _NGX_HTTP_LLM_BATCH_HANDLER_H_INCLUDED_ */
