
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The value is read before it is known which form the request is in, so what is
 * seen is noted first, and judged by what the column takes when the body is at
 * its end.  The scanner has read it before it is looked at again here, so a
 * walk over its text can only end, not fail.
 */


#include <string.h>

#include "llmb_items.h"
#include "llmb_json_each.h"
#include "llmb_json_skip.h"
#include "llmb_tokens.h"
#include "llmb_json_text.h"


/* what may have texts in it */

#define LLMB_SHAPE_TEXTS                                                      \
    (LLMB_SHAPE_TEXT|LLMB_SHAPE_PAIR|LLMB_SHAPE_ARRAY|LLMB_SHAPE_OBJECT)


static unsigned llmb_items_list(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);
static unsigned llmb_items_bare(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen, unsigned kind);
static unsigned llmb_items_sequences(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);
static unsigned llmb_items_whole(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);
static unsigned llmb_items_have(llmb_str_t span, llmb_str_t member);
static void llmb_items_one(llmb_values_t *values, const llmb_seen_t *seen);
static unsigned llmb_items_kind(unsigned shapes);
static unsigned llmb_items_allowed(const llmb_column_t *column,
    unsigned kind);
static llmb_shape_e llmb_items_shape(llmb_str_t value, uint64_t *tokens);
static llmb_shape_e llmb_items_array(llmb_str_t value, uint64_t *tokens);
static uint64_t llmb_items_naturals(llmb_str_t value);
static unsigned llmb_items_pair(llmb_str_t value);
static uint64_t llmb_items_strings(llmb_str_t value);
static llmb_str_t llmb_items_slice(const uint8_t *start,
    const uint8_t *end);


llmb_rc_e
llmb_items_see(llmb_seen_t *seen, llmb_json_t *json, llmb_str_t body,
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

        seen->list = llmb_items_slice(base + start, base + tok->end);
        seen->shapes = llmb_items_shape(seen->list, &seen->tokens);

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

        seen->shapes |= llmb_items_shape(llmb_items_slice(base + item,
                                                          base + last),
                                         &seen->tokens);

        seen->largest = llmb_max(seen->largest, seen->tokens - tokens);
        seen->longest = llmb_max(seen->longest, last - item);
    }

    json->report = 1;

    seen->list = llmb_items_slice(base + start, base + tok->end);
    seen->span = llmb_items_slice(base + first, base + last);

    return LLMB_OK;
}


unsigned
llmb_items_column(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    values->present = 1;
    values->list = seen->list;
    values->tokens = seen->tokens;
    values->largest = seen->largest;
    values->texts = (seen->shapes & LLMB_SHAPE_TEXTS) != 0;

    switch (column->input) {

    case LLMB_INPUT_ITEMS:
        if (!seen->array) {
            return llmb_items_bare(values, column, seen,
                                   llmb_items_kind(seen->shapes));
        }

        if (seen->shapes == LLMB_SHAPE_NATURAL) {
            return llmb_items_bare(values, column, seen, LLMB_KIND_TOKENS);
        }

        if (seen->shapes == LLMB_SHAPE_NUMBER
            || seen->shapes == (LLMB_SHAPE_NATURAL|LLMB_SHAPE_NUMBER))
        {
            return llmb_items_bare(values, column, seen, LLMB_KIND_VALUE);
        }

        if (seen->shapes & (LLMB_SHAPE_NATURAL|LLMB_SHAPE_NUMBER)) {

            /* one item, or several? */

            return 0;
        }

        return llmb_items_list(values, column, seen);

    case LLMB_INPUT_LIST:
        return llmb_items_list(values, column, seen);

    case LLMB_INPUT_LIST_OR_BARE:
        if (seen->array) {
            return llmb_items_list(values, column, seen);
        }

        return llmb_items_bare(values, column, seen,
                               llmb_items_kind(seen->shapes));

    case LLMB_INPUT_SEQUENCES:
        return llmb_items_sequences(values, column, seen);

    case LLMB_INPUT_WHOLE:
        return llmb_items_whole(values, column, seen);

    default: /* LLMB_INPUT_BODY is no member */
        return 0;
    }
}


