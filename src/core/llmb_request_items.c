
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The items in the value of a member.  The value is read before it is known
 * which form the request is in, so what is seen is noted first, and judged
 * by what the column takes when the body is at its end.
 */


#include <string.h>

#include "llmb_request_parts.h"


static unsigned llmb_request_list(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);
static unsigned llmb_request_bare(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen, unsigned kind);
static unsigned llmb_request_sequences(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);
static unsigned llmb_request_whole(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);
static unsigned llmb_request_kind(unsigned shapes);
static unsigned llmb_request_allowed(const llmb_column_t *column,
    unsigned kind);


llmb_rc_e
llmb_request_see(llmb_seen_t *seen, llmb_json_t *json, llmb_str_t body,
    llmb_json_token_t *tok)
{
    size_t          start, item, first, last;
    uint64_t        tokens;
    llmb_rc_e       rc;
    const uint8_t  *base;

    base = body.data;
    start = tok->start;

    memset(seen, 0, sizeof(llmb_seen_t));

    if (tok->type != LLMB_JSON_ARRAY) {

        if (tok->type == LLMB_JSON_OBJECT) {
            rc = llmb_json_next(json, base, body.len, 1, tok);

            if (rc != LLMB_OK) {
                return rc;
            }
        }

        seen->list = llmb_request_slice(base + start, base + tok->end);
        seen->shapes = llmb_request_shape(seen->list, &seen->tokens);

        return LLMB_OK;
    }

    seen->array = 1;
    first = 0;
    last = 0;

    /* the elements, but not what is in them */

    json->report = 2;

    for ( ;; ) {
        rc = llmb_json_next(json, base, body.len, 1, tok);

        if (rc != LLMB_OK) {
            return rc;
        }

        if (tok->type == LLMB_JSON_ARRAY_END) {
            break;
        }

        item = tok->start;

        if (tok->type == LLMB_JSON_OBJECT || tok->type == LLMB_JSON_ARRAY) {
            rc = llmb_json_next(json, base, body.len, 1, tok);

            if (rc != LLMB_OK) {
                return rc;
            }
        }

        if (seen->items++ == 0) {
            first = item;
        }

        last = tok->end;

        tokens = seen->tokens;

        seen->shapes |= llmb_request_shape(llmb_request_slice(base + item,
                                                              base + last),
                                           &seen->tokens);

        seen->largest = llmb_max(seen->largest, seen->tokens - tokens);
        seen->longest = llmb_max(seen->longest, last - item);
    }

    json->report = 1;

    seen->list = llmb_request_slice(base + start, base + tok->end);
    seen->span = llmb_request_slice(base + first, base + last);

    return LLMB_OK;
}


unsigned
llmb_request_column(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    values->present = 1;
    values->list = seen->list;

    switch (column->input) {

    case LLMB_INPUT_ITEMS:
        if (!seen->array) {
            return llmb_request_bare(values, column, seen,
                                     llmb_request_kind(seen->shapes));
        }

        if (seen->shapes == LLMB_SHAPE_NATURAL) {
            return llmb_request_bare(values, column, seen, LLMB_KIND_TOKENS);
        }

        if (seen->shapes == LLMB_SHAPE_NUMBER
            || seen->shapes == (LLMB_SHAPE_NATURAL|LLMB_SHAPE_NUMBER))
        {
            return llmb_request_bare(values, column, seen, LLMB_KIND_VALUE);
        }

        if (seen->shapes & (LLMB_SHAPE_NATURAL|LLMB_SHAPE_NUMBER)) {

            /* one item, or several? */

            return 0;
        }

        return llmb_request_list(values, column, seen);

    case LLMB_INPUT_LIST:
        return llmb_request_list(values, column, seen);

    case LLMB_INPUT_LIST_OR_BARE:
        if (seen->array) {
            return llmb_request_list(values, column, seen);
        }

        return llmb_request_bare(values, column, seen,
                                 llmb_request_kind(seen->shapes));

    case LLMB_INPUT_SEQUENCES:
        return llmb_request_sequences(values, column, seen);

    case LLMB_INPUT_WHOLE:
        return llmb_request_whole(values, column, seen);

    default: /* LLMB_INPUT_BODY is no member */
        return 0;
    }
}


static unsigned
llmb_request_list(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    if (!seen->array || seen->items == 0
        || (seen->shapes & LLMB_SHAPE_EMPTY))
    {
        return 0;
    }

    values->span = seen->span;
    values->items = seen->items;

    return llmb_request_allowed(column, llmb_request_kind(seen->shapes));
}


static unsigned
llmb_request_bare(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen, unsigned kind)
{
    if (seen->shapes & LLMB_SHAPE_EMPTY) {
        return 0;
    }

    values->span = seen->list;
    values->items = 1;
    values->bare = 1;

    return llmb_request_allowed(column, kind);
}


static unsigned
llmb_request_sequences(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    if (seen->shapes == LLMB_SHAPE_PAIR && seen->array) {
        values->span = seen->span;
        values->items = seen->items;

        return llmb_request_allowed(column, LLMB_KIND_TEXT);
    }

    if (seen->shapes != LLMB_SHAPE_TEXT || seen->items > 2) {
        return 0;
    }

    values->wrap = !seen->array;

    return llmb_request_bare(values, column, seen, LLMB_KIND_TEXT);
}


static unsigned
llmb_request_whole(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    if (!seen->array) {
        return llmb_request_bare(values, column, seen,
                                 llmb_request_kind(seen->shapes));
    }

    if (seen->items == 0) {
        return 0;
    }

    values->span = seen->list;
    values->items = 1;
    values->bare = 1;

    return llmb_request_allowed(column,
                                seen->shapes == LLMB_SHAPE_NATURAL
                                ? LLMB_KIND_TOKENS : LLMB_KIND_VALUE);
}


static unsigned
llmb_request_kind(unsigned shapes)
{
    switch (shapes) {

    case LLMB_SHAPE_TEXT:
        return LLMB_KIND_TEXT;

    case LLMB_SHAPE_TOKENS:
        return LLMB_KIND_TOKENS;

    case LLMB_SHAPE_OBJECT:
        return LLMB_KIND_OBJECT;

    default:
        return LLMB_KIND_VALUE;
    }
}


/* where any value is allowed, each of the other kinds is one, too */

static unsigned
llmb_request_allowed(const llmb_column_t *column, unsigned kind)
{
    if (column->kinds & kind) {
        return kind;
    }

    return column->kinds & LLMB_KIND_VALUE;
}
