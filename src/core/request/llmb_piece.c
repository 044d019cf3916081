
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_items.h"
#include "llmb_json_each.h"
#include "llmb_out.h"
#include "llmb_payload.h"
#include "llmb_piece.h"


static const llmb_str_t  llmb_model_before =
    llmb_string("{\"model\":\"models/");
static const llmb_str_t  llmb_model_behind = llmb_string("\",");


static const uint8_t *llmb_piece_step(const llmb_cutter_t *cutter,
    const llmb_request_t *rq, unsigned column, const uint8_t *first,
    size_t *span, uint64_t *tokens);
static size_t llmb_piece_size(const llmb_request_t *rq, unsigned column,
    size_t span);
static void llmb_piece_measure(const llmb_request_t *rq,
    const size_t *spans, llmb_piece_t *piece);
static void llmb_piece_pack_column(llmb_out_t *out,
    const llmb_request_t *rq, llmb_str_t span, unsigned column);


void
llmb_piece_all(const llmb_request_t *rq, llmb_piece_t *piece)
{
    size_t    spans[LLMB_MAX_COLUMNS];
    unsigned  c;

    memset(piece, 0, sizeof(llmb_piece_t));

    piece->items = rq->items;
    piece->tokens = rq->tokens;

    for (c = 0; c < rq->ncolumns; c++) {
        piece->spans[c] = rq->columns[c].span;
        spans[c] = piece->spans[c].len;
    }

    llmb_piece_measure(rq, spans, piece);
}


void
llmb_piece_cut(llmb_cutter_t *cutter, const llmb_request_t *rq,
    uint32_t first)
{
    uint32_t           i;
    unsigned           c;
    llmb_json_each_t   each;

    memset(cutter, 0, sizeof(llmb_cutter_t));

    cutter->item = first;

    for (c = 0; c < rq->ncolumns; c++) {

        if (!rq->columns[c].present) {
            continue;
        }

        llmb_json_each_from(&each, rq->columns[c].span.data,
                            rq->columns[c].span.data
                            + rq->columns[c].span.len);

        if (!llmb_payload_repeats(rq, c)) {

            for (i = 0; i < first; i++) {
                (void) llmb_json_each_next(&each);
            }

        } else if (!rq->form->columns[c].optional) {
            cutter->repeated += llmb_items_tokens(rq->columns[c].span);
        }

        cutter->pos[c] = each.next;
    }
}


unsigned
llmb_piece_next(llmb_cutter_t *cutter, const llmb_request_t *rq,
    uint32_t end, const llmb_limits_t *limits, llmb_piece_t *piece)
{
    size_t          spans[LLMB_MAX_COLUMNS];
    uint64_t        tokens;
    unsigned        c;
    llmb_piece_t    more;
    const uint8_t  *next[LLMB_MAX_COLUMNS];

    memset(piece, 0, sizeof(llmb_piece_t));

    piece->first = cutter->item;

    for (c = 0; c < rq->ncolumns; c++) {
        piece->spans[c].data = cutter->pos[c];
    }

    while (cutter->item < llmb_min(end, rq->items)
           && (limits->items == 0 || piece->items < limits->items))
    {
        tokens = cutter->repeated;

        for (c = 0; c < rq->ncolumns; c++) {
            next[c] = llmb_piece_step(cutter, rq, c, piece->spans[c].data,
                                      &spans[c], &tokens);
        }

        more.items = piece->items + 1;
        llmb_piece_measure(rq, spans, &more);

        if (piece->items
            && ((limits->tokens && piece->tokens + tokens > limits->tokens)
                || (limits->bytes && more.bytes > limits->bytes)))
        {
            break;
        }

        piece->items = more.items;
        piece->tokens += tokens;
        piece->size = more.size;
        piece->bytes = more.bytes;
        cutter->item++;

        for (c = 0; c < rq->ncolumns; c++) {
            piece->spans[c].len = spans[c];
            cutter->pos[c] = next[c];
        }
    }

    return piece->items > 0;
}


