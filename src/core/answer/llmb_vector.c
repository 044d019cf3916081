
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A number of up to 19 digits is scaled by powers of ten that a double holds
 * exactly; that is within a few units in the last place of a double, of which
 * a float has 2^29.
 */


#include <string.h>

#include "llmb_vector.h"


#define LLMB_VECTOR_FLOATS  48
#define LLMB_VECTOR_BYTES   (LLMB_VECTOR_FLOATS * 4)
#define LLMB_VECTOR_CHARS   (LLMB_VECTOR_BYTES / 3 * 4)

/* digits, and the point, that are sure to fit in 64 bits */

#define LLMB_VECTOR_EXACT  19

/* an exponent that no number of digits makes up for */

#define LLMB_VECTOR_EXPONENT  100000000

/* a number of no more digits is within a float, if it has no exponent */

#define LLMB_VECTOR_DIGITS  38

/* half a unit above the largest float */

#define LLMB_VECTOR_BEYOND  3.4028235677973366e38

#define llmb_vector_is_digit(c)  ((uint8_t) ((c) - '0') <= 9)


static unsigned llmb_vector_fits(llmb_str_t text);
static const uint8_t *llmb_vector_skip(const uint8_t *p);
static const uint8_t *llmb_vector_number(const uint8_t *p, double *value);
static uint64_t llmb_vector_digits(const uint8_t *p, int32_t *exponent);
static const uint8_t *llmb_vector_exponent(const uint8_t *p, int32_t *value);
static double llmb_vector_scale(uint64_t digits, int32_t exponent);
static void llmb_vector_put(uint8_t *out, double value);
static size_t llmb_vector_encode(uint8_t *out, const uint8_t *in, size_t len);


uint32_t
llmb_vector_numbers(llmb_str_t text)
{
    uint8_t         c;
    size_t          length;
    uint32_t        n;
    unsigned        large;
    const uint8_t  *p, *end, *start;

    start = llmb_vector_skip(text.data + 1);
    end = text.data + text.len - 1;

    if (*start == ']') {
        return 0;
    }

    n = 1;
    large = 0;
    length = 0;

    for (p = start; p < end; p++) {
        c = *p;

        if (c == ',') {
            length = llmb_max(length, (size_t) (p - start));
            start = p + 1;
            n++;

        } else if (c > '9') {

            /* what has no exponent begins what is not a number */

            if ((c | 0x20) != 'e') {
                return LLMB_NO_NUMBERS;
            }

            large |= (p[1] != '-');

        } else if (c == '"') {
            return LLMB_NO_NUMBERS;
        }
    }

    length = llmb_max(length, (size_t) (p - start));

    /* what is beyond a float has an exponent, or more digits than that */

    if ((large || length > LLMB_VECTOR_DIGITS) && !llmb_vector_fits(text)) {
        return LLMB_NO_NUMBERS;
    }

    return n;
}


static unsigned
llmb_vector_fits(llmb_str_t text)
{
    double          value;
    const uint8_t  *p;

    p = text.data + 1;

    do {
        p = llmb_vector_number(llmb_vector_skip(p), &value);

        if (value >= LLMB_VECTOR_BEYOND || value <= -LLMB_VECTOR_BEYOND) {
            return 0;
        }

        p = llmb_vector_skip(p);

    } while (*p++ == ',');

    return 1;
}


size_t
llmb_vector_size(uint32_t numbers)
{
    return ((size_t) numbers * 4 + 2) / 3 * 4 + 2;
}


void
llmb_vector_write(llmb_out_t *out, llmb_str_t text)
{
    size_t          n, len;
    double          value;
    uint8_t         bytes[LLMB_VECTOR_BYTES], chars[LLMB_VECTOR_CHARS + 2];
    unsigned        more;
    const uint8_t  *p;

    p = llmb_vector_skip(text.data + 1);
    more = (*p != ']');

    chars[0] = '"';
    len = 1;
    n = 0;

    while (more && out->rc == LLMB_OK) {
        p = llmb_vector_number(p, &value);

        llmb_vector_put(&bytes[n], value);
        n += 4;

        p = llmb_vector_skip(p);
        more = (*p == ',');

        if (more) {
            p = llmb_vector_skip(p + 1);
        }

        if (!more || n < LLMB_VECTOR_BYTES) {
            continue;
        }

        len += llmb_vector_encode(&chars[len], bytes, n);
        n = 0;

        llmb_out_bytes(out, chars, len);
        len = 0;
    }

    len += llmb_vector_encode(&chars[len], bytes, n);
    chars[len++] = '"';

    llmb_out_bytes(out, chars, len);
}


