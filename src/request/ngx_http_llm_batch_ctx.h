
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The context of a request: made, found again, counted, and cleaned up.
 */


#ifndef _NGX_HTTP_LLM_BATCH_CTX_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_CTX_H_INCLUDED_


/* NULL if there is no memory */
ngx_http_llm_batch_ctx_t *ngx_http_llm_batch_create_ctx(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_http_cleanup_pt handler);

/* finds the context, also after an internal redirect; may be NULL */
ngx_http_llm_batch_ctx_t *ngx_http_llm_batch_get_ctx(ngx_http_request_t *r);

/* what became of the request is known: counts it, once */
void ngx_http_llm_batch_account(ngx_http_llm_batch_ctx_t *ctx);

/*
 * Why a request of its own is SINGLE, as far as is known by now; and that no
 * more will be.
 */
void ngx_http_llm_batch_set_alone(ngx_http_llm_batch_ctx_t *ctx,
    ngx_uint_t why);
void ngx_http_llm_batch_count_alone(ngx_http_llm_batch_ctx_t *ctx);

/*
 * Where the head of a part's answer is, until it is joined or the request
 * over; NULL if there is no memory.
 */
ngx_pool_t *ngx_http_llm_batch_part_pool(ngx_http_llm_batch_part_t *part);
void ngx_http_llm_batch_part_free(ngx_http_llm_batch_part_t *part);


#endif /* _NGX_HTTP_LLM_BATCH_CTX_H_INCLUDED_ */
