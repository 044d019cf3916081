
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Sending a call: a request of its own, detached from every client, that runs
 * through the location of one of its members.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DISPATCH_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DISPATCH_H_INCLUDED_


/* sends a sealed call of the zone; it may turn out to be void by now */
void ngx_http_llm_batch_dispatch(ngx_http_llm_batch_zone_t *zone,
    uint32_t index);

/*
 * Sends a part of a request in a call of its own, which no other worker knows
 * of.  After an error the part is as before.
 */
ngx_int_t ngx_http_llm_batch_send_part(ngx_http_llm_batch_part_t *part);

/* ends a call of this worker; members without an outcome go alone */
void ngx_http_llm_batch_dissolve(ngx_http_llm_batch_zone_t *zone,
    uint32_t index, uint64_t epoch);

/*
 * Makes a request without a client out of the given one: its location, URI,
 * variables and those of its headers that may be sent in a call.  The pool of
 * the new connection becomes call->pool.
 */
ngx_int_t ngx_http_llm_batch_detach(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials);

/*
 * The part of detach() that fills the request in.  The path is the one that
 * the form sends its calls to.
 */
ngx_int_t ngx_http_llm_batch_borrow(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender, ngx_uint_t credentials);

/* adds a header to those that came, as the parser does */
ngx_int_t ngx_http_llm_batch_add_header(ngx_http_request_t *fr,
    ngx_str_t *key, ngx_str_t *value);

/* starts the subrequest that carries the body to the upstream */
ngx_int_t ngx_http_llm_batch_launch(ngx_http_llm_batch_call_t *call,
    ngx_buf_t *body);


#endif /* _NGX_HTTP_LLM_BATCH_DISPATCH_H_INCLUDED_ */
