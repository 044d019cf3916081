
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A tensor's members may come in any order, so each is looked for first, and
 * its data read when the shape is known.
 */


#include <string.h>

#include "llmb_json_each.h"
#include "llmb_tensor.h"
#include "llmb_json_text.h"


/* dimensions of a tensor; the scanner would not follow many more */

#define LLMB_TENSOR_MAX_RANK  32


typedef struct {
    llmb_str_t         name;      /* len is 0: not there */
    llmb_str_t         shape;
    llmb_str_t         data;
    llmb_str_t         parameters;

    llmb_str_t         count;     /* the first dimension, as text */
    unsigned           rank;
    uint64_t           dims[LLMB_TENSOR_MAX_RANK];

    unsigned           nested:1;  /* the data */
    llmb_str_t         elems;     /* the same, without the brackets around */
} llmb_tensor_t;


/* what is wrong with a tensor */

typedef enum {
    LLMB_TENSOR_OK = 0,
    LLMB_TENSOR_SHAPE,            /* members are missing or not as they ought
                                     to be */
    LLMB_TENSOR_COUNT,            /* the data does not fit the shape */
    LLMB_TENSOR_FORBIDDEN         /* its parameters */
} llmb_tensor_e;


/* how many elements the data ought to have on each level, and has so far */

typedef struct {
    unsigned           levels;
    uint64_t           row;       /* so many of the outermost make a row */
    uint64_t           max[LLMB_TENSOR_MAX_RANK];
    uint64_t           n[LLMB_TENSOR_MAX_RANK];
} llmb_tensor_count_t;


static llmb_reason_e llmb_tensor_top(llmb_request_t *rq, llmb_str_t *inputs);
static unsigned llmb_tensor_outputs_forbidden(llmb_str_t outputs);
static llmb_reason_e llmb_tensor_input(llmb_request_t *rq, llmb_str_t text,
    unsigned *ranks);
static void llmb_tensor_hole(llmb_request_t *rq, llmb_str_t text,
    llmb_hole_e type);
static llmb_mismatch_e llmb_tensor_output(llmb_split_t *sp,
    const uint8_t *base, llmb_str_t text);

static llmb_tensor_e llmb_tensor_read(llmb_tensor_t *t, llmb_str_t text);
static unsigned llmb_tensor_data(llmb_tensor_t *t, const uint8_t *base,
    llmb_span_t *rows);
static unsigned llmb_tensor_forbidden(llmb_str_t parameters);
static unsigned llmb_tensor_is(llmb_str_t token, const char *name);
static llmb_tensor_e llmb_tensor_members(llmb_tensor_t *t, llmb_str_t text);
static unsigned llmb_tensor_shape(llmb_tensor_t *t);
static unsigned llmb_tensor_expect(const llmb_tensor_t *t,
    llmb_tensor_count_t *c);
static unsigned llmb_tensor_count(llmb_tensor_count_t *c,
    const llmb_json_token_t *tok);
static unsigned llmb_tensor_begins(llmb_str_t token, const char *name);


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


/* all but the data, of which only the style is looked at */

static llmb_tensor_e
llmb_tensor_read(llmb_tensor_t *t, llmb_str_t text)
{
    llmb_tensor_e       rc;
    llmb_json_each_t    walk;

    memset(t, 0, sizeof(llmb_tensor_t));

    if (text.data[0] != '{') {
        return LLMB_TENSOR_SHAPE;
    }

    rc = llmb_tensor_members(t, text);

    if (rc != LLMB_TENSOR_OK) {
        return rc;
    }

    if (t->parameters.len && llmb_tensor_forbidden(t->parameters)) {
        return LLMB_TENSOR_FORBIDDEN;
    }

    if (t->name.len == 0 || t->shape.len == 0 || t->data.len == 0
        || t->name.data[0] != '"' || t->data.data[0] != '['
        || !llmb_tensor_shape(t))
    {
        return LLMB_TENSOR_SHAPE;
    }

    llmb_json_each(&walk, t->data);

    /* every dimension is at least 1 */

    if (!llmb_json_each_next(&walk)) {
        return LLMB_TENSOR_COUNT;
    }

    t->nested = (*walk.value.data == '[');

    return LLMB_TENSOR_OK;
}


static llmb_tensor_e
llmb_tensor_members(llmb_tensor_t *t, llmb_str_t text)
{
    unsigned                 i;
    llmb_str_t              *member[4];
    llmb_json_each_t         walk;

    static const char *const  names[] = {
        "name", "shape", "data", "parameters"
    };

    member[0] = &t->name;
    member[1] = &t->shape;
    member[2] = &t->data;
    member[3] = &t->parameters;

    llmb_json_each(&walk, text);

    while (llmb_json_each_next(&walk)) {

        for (i = 0; i < 4; i++) {

            if (!llmb_tensor_is(walk.name, names[i])) {
                continue;
            }

            if (member[i]->len) {
                return LLMB_TENSOR_SHAPE;
            }

            *member[i] = walk.value;
        }
    }

    return LLMB_TENSOR_OK;
}


/* reads the dimensions; each is at least 1, and there is at least one */

