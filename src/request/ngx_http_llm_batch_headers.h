
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the headers of a client mean: which of them tell who it is, which say
 * nothing about the answer.
 */


#ifndef _NGX_HTTP_LLM_BATCH_HEADERS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_HEADERS_H_INCLUDED_


typedef enum {
    NGX_HTTP_LLM_BATCH_HEADER_KEY = 0,     /* equal within a call, and sent */
    NGX_HTTP_LLM_BATCH_HEADER_CREDENTIAL,  /* sent only if all agree */
    NGX_HTTP_LLM_BATCH_HEADER_IGNORED,     /* neither: does not count */
    NGX_HTTP_LLM_BATCH_HEADER_DEFAULT      /* of a name: this, if its value is
                                              what is meant without it; else
                                              the first */
} ngx_http_llm_batch_header_e;


extern ngx_array_t  ngx_http_llm_batch_credentials_default;


/* where one is in a list of headers */

typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        pos;
} ngx_http_llm_batch_walk_t;


/* one that counts */

typedef struct {
    ngx_table_elt_t              *header;
    ngx_http_llm_batch_header_e   class;
} ngx_http_llm_batch_counted_t;


/* whether a header has this name, a string constant */

#define ngx_http_llm_batch_is_header(h, name)                                 \
    ((h)->key.len == sizeof(name) - 1                                         \
     && ((h)->key.data[0] | 0x20) == ((name)[0] | 0x20)                       \
     && ngx_strncasecmp((h)->key.data, (u_char *) name, sizeof(name) - 1) == 0)


/*
 * Whether it is one of those that tell what a request is like: for nginx's
 * variables of headers, "_" is as good as "-".
 */
#define ngx_http_llm_batch_is_advice(h)                                       \
    ((h)->key.len > 6 && (h)->lowcase_key[0] == 'x'                           \
     && (h)->lowcase_key[2] == 'l' && (h)->lowcase_key[3] == 'l'              \
     && (h)->lowcase_key[4] == 'm')

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

/*
 * The same, all of them at once, ordered by name; equal names keep their order.
 * They are looked for once.
 */
ngx_int_t ngx_http_llm_batch_list_counted(ngx_http_llm_batch_ctx_t *ctx);

/* whether a Content-Encoding says that there is none */
ngx_uint_t ngx_http_llm_batch_is_identity(ngx_str_t *encoding);

/* those that do not count anywhere, once for a configuration */
ngx_int_t ngx_http_llm_batch_headers_init(ngx_conf_t *cf,
    ngx_hash_t *neutral);

/* copies a string, with a zero behind it */
ngx_int_t ngx_http_llm_batch_dup(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);

/*
 * Whether a name, in lower case, is of a header that identifies a client; or is
 * in a list of such names, where a last "*" stands for any rest.
 */
ngx_uint_t ngx_http_llm_batch_is_credential(
    ngx_http_llm_batch_loc_conf_t *conf, ngx_str_t *name);
ngx_uint_t ngx_http_llm_batch_in_list(ngx_array_t *list, ngx_str_t *name);
ngx_uint_t ngx_http_llm_batch_is_cookie(ngx_str_t *name);


#endif /* _NGX_HTTP_LLM_BATCH_HEADERS_H_INCLUDED_ */
