
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#ifndef _NGX_HTTP_LLM_BATCH_VARIABLES_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_VARIABLES_H_INCLUDED_


ngx_int_t ngx_http_llm_batch_add_variables(ngx_conf_t *cf,
    ngx_http_variable_t *vars);

/* handlers by kind; "data" says which of the kind */

ngx_int_t ngx_http_llm_batch_variable_word(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_string(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_key(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_prefix(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_tier(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_money(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_llm_batch_variable_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


typedef enum {
    NGX_HTTP_LLM_BATCH_VAR_STATUS = 0,
    NGX_HTTP_LLM_BATCH_VAR_REASON,
    NGX_HTTP_LLM_BATCH_VAR_CLOSE,
    NGX_HTTP_LLM_BATCH_VAR_ADAPTER,
    NGX_HTTP_LLM_BATCH_VAR_PROVIDER,
    NGX_HTTP_LLM_BATCH_VAR_OPERATION,
    NGX_HTTP_LLM_BATCH_VAR_MODE,
    NGX_HTTP_LLM_BATCH_VAR_GROUP,
    NGX_HTTP_LLM_BATCH_VAR_MODEL,
    NGX_HTTP_LLM_BATCH_VAR_TASK,
    NGX_HTTP_LLM_BATCH_VAR_ID,
    NGX_HTTP_LLM_BATCH_VAR_SIZE,
    NGX_HTTP_LLM_BATCH_VAR_INDEX,
    NGX_HTTP_LLM_BATCH_VAR_TOKENS,
    NGX_HTTP_LLM_BATCH_VAR_OUTPUT,
    NGX_HTTP_LLM_BATCH_VAR_CACHED,
    NGX_HTTP_LLM_BATCH_VAR_COST,
    NGX_HTTP_LLM_BATCH_VAR_SAVED,
    NGX_HTTP_LLM_BATCH_VAR_WAIT,
    NGX_HTTP_LLM_BATCH_VAR_UPSTREAM
} ngx_http_llm_batch_variable_e;


#endif /* _NGX_HTTP_LLM_BATCH_VARIABLES_H_INCLUDED_ */
