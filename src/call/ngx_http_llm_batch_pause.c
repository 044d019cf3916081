
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * An upstream that answers 429 is left alone for as long as it says, and those
 * who cannot wait so long are told to come back.
 */


#include "ngx_http_llm_batch.h"


uint64_t
ngx_http_llm_batch_retry_after(ngx_http_request_t *r, ngx_uint_t *ms)
{
    uint64_t                    pause;
    ngx_uint_t                  is_ms;
    ngx_table_elt_t            *h;
    ngx_http_llm_batch_walk_t   walk;

    *ms = 0;
    pause = 0;

    ngx_http_llm_batch_begin_headers(&walk, &r->headers_out.headers);

    while ((h = ngx_http_llm_batch_next_header(&walk)) != NULL) {

        if (h->hash == 0) {
            continue;
        }

        is_ms = ngx_http_llm_batch_is_header(h, "Retry-After-Ms");

        if (is_ms
            || (pause == 0 && ngx_http_llm_batch_is_header(h, "Retry-After")))
        {
            *ms |= is_ms;
            pause = llmb_verdict_retry_after(ngx_http_llm_batch_str(&h->value),
                                             is_ms, pause);
        }
    }

    return pause;
}


void
ngx_http_llm_batch_log_pause(ngx_http_llm_batch_zone_t *zone, uint64_t pause)
{
    if (pause) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "llm_batch: an upstream of zone \"%V\" has answered "
                      "429, its group pauses for %uLms",
                      &zone->shm_zone->shm.name, pause);
    }
}
