
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who may share a call with whom.
 */


#ifndef _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_


typedef enum {
    NGX_HTTP_LLM_BATCH_HEADER_KEY = 0,     /* equal within a call, and sent */
    NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL,  /* sent only if all agree */
    NGX_HTTP_LLM_BATCH_HEADER_IGNORED      /* neither: does not count */
} ngx_http_llm_batch_header_e;


/*
 * The full key: requests with equal keys, byte for byte, may share a call.
 * Allocated from the pool.
 */
ngx_int_t ngx_http_llm_batch_key(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_str_t *key);

/*
 * The client's credentials as one string: empty unless "llm_batch_tenant"
 * took them out of the key.
 */
ngx_int_t ngx_http_llm_batch_credentials(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_str_t *credentials);

/*
 * The next header of a request that counts in this location, and what it
 * means there; NULL if there is none.  "pos" is 0 and "part" the first one of
 * the list to begin with.  Keys and calls are both made of what this yields,
 * so that nothing is sent that was not compared.
 */
ngx_table_elt_t *ngx_http_llm_batch_next_header(
    ngx_http_llm_batch_loc_conf_t *conf, ngx_list_part_t **part,
    ngx_uint_t *pos, ngx_http_llm_batch_header_e *class);

/* whether this name, in lower case, is of a header that identifies a client */
ngx_uint_t ngx_http_llm_batch_is_credential(ngx_str_t *name);


#endif /* _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_ */
