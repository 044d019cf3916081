
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The loops that most of the bytes of an answer go through: they look at a
 * block of bytes at once, with SSE2 or in a 64-bit word.  They never read
 * behind the end of the buffer.
 */


#include <string.h>

#include "llmb_json_skip.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif


/* a long string is looked at in larger steps */

#define LLMB_JSON_STRIDE  64

/* so much may be read behind the start of a number without asking */

#define LLMB_JSON_MARGIN  80

#define llmb_json_is_hex(c)                                                   \
    ((uint8_t) ((c) - '0') <= 9 || (uint8_t) (((c) | 0x20) - 'a') <= 5)

#define llmb_json_is_space(c)                                                 \
    ((c) == ' ' || (c) == '\n' || (c) == '\r' || (c) == '\t')


static inline size_t llmb_json_escape(const uint8_t *p, const uint8_t *end);
static const uint8_t *llmb_json_skip_spaced(const uint8_t *p,
    const uint8_t *limit) __attribute__((noinline));
static const uint8_t *llmb_json_skip_long(const uint8_t *p,
    const uint8_t *limit) __attribute__((noinline));
static const uint8_t *llmb_json_skip_number(const uint8_t *p,
    const uint8_t *limit) __attribute__((noinline));
static const uint8_t *llmb_json_skip_digits(const uint8_t *p,
    const uint8_t *limit);


/*
 * How many of the LLMB_JSON_BLOCK bytes at p, counted from the first, are of
 * one class:
 *
 *   llmb_json_plain()   bytes that end nothing in a string: ASCII, neither
 *                       a control character nor a quote nor a backslash
 *   llmb_json_digits()  "0" to "9"
 *   llmb_json_spaces()  the usual white space: spaces and newlines
 *
 * llmb_json_all_plain() tells whether all LLMB_JSON_STRIDE bytes are plain.
 */

#if defined(__SSE2__)


#define LLMB_JSON_BLOCK  16


/* a long long spares the extension to size_t */

static inline size_t
llmb_json_leading(__m128i members)
{
    unsigned  others;

    others = ~ (unsigned) _mm_movemask_epi8(members);

    return (size_t) __builtin_ctzll(others);
}


static inline __m128i
llmb_json_plain_mask(const uint8_t *p)
{
    __m128i  v, above, backslash;

    v = _mm_loadu_si128((const __m128i *) (const void *) p);
    backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

    /*
     * flipping bit 1 exchanges the quote and the space, and moves no other
     * byte across 0x20; bytes above 0x7f are negative
     */

    v = _mm_xor_si128(v, _mm_set1_epi8('"' ^ ' '));
    above = _mm_cmpgt_epi8(v, _mm_set1_epi8(' '));

    return _mm_andnot_si128(backslash, above);
}


static inline size_t
llmb_json_plain(const uint8_t *p)
{
    return llmb_json_leading(llmb_json_plain_mask(p));
}


static inline unsigned
llmb_json_all_plain(const uint8_t *p)
{
    __m128i  a, b;

    a = _mm_and_si128(llmb_json_plain_mask(p), llmb_json_plain_mask(p + 16));
    b = _mm_and_si128(llmb_json_plain_mask(p + 32),
                      llmb_json_plain_mask(p + 48));

    return _mm_movemask_epi8(_mm_and_si128(a, b)) == 0xffff;
}


static inline size_t
llmb_json_digits(const uint8_t *p)
{
    __m128i  v;

    v = _mm_loadu_si128((const __m128i *) (const void *) p);

    /* "9" becomes 0x7f, all that is above it negative */

    v = _mm_add_epi8(v, _mm_set1_epi8(0x7f - '9'));

    return llmb_json_leading(_mm_cmpgt_epi8(v, _mm_set1_epi8(0x7f - 10)));
}


static inline size_t
llmb_json_spaces(const uint8_t *p)
{
    __m128i  v;

    v = _mm_loadu_si128((const __m128i *) (const void *) p);

    return llmb_json_leading(
               _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')),
                            _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))));
}


#else


#define LLMB_JSON_BLOCK  8

#define llmb_json_bytes(byte)  (0x0101010101010101ULL * (byte))

#define LLMB_JSON_HIGH  llmb_json_bytes(0x80)
#define LLMB_JSON_LOW   llmb_json_bytes(0x7f)


static inline uint64_t
llmb_json_load(const uint8_t *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));

    return v;
}


