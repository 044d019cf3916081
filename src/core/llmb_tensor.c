
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Requests and answers whose items are the rows of tensors.
 */


#include <string.h>

#include "llmb_tensor_parts.h"


static llmb_reason_e llmb_tensor_top(llmb_request_t *rq, llmb_str_t *inputs);
static unsigned llmb_tensor_outputs_forbidden(llmb_str_t outputs);
static llmb_reason_e llmb_tensor_input(llmb_request_t *rq, llmb_str_t text,
    unsigned *ranks);
static void llmb_tensor_hole(llmb_request_t *rq, llmb_str_t text,
    llmb_hole_e type);
static llmb_mismatch_e llmb_tensor_output(llmb_split_t *sp,
    const uint8_t *base, llmb_str_t text);


llmb_reason_e
llmb_tensor_request(llmb_request_t *rq)
{
    unsigned            ranks[2];
    llmb_str_t          inputs;
    llmb_reason_e       reason;
    llmb_json_each_t    walk;

    reason = llmb_tensor_top(rq, &inputs);

    if (reason != LLMB_REASON_NONE) {
        return reason;
    }

    rq->ncolumns = 0;
    rq->items = 0;
    rq->tokens = 0;
    rq->divisible = 0;

    ranks[0] = 0;
    ranks[1] = 0;

    llmb_json_each(&walk, inputs);

    while (llmb_json_each_next(&walk)) {
        reason = llmb_tensor_input(rq, walk.value, ranks);

        if (reason != LLMB_REASON_NONE) {
            return reason;
        }
    }

    if (rq->ncolumns == 0 || (ranks[0] && ranks[1])) {
        return LLMB_REASON_ITEM;
    }

    rq->kind = ranks[1] ? LLMB_KIND_OBJECT : LLMB_KIND_VALUE;

    return LLMB_REASON_NONE;
}


static llmb_reason_e
llmb_tensor_top(llmb_request_t *rq, llmb_str_t *inputs)
{
    unsigned            forbidden;
    llmb_json_each_t    walk;

    inputs->len = 0;
    forbidden = 0;

    llmb_json_each(&walk, rq->body);

    while (llmb_json_each_next(&walk)) {

        if (llmb_tensor_is(walk.name, "inputs")) {

            if (*walk.value.data == '[') {
                *inputs = walk.value;
            }

        } else if (llmb_tensor_is(walk.name, "parameters")) {
            forbidden |= llmb_tensor_forbidden(walk.value);

        } else if (llmb_tensor_is(walk.name, "outputs")) {
            forbidden |= llmb_tensor_outputs_forbidden(walk.value);
        }
    }

    if (forbidden) {
        return LLMB_REASON_ADAPTER;
    }

    return inputs->len ? LLMB_REASON_NONE : LLMB_REASON_ITEM;
}


static unsigned
llmb_tensor_outputs_forbidden(llmb_str_t outputs)
{
    llmb_json_each_t    list, members;

    if (outputs.data[0] != '[') {
        return 0;
    }

    llmb_json_each(&list, outputs);

    while (llmb_json_each_next(&list)) {

        if (*list.value.data != '{') {
            continue;
        }

        llmb_json_each(&members, list.value);

        while (llmb_json_each_next(&members)) {

            if (llmb_tensor_is(members.name, "parameters")
                && llmb_tensor_forbidden(members.value))
            {
                return 1;
            }
        }
    }

    return 0;
}


/* ranks[] counts the inputs whose data is certainly flat, or nested */

