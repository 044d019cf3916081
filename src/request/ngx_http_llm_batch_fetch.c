
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


/* an answer on its way out of the zone */

typedef struct {
    ngx_pool_t                  *pool;
    u_char                      *head;
    size_t                       size;       /* of it */
    size_t                       have;
    ngx_http_llm_batch_spool_t  *body;
} ngx_http_llm_batch_fetch_t;


static llmb_rc_e ngx_http_llm_batch_fetch_write(void *data, const uint8_t *p,
    size_t len);


void
ngx_http_llm_batch_fetch(ngx_http_llm_batch_part_t *part)
{
    size_t                        len;
    uint32_t                      chunks;
    ngx_str_t                     head;
    llmb_sink_t                   sink;
    llmb_member_t                *m;
    ngx_http_request_t           *r;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_fetch_t    fetch;
    ngx_http_llm_batch_answer_t   answer;

    if (part == NULL) {
        return;
    }

    r = part->ctx->request;
    zone = part->ctx->zone;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != part->epoch) {
        /* it is among the lost ones */
        ngx_http_llm_batch_unlock(zone);
        return;
    }

    m = llmb_member(zone->tables, part->member);

    part->result = m->result;
    chunks = m->text.first;
    len = m->len;

    ngx_http_llm_batch_unlock(zone);

    ngx_memzero(&fetch, sizeof(ngx_http_llm_batch_fetch_t));

    fetch.pool = part->ctx->cut ? ngx_http_llm_batch_part_pool(part) : r->pool;
    fetch.body = ngx_http_llm_batch_spool_create(r->pool, r, len);

    if (fetch.pool == NULL || fetch.body == NULL
        || ngx_http_llm_batch_spool_reserve(fetch.body, len) != NGX_OK)
    {
        goto failed;
    }

    sink.write = ngx_http_llm_batch_fetch_write;
    sink.data = &fetch;

    /* until this worker takes the lock again, nobody reuses the chunks */

    if (llmb_chunks_read(zone->tables, chunks, len, &sink) != LLMB_OK) {
        goto failed;
    }

    ngx_memory_barrier();

    head.data = fetch.head;
    head.len = fetch.have;

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    if (zone->tables->epoch != part->epoch
        || fetch.head == NULL
        || ngx_http_llm_batch_answer_read(fetch.pool, &head, &answer) != NGX_OK)
    {
        goto failed;
    }

    answer.body = fetch.body;

    ngx_http_llm_batch_lock(zone);
    ngx_http_llm_batch_leave(part);
    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_deliver_part(part, &answer);

    return;

failed:

    ngx_http_llm_batch_lost_member(part);
}


void
ngx_http_llm_batch_refused(ngx_http_llm_batch_part_t *part)
{
    llmb_member_t                *m;
    ngx_http_llm_batch_zone_t    *zone;
    ngx_http_llm_batch_answer_t   answer;

    if (part == NULL) {
        return;
    }

    zone = part->ctx->zone;

    ngx_memzero(&answer, sizeof(ngx_http_llm_batch_answer_t));

    answer.status = NGX_HTTP_TOO_MANY_REQUESTS;
    answer.local = 1;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != part->epoch) {
        /* it is among the lost ones */
        ngx_http_llm_batch_unlock(zone);
        return;
    }

    m = llmb_member(zone->tables, part->member);

    part->result = m->result;
    answer.retry = m->refused;
    answer.retry_ms = llmb_group(zone->tables, m->group)->retry_ms;

    ngx_http_llm_batch_leave(part);

    ngx_http_llm_batch_unlock(zone);

    ngx_http_llm_batch_deliver_part(part, &answer);
}


/* the head in one piece, of which the first bytes tell the size; the body */

static llmb_rc_e
ngx_http_llm_batch_fetch_write(void *data, const uint8_t *p, size_t len)
{
    ngx_http_llm_batch_fetch_t *fetch = data;

    size_t  n;

    if (fetch->head == NULL) {

        if (len < NGX_HTTP_LLM_BATCH_ANSWER_BEGIN) {
            return LLMB_INVALID;
        }

        fetch->size = ngx_http_llm_batch_answer_begin((u_char *) p);

        if (fetch->size > fetch->body->limit) {
            return LLMB_INVALID;
        }

        fetch->head = ngx_pnalloc(fetch->pool, fetch->size);
        if (fetch->head == NULL) {
            return LLMB_NOMEM;
        }
    }

    n = ngx_min(len, fetch->size - fetch->have);

    ngx_memcpy(fetch->head + fetch->have, p, n);
    fetch->have += n;

    return n == len ? LLMB_OK
                    : ngx_http_llm_batch_spool_write(fetch->body, p + n,
                                                     len - n);
}
