
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * From the sealed record to the running subrequest.  The items are copied out
 * of the zone before anything is sent: a body that pointed into shared memory
 * could change under the upstream's eyes if the zone were reset.
 */


#include "ngx_http_llm_batch.h"


static ngx_int_t ngx_http_llm_batch_claim(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t **lender);
static void ngx_http_llm_batch_count_call(ngx_http_llm_batch_call_t *call,
    llmb_call_t *c);
static ngx_int_t ngx_http_llm_batch_list_members(
    ngx_http_llm_batch_call_t *call);
static ngx_int_t ngx_http_llm_batch_send(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender);
static ngx_uint_t ngx_http_llm_batch_same_credentials(
    ngx_http_llm_batch_call_t *call);
static ngx_buf_t *ngx_http_llm_batch_merge(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender);
static llmb_rc_e ngx_http_llm_batch_copy_items(void *data, uint32_t member,
    llmb_sink_t *out);
static void ngx_http_llm_batch_give_up(ngx_http_llm_batch_call_t *call);


/* passes over the head of a member's text, which is not part of its items */

typedef struct {
    llmb_sink_t  *out;
    size_t        skip;
} ngx_http_llm_batch_skip_t;


static llmb_rc_e ngx_http_llm_batch_skip(void *data, const uint8_t *p,
    size_t len);


void
ngx_http_llm_batch_dispatch(ngx_http_llm_batch_zone_t *zone, uint32_t index)
{
    ngx_pool_t                 *pool;
    ngx_http_llm_batch_ctx_t   *lender;
    ngx_http_llm_batch_call_t  *call;

    call = NULL;
    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool) {
        call = ngx_pcalloc(pool, sizeof(ngx_http_llm_batch_call_t));
    }

    if (call == NULL) {
        ngx_http_llm_batch_dissolve(zone, index, zone->epoch);
        goto failed;
    }

    call->zone = zone;
    call->index = index;
    call->pool = pool;
    call->start = ngx_current_msec;

    if (ngx_http_llm_batch_claim(call, &lender) != NGX_OK) {
        goto failed;
    }

    zone->calls[index] = call;

    LLMB_CRASH("call claimed");

    if (ngx_http_llm_batch_send(call, lender) != NGX_OK) {
        ngx_http_llm_batch_give_up(call);
    }

    LLMB_CRASH("call sent");

    return;

failed:

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* takes over the call, if there is still somebody who waits for it */

static ngx_int_t
ngx_http_llm_batch_claim(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t **lender)
{
    uint32_t                    i;
    ngx_int_t                   rc;
    llmb_call_t                *c;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    rc = NGX_DECLINED;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != zone->epoch) {
        goto done;
    }

    i = llmb_sched_send(zone->tables, call->index, zone->worker);

    if (i == LLMB_NIL) {
        goto done;
    }

    c = llmb_call(zone->tables, call->index);

    *lender = zone->members[i];

    call->epoch = zone->epoch;
    call->number = c->number;
    call->n = c->members.n;
    call->items = c->items;
    call->conf = (*lender)->conf;
    call->adapter = (*lender)->body.adapter;

    rc = ngx_http_llm_batch_list_members(call);

    if (rc != NGX_OK) {
        llmb_sched_end(zone->tables, call->index, zone->worker,
                       ngx_current_msec);
        goto done;
    }

    ngx_http_llm_batch_count_call(call, c);

done:

    ngx_http_llm_batch_unlock(zone);

    return rc;
}


static void
ngx_http_llm_batch_count_call(ngx_http_llm_batch_call_t *call, llmb_call_t *c)
{
    ngx_uint_t                     adapter;
    ngx_http_llm_batch_metrics_t  *metrics;

    metrics = &call->zone->sh->metrics;
    adapter = llmb_adapter_id(call->adapter);

    ngx_http_llm_batch_count(metrics->calls[adapter][c->close]);

    ngx_http_llm_batch_observe(&metrics->items_per_call, &llmb_hist_items,
                               call->items);

    if (c->reason == LLMB_REASON_NONE) {
        ngx_http_llm_batch_count_n(metrics->items, call->items);

    } else {
        /* the items are those of a call that failed */
        ngx_http_llm_batch_count(metrics->isolate_calls);
    }
}


