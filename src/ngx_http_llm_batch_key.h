
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


/* where one is in a list of headers */

typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        pos;
} ngx_http_llm_batch_walk_t;


/* whether a header has this name, a string constant */

#define ngx_http_llm_batch_is_header(h, name)                                 \
    ((h)->key.len == sizeof(name) - 1                                         \
     && ngx_strncasecmp((h)->key.data, (u_char *) name, sizeof(name) - 1) == 0)


/*
 * Sorts the variables that the configuration uses by how their values get
 * into calls.  Before that, none does.
 */
ngx_int_t ngx_http_llm_batch_sort_variables(ngx_cycle_t *cycle,
    ngx_http_llm_batch_main_conf_t *mcf);

/*
 * Adds the variables of a value that has to be equal within a call to those
 * that are compared, and may be taken along therefore; *compared is NULL until
 * there is one.  A setter's result.
 */
char *ngx_http_llm_batch_compare_variables(ngx_conf_t *cf,
    ngx_array_t **compared, ngx_str_t *value);

/*
 * Notes the variables that earlier phases have looked at or set.  To be called
 * before any value of our own directives is asked for, which would make more.
 */
ngx_int_t ngx_http_llm_batch_see_variables(ngx_http_llm_batch_ctx_t *ctx);

/* completes the lists, once, when tenant and the like have their values */
ngx_int_t ngx_http_llm_batch_carry_variables(ngx_http_llm_batch_ctx_t *ctx);

/*
 * Copies to a call what was compared, and an address or two of the lender;
 * those that say who a client is only if the credentials of all are the same.
 */
ngx_int_t ngx_http_llm_batch_lend_variables(ngx_http_request_t *fr,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials);

/*
 * The full key: requests with equal keys, byte for byte, may share a call.
 * Allocated from the pool.
 */
ngx_int_t ngx_http_llm_batch_key(ngx_http_llm_batch_ctx_t *ctx,
    ngx_pool_t *pool, ngx_str_t *key);

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

/*
 * One header after the other of a list of nginx's, NULL at the end; also those
 * with a hash of 0, which in a response are not sent.
 */
void ngx_http_llm_batch_begin_headers(ngx_http_llm_batch_walk_t *walk,
    ngx_list_t *list);
ngx_table_elt_t *ngx_http_llm_batch_next_header(
    ngx_http_llm_batch_walk_t *walk);

/*
 * The same, of those of a request that count in this location, and what each
 * counts as.  Keys and calls are both made of what this yields, so that nothing
 * is sent that was not compared.
 */
ngx_table_elt_t *ngx_http_llm_batch_next_counted(
    ngx_http_llm_batch_walk_t *walk, ngx_http_llm_batch_loc_conf_t *conf,
    ngx_http_llm_batch_header_e *class);

/* copies a string, with a zero behind it */
ngx_int_t ngx_http_llm_batch_dup(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);

/* whether this name, in lower case, is of a header that identifies a client */
ngx_uint_t ngx_http_llm_batch_is_credential(ngx_str_t *name);
ngx_uint_t ngx_http_llm_batch_is_cookie(ngx_str_t *name);


/*
 * What $1 and the like are made of.  A "map" that our directives look at may
 * have captures of its own, of what is one client's: they are not for the
 * other values that we look at, nor the directives behind us, nor for calls.
 */

typedef struct {
    int                            *captures;
    ngx_uint_t                      n;
    u_char                         *data;
} ngx_http_llm_batch_captures_t;

ngx_int_t ngx_http_llm_batch_save_captures(ngx_http_request_t *r,
    ngx_http_llm_batch_captures_t *saved);
void ngx_http_llm_batch_restore_captures(ngx_http_request_t *r,
    ngx_http_llm_batch_captures_t *saved);

/* a value that leaves captures as they were */
ngx_int_t ngx_http_llm_batch_evaluate(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, ngx_str_t *value);


#endif /* _NGX_HTTP_LLM_BATCH_KEY_H_INCLUDED_ */
