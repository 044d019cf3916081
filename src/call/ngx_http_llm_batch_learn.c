
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


uint64_t
ngx_http_llm_batch_usec(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


uint64_t
ngx_http_llm_batch_kind(ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t                      adapter;
    llmb_siphash_t                  hash;
    ngx_http_llm_batch_loc_conf_t  *conf;

    conf = ctx->conf;
    adapter = ngx_http_llm_batch_adapter_id(ctx->zone->mcf,
                                            ctx->body.adapter);

    llmb_siphash_init(&hash, &ctx->zone->sh->secret);
    llmb_siphash_update(&hash, &ctx->zone->generation, sizeof(ngx_uint_t));
    llmb_siphash_update(&hash, &adapter, sizeof(ngx_uint_t));
    llmb_siphash_update(&hash, &conf->learned, sizeof(ngx_uint_t));
    llmb_siphash_update(&hash, &conf->concurrency, sizeof(ngx_uint_t));
    llmb_siphash_update(&hash, ctx->model.data, ctx->model.len);

    return llmb_siphash_final(&hash);
}


void
ngx_http_llm_batch_learn_upstream(ngx_http_llm_batch_zone_t *zone,
    uint32_t group, ngx_http_request_t *r, uint64_t usec)
{
    in_port_t             port;
    ngx_str_t            *host;
    llmb_group_t         *g;
    llmb_siphash_t        hash;
    ngx_http_upstream_t  *u;

    g = llmb_group(zone->tables, group);
    u = r ? r->upstream : NULL;

    if (u == NULL || llmb_upstream_of(zone->tables, g)->named.name) {
        return;
    }

    if (u->upstream) {
        host = &u->upstream->host;
        port = u->upstream->port;

    } else if (u->resolved) {
        host = &u->resolved->host;
        port = u->resolved->port;

    } else {
        return;
    }

    llmb_siphash_init(&hash, &zone->sh->secret);
    llmb_siphash_update(&hash, &zone->generation, sizeof(ngx_uint_t));
    llmb_siphash_update(&hash, &g->policy.learned, sizeof(uint32_t));
    llmb_siphash_update(&hash, &g->policy.concurrency, sizeof(uint32_t));
    llmb_siphash_update(&hash, &port, sizeof(in_port_t));
    llmb_siphash_update(&hash, host->data, host->len);

    llmb_sched_goes_to(zone->tables, group, llmb_siphash_final(&hash), usec);
}
