
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Directives that take a value of one kind.
 */


#ifndef _NGX_HTTP_LLM_BATCH_VALUES_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_VALUES_H_INCLUDED_


/*
 * The kinds of values; cmd->offset is where the value goes.  value() takes
 * variables, and "off" takes back an inherited one; cmd->post of number() is
 * its ngx_conf_num_bounds_t.
 */
char *ngx_http_llm_batch_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_vary(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_number(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_percent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* NULL: an error, which has been told */
ngx_http_complex_value_t *ngx_http_llm_batch_compile(ngx_conf_t *cf,
    ngx_str_t *value);

ngx_int_t ngx_http_llm_batch_parse_number(ngx_str_t *value, ngx_uint_t min,
    ngx_uint_t max, ngx_uint_t *number);


#endif /* _NGX_HTTP_LLM_BATCH_VALUES_H_INCLUDED_ */