static unsigned
llmb_items_list(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    if (!seen->array || seen->items == 0
        || (seen->shapes & LLMB_SHAPE_EMPTY)
        || (column->member.len
            && !llmb_items_have(seen->span, column->member)))
    {
        return 0;
    }

    values->span = seen->span;
    values->items = seen->items;

    return llmb_items_allowed(column, llmb_items_kind(seen->shapes));
}


/* whether each of the elements has the member once, a text that is not empty */

static unsigned
llmb_items_have(llmb_str_t span, llmb_str_t member)
{
    unsigned          n;
    llmb_json_each_t  elements, members;

    llmb_json_each_from(&elements, span.data, span.data + span.len);

    while (llmb_json_each_next(&elements)) {
        n = 0;

        llmb_json_each(&members, elements.value);

        while (llmb_json_each_next(&members)) {

            if (members.name.len && llmb_json_is(members.name, member)) {
                n += (*members.value.data == '"'
                      && members.value.len > sizeof("\"\"") - 1) ? 1 : 2;
            }
        }

        if (n != 1) {
            return 0;
        }
    }

    return 1;
}


static unsigned
llmb_items_bare(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen, unsigned kind)
{
    if (seen->shapes & LLMB_SHAPE_EMPTY) {
        return 0;
    }

    llmb_items_one(values, seen);

    return llmb_items_allowed(column, kind);
}


static unsigned
llmb_items_sequences(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    if (seen->shapes == LLMB_SHAPE_PAIR && seen->array) {
        values->span = seen->span;
        values->items = seen->items;

        return llmb_items_allowed(column, LLMB_KIND_TEXT);
    }

    if (seen->shapes != LLMB_SHAPE_TEXT || seen->items > 2) {
        return 0;
    }

    values->wrap = !seen->array;

    return llmb_items_bare(values, column, seen, LLMB_KIND_TEXT);
}


static unsigned
llmb_items_whole(llmb_values_t *values, const llmb_column_t *column,
    const llmb_seen_t *seen)
{
    if (!seen->array) {
        return llmb_items_bare(values, column, seen,
                               llmb_items_kind(seen->shapes));
    }

    if (seen->items == 0) {
        return 0;
    }

    llmb_items_one(values, seen);

    return llmb_items_allowed(column,
                              seen->shapes == LLMB_SHAPE_NATURAL
                              ? LLMB_KIND_TOKENS : LLMB_KIND_VALUE);
}


/* an array that is one item as a whole has elements, too */

static void
llmb_items_one(llmb_values_t *values, const llmb_seen_t *seen)
{
    values->span = seen->list;
    values->items = 1;
    values->bare = 1;
    values->largest = values->tokens;
}


static unsigned
llmb_items_kind(unsigned shapes)
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
llmb_items_allowed(const llmb_column_t *column, unsigned kind)
{
    if (column->kinds & kind) {
        return kind;
    }

    return column->kinds & LLMB_KIND_VALUE;
}


unsigned
llmb_items_typed(llmb_str_t value, llmb_str_t type)
{
    unsigned                 named;
    llmb_str_t               text;
    llmb_json_t              js;
    llmb_json_token_t        tok;

    static const llmb_str_t  name = llmb_string("type");

    llmb_json_init(&js, LLMB_JSON_MAX_DEPTH);

    named = 0;

    while (llmb_json_next(&js, value.data, value.len, 1, &tok) == LLMB_OK
           && tok.type != LLMB_JSON_END)
    {
        text.data = value.data + tok.start;
        text.len = tok.end - tok.start;

        if (named
            && (tok.type != LLMB_JSON_STRING || !llmb_json_is(text, type)))
        {
            return 0;
        }

        named = (tok.type == LLMB_JSON_KEY && llmb_json_is(text, name));
    }

    return 1;
}


uint64_t
llmb_items_tokens(llmb_str_t value)
{
    uint64_t  n;

    switch (value.data[0]) {

    case '"':
        return llmb_tokens_estimate(value);

    case '[':
        n = llmb_items_naturals(value);

        if (n) {
            return n;
        }

        /* fall through */

    case '{':
        n = llmb_items_strings(value);
        return llmb_max(n, 1);

    default:
        return 1;
    }
}


