
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What an item looks like, and how many tokens it has.
 *
 * It has been read by the scanner before it is looked at again here, so a walk
 * over its text can only end, not fail.
 */


#include "llmb_json_each.h"
#include "llmb_json_skip.h"
#include "llmb_request_parts.h"
#include "llmb_tokens.h"


static llmb_shape_e llmb_request_array(llmb_str_t value, uint64_t *tokens);
static uint64_t llmb_request_naturals(llmb_str_t value);
static unsigned llmb_request_pair(llmb_str_t value);
static uint64_t llmb_request_strings(llmb_str_t value);


llmb_shape_e
llmb_request_shape(llmb_str_t value, uint64_t *tokens)
{
    uint64_t  n;

    switch (value.data[0]) {

    case '"':
        if (value.len == sizeof("\"\"") - 1) {
            *tokens += 1;
            return LLMB_SHAPE_EMPTY;
        }

        *tokens += llmb_tokens_estimate(value);
        return LLMB_SHAPE_TEXT;

    case '[':
        return llmb_request_array(value, tokens);

    case '{':
        n = llmb_request_strings(value);
        *tokens += llmb_max(n, 1);
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
llmb_request_array(llmb_str_t value, uint64_t *tokens)
{
    uint64_t  n;

    n = llmb_request_naturals(value);

    if (n) {
        *tokens += n;
        return LLMB_SHAPE_TOKENS;
    }

    n = llmb_request_strings(value);
    *tokens += llmb_max(n, 1);

    return llmb_request_pair(value) ? LLMB_SHAPE_PAIR : LLMB_SHAPE_ARRAY;
}


/* how many there are in an array of nothing else; otherwise 0 */

static uint64_t
llmb_request_naturals(llmb_str_t value)
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
                && llmb_json_uint(llmb_request_slice(digits, p), &number)
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
llmb_request_pair(llmb_str_t value)
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
llmb_request_strings(llmb_str_t value)
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
        value = llmb_request_slice(start, p);

        p = llmb_json_skip_spaces(p, end);

        if (p < end && *p == ':') {
            continue;
        }

        if (value.len > sizeof("\"\"") - 1) {
            tokens += llmb_tokens_estimate(value);
        }
    }
}
