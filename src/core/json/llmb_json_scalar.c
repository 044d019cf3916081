
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The states of the scanner within a string, a number or a literal.
 *
 * Answers are megabytes of strings or of arrays of numbers.  Most of these is
 * skipped by the loops in llmb_json_skip.c; what they leave, at the end of the
 * buffer or because it is unusual, goes through the states here.
 */


#include "llmb_json_parts.h"
#include "llmb_json_skip.h"
#include "llmb_json_scalar.h"


#define llmb_json_is_digit(c)  ((uint8_t) ((c) - '0') <= 9)


static llmb_rc_e llmb_json_escape(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_hex(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_utf8_lead(llmb_json_t *js, uint8_t c);
static llmb_rc_e llmb_json_utf8(llmb_json_t *js, uint8_t c);


static const llmb_str_t  llmb_json_literals[] = {
    llmb_string("true"),
    llmb_string("false"),
    llmb_string("null")
};


llmb_rc_e
llmb_json_string(llmb_json_t *js, const uint8_t **p, const uint8_t *end)
{
    uint8_t    c;
    llmb_rc_e  rc;

    for ( ;; ) {

        if (js->state == sw_string) {
            *p = llmb_json_skip_text(*p, end);
        }

        if (*p == end) {
            return LLMB_AGAIN;
        }

        c = **p;
        rc = LLMB_OK;

        switch (js->state) {

        case sw_string:
            if (c == '"') {
                (*p)++;
                return LLMB_OK;
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

        (*p)++;
    }
}


static llmb_rc_e
llmb_json_escape(llmb_json_t *js, uint8_t c)
{
    if (llmb_json_is_short(c)) {
        js->state = sw_string;
        return LLMB_OK;
    }

    if (c != 'u') {
        return LLMB_INVALID;
    }

    js->code = 0;
    js->need = 4;
    js->low = 0;
    js->state = sw_hex;

    return LLMB_OK;
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

llmb_rc_e
llmb_json_number(llmb_json_t *js, const uint8_t **p, const uint8_t *end)
{
    uint8_t  c;

    for ( /* void */ ; *p < end; (*p)++) {
        c = **p;

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

            return LLMB_OK;

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

            return LLMB_OK;

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
                return LLMB_OK;
            }
        }
    }

    return LLMB_AGAIN;
}


llmb_rc_e
llmb_json_literal(llmb_json_t *js, const uint8_t **p, const uint8_t *end)
{
    const llmb_str_t  *text;

    text = &llmb_json_literals[js->code];

    while (js->need < text->len) {

        if (*p == end) {
            return LLMB_AGAIN;
        }

        if (**p != text->data[js->need]) {
            return LLMB_INVALID;
        }

        (*p)++;
        js->need++;
    }

    return LLMB_OK;
}
