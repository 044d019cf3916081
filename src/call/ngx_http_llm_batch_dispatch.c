
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * From the sealed record to the running subrequest.
 */


#include "ngx_http_llm_batch.h"


static ngx_http_llm_batch_call_t *ngx_http_llm_batch_create_call(
    ngx_http_llm_batch_zone_t *zone);
static ngx_int_t ngx_http_llm_batch_claim(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t **lender);
static uint32_t ngx_http_llm_batch_get_lender(
    ngx_http_llm_batch_call_t *call);
static ngx_int_t ngx_http_llm_batch_alloc_members(
    ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_list_members(ngx_http_llm_batch_call_t *call);
static void ngx_http_llm_batch_count_call(ngx_http_llm_batch_call_t *call,
    llmb_close_e close, llmb_reason_e reason);
static ngx_int_t ngx_http_llm_batch_send(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender);
static ngx_int_t ngx_http_llm_batch_copy_names(
    ngx_http_llm_batch_call_t *call, ngx_http_llm_batch_ctx_t *lender);
static ngx_int_t ngx_http_llm_batch_read_members(
    ngx_http_llm_batch_call_t *call, llmb_request_t *body,
    ngx_uint_t *credentials);
static ngx_int_t ngx_http_llm_batch_dedup(ngx_http_llm_batch_call_t *call,
    llmb_request_t *body, ngx_uint_t credentials);
static void ngx_http_llm_batch_mark_copies(ngx_http_llm_batch_call_t *call,
    llmb_item_t *items);
static ngx_int_t ngx_http_llm_batch_init_split(
    ngx_http_llm_batch_call_t *call, llmb_request_t *body);
static ngx_buf_t *ngx_http_llm_batch_merge(ngx_http_llm_batch_call_t *call,
    llmb_request_t *body);
static void ngx_http_llm_batch_give_up(ngx_http_llm_batch_call_t *call,
    ngx_int_t rc);
static void ngx_http_llm_batch_put_off(ngx_http_llm_batch_call_t *call);


void
ngx_http_llm_batch_dispatch(ngx_http_llm_batch_zone_t *zone, uint32_t index)
{
    ngx_int_t                   rc;
    ngx_http_llm_batch_ctx_t   *lender;
    ngx_http_llm_batch_call_t  *call;

    if (llmb_call_is_single(zone->tables, index)
        && ngx_http_llm_batch_single_send(zone, index) == NGX_OK)
    {
        return;
    }

    call = ngx_http_llm_batch_create_call(zone);

    if (call == NULL) {
        ngx_http_llm_batch_dissolve(zone, index, zone->epoch);
        return;
    }

    call->index = index;

    if (ngx_http_llm_batch_claim(call, &lender) != NGX_OK) {
        ngx_destroy_pool(call->pool);
        return;
    }

    zone->calls[index] = call;

    LLMB_CRASH("call claimed");

    rc = ngx_http_llm_batch_send(call, lender);

    if (rc != NGX_OK) {
        ngx_http_llm_batch_give_up(call, rc);
    }

    LLMB_CRASH("call sent");
}


static ngx_http_llm_batch_call_t *
ngx_http_llm_batch_create_call(ngx_http_llm_batch_zone_t *zone)
{
    ngx_pool_t                 *pool;
    ngx_http_llm_batch_call_t  *call;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_http_llm_batch_call_t));
    if (call == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->zone = zone;
    call->index = LLMB_NIL;
    call->pool = pool;
    call->start = ngx_current_msec;
    call->split_rc = LLMB_AGAIN;

    return call;
}


/* takes over the call, if there is still somebody who waits for it */

