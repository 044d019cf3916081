
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The scanner: a state machine over bytes, which may stop behind any byte and
 * go on there when there is more.
 *
 * Answers are megabytes of strings or of arrays of numbers.  Most of these is
 * skipped by the loops in llmb_json_skip.c; what they leave, at the end of the
 * buffer or because it is unusual, goes through the states here.
 */


#include <string.h>

#include "llmb_json.h"
#include "llmb_json_skip.h"


enum {
    /* between tokens, where white space may come */
    sw_value = 0,
    sw_first_value,
    sw_first_key,
    sw_key,
    sw_colon,
    sw_next,
    sw_done,

    /* within a string */
    sw_string,
    sw_escape,
    sw_hex,
    sw_low_backslash,
    sw_low_u,
    sw_utf8,

    /* within a number */
    sw_minus,
    sw_zero,
    sw_int,
    sw_point,
    sw_frac,
    sw_e,
    sw_e_sign,
    sw_exp,

    sw_literal,

    sw_invalid,
    sw_limit
};


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
static llmb_rc_e llmb_json_string(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_escape(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_hex(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_utf8_lead(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_utf8(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_number(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_literal(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_last(llmb_json_t *js, llmb_json_input_t *in);
static llmb_rc_e llmb_json_token(llmb_json_t *js, llmb_json_input_t *in,
    llmb_json_type_e type);


static const llmb_str_t  llmb_json_literals[] = {
    llmb_string("true"),
    llmb_string("false"),
    llmb_string("null")
};


#define llmb_json_is_digit(c)  ((uint8_t) ((c) - '0') <= 9)

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

        } else if (js->state <= sw_utf8) {
            rc = llmb_json_string(js, &in);

        } else if (js->state <= sw_exp) {
            rc = llmb_json_number(js, &in);

        } else if (js->state == sw_literal) {
            rc = llmb_json_literal(js, &in);

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
llmb_json_string(llmb_json_t *js, llmb_json_input_t *in)
{
    uint8_t    c;
    llmb_rc_e  rc;

    for ( ;; ) {

        if (js->state == sw_string) {
            in->p = llmb_json_skip_plain(in->p, in->end);
        }

        if (in->p == in->end) {
            return LLMB_AGAIN;
        }

        c = *in->p;
        rc = LLMB_OK;

        switch (js->state) {

        case sw_string:
            if (c == '"') {
                in->p++;
                return llmb_json_token(js, in, js->key ? LLMB_JSON_KEY
                                                       : LLMB_JSON_STRING);
            }

            if (c == '\\') {
                js->state = sw_escape;

            } else {
                rc = llmb_json_utf8_lead(js, c);
            }

            break;

        case sw_escape:
            rc = llmb_json_escape(js, c);
            break;

        case sw_hex:
            rc = llmb_json_hex(js, c);
            break;

        case sw_low_backslash:
            js->state = sw_low_u;
            rc = (c == '\\') ? LLMB_OK : LLMB_INVALID;
            break;

        case sw_low_u:
            js->state = sw_hex;
            rc = (c == 'u') ? LLMB_OK : LLMB_INVALID;
            break;

        default: /* sw_utf8 */
            rc = llmb_json_utf8(js, c);
            break;
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        in->p++;
    }
}


static llmb_rc_e
llmb_json_escape(llmb_json_t *js, uint8_t c)
{
    switch (c) {

    case '"': case '\\': case '/':
    case 'b': case 'f': case 'n': case 'r': case 't':
        js->state = sw_string;
        return LLMB_OK;

    case 'u':
        js->code = 0;
        js->need = 4;
        js->low = 0;
        js->state = sw_hex;
        return LLMB_OK;

    default:
        return LLMB_INVALID;
    }
}


static llmb_rc_e
llmb_json_hex(llmb_json_t *js, uint8_t c)
{
    uint8_t  lower;

    lower = c | 0x20;

    if (llmb_json_is_digit(c)) {
        js->code = js->code << 4 | (uint32_t) (c - '0');

    } else if (lower >= 'a' && lower <= 'f') {
        js->code = js->code << 4 | (uint32_t) (lower - 'a' + 10);

    } else {
        return LLMB_INVALID;
    }

    if (--js->need) {
        return LLMB_OK;
    }

    if (js->low) {
        js->state = sw_string;
        return (js->code >> 10 == 0xdc00 >> 10) ? LLMB_OK : LLMB_INVALID;
    }

    if (js->code >> 10 == 0xd800 >> 10) {
        js->code = 0;
        js->need = 4;
        js->low = 1;
        js->state = sw_low_backslash;
        return LLMB_OK;
    }

    js->state = sw_string;

    return (js->code >> 10 == 0xdc00 >> 10) ? LLMB_INVALID : LLMB_OK;
}


/* leaves the range of the next byte in js->code: the lowest, the highest */

static llmb_rc_e
llmb_json_utf8_lead(llmb_json_t *js, uint8_t c)
{
    js->code = 0x80bf;
    js->state = sw_utf8;

    if (c >= 0xc2 && c <= 0xdf) {
        js->need = 1;
        return LLMB_OK;
    }

    if (c >= 0xe0 && c <= 0xef) {
        js->need = 2;

        if (c == 0xe0) {
            js->code = 0xa0bf;

        } else if (c == 0xed) {
            js->code = 0x809f;
        }

        return LLMB_OK;
    }

    if (c >= 0xf0 && c <= 0xf4) {
        js->need = 3;

        if (c == 0xf0) {
            js->code = 0x90bf;

        } else if (c == 0xf4) {
            js->code = 0x808f;
        }

        return LLMB_OK;
    }

    /* a control character, or no lead byte */

    return LLMB_INVALID;
}


static llmb_rc_e
llmb_json_utf8(llmb_json_t *js, uint8_t c)
{
    if (c < js->code >> 8 || c > (js->code & 0xff)) {
        return LLMB_INVALID;
    }

    js->code = 0x80bf;

    if (--js->need == 0) {
        js->state = sw_string;
    }

    return LLMB_OK;
}


/* the byte behind a number shows that it is over; it is not consumed */

static llmb_rc_e
llmb_json_number(llmb_json_t *js, llmb_json_input_t *in)
{
    uint8_t  c;

    for ( /* void */ ; in->p < in->end; in->p++) {
        c = *in->p;

        switch (js->state) {

        case sw_minus:
            if (!llmb_json_is_digit(c)) {
                return LLMB_INVALID;
            }

            js->state = (c == '0') ? sw_zero : sw_int;
            break;

        case sw_int:
            if (llmb_json_is_digit(c)) {
                break;
            }

            /* fall through */

        case sw_zero:
            if (c == '.') {
                js->state = sw_point;
                break;
            }

            if ((c | 0x20) == 'e') {
                js->state = sw_e;
                break;
            }

            return llmb_json_token(js, in, LLMB_JSON_NUMBER);

        case sw_point:
            if (!llmb_json_is_digit(c)) {
                return LLMB_INVALID;
            }

            js->state = sw_frac;
            break;

        case sw_frac:
            if (llmb_json_is_digit(c)) {
                break;
            }

            if ((c | 0x20) == 'e') {
                js->state = sw_e;
                break;
            }

            return llmb_json_token(js, in, LLMB_JSON_NUMBER);

        case sw_e:
            if (c == '+' || c == '-') {
                js->state = sw_e_sign;
                break;
            }

            /* fall through */

        case sw_e_sign:
            if (!llmb_json_is_digit(c)) {
                return LLMB_INVALID;
            }

            js->state = sw_exp;
            break;

        default: /* sw_exp */
            if (!llmb_json_is_digit(c)) {
                return llmb_json_token(js, in, LLMB_JSON_NUMBER);
            }
        }
    }

    return LLMB_AGAIN;
}


static llmb_rc_e
llmb_json_literal(llmb_json_t *js, llmb_json_input_t *in)
{
    const llmb_str_t  *text;

    text = &llmb_json_literals[js->code];

    while (js->need < text->len) {

        if (in->p == in->end) {
            return LLMB_AGAIN;
        }

        if (*in->p != text->data[js->need]) {
            return LLMB_INVALID;
        }

        in->p++;
        js->need++;
    }

    return llmb_json_token(js, in,
                           (llmb_json_type_e) (LLMB_JSON_TRUE + js->code));
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
