
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is found out again and again, as requests are much alike.
 */


#ifndef _NGX_HTTP_LLM_BATCH_KNOWN_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_KNOWN_H_INCLUDED_


/*
 * What was found out about a name, of a header, or about a path, in a location:
 * the last of those that have this place.  Each worker has its own.
 */

#define NGX_HTTP_LLM_BATCH_KNOWN        128
#define NGX_HTTP_LLM_BATCH_KNOWN_TEXT   64

typedef struct {
    ngx_http_llm_batch_loc_conf_t  *conf;
    ngx_uint_t                      hash;
    size_t                          len;
    uintptr_t                       found;
    u_char                          text[NGX_HTTP_LLM_BATCH_KNOWN_TEXT];
} ngx_http_llm_batch_known_t;


/* nothing is known yet */
ngx_http_llm_batch_known_t *ngx_http_llm_batch_known_create(ngx_pool_t *pool);

/*
 * Whether this has been found out before, and what: *place is where it is, or
 * is to be noted by set(), which takes a text that is not too long.
 */
ngx_uint_t ngx_http_llm_batch_known(ngx_http_llm_batch_known_t *known,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_uint_t hash, ngx_str_t *text,
    ngx_http_llm_batch_known_t **place);
void ngx_http_llm_batch_known_set(ngx_http_llm_batch_known_t *place,
    ngx_http_llm_batch_loc_conf_t *conf, ngx_uint_t hash, ngx_str_t *text,
    uintptr_t found);


#endif /* _NGX_HTTP_LLM_BATCH_KNOWN_H_INCLUDED_ */
