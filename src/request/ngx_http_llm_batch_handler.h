
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A client's request: from the phase handler until it is held, or goes on its
 * own.
 */


#ifndef _NGX_HTTP_LLM_BATCH_HANDLER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_HANDLER_H_INCLUDED_


typedef enum {
    NGX_HTTP_LLM_BATCH_READING = 0,   /* its body */
    NGX_HTTP_LLM_BATCH_HELD,          /* its parts are members of a group */
    NGX_HTTP_LLM_BATCH_ALONE,         /* on its own, still holds a slot */
    NGX_HTTP_LLM_BATCH_PASSED,        /* on its own */
    NGX_HTTP_LLM_BATCH_DONE           /* answered by us */
} ngx_http_llm_batch_state_e;


typedef enum {
    NGX_HTTP_LLM_BATCH_PART_WAITS = 0,    /* items that are to be cut off */
    NGX_HTTP_LLM_BATCH_PART_HELD,     /* a member */
    NGX_HTTP_LLM_BATCH_PART_ANSWERED  /* its answer is to be joined */
} ngx_http_llm_batch_part_state_e;


/*
 * What is held: a request, or a part of one with too many items for a single
 * call.  Each is a member of the group.
 */

struct ngx_http_llm_batch_part_s {
    ngx_http_llm_batch_ctx_t       *ctx;
    ngx_queue_t                     siblings; /* the request's parts */
    llmb_piece_t                    piece;
    ngx_http_llm_batch_part_state_e state;

    /* the member; valid while "joined" and the epoch is that of the tables */
    uint32_t                        member;
    uint32_t                        gen;
    uint64_t                        epoch;
    ngx_queue_t                     queue;    /* of the zone's held */

    uint64_t                        sent;     /* us; when it went alone */
    uint32_t                        inflight; /* then, with itself */

    /* once it is answered */
    llmb_result_t                   result;
    ngx_http_llm_batch_answer_t     answer;
    ngx_pool_t                     *pool;     /* of its head; or NULL */

    unsigned                        joined:1;
    unsigned                        grown:1;  /* has all of its memory */
    unsigned                        repair:1; /* vectors are to be base64 */
};


struct ngx_http_llm_batch_ctx_s {
    ngx_http_request_t             *request;
    ngx_http_llm_batch_loc_conf_t  *conf;
    ngx_http_llm_batch_zone_t      *zone;
    ngx_http_llm_batch_state_e      state;

    llmb_request_t                  body;
    const llmb_generate_t          *generate; /* it is one of these, or NULL */
    llmb_reason_e                   reason;
    ngx_http_llm_batch_mode_e       mode;

    ngx_http_llm_batch_part_t       whole;    /* unless it is cut */
    ngx_queue_t                     parts;    /* in order: the whole, or what
                                                 it was cut into and is not
                                                 joined yet */
    ngx_http_llm_batch_cut_t       *cut;      /* NULL: it is in one piece */
    ngx_event_t                     timer;
    ngx_queue_t                     waking;   /* of the zone's waking */
    ngx_http_llm_batch_repair_t    *repair;   /* of an answer on its own */

    ngx_array_t                     headers;  /* those that count */
    ngx_array_t                     carried;  /* indexes of variables: those
                                                 that are part of the key */
    ngx_array_t                     identity; /* and of credentials */

    ngx_http_llm_batch_meter_t     *meter;    /* of its answer; or NULL */

    uint64_t                        label;    /* $llm_batch_key; 0: none */
    uint64_t                        prefix;   /* see find_prefix() */

    llmb_result_t                   result;
    ngx_str_t                       task;
    ngx_str_t                       group;    /* its readable name */
    ngx_str_t                       model;    /* decoded */
    const llmb_model_t             *known;    /* in the catalogue, or NULL */

    uint32_t                        budget;   /* ms, 0: none */
    uint32_t                        wait;     /* ms, the longest hold */
    uint8_t                         tolerance;  /* 0 to 100 */
    uint8_t                         priority;

    unsigned                        readable:1;   /* the body is complete */
    unsigned                        dry:1;    /* it is there all the same */
    unsigned                        tasked:1;
    unsigned                        unadvised:1;  /* no "X-LLM-..." is there */
    unsigned                        wakes:1;  /* is in that queue */
    unsigned                        carries:1; /* the lists are complete */
    unsigned                        counted:1;
    unsigned                        prefixed:1;   /* it was looked for */
    unsigned                        prefix_there:1;
};


ngx_int_t ngx_http_llm_batch_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_LLM_BATCH_HANDLER_H_INCLUDED_ */
