
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The status page.
 */


#ifndef _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_


char *ngx_http_llm_batch_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_LLM_BATCH_STATUS_H_INCLUDED_ */
