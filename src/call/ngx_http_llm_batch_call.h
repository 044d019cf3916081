
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * An upstream call in the worker that makes it, from the sealed record in
 * the zone until every member has its outcome.
 */


#ifndef _NGX_HTTP_LLM_BATCH_CALL_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_CALL_H_INCLUDED_


/* bytes of items in a call, beside the limits on items and tokens */

#define NGX_HTTP_LLM_BATCH_MAX_CALL  (4 * 1024 * 1024)

/* bytes of an error that are looked at */

#define NGX_HTTP_LLM_BATCH_WORDS     (64 * 1024)


typedef struct {
    uint32_t                        index;    /* in the zone */
    uint32_t                        gen;
    uint32_t                        worker;
    uint32_t                        chunks;
    uint32_t                        len;
    uint32_t                        head;
    unsigned                        copied:1; /* somebody else's item served
                                                 for one of its own */
} ngx_http_llm_batch_member_t;


struct ngx_http_llm_batch_call_s {
    ngx_http_llm_batch_zone_t      *zone;
    ngx_http_llm_batch_loc_conf_t  *conf;
    const llmb_adapter_t           *adapter;
    uint32_t                        index;    /* in the zone */
    uint64_t                        epoch;
    uint64_t                        losses;   /* of this worker, till then */
    uint64_t                        number;
    uint64_t                        sent;     /* us */
    uint32_t                        inflight; /* then, with itself */
    ngx_msec_t                      start;
    ngx_connection_t               *peer;     /* whose answer it is */
    ngx_atomic_uint_t               peer_number;
    ngx_str_t                       model;
    const llmb_model_t             *known;    /* in the catalogue, or NULL */
    ngx_str_t                       group;    /* its readable name */
    uint64_t                        label;    /* $llm_batch_key; 0: none */

    /* the members, in the order of the merged body */
    uint32_t                        n;
    uint32_t                        items;    /* of all of them */
    uint64_t                        tokens;   /* as estimated */
    uint64_t                        copied;   /* those of them not sent */
    size_t                          bytes;
    ngx_http_llm_batch_member_t    *members;
    llmb_share_t                   *shares;
    llmb_str_t                     *payloads;
    llmb_merge_t                    merge;

    /* the detached request; its pool is that of the call */
    ngx_http_request_t             *request;
    ngx_http_request_t             *subrequest;
    ngx_pool_t                     *pool;

    /* the answer */
    ngx_int_t                       rc;       /* of the subrequest */
    ngx_uint_t                      status;   /* 0: no header came */
    ngx_http_llm_batch_spool_t     *answer;
    u_char                         *body;     /* all of it in one piece, and */
    size_t                          len;      /* how much, once it is over */
    size_t                          checked;  /* bytes */
    ngx_event_t                     rest;     /* is still to come */
    llmb_split_t                    split;
    llmb_rc_e                       split_rc;
    llmb_mismatch_e                 mismatch;

    /* its members get their answers, step by step */
    llmb_outcome_t                  outcome;
    uint32_t                        next;
    ngx_http_llm_batch_answer_t     head;
    ngx_str_t                       error;    /* the text that all get */
    ngx_http_llm_batch_work_t       step;

    unsigned                        moved:1;      /* to a path of its own */
    unsigned                        complete:1;   /* its end was seen */
    unsigned                        estimated:1;  /* tokens are of texts */
    unsigned                        mixed:1;      /* credentials of members
                                                     differ, so none is sent */
    unsigned                        starved:1;    /* no room for its answer */
    unsigned                        finished:1;   /* all have their outcome */
    unsigned                        raw:1;    /* its only member gets the answer
                                                 as it came */
};


/*
 * Decides what becomes of a call that came back, and does it: answers, retries,
 * isolates.  NGX_AGAIN: it is not over yet, and ends its request itself.
 */
ngx_int_t ngx_http_llm_batch_finish(ngx_http_llm_batch_call_t *call);

/* the call's request is torn down, whatever it was doing */
void ngx_http_llm_batch_tear_down(ngx_http_llm_batch_call_t *call);

/* the answer is complete: call->body and len are what there is of it */
void ngx_http_llm_batch_read_answer(ngx_http_llm_batch_call_t *call);

/*
 * What the call came to, once its answer has been read, and what else is known
 * of it; the zone's part of the outcome is llmb_returned()'s to fill in.
 */
void ngx_http_llm_batch_get_outcome(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome);
void ngx_http_llm_batch_get_facts(ngx_http_llm_batch_call_t *call,
    llmb_facts_t *facts);

/* metrics of a call that came back */
void ngx_http_llm_batch_count_outcome(ngx_http_llm_batch_call_t *call,
    llmb_outcome_t *outcome, llmb_returned_t *returned);


#endif /* _NGX_HTTP_LLM_BATCH_CALL_H_INCLUDED_ */
