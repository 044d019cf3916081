
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


static void ngx_http_llm_batch_learn_upstream(ngx_http_llm_batch_zone_t *zone,
    uint32_t group, ngx_http_request_t *r, uint64_t now);
static llmb_learn_end_e ngx_http_llm_batch_learn_end(ngx_uint_t status);


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
ngx_http_llm_batch_learn_call(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_zone_t *zone, uint32_t group, llmb_outcome_t *outcome)
{
    uint64_t       now;
    llmb_sample_t  sample;

    now = ngx_http_llm_batch_usec();

    sample.items = call->merge.items;
    sample.inflight = call->inflight;
    sample.time = now - call->sent;

    if (outcome->status == NGX_HTTP_OK) {
        sample.end = outcome->split ? LLMB_LEARN_GOOD : LLMB_LEARN_OTHER;

    } else {
        sample.end = ngx_http_llm_batch_learn_end(outcome->status);
    }

    ngx_http_llm_batch_learn_upstream(zone, group, call->subrequest, now);
    llmb_upstream_sample(zone->tables, group, &sample, now);
}


void
ngx_http_llm_batch_learn_alone(ngx_http_llm_batch_part_t *part,
    uint32_t group, ngx_uint_t status)
{
    uint64_t                    now;
    llmb_sample_t               sample;
    ngx_http_llm_batch_zone_t  *zone;

    zone = part->ctx->zone;
    now = ngx_http_llm_batch_usec();

    sample.items = part->piece.items;
    sample.inflight = part->inflight;
    sample.time = now - part->sent;
    sample.end = ngx_http_llm_batch_learn_end(status);

    ngx_http_llm_batch_learn_upstream(zone, group, part->ctx->request, now);
    llmb_upstream_sample(zone->tables, group, &sample, now);
}


/*
 * Where the calls of the group go is known once one has been there: address
 * and port may be made of variables.
 */

static void
ngx_http_llm_batch_learn_upstream(ngx_http_llm_batch_zone_t *zone,
    uint32_t group, ngx_http_request_t *r, uint64_t now)
{
    in_port_t             port;
    ngx_str_t            *host;
    llmb_group_t         *g;
    llmb_siphash_t        hash;
    ngx_http_upstream_t  *u;

    g = llmb_group(zone->tables, group);
    u = r ? r->upstream : NULL;

    if (u == NULL || llmb_upstream_of(zone->tables, g)->name) {
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
    llmb_siphash_update(&hash, &g->kind, sizeof(uint64_t));
    llmb_siphash_update(&hash, &port, sizeof(in_port_t));
    llmb_siphash_update(&hash, host->data, host->len);

    llmb_upstream_name(zone->tables, group, llmb_siphash_final(&hash),
                       now);
}


/*
 * 429 is about who asks, and 500 about what is asked for: whoever found
 * something that fails would else take the slots of all.
 */

static llmb_learn_end_e
ngx_http_llm_batch_learn_end(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_OK:
        return LLMB_LEARN_GOOD;

    case NGX_HTTP_TOO_MANY_REQUESTS:
    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        return LLMB_LEARN_LIMITED;

    default:
        return status >= 500 ? LLMB_LEARN_OVERLOAD : LLMB_LEARN_OTHER;
    }
}
