
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


const llmb_adapter_t *
ngx_http_llm_batch_adapter_by_name(ngx_http_llm_batch_main_conf_t *mcf,
    ngx_str_t *name)
{
    ngx_uint_t              i;
    const llmb_adapter_t   *adapter, **formats;

    adapter = llmb_adapter_by_name(ngx_http_llm_batch_str(name));

    if (adapter) {
        return adapter;
    }

    formats = mcf->formats.elts;

    for (i = 0; i < mcf->formats.nelts; i++) {
        if (formats[i]->name.len == name->len
            && ngx_strncmp(formats[i]->name.data, name->data, name->len) == 0)
        {
            return formats[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_llm_batch_adapters_need(ngx_http_llm_batch_main_conf_t *mcf,
    ngx_str_t *name)
{
    return llmb_adapter_needs(ngx_http_llm_batch_str(name),
                              mcf->formats.elts, mcf->formats.nelts);
}


ngx_uint_t
ngx_http_llm_batch_adapter_id(ngx_http_llm_batch_main_conf_t *mcf,
    const llmb_adapter_t *adapter)
{
    ngx_uint_t              i;
    const llmb_adapter_t  **formats;

    i = llmb_adapter_id(adapter);

    if (i < llmb_nadapters) {
        return i;
    }

    formats = mcf->formats.elts;

    for (i = 0; formats[i] != adapter; i++) { /* void */ }

    return llmb_nadapters + i;
}


uint64_t
ngx_http_llm_batch_auto_adapters(ngx_http_llm_batch_main_conf_t *mcf)
{
    uint64_t    enabled;
    ngx_uint_t  i;

    enabled = 0;

    for (i = 0; i < llmb_nadapters; i++) {
        if (llmb_adapters[i]->neutral) {
            enabled |= (uint64_t) 1 << i;
        }
    }

    /* who declares a format says that its items may share a call */

    for (i = 0; i < mcf->formats.nelts; i++) {
        enabled |= (uint64_t) 1 << (llmb_nadapters + i);
    }

    return enabled;
}


const llmb_adapter_t *
ngx_http_llm_batch_find_adapter(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf)
{
    ngx_uint_t                       hash;
    const llmb_adapter_t            *adapter;
    ngx_http_llm_batch_known_t      *place;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_llm_batch_module);

    /* those that a location serves mostly differ in that */

    hash = r->uri.len + r->uri.data[r->uri.len / 2];

    if (ngx_http_llm_batch_known(mcf->paths, conf, hash, &r->uri, &place)) {
        return (const llmb_adapter_t *) place->found;
    }

    adapter = llmb_adapter_find(ngx_http_llm_batch_str(&r->uri),
                                conf->adapters, mcf->formats.elts,
                                mcf->formats.nelts);

    ngx_http_llm_batch_known_set(place, conf, hash, &r->uri,
                                 (uintptr_t) adapter);

    return adapter;
}


const llmb_adapter_t *
ngx_http_llm_batch_next_adapter(ngx_http_request_t *r,
    ngx_http_llm_batch_loc_conf_t *conf, const llmb_adapter_t *adapter)
{
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_llm_batch_module);

    return llmb_adapter_next(ngx_http_llm_batch_str(&r->uri), conf->adapters,
                             mcf->formats.elts, mcf->formats.nelts, adapter);
}


void
ngx_http_llm_batch_init_slots(ngx_http_llm_batch_zone_t *zone)
{
    ngx_str_t                         name;
    ngx_uint_t                        i, k;
    const llmb_adapter_t            **formats;
    ngx_http_llm_batch_slot_name_t   *slot;

    formats = zone->mcf->formats.elts;

    for (i = 0; i < zone->mcf->formats.nelts; i++) {
        name = ngx_http_llm_batch_ngx_str(&formats[i]->name);

        for (k = llmb_nadapters; k < NGX_HTTP_LLM_BATCH_NONE; k++) {
            slot = &zone->sh->slots[k];

            if (slot->len == 0) {
                ngx_memcpy(slot->data, name.data, name.len);
                slot->len = name.len;
            }

            if (slot->len == name.len
                && ngx_memcmp(slot->data, name.data, name.len) == 0)
            {
                break;
            }
        }

        /* after very many names, some are counted as "none" */

        zone->slots[i] = k;
    }
}


ngx_uint_t
ngx_http_llm_batch_adapter_slot(ngx_http_llm_batch_zone_t *zone,
    const llmb_adapter_t *adapter)
{
    ngx_uint_t  i;

    if (adapter == NULL) {
        return NGX_HTTP_LLM_BATCH_NONE;
    }

    i = ngx_http_llm_batch_adapter_id(zone->mcf, adapter);

    return i < llmb_nadapters ? i : zone->slots[i - llmb_nadapters];
}


ngx_uint_t
ngx_http_llm_batch_request_slot(ngx_http_llm_batch_ctx_t *ctx)
{
    if (ctx->body.adapter == NULL && ctx->generate) {
        return NGX_HTTP_LLM_BATCH_NONE + 1
               + (ngx_uint_t) (ctx->generate - llmb_generate);
    }

    return ngx_http_llm_batch_adapter_slot(ctx->zone, ctx->body.adapter);
}


ngx_str_t
ngx_http_llm_batch_slot_name(ngx_http_llm_batch_zone_t *zone, ngx_uint_t slot)
{
    ngx_str_t  name;

    if (slot < llmb_nadapters) {
        return ngx_http_llm_batch_ngx_str(&llmb_adapters[slot]->name);
    }

    ngx_str_set(&name, "none");

    if (slot > NGX_HTTP_LLM_BATCH_NONE
        && slot - NGX_HTTP_LLM_BATCH_NONE <= llmb_ngenerate)
    {
        slot -= NGX_HTTP_LLM_BATCH_NONE + 1;
        return ngx_http_llm_batch_ngx_str(&llmb_generate[slot].name);
    }

    if (slot < NGX_HTTP_LLM_BATCH_NONE) {
        name.len = zone->sh->slots[slot].len;
        name.data = zone->sh->slots[slot].data;
    }

    return name;
}