static ngx_int_t
ngx_http_llm_batch_claim(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t **lender)
{
    uint32_t                    i;
    ngx_int_t                   rc;
    llmb_call_t                *c;
    llmb_group_t               *g;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    rc = NGX_DECLINED;

    ngx_http_llm_batch_lock(zone);

    if (zone->tables->epoch != zone->epoch) {
        goto done;
    }

    i = ngx_http_llm_batch_get_lender(call);

    if (i == LLMB_NIL) {
        goto done;
    }

    c = llmb_call(zone->tables, call->index);
    g = llmb_group(zone->tables, c->group);

    *lender = zone->members[i]->ctx;

    call->epoch = zone->epoch;
    call->losses = llmb_worker(zone->tables, zone->worker)->losses;
    call->number = c->number;
    call->n = c->members.n;
    call->conf = (*lender)->conf;
    call->adapter = (*lender)->body.adapter;

    call->inflight = llmb_upstream_of(zone->tables, g)->inflight;
    call->merge.token_ids = (g->token_ids == LLMB_TOKEN_IDS_KNOWN
                             && !(*lender)->body.token_ids);

    rc = ngx_http_llm_batch_alloc_members(call);

    if (rc != NGX_OK) {
        llmb_sched_end(zone->tables, call->index, zone->worker,
                       ngx_current_msec);
        goto done;
    }

    llmb_moved_sent(&g->path, ngx_current_msec);

    ngx_http_llm_batch_list_members(call);
    ngx_http_llm_batch_count_call(call, c->close, c->reason);

done:

    ngx_http_llm_batch_unlock(zone);

    return rc;
}


/* a call of one is SENT already, or lost meanwhile */

static uint32_t
ngx_http_llm_batch_get_lender(ngx_http_llm_batch_call_t *call)
{
    llmb_call_t                *c;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;

    if (!llmb_call_is_single(zone->tables, call->index)) {
        return llmb_sched_send(zone->tables, call->index, zone->worker);
    }

    c = llmb_call(zone->tables, call->index);

    if (c->state == LLMB_CALL_SENT) {
        llmb_member(zone->tables, call->index)->result.call = c->number;
        return call->index;
    }

    llmb_sched_end(zone->tables, call->index, zone->worker, ngx_current_msec);

    return LLMB_NIL;
}


