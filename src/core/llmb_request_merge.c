
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The body of a call.
 */


#include <string.h>

#include "llmb_json_skip.h"
#include "llmb_request_parts.h"


#define LLMB_COUNT_DIGITS   (sizeof("4294967295") - 1)

#define LLMB_FREE           UINT32_MAX

/* places in the table that are looked at for an item */

#define LLMB_PROBES         64


static const llmb_str_t  llmb_merge_ids =
    llmb_string("\"return_token_ids\":true,");

/* in the place of what is the lender's own */

static const llmb_str_t  llmb_merge_echo = llmb_string("\"llm-batch\"");


static uint32_t llmb_request_position(llmb_item_t *items, uint32_t i,
    uint32_t next, uint32_t *table, uint32_t size);
static size_t llmb_request_put_ids(llmb_request_out_t *w,
    const llmb_request_t *rq);
static void llmb_request_put_column(llmb_request_out_t *w,
    const llmb_request_t *rq, const llmb_merge_t *merge, unsigned column);
static void llmb_request_put_unique(llmb_request_out_t *w,
    const llmb_merge_t *merge);
static void llmb_request_put_count(llmb_request_out_t *w, uint32_t n);


uint32_t
llmb_request_dedup(const llmb_request_t *rq, const llmb_secret_t *secret,
    const llmb_str_t *payloads, uint32_t members, llmb_item_t *items,
    uint32_t n, uint32_t *table, uint32_t size)
{
    uint32_t        i, k, next;
    llmb_str_t      text;
    const uint8_t  *p, *end;

    for (i = 0; i < size; i++) {
        table[i] = LLMB_FREE;
    }

    i = 0;
    next = 0;

    for (k = 0; k < members; k++) {
        text = llmb_payload_column(rq, payloads[k], 0);

        p = text.data;
        end = p + text.len;

        while (p < end && i < n) {
            items[i].text.data = p;
            p = llmb_request_skip(p, end);
            items[i].text.len = (size_t) (p - items[i].text.data);
            p = llmb_request_comma(p, end);

            items[i].hash = llmb_siphash(secret, items[i].text);
            items[i].position = llmb_request_position(items, i, next, table,
                                                      size);

            next += (items[i].position == next);
            i++;
        }
    }

    return next;
}


/* positions rise from item to item but where one is an earlier one's copy */

uint64_t
llmb_request_copied(const llmb_item_t *items, uint32_t n)
{
    uint32_t  i, next;
    uint64_t  tokens;

    next = 0;
    tokens = 0;

    for (i = 0; i < n; i++) {

        if (items[i].position == next) {
            next++;

        } else {
            (void) llmb_request_shape(items[i].text, &tokens);
        }
    }

    return tokens;
}


/* that of an equal item before the i-th, or else the next one */

static uint32_t
llmb_request_position(llmb_item_t *items, uint32_t i, uint32_t next,
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
llmb_request_merge(const llmb_request_t *rq, const llmb_merge_t *merge,
    llmb_sink_t *out)
{
    size_t              pos;
    unsigned            i;
    const uint8_t      *body;
    const llmb_hole_t  *hole;
    llmb_request_out_t  w;

    w.out = out;
    w.rc = LLMB_OK;

    if (!rq->form->tensors && rq->form->columns->input == LLMB_INPUT_BODY) {

        /* the lender's frame is nothing but its item */

        llmb_request_put_column(&w, rq, merge, 0);
        return w.rc;
    }

    body = rq->body.data;
    pos = merge->token_ids ? llmb_request_put_ids(&w, rq) : 0;

    for (i = 0; i < rq->nholes; i++) {
        hole = &rq->holes[i];

        if (hole->type == LLMB_HOLE_OWN
            && (merge->members == 1 || body[hole->start] != '"'))
        {
            continue;
        }

        llmb_request_put(&w, body + pos, hole->start - pos);

        switch (hole->type) {

        case LLMB_HOLE_COUNT:
            llmb_request_put_count(&w, merge->items);
            break;

        case LLMB_HOLE_OWN:

            /* servers repeat it in headers and errors, for all to see */

            llmb_request_put(&w, llmb_merge_echo.data, llmb_merge_echo.len);
            break;

        default: /* LLMB_HOLE_COLUMN */
            llmb_request_put_column(&w, rq, merge, hole->column);
        }

        pos = hole->end;
    }

    llmb_request_put(&w, body + pos, rq->body.len - pos);

    return w.rc;
}


/* the body's bracket, and a first member; returns what has been written */

static size_t
llmb_request_put_ids(llmb_request_out_t *w, const llmb_request_t *rq)
{
    size_t          len;
    const uint8_t  *body;

    body = rq->body.data;
    len = (size_t) (llmb_json_skip_spaces(body, body + rq->body.len) - body);
    len += sizeof("{") - 1;

    llmb_request_put(w, body, len);
    llmb_request_put(w, llmb_merge_ids.data, llmb_merge_ids.len);

    return len;
}


static void
llmb_request_put_column(llmb_request_out_t *w, const llmb_request_t *rq,
    const llmb_merge_t *merge, unsigned column)
{
    uint32_t    k, n, times;
    unsigned    own;
    llmb_str_t  text, open, close;

    if (merge->members == 1 && merge->items > 1
        && llmb_request_repeats(rq, column))
    {
        /* as the client has written it */

        text = rq->columns[column].list;
        llmb_request_put(w, text.data, text.len);
        return;
    }

    open = rq->form->open;
    close = rq->form->close;
    own = (column == 0 && open.len + close.len);

    if (own) {
        llmb_request_put(w, open.data, open.len);

    } else {
        llmb_request_put_char(w, '[');
    }

    if (merge->unique && column == 0) {
        llmb_request_put_unique(w, merge);

    } else {

        for (k = 0; k < merge->members; k++) {
            text = llmb_payload_text(rq, merge->payloads[k], column, &times);

            for (n = 0; n < times; n++) {

                if (k || n) {
                    llmb_request_put_char(w, ',');
                }

                llmb_request_put(w, text.data, text.len);
            }
        }
    }

    if (own) {
        llmb_request_put(w, close.data, close.len);

    } else {
        llmb_request_put_char(w, ']');
    }
}


static void
llmb_request_put_unique(llmb_request_out_t *w, const llmb_merge_t *merge)
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
            llmb_request_put_char(w, ',');
        }

        llmb_request_put(w, item->text.data, item->text.len);
    }
}


static void
llmb_request_put_count(llmb_request_out_t *w, uint32_t n)
{
    size_t   at;
    uint8_t  digits[LLMB_COUNT_DIGITS];

    at = LLMB_COUNT_DIGITS;

    do {
        digits[--at] = (uint8_t) ('0' + n % 10);
        n /= 10;
    } while (n);

    llmb_request_put(w, digits + at, LLMB_COUNT_DIGITS - at);
}


size_t
llmb_request_bound(const llmb_request_t *rq, const llmb_merge_t *merge)
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


void
llmb_request_put(llmb_request_out_t *w, const uint8_t *p, size_t len)
{
    if (w->rc == LLMB_OK && len) {
        w->rc = w->out->write(w->out->data, p, len);
    }
}


void
llmb_request_put_char(llmb_request_out_t *w, char c)
{
    llmb_request_put(w, (const uint8_t *) &c, 1);
}
