
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The formats a configuration knows: those of the core, and those it declares
 * by "llm_batch_format".
 *
 * An adapter has three numbers.  Its id is its place among all formats of a
 * configuration, and its bit in conf->adapters.  Its slot is where a zone
 * counts it: slots are kept over reloads, and found again by name.
 */


#ifndef _NGX_HTTP_LLM_BATCH_ADAPTER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_ADAPTER_H_INCLUDED_


/* declared formats of one configuration, and the length of their names */

#define NGX_HTTP_LLM_BATCH_FORMATS   16
#define NGX_HTTP_LLM_BATCH_NAME_LEN  63

/* in conf->adapters: those that are on under "auto" */

#define NGX_HTTP_LLM_BATCH_AUTO      ((uint64_t) 1 << 63)


/* the format of this name, or NULL */
const llmb_adapter_t *ngx_http_llm_batch_adapter_by_name(
    ngx_http_llm_batch_main_conf_t *mcf, ngx_str_t *name);

/* whether results depend on this member in a format declared so far */
ngx_uint_t ngx_http_llm_batch_adapters_need(
    ngx_http_llm_batch_main_conf_t *mcf, ngx_str_t *name);

ngx_uint_t ngx_http_llm_batch_adapter_id(ngx_http_llm_batch_main_conf_t *mcf,
    const llmb_adapter_t *adapter);

/* the bits that NGX_HTTP_LLM_BATCH_AUTO stands for */
uint64_t ngx_http_llm_batch_auto_adapters(
    ngx_http_llm_batch_main_conf_t *mcf);

/* the format of a request, by its URI; NULL if there is none */
const llmb_adapter_t *ngx_http_llm_batch_find_adapter(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf);

/* another one that its URI may as well be of; NULL if there is none */
const llmb_adapter_t *ngx_http_llm_batch_next_adapter(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf, const llmb_adapter_t *adapter);


/* gives the declared formats their slots; in the master process */
void ngx_http_llm_batch_init_slots(ngx_http_llm_batch_zone_t *zone);

/* the slot of an adapter, which may be NULL */
ngx_uint_t ngx_http_llm_batch_adapter_slot(ngx_http_llm_batch_zone_t *zone,
    const llmb_adapter_t *adapter);

/* that of a request, which may be of a format that is only read */
ngx_uint_t ngx_http_llm_batch_request_slot(ngx_http_llm_batch_ctx_t *ctx);

/* the name of a slot; "none" for that of requests of no format */
ngx_str_t ngx_http_llm_batch_slot_name(ngx_http_llm_batch_zone_t *zone,
    ngx_uint_t slot);


#endif /* _NGX_HTTP_LLM_BATCH_ADAPTER_H_INCLUDED_ */
