
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the text of a string or number token means.  The scanner has found
 * the token valid, so nothing is checked again here.
 */


#include <string.h>

#include "llmb_json.h"
#include "llmb_json_text.h"


/* walks the decoded bytes of a string */

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    size_t          left;         /* bytes of buf not yet returned */
    size_t          n;
    uint8_t         buf[4];
} llmb_json_walk_t;


static const uint8_t *llmb_json_escaped(const uint8_t *p, uint32_t *code);
static uint32_t llmb_json_hex4(const uint8_t *p);
static void llmb_json_walk(llmb_json_walk_t *w, llmb_str_t token);
static int llmb_json_walk_next(llmb_json_walk_t *w);
static unsigned llmb_json_is_plain(uint64_t word);


const uint8_t *
llmb_json_char(const uint8_t *p, uint32_t *code)
{
    uint8_t  c;

    c = *p;

    if (c == '\\') {
        return llmb_json_escaped(p + 1, code);
    }

    if (c < 0x80) {
        *code = c;
        return p + 1;
    }

    if (c < 0xe0) {
        *code = (uint32_t) (c & 0x1f) << 6 | (p[1] & 0x3f);
        return p + 2;
    }

    if (c < 0xf0) {
        *code = (uint32_t) (c & 0x0f) << 12 | (uint32_t) (p[1] & 0x3f) << 6
                | (p[2] & 0x3f);
        return p + 3;
    }

    *code = (uint32_t) (c & 0x07) << 18 | (uint32_t) (p[1] & 0x3f) << 12
            | (uint32_t) (p[2] & 0x3f) << 6 | (p[3] & 0x3f);

    return p + 4;
}


size_t
llmb_json_encode(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t) code;
        return 1;
    }

    if (code < 0x800) {
        out[0] = (uint8_t) (0xc0 | code >> 6);
        out[1] = (uint8_t) (0x80 | (code & 0x3f));
        return 2;
    }

    if (code < 0x10000) {
        out[0] = (uint8_t) (0xe0 | code >> 12);
        out[1] = (uint8_t) (0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t) (0x80 | (code & 0x3f));
        return 3;
    }

    out[0] = (uint8_t) (0xf0 | code >> 18);
    out[1] = (uint8_t) (0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t) (0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t) (0x80 | (code & 0x3f));

    return 4;
}


unsigned
llmb_json_is(llmb_str_t token, llmb_str_t text)
{
    int               c;
    size_t            i;
    llmb_json_walk_t  w;

    /* without the quotes; an escape is longer than what it stands for */

    if (token.len - 2 < text.len) {
        return 0;
    }

    c = token.data[1];

    if (text.len && c != text.data[0] && c != '\\') {
        return 0;
    }

    if (token.len - 2 == text.len) {

        for (i = 0; i < text.len; i++) {
            c = token.data[i + 1];

            if (c != text.data[i] || c == '\\') {
                return 0;
            }
        }

        return 1;
    }

    llmb_json_walk(&w, token);

    for (i = 0; /* void */ ; i++) {
        c = llmb_json_walk_next(&w);

        if (c == -1 || i == text.len) {
            return c == -1 && i == text.len;
        }

        if (c != text.data[i]) {
            return 0;
        }
    }
}


size_t
llmb_json_decode(llmb_str_t token, uint8_t *out)
{
    size_t          n;
    uint8_t        *start;
    uint32_t        code;
    const uint8_t  *p, *end, *escape;

    start = out;
    p = token.data + 1;
    end = token.data + token.len - 1;

    while (p < end) {

        for (escape = p; escape < end && *escape != '\\'; escape++) {
            /* void */
        }

        n = (size_t) (escape - p);
        memcpy(out, p, n);
        out += n;
        p = escape;

        if (p < end) {
            p = llmb_json_char(p, &code);
            out += llmb_json_encode(code, out);
        }
    }

    return (size_t) (out - start);
}


