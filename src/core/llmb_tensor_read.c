
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A tensor's members may come in any order, so each is looked for first, and
 * its data read when the shape is known.  The text is valid JSON here: a walk
 * over it can only end, not fail.
 */


#include <string.h>

#include "llmb_tensor_parts.h"


/* how many elements the data ought to have on each level, and has so far */

typedef struct {
    unsigned           levels;
    uint64_t           row;       /* so many of the outermost make a row */
    uint64_t           max[LLMB_TENSOR_MAX_RANK];
    uint64_t           n[LLMB_TENSOR_MAX_RANK];
} llmb_tensor_count_t;


static llmb_tensor_e llmb_tensor_members(llmb_tensor_t *t, llmb_str_t text);
static unsigned llmb_tensor_shape(llmb_tensor_t *t);
static unsigned llmb_tensor_expect(const llmb_tensor_t *t,
    llmb_tensor_count_t *c);
static unsigned llmb_tensor_count(llmb_tensor_count_t *c,
    const llmb_json_token_t *tok);
static unsigned llmb_tensor_begins(llmb_str_t token, const char *name);


llmb_tensor_e
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


unsigned
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


unsigned
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


unsigned
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