/* "others" has the high bit of each byte set that is not of the class */

static inline size_t
llmb_json_leading(uint64_t others)
{
    if (others == 0) {
        return LLMB_JSON_BLOCK;
    }

#if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    return (size_t) __builtin_ctzll(others) / 8;
#else
    return (size_t) __builtin_clzll(others) / 8;
#endif
}


/* the high bit of each byte of v that is not 0; no carry between bytes */

static inline uint64_t
llmb_json_nonzero(uint64_t v)
{
    return (((v & LLMB_JSON_LOW) + LLMB_JSON_LOW) | v) & LLMB_JSON_HIGH;
}


static inline uint64_t
llmb_json_special(const uint8_t *p)
{
    uint64_t  v, above, others;

    v = llmb_json_load(p);

    /* as above: the quote becomes a space, then all up to it is special */

    others = v ^ llmb_json_bytes('"' ^ ' ');
    above = (others & LLMB_JSON_LOW) + llmb_json_bytes(0x7f - ' ');

    return ~above | v | ~llmb_json_nonzero(v ^ llmb_json_bytes('\\'));
}


static inline size_t
llmb_json_plain(const uint8_t *p)
{
    return llmb_json_leading(llmb_json_special(p) & LLMB_JSON_HIGH);
}


static inline unsigned
llmb_json_all_plain(const uint8_t *p)
{
    unsigned  i;
    uint64_t  special;

    special = 0;

    for (i = 0; i < LLMB_JSON_STRIDE; i += LLMB_JSON_BLOCK) {
        special |= llmb_json_special(p + i);
    }

    return (special & LLMB_JSON_HIGH) == 0;
}


static inline size_t
llmb_json_digits(const uint8_t *p)
{
    uint64_t  v, above;

    v = llmb_json_load(p) ^ llmb_json_bytes('0');
    above = (v & LLMB_JSON_LOW) + llmb_json_bytes(0x7f - 9);

    return llmb_json_leading((above | v) & LLMB_JSON_HIGH);
}


static inline size_t
llmb_json_spaces(const uint8_t *p)
{
    uint64_t  v;

    v = llmb_json_load(p);

    return llmb_json_leading(llmb_json_nonzero(v ^ llmb_json_bytes(' '))
                             & llmb_json_nonzero(v ^ llmb_json_bytes('\n')));
}


#endif


const uint8_t *
llmb_json_skip_spaces(const uint8_t *p, const uint8_t *end)
{
    size_t  n;

    while (end - p >= LLMB_JSON_BLOCK) {
        n = llmb_json_spaces(p);
        p += n;

        if (n == LLMB_JSON_BLOCK) {
            continue;
        }

        if (!llmb_json_is_space(*p)) {
            return p;
        }

        p++;
    }

    while (p < end && llmb_json_is_space(*p)) {
        p++;
    }

    return p;
}


