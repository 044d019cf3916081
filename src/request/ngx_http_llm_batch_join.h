
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How a request, or a part of one, becomes a member of its group.
 */


#ifndef _NGX_HTTP_LLM_BATCH_JOIN_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_JOIN_H_INCLUDED_


/* what has to be known of a request to join; the same for all of its parts */

typedef struct {
    ngx_str_t                       key;
    ngx_str_t                       credentials;
    uint64_t                        hash;        /* of the key */
    uint64_t                        family;      /* of its name */
    uint32_t                        kin;         /* that record, and the group
                                                    before it, if it is new */
    uint32_t                        before;
    uint64_t                        before_hash;
    uint64_t                        tenant;      /* whose turn it is for it */
    uint32_t                        budget;      /* what is left of it */
    llmb_policy_t                   policy;      /* of the group */
    ngx_uint_t                      solo;        /* it shares no call for now */
} ngx_http_llm_batch_entry_t;


/*
 * Makes the entry of a request, out of the pool.  LLMB_REASON_NONE, or why the
 * request cannot be held.
 */
llmb_reason_e ngx_http_llm_batch_prepare(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_http_llm_batch_entry_t *entry);

/*
 * Makes a part a member of the group.  LLMB_REASON_NONE: it is one, if
 * part->joined, and *wake is the time for its timer; or it is larger than what
 * the upstream takes in a call, which entry->policy tells, and has to be cut.
 * Else why it cannot be one.
 */
llmb_reason_e ngx_http_llm_batch_join(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry, uint64_t *wake);

/*
 * Only lets others see that the part is there: a member that is not held.  Not
 * NGX_OK: there is no room for that.
 */
ngx_int_t ngx_http_llm_batch_appear(ngx_http_llm_batch_part_t *part,
    ngx_http_llm_batch_entry_t *entry);

/* whether a part may be cut into smaller ones */
ngx_uint_t ngx_http_llm_batch_may_cut(ngx_http_llm_batch_part_t *part);


#endif /* _NGX_HTTP_LLM_BATCH_JOIN_H_INCLUDED_ */