static llmb_reason_e
llmb_tensor_input(llmb_request_t *rq, llmb_str_t text, unsigned *ranks)
{
    llmb_tensor_t   t;
    llmb_values_t  *column;

    switch (llmb_tensor_read(&t, text)) {

    case LLMB_TENSOR_OK:
        break;

    case LLMB_TENSOR_FORBIDDEN:
        return LLMB_REASON_ADAPTER;

    default:
        return LLMB_REASON_ITEM;
    }

    if (rq->ncolumns == LLMB_MAX_COLUMNS
        || rq->nholes + 2 > LLMB_REQUEST_MAX_HOLES
        || t.dims[0] > UINT32_MAX
        || (rq->ncolumns && t.dims[0] != rq->items)
        || !llmb_tensor_data(&t, rq->body.data, NULL))
    {
        return LLMB_REASON_ITEM;
    }

    rq->items = (uint32_t) t.dims[0];

    column = &rq->columns[rq->ncolumns];
    memset(column, 0, sizeof(llmb_values_t));

    column->list = t.data;
    column->span = t.elems;
    column->items = rq->items;
    column->present = 1;

    llmb_tensor_hole(rq, t.data, LLMB_HOLE_COLUMN);
    llmb_tensor_hole(rq, t.count, LLMB_HOLE_COUNT);

    rq->ncolumns++;

    if (t.rank > 1) {
        ranks[t.nested]++;
    }

    return LLMB_REASON_NONE;
}


/* there may be others already, which may be before or behind */

static void
llmb_tensor_hole(llmb_request_t *rq, llmb_str_t text, llmb_hole_e type)
{
    size_t        start;
    unsigned      i;
    llmb_hole_t  *hole;

    start = (size_t) (text.data - rq->body.data);

    for (i = rq->nholes++; i && rq->holes[i - 1].start > start; i--) {
        rq->holes[i] = rq->holes[i - 1];
    }

    hole = &rq->holes[i];

    hole->start = start;
    hole->end = start + text.len;
    hole->type = type;
    hole->column = rq->ncolumns;
}


llmb_mismatch_e
llmb_tensor_answer(llmb_split_t *sp, const uint8_t *base)
{
    llmb_str_t          text, outputs;
    llmb_mismatch_e     mismatch;
    llmb_json_each_t    walk;

    text.data = base;
    text.len = sp->len;

    outputs.len = 0;
    outputs.data = NULL;

    llmb_json_each(&walk, text);

    while (llmb_json_each_next(&walk)) {

        if (llmb_tensor_is(walk.name, "outputs")) {

            if (*walk.value.data != '[' || outputs.len) {
                return LLMB_MISMATCH_SHAPE;
            }

            outputs = walk.value;
        }
    }

    if (outputs.len == 0) {
        return LLMB_MISMATCH_SHAPE;
    }

    sp->nlists = 0;

    llmb_json_each(&walk, outputs);

    while (llmb_json_each_next(&walk)) {
        mismatch = llmb_tensor_output(sp, base, walk.value);

        if (mismatch != LLMB_MISMATCH_NONE) {
            return mismatch;
        }
    }

    return sp->nlists ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_SHAPE;
}


static llmb_mismatch_e
llmb_tensor_output(llmb_split_t *sp, const uint8_t *base, llmb_str_t text)
{
    llmb_tensor_t        t;
    llmb_column_list_t  *list;

    switch (llmb_tensor_read(&t, text)) {

    case LLMB_TENSOR_OK:
        break;

    case LLMB_TENSOR_COUNT:
        return LLMB_MISMATCH_COUNT;

    default:
        return LLMB_MISMATCH_SHAPE;
    }

    if (sp->nlists == LLMB_MAX_LISTS) {
        return LLMB_MISMATCH_SHAPE;
    }

    if (t.dims[0] != sp->conf.items) {
        return LLMB_MISMATCH_COUNT;
    }

    list = &sp->lists[sp->nlists];
    list->elems = sp->spans + (size_t) sp->nlists * sp->conf.items;

    if (!llmb_tensor_data(&t, base, list->elems)) {
        return LLMB_MISMATCH_COUNT;
    }

    list->list.start = list->elems[0].start;
    list->list.end = list->elems[sp->conf.items - 1].end;
    list->count.start = (size_t) (t.count.data - base);
    list->count.end = list->count.start + t.count.len;

    sp->nlists++;

    return LLMB_MISMATCH_NONE;
}
