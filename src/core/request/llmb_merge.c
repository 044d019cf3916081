
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_items.h"
#include "llmb_json_each.h"
#include "llmb_json_skip.h"
#include "llmb_merge.h"
#include "llmb_patch.h"
#include "llmb_payload.h"


#define LLMB_COUNT_DIGITS   (sizeof("4294967295") - 1)

#define LLMB_FREE           UINT32_MAX

/* places in the table that are looked at for an item */

#define LLMB_PROBES         64


/* the body that is being written */

typedef struct {
    const llmb_request_t  *rq;
    const llmb_merge_t    *merge;
} llmb_merge_frame_t;


static const llmb_str_t  llmb_merge_ids =
    llmb_string("\"return_token_ids\":true,");

/* in the place of what is the lender's own */

static const llmb_str_t  llmb_merge_echo = llmb_string("\"llm-batch\"");


static uint32_t llmb_merge_position(llmb_item_t *items, uint32_t i,
    uint32_t next, uint32_t *table, uint32_t size);
static llmb_span_t llmb_merge_first(const llmb_request_t *rq);
static void llmb_merge_patch(llmb_patches_t *patches,
    const llmb_request_t *rq, const llmb_merge_t *merge,
    const llmb_hole_t *hole);
static void llmb_merge_put_ids(llmb_out_t *out, void *data, unsigned i);
static void llmb_merge_put_count(llmb_out_t *out, void *data, unsigned i);
static void llmb_merge_put_echo(llmb_out_t *out, void *data, unsigned i);
static void llmb_merge_put_column(llmb_out_t *out, void *data,
    unsigned column);
static void llmb_merge_put_unique(llmb_out_t *out,
    const llmb_merge_t *merge);


size_t
llmb_merge_path(const llmb_request_t *rq, uint8_t *out)
{
    size_t      len;
    llmb_str_t  path, from, to;

    path = rq->path;
    from = rq->form->from;
    to = rq->form->to;

    if (from.len + to.len == 0 || from.len > path.len) {
        return 0;
    }

    len = path.len - from.len;

    if (from.len && memcmp(path.data + len, from.data, from.len) != 0) {
        return 0;
    }

    memcpy(out, path.data, len);

    if (to.len) {
        memcpy(out + len, to.data, to.len);
    }

    return len + to.len;
}


uint32_t
llmb_merge_dedup(const llmb_request_t *rq, const llmb_secret_t *secret,
    const llmb_str_t *payloads, uint32_t members, llmb_item_t *items,
    uint32_t n, uint32_t *table, uint32_t size)
{
    uint32_t          i, k, next;
    llmb_str_t        text;
    llmb_json_each_t  each;

    for (i = 0; i < size; i++) {
        table[i] = LLMB_FREE;
    }

    i = 0;
    next = 0;

    for (k = 0; k < members; k++) {
        text = llmb_payload_column(rq, payloads[k], 0);

        llmb_json_each_from(&each, text.data, text.data + text.len);

        while (i < n && llmb_json_each_next(&each)) {
            items[i].text = each.value;
            items[i].hash = llmb_siphash(secret, items[i].text);
            items[i].position = llmb_merge_position(items, i, next, table,
                                                    size);

            next += (items[i].position == next);
            i++;
        }
    }

    return next;
}


/* positions rise from item to item but where one is an earlier one's copy */

uint64_t
llmb_merge_copied(const llmb_item_t *items, uint32_t n)
{
    uint32_t  i, next;
    uint64_t  tokens;

    next = 0;
    tokens = 0;

    for (i = 0; i < n; i++) {

        if (items[i].position == next) {
            next++;

        } else {
            tokens += llmb_items_tokens(items[i].text);
        }
    }

    return tokens;
}


/* that of an equal item before the i-th, or else the next one */

static uint32_t
llmb_merge_position(llmb_item_t *items, uint32_t i, uint32_t next,
    uint32_t *table, uint32_t size)
{
    uint32_t      at, n;
    llmb_item_t  *item, *known;

    item = &items[i];
    at = (uint32_t) item->hash & (size - 1);

    for (n = LLMB_PROBES; table[at] != LLMB_FREE; at = (at + 1) & (size - 1)) {

        if (n-- == 0) {
            return next;
        }

        known = &items[table[at]];

        if (known->hash == item->hash && known->text.len == item->text.len
            && memcmp(known->text.data, item->text.data, item->text.len) == 0)
        {
            return known->position;
        }
    }

    table[at] = i;

    return next;
}