/*
 * The next item of a column: sets *span to the bytes from the first item of
 * the piece to the end of this one, adds its tokens, and returns where the
 * one behind it is.
 */

static const uint8_t *
llmb_piece_step(const llmb_cutter_t *cutter, const llmb_request_t *rq,
    unsigned column, const uint8_t *first, size_t *span, uint64_t *tokens)
{
    llmb_json_each_t      each;
    const llmb_values_t  *values;

    values = &rq->columns[column];

    if (!values->present || llmb_payload_repeats(rq, column)) {
        *span = values->span.len;
        return cutter->pos[column];
    }

    llmb_json_each_from(&each, cutter->pos[column],
                        values->span.data + values->span.len);
    (void) llmb_json_each_next(&each);

    *span = (size_t) (each.value.data + each.value.len - first);

    if (!rq->form->columns[column].optional) {
        *tokens += llmb_items_tokens(each.value);
    }

    return each.next;
}


llmb_rc_e
llmb_piece_pack(const llmb_request_t *rq, const llmb_piece_t *piece,
    llmb_sink_t *sink)
{
    unsigned            c, framed;
    llmb_out_t          out;

    llmb_out_init(&out, sink);

    framed = llmb_payload_framed(rq);

    for (c = 0; c < rq->ncolumns; c++) {

        if (framed) {
            llmb_payload_head(&out, llmb_piece_size(rq, c,
                                                    piece->spans[c].len),
                              llmb_payload_repeats(rq, c) ? piece->items : 1);
        }

        if (rq->columns[c].present) {
            llmb_piece_pack_column(&out, rq, piece->spans[c], c);
        }
    }

    if (framed && rq->form->echo.len) {
        llmb_payload_head(&out, rq->echo.len, 1);
        llmb_out_text(&out, rq->echo);
    }

    return out.rc;
}


/* of the text of a column, whose items take so many bytes in the request */

static size_t
llmb_piece_size(const llmb_request_t *rq, unsigned column, size_t span)
{
    llmb_str_t  model;

    if (!rq->columns[column].present) {
        return 0;
    }

    if (rq->columns[column].wrap) {
        span += sizeof("[]") - 1;
    }

    model = llmb_request_model(rq);

    if (model.len) {
        span += llmb_model_before.len + model.len + llmb_model_behind.len
                - (sizeof("{") - 1);
    }

    return span;
}


/* sets the bytes of a piece with so many items, whose columns are so long */

static void
llmb_piece_measure(const llmb_request_t *rq, const size_t *spans,
    llmb_piece_t *piece)
{
    size_t    head, size;
    unsigned  c;

    head = llmb_payload_framed(rq) ? LLMB_PAYLOAD_HEAD : 0;

    piece->size = rq->form->echo.len ? head + rq->echo.len : 0;
    piece->bytes = piece->size;

    for (c = 0; c < rq->ncolumns; c++) {
        size = llmb_piece_size(rq, c, spans[c]);

        piece->size += head + size;
        piece->bytes += head + size;

        if (llmb_payload_repeats(rq, c)) {
            piece->bytes += (uint64_t) (size + 1) * (piece->items - 1);
        }
    }
}


static void
llmb_piece_pack_column(llmb_out_t *out, const llmb_request_t *rq,
    llmb_str_t span, unsigned column)
{
    llmb_str_t  model;

    model = llmb_request_model(rq);

    if (model.len) {
        llmb_out_text(out, llmb_model_before);
        llmb_out_text(out, model);
        llmb_out_text(out, llmb_model_behind);

        /* but for the bracket */

        llmb_out_bytes(out, span.data + 1, span.len - 1);
        return;
    }

    if (rq->columns[column].wrap) {
        llmb_out_char(out, '[');
    }

    llmb_out_text(out, span);

    if (rq->columns[column].wrap) {
        llmb_out_char(out, ']');
    }
}
