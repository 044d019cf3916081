
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The catalogue of models, as the configuration has it, and what it is used
 * for: limits and costs.
 */


#ifndef _NGX_HTTP_LLM_BATCH_MODELS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_MODELS_H_INCLUDED_

char *ngx_http_llm_batch_models(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_LLM_BATCH_MODELS_H_INCLUDED_ */
