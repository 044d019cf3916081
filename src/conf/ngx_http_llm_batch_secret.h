
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What $llm_batch_key is keyed with, if nodes are to have the same.
 */


#ifndef _NGX_HTTP_LLM_BATCH_SECRET_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_SECRET_H_INCLUDED_


/* bytes of a secret, without the end of its line */

#define NGX_HTTP_LLM_BATCH_SECRET_MIN  16
#define NGX_HTTP_LLM_BATCH_SECRET_MAX  4096


/* "llm_batch_secret": fills in mcf->secret, and mcf->secret_set */
char *ngx_http_llm_batch_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_LLM_BATCH_SECRET_H_INCLUDED_ */
