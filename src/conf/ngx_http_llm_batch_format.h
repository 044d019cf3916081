
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * "llm_batch_format" makes an adapter of the core out of words of the
 * configuration; from there on it is one like any other.
 */


#ifndef _NGX_HTTP_LLM_BATCH_FORMAT_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_FORMAT_H_INCLUDED_


char *ngx_http_llm_batch_format(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_LLM_BATCH_FORMAT_H_INCLUDED_ */