const uint8_t *
llmb_json_skip_plain(const uint8_t *p, const uint8_t *end)
{
    size_t    n;
    unsigned  i;

    /* in a text, the next escape is not far */

    for (i = 0; i < 4 && end - p >= LLMB_JSON_BLOCK; i++) {
        n = llmb_json_plain(p);
        p += n;

        if (n < LLMB_JSON_BLOCK) {
            return p;
        }
    }

    while (end - p >= LLMB_JSON_STRIDE && llmb_json_all_plain(p)) {
        p += LLMB_JSON_STRIDE;
    }

    while (end - p >= LLMB_JSON_BLOCK) {
        n = llmb_json_plain(p);
        p += n;

        if (n < LLMB_JSON_BLOCK) {
            return p;
        }
    }

    while (p < end && *p >= ' ' && *p <= 0x7f && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


const uint8_t *
llmb_json_skip_text(const uint8_t *p, const uint8_t *end)
{
    size_t    n;
    unsigned  blocks;

    blocks = 0;

    while (end - p >= LLMB_JSON_BLOCK) {
        n = llmb_json_plain(p);
        p += n;

        if (n == LLMB_JSON_BLOCK) {

            if (++blocks == 4) {
                p = llmb_json_skip_plain(p, end);
                blocks = 0;
            }

            continue;
        }

        blocks = 0;

        if (*p != '\\') {
            return p;
        }

        n = llmb_json_escape(p, end);

        if (n == 0) {
            return p;
        }

        p += n;
    }

    return llmb_json_skip_plain(p, end);
}


/* the size of an escape; 0 if it is not all there, or not a simple one */

static inline size_t
llmb_json_escape(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 6) {
        return 0;
    }

    if (llmb_json_is_short(p[1])) {
        return 2;
    }

    /* a surrogate begins with "d" */

    return (p[1] == 'u' && (p[2] | 0x20) != 'd'
            && llmb_json_is_hex(p[2]) && llmb_json_is_hex(p[3])
            && llmb_json_is_hex(p[4]) && llmb_json_is_hex(p[5]))
           ? 6 : 0;
}


/*
 * What is behind a short fraction, the usual element of an embedding, and the
 * comma behind it; NULL if something else is here.
 */

static inline const uint8_t *
llmb_json_skip_fraction(const uint8_t *p)
{
    size_t  n;

    p += (*p == '-');

    if (memcmp(p, "0.", 2) != 0) {
        return NULL;
    }

    p += 2;
    n = llmb_json_digits(p);

    return (p[n] == ',' && n) ? p + n + 1 : NULL;
}


/* fractions of two blocks: once there is one, most are */

static const uint8_t *
llmb_json_skip_long(const uint8_t *p, const uint8_t *limit)
{
    size_t          n;
    const uint8_t  *q;

    while (p <= limit) {
        q = p + (*p == '-');

        if (memcmp(q, "0.", 2) != 0) {
            break;
        }

        q += 2;
        n = llmb_json_digits(q);

        if (n == LLMB_JSON_BLOCK) {
            n += llmb_json_digits(q + n);
        }

        if (q[n] != ',' || n == 0) {
            break;
        }

        p = q + n + 1;
    }

    return p;
}


/* the same, each with one space before it, as most that print spaces do */

static const uint8_t *
llmb_json_skip_spaced(const uint8_t *p, const uint8_t *limit)
{
    const uint8_t  *q;

    while (p <= limit && *p == ' ') {
        q = llmb_json_skip_fraction(p + 1);

        if (q == NULL) {
            break;
        }

        p = q;
    }

    return p;
}


const uint8_t *
llmb_json_skip_numbers(const uint8_t *p, const uint8_t *end)
{
    size_t          n;
    const uint8_t  *q, *limit;

    if (end - p < LLMB_JSON_MARGIN) {
        return p;
    }

    limit = end - LLMB_JSON_MARGIN;

    while (p <= limit) {

        /* two at a time: the margin is wide enough for what follows, too */

        q = llmb_json_skip_fraction(p);

        if (q) {
            p = q;
            q = llmb_json_skip_fraction(p);

            if (q) {
                p = q;
                continue;
            }
        }

        if (*p <= ' ') {

            if (!llmb_json_is_space(*p)) {
                break;
            }

            q = llmb_json_skip_spaced(p, limit);

            if (q == p) {
                q = llmb_json_skip_spaces(p, end);
            }

            p = q;
            continue;
        }

        q = llmb_json_skip_long(p, limit);

        if (q != p) {
            p = q;
            continue;
        }

        q = p + (*p == '-');
        n = llmb_json_digits(q);

        if (*q == '0' && n > 1) {
            break;
        }

        if (n && q[n] == ',') {
            p = q + n + 1;
            continue;
        }

        q = llmb_json_skip_number(p, limit);

        if (q == NULL) {
            break;
        }

        p = q;
    }

    return p;
}


/* NULL if there is no number with a comma behind it, or if it is long */

static const uint8_t *
llmb_json_skip_number(const uint8_t *p, const uint8_t *limit)
{
    p += (*p == '-');

    if (*p == '0') {
        p++;

    } else {
        p = llmb_json_skip_digits(p, limit);
    }

    if (p && *p == '.') {
        p = llmb_json_skip_digits(p + 1, limit);
    }

    if (p && (*p | 0x20) == 'e') {
        p++;
        p += (*p == '+' || *p == '-');
        p = llmb_json_skip_digits(p, limit);
    }

    return (p && *p == ',') ? p + 1 : NULL;
}


/* at least one digit; NULL if there is none or no end of them */

static const uint8_t *
llmb_json_skip_digits(const uint8_t *p, const uint8_t *limit)
{
    size_t          n;
    const uint8_t  *start;

    start = p;

    do {
        if (p > limit) {
            return NULL;
        }

        n = llmb_json_digits(p);
        p += n;

    } while (n == LLMB_JSON_BLOCK);

    return (p == start) ? NULL : p;
}
