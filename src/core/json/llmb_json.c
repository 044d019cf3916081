
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The scanner: a state machine over bytes, which may stop behind any byte and
 * go on there when there is more.  Here are the states between tokens, that
 * is, which token may come where; those within a token are in
 * llmb_json_scalar.c.
 */


#include <string.h>

#include "llmb_json_parts.h"
#include "llmb_json_skip.h"
#include "llmb_json_scalar.h"


/* the buffer, and where to put the token */

typedef struct {
    const uint8_t      *base;
    const uint8_t      *p;
    const uint8_t      *end;
    llmb_json_token_t  *tok;
} llmb_json_input_t;


/*
 * The steps return
 *
 *   LLMB_OK        a token is complete
 *   LLMB_DECLINED  none is, and there is more to read
 *   LLMB_AGAIN     the buffer is used up
 */

static llmb_rc_e llmb_json_between(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_member(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_separator(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_value(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_open(llmb_json_t *js, llmb_json_input_t *in,
    llmb_json_type_e type);
static llmb_rc_e llmb_json_close(llmb_json_t *js, llmb_json_input_t *in,
    llmb_json_type_e type);
static llmb_rc_e llmb_json_within(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_last(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_token(llmb_json_t *js, llmb_json_input_t *in,
    llmb_json_type_e type);


#define llmb_json_in_object(js)                                               \
    ((js)->depth && ((js)->objects >> ((js)->depth - 1) & 1))


void
llmb_json_init(llmb_json_t *js, unsigned report)
{
    memset(js, 0, sizeof(llmb_json_t));

    js->report = report;
    js->state = sw_value;
}


llmb_rc_e
llmb_json_next(llmb_json_t *js, const uint8_t *base, size_t len,
    unsigned last, llmb_json_token_t *tok)
{
    llmb_rc_e          rc;
    llmb_json_input_t  in;

    in.base = base;
    in.p = base + js->pos;
    in.end = base + len;
    in.tok = tok;

    do {
        if (js->state <= sw_done) {
            rc = llmb_json_between(js, &in);

        } else if (js->state <= sw_literal) {
            rc = llmb_json_within(js, &in);

        } else {
            rc = (js->state == sw_limit) ? LLMB_LIMIT : LLMB_INVALID;
        }

        if (rc == LLMB_AGAIN && last) {
            rc = llmb_json_last(js, &in);
        }

    } while (rc == LLMB_DECLINED
             || (rc == LLMB_OK && tok->depth > js->report));

    js->pos = (size_t) (in.p - base);

    if (rc == LLMB_INVALID) {
        js->state = sw_invalid;

    } else if (rc == LLMB_LIMIT) {
        js->state = sw_limit;
    }

    return rc;
}


static llmb_rc_e
llmb_json_between(llmb_json_t *js, llmb_json_input_t *in)
{
    if (in->p < in->end && *in->p <= ' ') {
        in->p = llmb_json_skip_spaces(in->p, in->end);
    }

    if (in->p == in->end) {
        return LLMB_AGAIN;
    }

    js->start = (size_t) (in->p - in->base);

    switch (js->state) {

    case sw_first_value:
        if (*in->p == ']') {
            return llmb_json_close(js, in, LLMB_JSON_ARRAY_END);
        }

        /* fall through */

    case sw_value:
        return llmb_json_value(js, in);

    case sw_first_key:
        if (*in->p == '}') {
            return llmb_json_close(js, in, LLMB_JSON_OBJECT_END);
        }

        /* fall through */

    case sw_key:
    case sw_colon:
        return llmb_json_member(js, in);

    case sw_next:
        return llmb_json_separator(js, in);

    default: /* sw_done */
        return LLMB_INVALID;
    }
}


static llmb_rc_e
llmb_json_member(llmb_json_t *js, llmb_json_input_t *in)
{
    if (js->state == sw_colon) {

        if (*in->p != ':') {
            return LLMB_INVALID;
        }

        js->state = sw_value;

    } else {

        if (*in->p != '"') {
            return LLMB_INVALID;
        }

        js->key = 1;
        js->state = sw_string;
    }

    in->p++;

    return LLMB_DECLINED;
}


static llmb_rc_e
llmb_json_separator(llmb_json_t *js, llmb_json_input_t *in)
{
    if (llmb_json_in_object(js)) {

        if (*in->p == '}') {
            return llmb_json_close(js, in, LLMB_JSON_OBJECT_END);
        }

        js->state = sw_key;

    } else {

        if (*in->p == ']') {
            return llmb_json_close(js, in, LLMB_JSON_ARRAY_END);
        }

        js->state = sw_value;
    }

    if (*in->p != ',') {
        return LLMB_INVALID;
    }

    in->p++;

    return LLMB_DECLINED;
}


static llmb_rc_e
llmb_json_value(llmb_json_t *js, llmb_json_input_t *in)
{
    const uint8_t  *p;

    if (js->depth > js->report && !llmb_json_in_object(js)) {

        p = llmb_json_skip_numbers(in->p, in->end);

        if (p != in->p) {
            in->p = p;
            js->state = sw_value;
            return LLMB_DECLINED;
        }
    }

    switch (*in->p) {

    case '{':
        return llmb_json_open(js, in, LLMB_JSON_OBJECT);

    case '[':
        return llmb_json_open(js, in, LLMB_JSON_ARRAY);

    case '"':
        js->key = 0;
        js->state = sw_string;
        break;

    case '-':
        js->state = sw_minus;
        break;

    case '0':
        js->state = sw_zero;
        break;

    case '1': case '2': case '3': case '4': case '5':
    case '6': case '7': case '8': case '9':
        js->state = sw_int;
        break;

    case 't': case 'f': case 'n':
        js->code = (*in->p == 't') ? 0 : (*in->p == 'f') ? 1 : 2;
        js->need = 1;
        js->state = sw_literal;
        break;

    default:
        return LLMB_INVALID;
    }

    in->p++;

    return LLMB_DECLINED;
}


static llmb_rc_e
llmb_json_open(llmb_json_t *js, llmb_json_input_t *in, llmb_json_type_e type)
{
    uint64_t   bit;
    llmb_rc_e  rc;

    if (js->depth == LLMB_JSON_MAX_DEPTH) {
        return LLMB_LIMIT;
    }

    in->p++;
    rc = llmb_json_token(js, in, type);

    bit = (uint64_t) 1 << js->depth;

    if (type == LLMB_JSON_OBJECT) {
        js->objects |= bit;
        js->state = sw_first_key;

    } else {
        js->objects &= ~bit;
        js->state = sw_first_value;
    }

    js->depth++;

    return rc;
}


static llmb_rc_e
llmb_json_close(llmb_json_t *js, llmb_json_input_t *in, llmb_json_type_e type)
{
    in->p++;
    js->depth--;

    return llmb_json_token(js, in, type);
}


static llmb_rc_e
llmb_json_within(llmb_json_t *js, llmb_json_input_t *in)
{
    llmb_rc_e         rc;
    const uint8_t    *p;
    llmb_json_type_e  type;

    p = in->p;

    if (js->state <= sw_utf8) {
        rc = llmb_json_string(js, &p, in->end);
        type = js->key ? LLMB_JSON_KEY : LLMB_JSON_STRING;

    } else if (js->state <= sw_exp) {
        rc = llmb_json_number(js, &p, in->end);
        type = LLMB_JSON_NUMBER;

    } else {
        rc = llmb_json_literal(js, &p, in->end);
        type = (llmb_json_type_e) (LLMB_JSON_TRUE + js->code);
    }

    in->p = p;

    return (rc == LLMB_OK) ? llmb_json_token(js, in, type) : rc;
}


/* the buffer is used up and there will be no other */

static llmb_rc_e
llmb_json_last(llmb_json_t *js, llmb_json_input_t *in)
{
    switch (js->state) {

    case sw_zero:
    case sw_int:
    case sw_frac:
    case sw_exp:
        if (js->depth == 0) {
            return llmb_json_token(js, in, LLMB_JSON_NUMBER);
        }

        return LLMB_INVALID;

    case sw_done:
        js->start = (size_t) (in->p - in->base);
        return llmb_json_token(js, in, LLMB_JSON_END);

    default:
        return LLMB_INVALID;
    }
}


static llmb_rc_e
llmb_json_token(llmb_json_t *js, llmb_json_input_t *in, llmb_json_type_e type)
{
    in->tok->type = type;
    in->tok->depth = js->depth;
    in->tok->start = js->start;
    in->tok->end = (size_t) (in->p - in->base);

    if (type == LLMB_JSON_OBJECT_END || type == LLMB_JSON_ARRAY_END) {
        in->tok->start = in->tok->end - 1;
    }

    if (type == LLMB_JSON_KEY) {
        js->state = sw_colon;

    } else {
        js->state = js->depth ? sw_next : sw_done;
    }

    return LLMB_OK;
}
