
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Variables on their way into a call.
 */


#ifndef _NGX_HTTP_LLM_BATCH_CARRIED_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_CARRIED_H_INCLUDED_


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

ngx_int_t ngx_http_llm_batch_save_captures(ngx_http_request_t *r,
    ngx_http_llm_batch_captures_t *saved);
void ngx_http_llm_batch_restore_captures(ngx_http_request_t *r,
    ngx_http_llm_batch_captures_t *saved);

/* a value that leaves captures as they were */
ngx_int_t ngx_http_llm_batch_evaluate(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, ngx_str_t *value);


#endif /* _NGX_HTTP_LLM_BATCH_CARRIED_H_INCLUDED_ */
