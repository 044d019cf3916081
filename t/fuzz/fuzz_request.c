
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Two clients' bodies, whatever they are.  If both may be batched, they are
 * merged, and the merged body is read again, by the core and by jansson.
 *
 * The input: which format, the first body, 0xff, the second body.
 */


#define CALL_MAX_MEMBERS  2

#include "call.h"
#include "oracle.h"


/* the value of the input member; sets *n to the number of items in it */

static json_t *
items_in(const llmb_adapter_t *adapter, llmb_str_t body, size_t *n)
{
    json_t  *root, *items;

    root = oracle_read(body.data, body.len);

    if (root == NULL) {
        return NULL;
    }

    items = json_object_get(root, (const char *) adapter->input.data);
    require(items);

    *n = json_array_size(items);

    if (!json_is_array(items) || json_is_integer(json_array_get(items, 0))) {
        *n = 1;
    }

    return root;
}


static void
check_request(const llmb_request_t *rq)
{
    size_t   n;
    json_t  *root;

    require(rq->items > 0);
    require(rq->tokens >= rq->items);
    require(rq->kind & rq->adapter->kinds);
    require(rq->value_end <= rq->body.len);
    require(rq->span.data >= rq->body.data + rq->value_start);
    require(rq->span.data + rq->span.len <= rq->body.data + rq->value_end);

    root = items_in(rq->adapter, rq->body, &n);

    if (root) {
        require(n == rq->items);
        json_decref(root);
    }
}


static void
check_merged(call_t *call)
{
    size_t           n;
    json_t          *root;
    buffer_t         b;
    llmb_str_t       body;
    llmb_sink_t      sink = buffer_sink(&b);
    llmb_reason_e    reason;
    llmb_request_t   rq;

    require(call_merge(call, &sink) == LLMB_OK);

    body.len = b.len;
    body.data = b.data;

    require(llmb_request_read(&rq, call->adapter, body, &reason) == LLMB_OK);
    require(rq.kind == call->rq[0].kind);
    require(!rq.scalar);
    require(rq.items == call->items);
    require(rq.tokens == call->rq[0].tokens + call->rq[1].tokens);

    root = items_in(call->adapter, body, &n);

    if (root) {
        require(n == call->items);
        json_decref(root);
    }

    free(b.data);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    call_t                *call;
    llmb_str_t             first, second;
    llmb_reason_e          reason;
    const uint8_t         *end;
    llmb_request_t         rq;
    const llmb_adapter_t  *adapter;

    if (size == 0) {
        return 0;
    }

    adapter = llmb_adapters[(uint8_t) (data[0] - '0') % llmb_nadapters];
    end = memchr(data, 0xff, size);

    first.data = data + 1;
    first.len = (end > data) ? (size_t) (end - first.data) : size - 1;

    if (llmb_request_read(&rq, NULL, first, &reason) != LLMB_DECLINED) {
        abort();
    }

    call = call_create(adapter);

    if (call_add(call, first, &reason) != LLMB_OK) {
        require(reason != LLMB_REASON_NONE);
        call_destroy(call);
        return 0;
    }

    check_request(&call->rq[0]);

    if (end > data) {
        second.data = end + 1;
        second.len = size - 1 - (size_t) (end - data);

    } else {
        second = first;
    }

    if (call_add(call, second, &reason) == LLMB_OK
        && call->rq[1].kind == call->rq[0].kind)
    {
        check_request(&call->rq[1]);
        check_merged(call);
    }

    call_destroy(call);

    return 0;
}