static ngx_int_t
ngx_http_llm_batch_list_members(ngx_http_llm_batch_call_t *call)
{
    uint32_t                      i, k, first;
    llmb_call_t                  *c;
    llmb_zone_t                  *z;
    llmb_member_t                *m;
    ngx_http_llm_batch_member_t  *member;

    z = call->zone->tables;
    c = llmb_call(z, call->index);

    call->members = ngx_palloc(call->pool, call->n
                                        * sizeof(ngx_http_llm_batch_member_t));
    call->shares = ngx_palloc(call->pool, call->n * sizeof(llmb_share_t));

    if (call->members == NULL || call->shares == NULL) {
        return NGX_ERROR;
    }

    first = 0;
    k = 0;

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);
        member = &call->members[k];

        member->index = i;
        member->gen = m->gen;
        member->worker = m->worker;
        member->chunks = m->chunks;
        member->len = m->len;
        member->head = m->head;

        call->shares[k].first = first;
        call->shares[k].items = m->items;
        call->shares[k].tokens = m->tokens;

        first += m->items;
        k++;
    }

    llmb_usage_weigh(call->shares, call->n);

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_send(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender)
{
    ngx_buf_t    *body;
    ngx_uint_t    credentials;
    llmb_elem_t  *elems;

    call->model.data = ngx_pstrdup(call->pool, &lender->model);
    call->group.data = ngx_pstrdup(call->pool, &lender->group);

    if (call->model.data == NULL || call->group.data == NULL) {
        return NGX_ERROR;
    }

    call->model.len = lender->model.len;
    call->group.len = lender->group.len;

    elems = ngx_palloc(call->pool, call->items * sizeof(llmb_elem_t));
    if (elems == NULL) {
        return NGX_ERROR;
    }

    llmb_split_init(&call->split, call->adapter, elems, call->items);
    call->split_rc = LLMB_AGAIN;

    body = ngx_http_llm_batch_merge(call, lender);
    if (body == NULL) {
        return NGX_ERROR;
    }

    credentials = ngx_http_llm_batch_same_credentials(call);

    ngx_memory_barrier();

    if (call->zone->tables->epoch != call->epoch) {

        /* what was read may have been somebody else's */

        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_detach(call, lender, credentials) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_launch(call, body);
}


/*
 * Whether the credentials of all members, which precede their items in the
 * zone, are the same bytes.
 */

static ngx_uint_t
ngx_http_llm_batch_same_credentials(ngx_http_llm_batch_call_t *call)
{
    u_char                       *first, *other;
    uint32_t                      k;
    ngx_buf_t                     b;
    llmb_sink_t                   sink;
    ngx_http_llm_batch_member_t  *m;

    m = call->members;

    if (m[0].head == 0) {
        /* they are in the key, or there are none */

        for (k = 1; k < call->n; k++) {
            if (m[k].head) {
                return 0;
            }
        }

        return 1;
    }

    first = ngx_palloc(call->pool, m[0].head);
    other = ngx_palloc(call->pool, m[0].head);

    if (first == NULL || other == NULL) {
        return 0;
    }

    sink.write = ngx_http_llm_batch_append;
    sink.data = &b;

    for (k = 0; k < call->n; k++) {

        if (m[k].head != m[0].head) {
            return 0;
        }

        b.last = (k == 0) ? first : other;
        b.end = b.last + m[0].head;

        if (llmb_chunks_read(call->zone->tables, m[k].chunks, m[k].head,
                             &sink)
            != LLMB_OK)
        {
            return 0;
        }

        if (k && ngx_memcmp(first, other, m[0].head) != 0) {
            return 0;
        }
    }

    return 1;
}


static ngx_buf_t *
ngx_http_llm_batch_merge(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender)
{
    size_t          size;
    uint32_t        k;
    ngx_buf_t      *b;
    llmb_sink_t     sink;
    llmb_source_t   items;

    /* each member's items, and a comma or one of the brackets */

    size = lender->body.body.len + 2;

    for (k = 0; k < call->n; k++) {
        size += call->members[k].len - call->members[k].head + 1;
    }

    b = ngx_create_temp_buf(call->pool, size);
    if (b == NULL) {
        return NULL;
    }

    items.copy = ngx_http_llm_batch_copy_items;
    items.data = call;

    sink.write = ngx_http_llm_batch_append;
    sink.data = b;

    if (llmb_request_merge(&lender->body, call->n, &items, &sink) != LLMB_OK) {
        return NULL;
    }

    return b;
}


static llmb_rc_e
ngx_http_llm_batch_copy_items(void *data, uint32_t member, llmb_sink_t *out)
{
    ngx_http_llm_batch_call_t *call = data;

    llmb_sink_t                   sink;
    ngx_http_llm_batch_skip_t     skip;
    ngx_http_llm_batch_member_t  *m;

    m = &call->members[member];

    skip.out = out;
    skip.skip = m->head;

    sink.write = ngx_http_llm_batch_skip;
    sink.data = &skip;

    return llmb_chunks_read(call->zone->tables, m->chunks, m->len, &sink);
}


static llmb_rc_e
ngx_http_llm_batch_skip(void *data, const uint8_t *p, size_t len)
{
    size_t                      n;
    ngx_http_llm_batch_skip_t  *skip = data;

    n = ngx_min(skip->skip, len);
    skip->skip -= n;

    if (n == len) {
        return LLMB_OK;
    }

    return skip->out->write(skip->out->data, p + n, len - n);
}


/* the call could not even be sent: each member goes its own way */

static void
ngx_http_llm_batch_give_up(ngx_http_llm_batch_call_t *call)
{
    ngx_connection_t  *c;

    call->finished = 1;

    ngx_http_llm_batch_dissolve(call->zone, call->index, call->epoch);

    if (call->request == NULL) {
        ngx_destroy_pool(call->pool);
        return;
    }

    c = call->request->connection;

    ngx_http_finalize_request(call->request, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_llm_batch_dissolve(ngx_http_llm_batch_zone_t *zone, uint32_t index,
    uint64_t epoch)
{
    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch == epoch) {
        zone->calls[index] = NULL;
        llmb_sched_end(zone->tables, index, zone->worker, ngx_current_msec);
    }

    ngx_http_llm_batch_unlock(zone);
}
