
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who may share a call with whom.
 */


#ifndef _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_


/*
 * The full key: requests with equal keys, byte for byte, may share a call.
 * Allocated from the pool.  If somebody asks for $llm_batch_key, ctx->label is
 * set, too.
 */
ngx_int_t ngx_http_llm_batch_key(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_str_t *key);

/*
 * Only the latter, for a request that is not held but whose body was read; the
 * pool is reset.
 */
void ngx_http_llm_batch_find_label(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool);

/*
 * The client's credentials, headers and all, as one string: empty unless
 * "llm_batch_tenant" took them out of the key.
 */
ngx_int_t ngx_http_llm_batch_credentials(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_str_t *credentials);

/*
 * A hash that stands for whoever sends the request, as far as turns go: the
 * value of "llm_batch_tenant", or else the client by its credentials.
 */
ngx_int_t ngx_http_llm_batch_tenant(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, uint64_t *tenant);


#endif /* _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_ */
