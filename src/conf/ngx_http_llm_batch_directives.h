
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The setters of directives.  Each returns NGX_CONF_OK, or has told what is
 * wrong, naming the directive and the token.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DIRECTIVES_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DIRECTIVES_H_INCLUDED_


char *ngx_http_llm_batch_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_adapter(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_ignore_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_ignore_members(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_credential_names(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_llm_batch_patience(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_window(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_concurrency(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_split(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_llm_batch_breaker(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif /* _NGX_HTTP_LLM_BATCH_DIRECTIVES_H_INCLUDED_ */