static const uint8_t *
llmb_vector_skip(const uint8_t *p)
{
    while (*p <= ' ') {
        p++;
    }

    return p;
}


/* a number of valid JSON; returns what is behind it */

static const uint8_t *
llmb_vector_number(const uint8_t *p, double *value)
{
    double          d;
    int32_t         exponent, power;
    uint64_t        digits;
    unsigned        minus;
    const uint8_t  *start, *point;

    minus = (*p == '-');
    p += minus;

    start = p;
    digits = 0;
    exponent = 0;

    for ( /* void */ ; llmb_vector_is_digit(*p); p++) {
        digits = digits * 10 + (uint64_t) (*p - '0');
    }

    if (*p == '.') {
        point = p++;

        for ( /* void */ ; llmb_vector_is_digit(*p); p++) {
            digits = digits * 10 + (uint64_t) (*p - '0');
        }

        exponent = (int32_t) (point + 1 - p);
    }

    if (p - start > LLMB_VECTOR_EXACT) {
        digits = llmb_vector_digits(start, &exponent);
    }

    if ((*p | 0x20) == 'e') {
        p = llmb_vector_exponent(p + 1, &power);
        exponent += power;
    }

    d = llmb_vector_scale(digits, exponent);

    *value = minus ? -d : d;

    return p;
}


/* more digits than there is room for: the first of them */

static uint64_t
llmb_vector_digits(const uint8_t *p, int32_t *exponent)
{
    int32_t   point;
    uint64_t  digits;

    digits = 0;
    *exponent = 0;
    point = 0;

    for ( ;; p++) {

        if (*p == '.') {
            point = 1;
            continue;
        }

        if (!llmb_vector_is_digit(*p)) {
            return digits;
        }

        if (digits < UINT64_MAX / 10 - 1) {
            digits = digits * 10 + (uint64_t) (*p - '0');
            *exponent -= point;

        } else {
            *exponent += !point;
        }
    }
}


static const uint8_t *
llmb_vector_exponent(const uint8_t *p, int32_t *value)
{
    int32_t   power;
    unsigned  minus;

    minus = (*p == '-');
    p += (*p == '-' || *p == '+');

    for (power = 0; llmb_vector_is_digit(*p); p++) {

        if (power < LLMB_VECTOR_EXPONENT) {
            power = power * 10 + (*p - '0');
        }
    }

    *value = minus ? -power : power;

    return p;
}


static double
llmb_vector_scale(uint64_t digits, int32_t exponent)
{
    double  value;

    static const double  tens[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
        1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
    };

    value = (double) digits;

    while (exponent < -22 && value != 0) {
        value /= tens[22];
        exponent += 22;
    }

    while (exponent > 22 && value != 0 && value < LLMB_VECTOR_BEYOND) {
        value *= tens[22];
        exponent -= 22;
    }

    if (value == 0 || value >= LLMB_VECTOR_BEYOND) {
        return value;
    }

    return (exponent < 0) ? value / tens[-exponent] : value * tens[exponent];
}


static void
llmb_vector_put(uint8_t *out, double value)
{
    float     f;
    uint32_t  bits;

    f = (float) value;
    memcpy(&bits, &f, sizeof(bits));

    out[0] = (uint8_t) bits;
    out[1] = (uint8_t) (bits >> 8);
    out[2] = (uint8_t) (bits >> 16);
    out[3] = (uint8_t) (bits >> 24);
}


static size_t
llmb_vector_encode(uint8_t *out, const uint8_t *in, size_t len)
{
    size_t    n;
    uint32_t  bits;

    static const uint8_t  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (n = 0; len; n += 4) {
        bits = (uint32_t) in[0] << 16;
        bits |= (len > 1) ? (uint32_t) in[1] << 8 : 0;
        bits |= (len > 2) ? (uint32_t) in[2] : 0;

        out[n] = alphabet[bits >> 18];
        out[n + 1] = alphabet[bits >> 12 & 0x3f];
        out[n + 2] = (len > 1) ? alphabet[bits >> 6 & 0x3f] : '=';
        out[n + 3] = (len > 2) ? alphabet[bits & 0x3f] : '=';

        in += 3;
        len = (len > 2) ? len - 3 : 0;
    }

    return n;
}