static unsigned
llmb_tensor_shape(llmb_tensor_t *t)
{
    llmb_json_each_t    walk;

    if (t->shape.data[0] != '[') {
        return 0;
    }

    llmb_json_each(&walk, t->shape);

    while (llmb_json_each_next(&walk)) {

        if (t->rank == LLMB_TENSOR_MAX_RANK
            || llmb_json_uint(walk.value, &t->dims[t->rank]) != LLMB_OK
            || t->dims[t->rank] == 0)
        {
            return 0;
        }

        if (t->rank++ == 0) {
            t->count = walk.value;
        }
    }

    return t->rank;
}


/*
 * Whether the data has as many elements as the dimensions say, on all levels.
 * Sets t->elems, and rows[], if it is not NULL, to where each of the dims[0]
 * rows is, counted from base.
 */

static unsigned
llmb_tensor_data(llmb_tensor_t *t, const uint8_t *base, llmb_span_t *rows)
{
    size_t               at, first, last;
    uint64_t             i;
    llmb_json_t          json;
    llmb_json_token_t    tok;
    llmb_tensor_count_t  c;

    if (!llmb_tensor_expect(t, &c)) {
        return 0;
    }

    at = (size_t) (t->data.data - base);
    first = 0;
    last = 0;

    llmb_json_init(&json, LLMB_JSON_MAX_DEPTH);

    while (llmb_json_next(&json, t->data.data, t->data.len, 1, &tok)
               == LLMB_OK
           && tok.type != LLMB_JSON_END)
    {
        if (!llmb_tensor_count(&c, &tok)) {
            return 0;
        }

        if (tok.depth != 1) {
            continue;
        }

        /* an element of the outermost level, or the end of one */

        i = c.n[0] - 1;
        last = tok.end;

        if (i == 0 && tok.type != LLMB_JSON_ARRAY_END) {
            first = tok.start;
        }

        if (rows == NULL) {
            continue;
        }

        if (i % c.row == 0 && tok.type != LLMB_JSON_ARRAY_END) {
            rows[i / c.row].start = at + tok.start;
        }

        rows[i / c.row].end = at + tok.end;
    }

    t->elems.data = t->data.data + first;
    t->elems.len = last - first;

    return 1;
}


/* an element is at least a byte, so no product may exceed the length */

static unsigned
llmb_tensor_expect(const llmb_tensor_t *t, llmb_tensor_count_t *c)
{
    unsigned  i;

    c->levels = t->nested ? t->rank : 1;
    c->row = 1;
    c->max[0] = t->dims[0];
    c->n[0] = 0;

    for (i = 1; i < t->rank; i++) {
        c->max[i] = t->dims[i];

        if (t->nested) {
            continue;
        }

        if (c->row > t->data.len / t->dims[i]) {
            return 0;
        }

        c->row *= t->dims[i];
    }

    if (c->max[0] > t->data.len / c->row) {
        return 0;
    }

    c->max[0] *= c->row;

    return 1;
}


/* counts a token; returns 0 if it is one too many, too few, or another kind */

static unsigned
llmb_tensor_count(llmb_tensor_count_t *c, const llmb_json_token_t *tok)
{
    if (tok->type == LLMB_JSON_OBJECT) {
        return 0;
    }

    if (tok->type == LLMB_JSON_ARRAY_END) {
        return c->n[tok->depth] == c->max[tok->depth];
    }

    /* a value: on the innermost level a scalar, else an array */

    if ((tok->depth == c->levels) == (tok->type == LLMB_JSON_ARRAY)) {
        return 0;
    }

    if (tok->type == LLMB_JSON_ARRAY) {
        c->n[tok->depth] = 0;
    }

    return tok->depth == 0
           || c->n[tok->depth - 1]++ != c->max[tok->depth - 1];
}


/* whether parameters ask for sequences, shared memory or binary data */

static unsigned
llmb_tensor_forbidden(llmb_str_t parameters)
{
    llmb_json_each_t    walk;

    llmb_json_each(&walk, parameters);

    while (llmb_json_each_next(&walk)) {

        if (llmb_tensor_begins(walk.name, "sequence_")
            || llmb_tensor_begins(walk.name, "shared_memory_"))
        {
            return 1;
        }

        /* clients that want JSON say so */

        if (llmb_tensor_begins(walk.name, "binary_data")
            && *walk.value.data != 'f')
        {
            return 1;
        }
    }

    return 0;
}


/* whether a name, its escapes undone, is this text */

static unsigned
llmb_tensor_is(llmb_str_t token, const char *name)
{
    llmb_str_t  text;

    text.len = strlen(name);
    text.data = (const uint8_t *) name;

    return token.len && llmb_json_is(token, text);
}


/* as llmb_tensor_is(), but there may be more behind it */

static unsigned
llmb_tensor_begins(llmb_str_t token, const char *name)
{
    uint32_t        c;
    const uint8_t  *p, *end;

    if (token.len == 0) {
        return 0;
    }

    p = token.data + 1;
    end = token.data + token.len - 1;

    for ( /* void */ ; *name; name++) {

        if (p == end) {
            return 0;
        }

        p = llmb_json_char(p, &c);

        if (c != (uint8_t) *name) {
            return 0;
        }
    }

    return 1;
}
