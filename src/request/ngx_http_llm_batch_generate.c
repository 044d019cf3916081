
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


struct ngx_http_llm_batch_meter_s {
    llmb_meter_t  core;
    unsigned      broken:1;   /* a part of the answer was not seen */
    unsigned      counted:1;
};


static ngx_uint_t ngx_http_llm_batch_has_type(ngx_http_request_t *r,
    const char *type, size_t len);


ngx_int_t
ngx_http_llm_batch_find_prefix(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_chat_t                      chat;
    llmb_prefix_t                    prefix;
    ngx_http_llm_batch_main_conf_t  *mcf;

    if (ctx->prefixed) {
        return ctx->prefix_there ? NGX_OK : NGX_DECLINED;
    }

    if (ctx->generate == NULL || ctx->state < NGX_HTTP_LLM_BATCH_ALONE
        || ctx->body.body.len == 0)
    {
        return NGX_DECLINED;
    }

    ctx->prefixed = 1;
    mcf = ctx->zone->mcf;

    if (llmb_generate_read(&chat, ctx->generate, ctx->body.path,
                           ctx->body.body)
        != LLMB_OK
        || llmb_prefix_find(&prefix, &chat,
                            ngx_http_llm_batch_str(&ctx->model),
                            mcf->secret_set ? &mcf->secret
                                            : &ctx->zone->sh->secret)
           != LLMB_OK)
    {
        return NGX_DECLINED;
    }

    ctx->prefix = prefix.hash;
    ctx->prefix_there = 1;

    return NGX_OK;
}


void
ngx_http_llm_batch_meter_header(ngx_http_request_t *r,
    ngx_http_llm_batch_ctx_t *ctx)
{
    ngx_uint_t                   events;
    ngx_http_llm_batch_meter_t  *meter;

    if (ctx->generate == NULL || ctx->meter || !ctx->zone->mcf->metered
        || ctx->state == NGX_HTTP_LLM_BATCH_DONE
        || r->upstream == NULL || r->header_only
        || r->headers_out.status != NGX_HTTP_OK
        || (r->headers_out.content_encoding
            && r->headers_out.content_encoding->value.len))
    {
        return;
    }

#if (NGX_HTTP_CACHE)

    if (r->cached) {
        /* it was paid for before */
        return;
    }

#endif

    events = ngx_http_llm_batch_has_type(r, "text/event-stream",
                                         sizeof("text/event-stream") - 1);

    if (!events
        && !ngx_http_llm_batch_has_type(r, "application/json",
                                        sizeof("application/json") - 1))
    {
        return;
    }

    meter = ngx_pcalloc(r->pool, sizeof(ngx_http_llm_batch_meter_t));

    if (meter == NULL) {
        /* the answer does not need us */
        return;
    }

    llmb_meter_init(&meter->core, ctx->generate, (unsigned) events);

    ctx->meter = meter;

    /* what a slow client has made nginx put into a file */

    r->filter_need_in_memory = 1;
}


static ngx_uint_t
ngx_http_llm_batch_has_type(ngx_http_request_t *r, const char *type,
    size_t len)
{
    ngx_str_t  *value;

    value = &r->headers_out.content_type;

    return value->len >= len
           && ngx_strncasecmp(value->data, (u_char *) type, len) == 0
           && (value->len == len || value->data[len] == ';'
               || value->data[len] == ' ');
}


void
ngx_http_llm_batch_meter_body(ngx_http_llm_batch_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t                   *b;
    ngx_uint_t                   last;
    ngx_http_llm_batch_meter_t  *meter;

    meter = ctx->meter;

    if (meter == NULL || meter->counted) {
        return;
    }

    last = 0;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (ngx_buf_in_memory(b)) {
            llmb_meter_read(&meter->core, b->pos, b->last - b->pos);

        } else if (!ngx_buf_special(b)) {
            meter->broken = 1;
        }

        last |= b->last_buf;
    }

    if (last) {
        ngx_http_llm_batch_meter_done(ctx);
    }
}


/* a client that leaves in the middle has paid for what was told by then */

void
ngx_http_llm_batch_meter_done(ngx_http_llm_batch_ctx_t *ctx)
{
    llmb_spent_t                   spent;
    ngx_http_llm_batch_metrics_t  *metrics;

    if (ctx->meter == NULL || ctx->meter->counted) {
        return;
    }

    ctx->meter->counted = 1;

    if (!ngx_http_llm_batch_spent(ctx, &spent)) {
        return;
    }

    metrics = &ctx->zone->sh->metrics;

    ngx_http_llm_batch_count_n(metrics->prompt_cached, spent.cached);
    ngx_http_llm_batch_count_n(metrics->prompt_written, spent.written);
    ngx_http_llm_batch_count_n(metrics->prompt_fresh,
                               spent.input - spent.cached - spent.written);
}


ngx_uint_t
ngx_http_llm_batch_spent(ngx_http_llm_batch_ctx_t *ctx, llmb_spent_t *spent)
{
    if (ctx->meter == NULL || ctx->meter->broken) {
        return 0;
    }

    llmb_meter_spent(&ctx->meter->core, spent);

    return spent->counted;
}