static ngx_int_t
ngx_http_llm_batch_alloc_members(ngx_http_llm_batch_call_t *call)
{
    call->members = ngx_pcalloc(call->pool, call->n
                                        * sizeof(ngx_http_llm_batch_member_t));
    call->shares = ngx_pcalloc(call->pool, call->n * sizeof(llmb_share_t));
    call->payloads = ngx_pcalloc(call->pool, call->n * sizeof(llmb_str_t));

    if (call->members == NULL || call->shares == NULL
        || call->payloads == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_llm_batch_list_members(ngx_http_llm_batch_call_t *call)
{
    uint32_t                      i, k;
    llmb_call_t                  *c;
    llmb_zone_t                  *z;
    llmb_share_t                 *share;
    llmb_member_t                *m;
    ngx_http_llm_batch_member_t  *member;

    z = call->zone->tables;
    c = llmb_call(z, call->index);
    k = 0;

    for (i = c->members.head; i != LLMB_NIL; i = llmb_queue_links(z)[i].next) {
        m = llmb_member(z, i);
        member = &call->members[k];
        share = &call->shares[k];

        member->index = i;
        member->gen = m->gen;
        member->worker = m->worker;
        member->chunks = m->text.first;
        member->len = m->len;
        member->head = m->head;

        share->first = call->items;
        share->items = m->items;
        share->tokens = m->tokens;
        share->top = m->top;
        share->scalar = m->scalar;
        share->part = m->part;

        call->items += m->items;
        call->tokens += m->tokens;
        call->bytes += m->bytes;
        k++;
    }
}


static void
ngx_http_llm_batch_count_call(ngx_http_llm_batch_call_t *call,
    llmb_close_e close, llmb_reason_e reason)
{
    ngx_uint_t                     slot;
    ngx_http_llm_batch_metrics_t  *metrics;

    metrics = &call->zone->sh->metrics;
    slot = ngx_http_llm_batch_adapter_slot(call->zone, call->adapter);

    ngx_http_llm_batch_count(metrics->calls[slot][close]);

    ngx_http_llm_batch_observe(&metrics->items_per_call, &llmb_hist_items,
                               call->items);

    if (reason == LLMB_REASON_NONE) {
        ngx_http_llm_batch_count_n(metrics->items, call->items);

    } else {
        /* the items are those of a call that failed */
        ngx_http_llm_batch_count(metrics->isolate_calls);
    }
}


static ngx_int_t
ngx_http_llm_batch_send(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender)
{
    ngx_int_t    rc;
    ngx_buf_t   *body;
    ngx_uint_t   credentials;

    credentials = 1;

    call->answer = ngx_http_llm_batch_spool_create(call->pool, lender->request,
                                                   call->conf->max_response);

    if (call->answer == NULL
        || ngx_http_llm_batch_copy_names(call, lender) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the items, as they are and in the body of the call */

    if (ngx_http_llm_batch_memory_count(call->pool, 2 * call->bytes)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_read_members(call, &lender->body, &credentials)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_dedup(call, &lender->body, credentials) != NGX_OK
        || ngx_http_llm_batch_init_split(call, &lender->body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    body = ngx_http_llm_batch_merge(call, &lender->body);
    if (body == NULL) {
        return NGX_ERROR;
    }

    call->mixed = !credentials;

    rc = ngx_http_llm_batch_detach(call, lender, credentials);

    if (rc != NGX_OK) {
        return rc;
    }

    call->sent = ngx_http_llm_batch_usec();

    return ngx_http_llm_batch_launch(call, body);
}


static ngx_int_t
ngx_http_llm_batch_copy_names(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_ctx_t *lender)
{
    call->moved = (lender->body.form->from.len + lender->body.form->to.len
                   != 0);
    call->known = lender->known;
    call->label = lender->label;
    call->estimated = (lender->body.kind == LLMB_KIND_TEXT
                       || lender->body.kind == LLMB_KIND_OBJECT);

    if (ngx_http_llm_batch_dup(call->pool, &call->model, &lender->model)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_llm_batch_dup(call->pool, &call->group, &lender->group);
}


/*
 * Copies what the members have in the zone: a body that pointed into shared
 * memory could change under the upstream's eyes if the zone were reset.
 * *credentials tells whether theirs, which precede the items, are the same
 * bytes; none are there if they are part of the key.
 */

static ngx_int_t
ngx_http_llm_batch_read_members(ngx_http_llm_batch_call_t *call,
    llmb_request_t *body, ngx_uint_t *credentials)
{
    u_char                       *first;
    uint32_t                      k;
    ngx_buf_t                     b;
    llmb_sink_t                   sink;
    ngx_http_llm_batch_member_t  *m;

    sink.write = ngx_http_llm_batch_append;
    sink.data = &b;

    first = NULL;
    *credentials = 1;

    for (k = 0; k < call->n; k++) {
        m = &call->members[k];

        b.pos = ngx_pnalloc(call->pool, m->len + 1);
        if (b.pos == NULL) {
            return NGX_ERROR;
        }

        b.last = b.pos;
        b.end = b.pos + m->len;

        if (llmb_chunks_read(call->zone->tables, m->chunks, m->len, &sink)
            != LLMB_OK)
        {
            return NGX_ERROR;
        }

        if (k == 0) {
            first = b.pos;

        } else if (m->head != call->members[0].head
                   || ngx_memcmp(first, b.pos, m->head) != 0)
        {
            *credentials = 0;
        }

        call->payloads[k].data = b.pos + m->head;
        call->payloads[k].len = m->len - m->head;
    }

    ngx_memory_barrier();

    if (call->zone->tables->epoch != call->epoch
        || llmb_worker(call->zone->tables, call->zone->worker)->losses
           != call->losses)
    {
        /*
         * it has been reset, or we were given up: what was read may have been
         * somebody else's
         */

        return NGX_ERROR;
    }

    if (body->form->echo.len) {
        for (k = 0; k < call->n; k++) {
            call->shares[k].echo = llmb_payload_column(body,
                                                       call->payloads[k],
                                                       body->ncolumns);
        }
    }

    return NGX_OK;
}


/*
 * Equal items are sent once, but not across credentials: a client could find
 * out by status and usage what its neighbours send.
 */

static ngx_int_t
ngx_http_llm_batch_dedup(ngx_http_llm_batch_call_t *call,
    llmb_request_t *body, ngx_uint_t credentials)
{
    uint32_t      size, *table;
    llmb_item_t  *items;

    call->merge.payloads = call->payloads;
    call->merge.members = call->n;
    call->merge.items = call->items;
    call->merge.n = call->items;

    if (!call->conf->dedup || !credentials || !call->adapter->pure
        || body->ncolumns != 1)
    {
        return NGX_OK;
    }

    for (size = 8; size < 2 * call->items; size *= 2) { /* void */ }

    items = ngx_palloc(call->pool, call->items * sizeof(llmb_item_t));
    table = ngx_palloc(call->pool, size * sizeof(uint32_t));

    if (items == NULL || table == NULL) {
        return NGX_ERROR;
    }

    call->merge.items = llmb_merge_dedup(body, &call->zone->sh->secret,
                                         call->payloads, call->n, items,
                                         call->items, table, size);

    if (call->merge.items != call->items) {
        call->merge.unique = items;
        call->copied = llmb_merge_copied(items, call->items);

        ngx_http_llm_batch_mark_copies(call, items);
        ngx_http_llm_batch_count_n(call->zone->sh->metrics.dedup_items,
                                   call->items - call->merge.items);
    }

    return NGX_OK;
}


/* positions rise from item to item but where one is an earlier one's copy */

static void
ngx_http_llm_batch_mark_copies(ngx_http_llm_batch_call_t *call,
    llmb_item_t *items)
{
    uint32_t  i, k, next;

    i = 0;
    next = 0;

    for (k = 0; k < call->n; k++) {

        for ( /* void */ ;
             i < call->shares[k].first + call->shares[k].items;
             i++)
        {
            if (items[i].position == next) {
                next++;

            } else {
                call->members[k].copied = 1;
            }
        }
    }
}


static ngx_int_t
ngx_http_llm_batch_init_split(ngx_http_llm_batch_call_t *call,
    llmb_request_t *body)
{
    void               *room;
    size_t              size;
    llmb_split_conf_t   conf;

    ngx_memzero(&conf, sizeof(llmb_split_conf_t));

    conf.form = body->form;
    conf.items = call->merge.items;
    conf.per = body->per;
    conf.members = call->n;
    conf.unique = call->merge.unique;
    conf.shared = (call->n > 1);
    conf.base64 = body->base64;
    conf.repair = call->conf->repair_encoding;
    conf.strip = call->merge.token_ids;

    size = llmb_split_room(&conf);

    if (ngx_http_llm_batch_memory_count(call->pool, size) != NGX_OK) {
        return NGX_ERROR;
    }

    room = ngx_palloc(call->pool, size);
    if (room == NULL) {
        return NGX_ERROR;
    }

    llmb_split_init(&call->split, &conf, room);

    return NGX_OK;
}


static ngx_buf_t *
ngx_http_llm_batch_merge(ngx_http_llm_batch_call_t *call,
    llmb_request_t *body)
{
    ngx_buf_t    *b;
    llmb_sink_t   sink;

    b = ngx_create_temp_buf(call->pool,
                            llmb_merge_bound(body, &call->merge));
    if (b == NULL) {
        return NULL;
    }

    sink.write = ngx_http_llm_batch_append;
    sink.data = b;

    if (llmb_merge_write(body, &call->merge, &sink) != LLMB_OK) {
        return NULL;
    }

    return b;
}


/*
 * The call could not even be sent: each member goes its own way, or all wait a
 * moment if it was for want of a descriptor.
 */

static void
ngx_http_llm_batch_give_up(ngx_http_llm_batch_call_t *call, ngx_int_t rc)
{
    ngx_connection_t  *c;

    call->finished = 1;

    if (rc == NGX_BUSY) {
        ngx_http_llm_batch_put_off(call);

    } else {
        ngx_http_llm_batch_dissolve(call->zone, call->index, call->epoch);
    }

    if (call->request == NULL) {
        ngx_destroy_pool(call->pool);
        return;
    }

    c = call->request->connection;

    ngx_http_finalize_request(call->request, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_llm_batch_put_off(ngx_http_llm_batch_call_t *call)
{
    llmb_call_t                *c;
    llmb_zone_t                *z;
    llmb_outcome_t              outcome;
    ngx_http_llm_batch_zone_t  *zone;

    zone = call->zone;
    z = zone->tables;

    ngx_http_llm_batch_lock(zone);

    if (z->epoch != call->epoch) {
        goto done;
    }

    zone->calls[call->index] = NULL;
    c = llmb_call(z, call->index);

    ngx_memzero(&outcome, sizeof(llmb_outcome_t));

    outcome.internal = 1;
    outcome.unsent = c->unsent;

    if (c->state != LLMB_CALL_LOST
        && llmb_verdict(&outcome) == LLMB_VERDICT_AGAIN)
    {
        llmb_sched_again(z, call->index, zone->worker, LLMB_REASON_INTERNAL,
                         ngx_current_msec);

    } else {
        llmb_sched_end(z, call->index, zone->worker, ngx_current_msec);
    }

done:

    ngx_http_llm_batch_unlock(zone);
}