int
llmb_json_cmp(llmb_str_t a, llmb_str_t b)
{
    uint32_t           n;
    llmb_json_chars_t  first, second;

    n = 0;

    first.p = a.data + 1;
    first.end = a.data + a.len - 1;

    second.p = b.data + 1;
    second.end = b.data + b.len - 1;

    return llmb_json_chars_cmp(&first, &second, &n);
}


/* the order of characters is that of their bytes in UTF-8 */

int
llmb_json_chars_cmp(llmb_json_chars_t *a, llmb_json_chars_t *b, uint32_t *n)
{
    uint32_t        ca, cb;
    uint64_t        wa, wb;
    const uint8_t  *p, *q;

    for ( ;; ) {

        /* eight at a time, as long as each byte is a character */

        while (a->end - a->p >= 8 && b->end - b->p >= 8) {
            memcpy(&wa, a->p, 8);
            memcpy(&wb, b->p, 8);

            if (wa != wb || !llmb_json_is_plain(wa)) {
                break;
            }

            a->p += 8;
            b->p += 8;
            *n += 8;
        }

        if (a->p == a->end || b->p == b->end) {
            return (b->p == b->end) - (a->p == a->end);
        }

        p = llmb_json_char(a->p, &ca);
        q = llmb_json_char(b->p, &cb);

        if (ca != cb) {
            return ca < cb ? -1 : 1;
        }

        a->p = p;
        b->p = q;
        *n += 1;
    }
}


/* whether eight bytes are ASCII, and none of them begins an escape */

static unsigned
llmb_json_is_plain(uint64_t word)
{
    uint64_t  escape;

    escape = word ^ 0x5c5c5c5c5c5c5c5c;
    escape = (escape - 0x0101010101010101) & ~escape;

    return ((word | escape) & 0x8080808080808080) == 0;
}


llmb_rc_e
llmb_json_uint(llmb_str_t token, uint64_t *value)
{
    size_t    i;
    uint64_t  v;

    v = 0;

    /* 2^53 - 1 has 16 digits, and there are no leading zeros */

    if (token.len == 0 || token.len > 16) {
        return LLMB_INVALID;
    }

    for (i = 0; i < token.len; i++) {

        if (token.data[i] < '0' || token.data[i] > '9') {
            return LLMB_INVALID;
        }

        v = v * 10 + (uint64_t) (token.data[i] - '0');
    }

    if (v >> 53) {
        return LLMB_INVALID;
    }

    *value = v;

    return LLMB_OK;
}


/* p is behind the backslash */

static const uint8_t *
llmb_json_escaped(const uint8_t *p, uint32_t *code)
{
    uint32_t  low;

    switch (*p) {

    case 'b':
        *code = '\b';
        break;

    case 'f':
        *code = '\f';
        break;

    case 'n':
        *code = '\n';
        break;

    case 'r':
        *code = '\r';
        break;

    case 't':
        *code = '\t';
        break;

    case 'u':
        *code = llmb_json_hex4(p + 1);

        if (*code >> 10 != 0xd800 >> 10) {
            return p + 5;
        }

        low = llmb_json_hex4(p + 7);
        *code = 0x10000 + ((*code & 0x3ff) << 10 | (low & 0x3ff));

        return p + 11;

    default:
        *code = *p;
        break;
    }

    return p + 1;
}


static uint32_t
llmb_json_hex4(const uint8_t *p)
{
    uint32_t  c, i, value;

    value = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];
        value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }

    return value;
}


static void
llmb_json_walk(llmb_json_walk_t *w, llmb_str_t token)
{
    w->p = token.data + 1;
    w->end = token.data + token.len - 1;
    w->left = 0;
}


/* the next byte, or -1 at the end */

static int
llmb_json_walk_next(llmb_json_walk_t *w)
{
    uint32_t  code;

    if (w->left) {
        return w->buf[w->n - w->left--];
    }

    if (w->p == w->end) {
        return -1;
    }

    if (*w->p != '\\') {
        return *w->p++;
    }

    w->p = llmb_json_char(w->p, &code);
    w->n = llmb_json_encode(code, w->buf);
    w->left = w->n - 1;

    return w->buf[0];
}
