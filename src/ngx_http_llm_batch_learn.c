
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


static llmb_learn_end_e ngx_http_llm_batch_learn_end(ngx_uint_t status);


uint64_t
ngx_http_llm_batch_usec(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_http_llm_batch_learn_call(ngx_http_llm_batch_call_t *call,
    llmb_group_t *g, llmb_outcome_t *outcome)
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

    llmb_learn_sample(&g->learn, &sample, now);
}


void
ngx_http_llm_batch_learn_alone(ngx_http_llm_batch_part_t *part,
    llmb_group_t *g, ngx_uint_t status)
{
    uint64_t       now;
    llmb_sample_t  sample;

    now = ngx_http_llm_batch_usec();

    sample.items = part->piece.items;
    sample.inflight = part->inflight;
    sample.time = now - part->sent;
    sample.end = ngx_http_llm_batch_learn_end(status);

    llmb_learn_sample(&g->learn, &sample, now);
}


static llmb_learn_end_e
ngx_http_llm_batch_learn_end(ngx_uint_t status)
{
    if (status == NGX_HTTP_OK) {
        return LLMB_LEARN_GOOD;
    }

    return status == NGX_HTTP_TOO_MANY_REQUESTS || status >= 500
           ? LLMB_LEARN_OVERLOAD : LLMB_LEARN_OTHER;
}