void
llmb_items_count(llmb_values_t *values)
{
    uint64_t          n;
    llmb_json_each_t  each;

    if (!values->texts) {
        return;
    }

    values->texts = 0;

    if (values->list.data[0] != '[') {
        values->tokens = llmb_items_tokens(values->list);
        values->largest = values->tokens;
        return;
    }

    values->tokens = 0;
    values->largest = 0;

    llmb_json_each(&each, values->list);

    while (llmb_json_each_next(&each)) {
        n = llmb_items_tokens(each.value);

        values->tokens += n;
        values->largest = llmb_max(values->largest, n);
    }

    if (values->bare) {
        values->largest = values->tokens;
    }
}


/* the tokens of what is no text are added to *tokens */

static llmb_shape_e
llmb_items_shape(llmb_str_t value, uint64_t *tokens)
{
    uint64_t  n;

    switch (value.data[0]) {

    case '"':
        if (value.len == sizeof("\"\"") - 1) {
            *tokens += 1;
            return LLMB_SHAPE_EMPTY;
        }

        return LLMB_SHAPE_TEXT;

    case '[':
        return llmb_items_array(value, tokens);

    case '{':
        return LLMB_SHAPE_OBJECT;

    case 't': case 'f': case 'n':
        *tokens += 1;
        return LLMB_SHAPE_LITERAL;

    default:
        *tokens += 1;
        return (llmb_json_uint(value, &n) == LLMB_OK) ? LLMB_SHAPE_NATURAL
                                                      : LLMB_SHAPE_NUMBER;
    }
}


static llmb_shape_e
llmb_items_array(llmb_str_t value, uint64_t *tokens)
{
    uint64_t  n;

    n = llmb_items_naturals(value);

    if (n) {
        *tokens += n;
        return LLMB_SHAPE_TOKENS;
    }

    return llmb_items_pair(value) ? LLMB_SHAPE_PAIR : LLMB_SHAPE_ARRAY;
}


/* how many there are in an array of nothing else; otherwise 0 */

static uint64_t
llmb_items_naturals(llmb_str_t value)
{
    uint64_t        n, number;
    const uint8_t  *p, *end, *digits;

    n = 0;
    p = value.data + 1;
    end = value.data + value.len - 1;

    while (p < end) {

        if (*p <= ' ') {
            p = llmb_json_skip_spaces(p, end);
        }

        for (digits = p; p < end && *p >= '0' && *p <= '9'; p++) {
            /* void */
        }

        /* 15 digits are below 2^53 */

        if (p == digits
            || (p - digits > 15
                && llmb_json_uint(llmb_items_slice(digits, p), &number)
                   != LLMB_OK))
        {
            return 0;
        }

        n++;

        if (p < end && *p <= ' ') {
            p = llmb_json_skip_spaces(p, end);
        }

        if (p < end && *p++ != ',') {
            return 0;
        }
    }

    return n;
}


/* whether an array is of one or two texts, none of which is empty */

static unsigned
llmb_items_pair(llmb_str_t value)
{
    unsigned          n;
    llmb_json_each_t  each;

    n = 0;

    llmb_json_each(&each, value);

    while (llmb_json_each_next(&each)) {

        if (n++ == 2 || *each.value.data != '"'
            || each.value.len == sizeof("\"\"") - 1)
        {
            return 0;
        }
    }

    return n > 0;
}


/* the tokens of all strings, at whatever depth, but those that are names */

static uint64_t
llmb_items_strings(llmb_str_t value)
{
    uint64_t        tokens;
    const uint8_t  *p, *end, *start;

    tokens = 0;
    p = value.data;
    end = value.data + value.len;

    for ( ;; ) {
        start = llmb_json_skip_plain(p, end);

        if (start == end) {
            return tokens;
        }

        if (*start != '"') {
            p = start + 1;
            continue;
        }

        p = llmb_json_each_string(start, end);
        value = llmb_items_slice(start, p);

        p = llmb_json_skip_spaces(p, end);

        if (p < end && *p == ':') {
            continue;
        }

        if (value.len > sizeof("\"\"") - 1) {
            tokens += llmb_tokens_estimate(value);
        }
    }
}


static llmb_str_t
llmb_items_slice(const uint8_t *start, const uint8_t *end)
{
    llmb_str_t  text;

    text.len = (size_t) (end - start);
    text.data = start;

    return text;
}