llmb_rc_e
llmb_merge_write(const llmb_request_t *rq, const llmb_merge_t *merge,
    llmb_sink_t *sink)
{
    unsigned             i;
    llmb_out_t           out;
    llmb_span_t          text;
    llmb_patches_t       patches;
    llmb_merge_frame_t   frame;

    frame.rq = rq;
    frame.merge = merge;

    llmb_out_init(&out, sink);

    if (rq->form->columns->input == LLMB_INPUT_BODY) {

        /* the lender's frame is nothing but its item */

        llmb_merge_put_column(&out, &frame, 0);
        return out.rc;
    }

    llmb_patch_init(&patches);

    if (merge->token_ids) {
        llmb_patch_add(&patches, llmb_merge_first(rq),
                       llmb_merge_put_ids, 0);
    }

    for (i = 0; i < rq->nholes; i++) {
        llmb_merge_patch(&patches, rq, merge, &rq->holes[i]);
    }

    text.start = 0;
    text.end = rq->body.len;

    llmb_patch_write(&patches, &out, rq->body.data, text, &frame);

    return out.rc;
}


/* where the first member of the body is, or would be */

static llmb_span_t
llmb_merge_first(const llmb_request_t *rq)
{
    llmb_span_t     first;
    const uint8_t  *body;

    body = rq->body.data;

    first.start = (size_t) (llmb_json_skip_spaces(body, body + rq->body.len)
                            - body);
    first.start += sizeof("{") - 1;
    first.end = first.start;

    return first;
}


static void
llmb_merge_patch(llmb_patches_t *patches, const llmb_request_t *rq,
    const llmb_merge_t *merge, const llmb_hole_t *hole)
{
    llmb_span_t  span;

    span.start = hole->start;
    span.end = hole->end;

    switch (hole->type) {

    case LLMB_HOLE_COUNT:
        llmb_patch_add(patches, span, llmb_merge_put_count, 0);
        break;

    case LLMB_HOLE_OWN:

        if (merge->members > 1 && rq->body.data[span.start] == '"') {
            llmb_patch_add(patches, span, llmb_merge_put_echo, 0);
        }

        break;

    case LLMB_HOLE_DEFAULT:
        llmb_patch_add(patches, span, NULL, 0);
        break;

    default: /* LLMB_HOLE_COLUMN */
        llmb_patch_add(patches, span, llmb_merge_put_column,
                       hole->column);
    }
}


static void
llmb_merge_put_ids(llmb_out_t *out, void *data, unsigned i)
{
    (void) data;
    (void) i;

    llmb_out_text(out, llmb_merge_ids);
}


static void
llmb_merge_put_count(llmb_out_t *out, void *data, unsigned i)
{
    llmb_merge_frame_t *frame = data;

    (void) i;

    llmb_out_number(out, frame->merge->items);
}


/* servers repeat it in headers and errors, for all to see */

static void
llmb_merge_put_echo(llmb_out_t *out, void *data, unsigned i)
{
    (void) data;
    (void) i;

    llmb_out_text(out, llmb_merge_echo);
}


static void
llmb_merge_put_column(llmb_out_t *out, void *data, unsigned column)
{
    llmb_merge_frame_t *frame = data;

    uint32_t               k, n, times;
    unsigned               own;
    llmb_str_t             text, open, close;
    const llmb_merge_t    *merge;
    const llmb_request_t  *rq;

    rq = frame->rq;
    merge = frame->merge;

    if (merge->members == 1 && merge->items > 1
        && llmb_payload_repeats(rq, column))
    {
        /* as the client has written it */

        text = rq->columns[column].list;
        llmb_out_text(out, text);
        return;
    }

    open = rq->form->open;
    close = rq->form->close;
    own = (column == 0 && open.len + close.len);

    if (own) {
        llmb_out_text(out, open);

    } else {
        llmb_out_char(out, '[');
    }

    if (merge->unique && column == 0) {
        llmb_merge_put_unique(out, merge);

    } else {

        for (k = 0; k < merge->members; k++) {
            text = llmb_payload_text(rq, merge->payloads[k], column, &times);

            for (n = 0; n < times; n++) {

                if (k || n) {
                    llmb_out_char(out, ',');
                }

                llmb_out_text(out, text);
            }
        }
    }

    if (own) {
        llmb_out_text(out, close);

    } else {
        llmb_out_char(out, ']');
    }
}


static void
llmb_merge_put_unique(llmb_out_t *out, const llmb_merge_t *merge)
{
    uint32_t            i, next;
    const llmb_item_t  *item;

    next = 0;

    for (i = 0; i < merge->n; i++) {
        item = &merge->unique[i];

        if (item->position != next) {
            continue;
        }

        if (next++) {
            llmb_out_char(out, ',');
        }

        llmb_out_text(out, item->text);
    }
}


size_t
llmb_merge_bound(const llmb_request_t *rq, const llmb_merge_t *merge)
{
    size_t      size;
    uint32_t    k, times;
    unsigned    c;
    llmb_str_t  text;

    /* a count, or two brackets, in each hole */

    size = rq->body.len + rq->nholes * LLMB_COUNT_DIGITS
           + rq->form->open.len + rq->form->close.len
           + llmb_merge_ids.len;

    /* a comma behind the items of each member in each column */

    for (k = 0; k < merge->members; k++) {

        for (c = 0; c < rq->ncolumns; c++) {
            text = llmb_payload_text(rq, merge->payloads[k], c, &times);
            size += times * (text.len + 1);
        }
    }

    return size;
}
