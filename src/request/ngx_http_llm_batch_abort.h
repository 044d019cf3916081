
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Clients that close their half of the connection and are answered all the
 * same.
 */


#ifndef _NGX_HTTP_LLM_BATCH_ABORT_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_ABORT_H_INCLUDED_


/* finds the modules that pass requests to upstreams: ngx_uint_t, ctx_index */
ngx_int_t ngx_http_llm_batch_find_passing(ngx_conf_t *cf,
    ngx_array_t *passing);

/* whether the location serves a request although its client has left */
ngx_uint_t ngx_http_llm_batch_ignores_abort(ngx_http_request_t *r);


#endif /* _NGX_HTTP_LLM_BATCH_ABORT_H_INCLUDED_ */
