
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The token estimate.  Text is taken apart into runs of one class, as the
 * tokenizers' own first step does; each run, or each character of a script
 * that they cut into pieces, has a weight in 1/16 tokens.
 *
 * The weights are the least squares fit to cl100k_base over prose in nine
 * languages, source code, markup and data.
 */


#include <string.h>

#include "llmb_tokens.h"
#include "llmb_json_text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif


#define LLMB_TOKENS_WORD         18      /* a run of ASCII letters */
#define LLMB_TOKENS_CAMEL        29      /* lower to upper case in it */
#define LLMB_TOKENS_DIGITS       20      /* three digits of a run, begun */
#define LLMB_TOKENS_PUNCT        13      /* a run of punctuation */
#define LLMB_TOKENS_MORE_PUNCT   2       /* each further one in it */
#define LLMB_TOKENS_NEWLINE      4       /* a run of newlines */
#define LLMB_TOKENS_IDEOGRAPH    19
#define LLMB_TOKENS_KANA         15      /* and CJK punctuation, fullwidth */
#define LLMB_TOKENS_HANGUL       20
#define LLMB_TOKENS_CYRILLIC     7
#define LLMB_TOKENS_LATIN        42      /* with a diacritic */
#define LLMB_TOKENS_OTHER        4       /* per byte of UTF-8 */


typedef enum {
    LLMB_CHAR_NONE = 0,
    LLMB_CHAR_SPACE,
    LLMB_CHAR_NEWLINE,
    LLMB_CHAR_LOWER,
    LLMB_CHAR_UPPER,
    LLMB_CHAR_DIGIT,
    LLMB_CHAR_PUNCT,
    LLMB_CHAR_WIDE                /* not ASCII */
} llmb_char_e;


/* bytes of UTF-8, of a character that is not ASCII */

#define llmb_tokens_bytes(c)                                                  \
    ((c) < 0x800 ? 2U : (c) < 0x10000 ? 3U : 4U)


/* a text that is being weighed */

typedef struct {
    uint64_t     bytes;           /* of UTF-8 */
    uint64_t     weight;
    uint64_t     run;             /* how many of the class of the last character
                                     come directly before it */
    llmb_char_e  prev;            /* that class */
} llmb_tokens_t;


static const uint8_t *llmb_tokens_plain(llmb_tokens_t *t, const uint8_t *p,
    const uint8_t *end);
static void llmb_tokens_add(llmb_tokens_t *t, uint32_t c);
static uint32_t llmb_tokens_ascii(llmb_char_e class, llmb_char_e prev,
    uint64_t run);
static uint32_t llmb_tokens_wide(uint32_t c);


#define S  LLMB_CHAR_SPACE
#define N  LLMB_CHAR_NEWLINE
#define L  LLMB_CHAR_LOWER
#define U  LLMB_CHAR_UPPER
#define D  LLMB_CHAR_DIGIT
#define P  LLMB_CHAR_PUNCT

static const uint8_t  llmb_tokens_classes[128] = {
    P, P, P, P, P, P, P, P, P, S, N, P, P, N, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    S, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    D, D, D, D, D, D, D, D, D, D, P, P, P, P, P, P,
    P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, P, P, P, P, P,
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, P
};

#undef S
#undef N
#undef L
#undef U
#undef D
#undef P


uint32_t
llmb_tokens_estimate(llmb_str_t token)
{
    uint32_t        c;
    uint64_t        weight;
    llmb_tokens_t   t;
    const uint8_t  *p, *end;

    p = token.data + 1;
    end = token.data + token.len - 1;

    t.bytes = 0;
    t.weight = 0;
    t.run = 0;
    t.prev = LLMB_CHAR_NONE;

    while (p < end) {

        if (*p < 0x80 && *p != '\\') {
            p = llmb_tokens_plain(&t, p, end);

        } else {
            p = llmb_json_char(p, &c);
            llmb_tokens_add(&t, c);
        }
    }

    weight = (t.weight + 8) / 16;
    weight = llmb_min(weight, t.bytes);
    weight = llmb_min(weight, UINT32_MAX);

    return (uint32_t) llmb_max(weight, 1);
}


/*
 * llmb_tokens_plain() adds ASCII up to the next escape, or the next character
 * that is none, which is not at p; it returns where that is.
 */

#if defined(__SSE2__)


#define LLMB_TOKENS_BLOCK  16

/* what a run begins with, but for what each character of it adds */

#define LLMB_TOKENS_MARK   (LLMB_TOKENS_PUNCT - LLMB_TOKENS_MORE_PUNCT)

/* which bytes are among the n characters that end with "last" */

#define llmb_tokens_among(v, last, n)                                         \
    _mm_cmpgt_epi8(_mm_add_epi8((v), _mm_set1_epi8(0x7f - (last))),           \
                   _mm_set1_epi8(0x7f - (n)))

/* 16 bytes that are moved up by one, behind the last one before them */

#define llmb_tokens_behind(last, v)                                           \
    _mm_or_si128(_mm_slli_si128((v), 1), (last))


/* of the last character: the weight its run began with; is it lower case */

typedef struct {
    __m128i      begin;
    __m128i      lower;
} llmb_tokens_last_t;


static inline __m128i llmb_tokens_block(llmb_tokens_last_t *last, __m128i v);
static uint32_t llmb_tokens_threes(uint32_t digits, uint64_t *run, size_t n);


static const uint8_t *
llmb_tokens_plain(llmb_tokens_t *t, const uint8_t *p, const uint8_t *end)
{
    size_t              n;
    uint8_t             rest[LLMB_TOKENS_BLOCK];
    __m128i             v, w, sum;
    uint32_t            special, digits;
    uint64_t            run;
    llmb_tokens_last_t  last;

    static const uint8_t  begins[] = {
        0, 0, 0, LLMB_TOKENS_WORD, LLMB_TOKENS_WORD, LLMB_TOKENS_DIGITS,
        LLMB_TOKENS_MARK, 0
    };

    static const uint8_t  mask[2 * LLMB_TOKENS_BLOCK] = {
        255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255
    };

    last.begin = _mm_cvtsi32_si128(begins[t->prev]);
    last.lower = _mm_cvtsi32_si128(t->prev == LLMB_CHAR_LOWER ? 0xff : 0);

    run = (t->prev == LLMB_CHAR_DIGIT) ? t->run + 1 : 0;
    sum = _mm_setzero_si128();

    do {
        n = LLMB_TOKENS_BLOCK;

        if ((size_t) (end - p) >= n) {
            v = _mm_loadu_si128((const __m128i *) (const void *) p);

        } else {
            memset(rest, '\\', n);
            memcpy(rest, p, (size_t) (end - p));
            v = _mm_loadu_si128((const __m128i *) (const void *) rest);
        }

        w = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
        special = (uint32_t) _mm_movemask_epi8(_mm_or_si128(v, w));
        digits = (uint32_t) _mm_movemask_epi8(llmb_tokens_among(v, '9', 10));

        w = llmb_tokens_block(&last, v);

        if (special) {
            n = (size_t) __builtin_ctz(special);
            v = _mm_loadu_si128((const __m128i *) (const void *)
                                (mask + LLMB_TOKENS_BLOCK - n));
            w = _mm_and_si128(w, v);
            digits &= (1U << n) - 1;
        }

        if (run | digits) {
            t->weight += LLMB_TOKENS_DIGITS
                         * llmb_tokens_threes(digits, &run, n);
        }

        sum = _mm_add_epi64(sum, _mm_sad_epu8(w, _mm_setzero_si128()));

        t->bytes += n;
        p += n;

    } while (n == LLMB_TOKENS_BLOCK && p < end);

    t->weight += (uint64_t) _mm_cvtsi128_si64(sum)
                 + (uint64_t) _mm_cvtsi128_si64(_mm_srli_si128(sum, 8));
    t->prev = (llmb_char_e) llmb_tokens_classes[p[-1]];
    t->run = run ? run - 1 : 0;

    return p;
}


/*
 * The weights of characters.  A run begins with a character that is not of the
 * class of the one before; of digits, these are the first three.
 */

static inline __m128i
llmb_tokens_block(llmb_tokens_last_t *last, __m128i v)
{
    __m128i  letters, digits, words, upper, lower, camel, begin, same, more;

    letters = llmb_tokens_among(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'z', 26);
    digits = llmb_tokens_among(v, '9', 10);

    words = _mm_or_si128(_mm_or_si128(letters, digits),
                         _mm_cmpeq_epi8(v, _mm_set1_epi8(' ')));

    begin = _mm_or_si128(
                _mm_or_si128(
                    _mm_and_si128(letters, _mm_set1_epi8(LLMB_TOKENS_WORD)),
                    _mm_and_si128(digits, _mm_set1_epi8(LLMB_TOKENS_DIGITS))),
                _mm_andnot_si128(words, _mm_set1_epi8(LLMB_TOKENS_MARK)));

    same = _mm_cmpeq_epi8(begin, llmb_tokens_behind(last->begin, begin));
    more = _mm_andnot_si128(words, _mm_set1_epi8(LLMB_TOKENS_MORE_PUNCT));

    upper = _mm_and_si128(letters, _mm_cmpgt_epi8(_mm_set1_epi8('a'), v));
    lower = _mm_andnot_si128(upper, letters);

    camel = _mm_and_si128(upper, llmb_tokens_behind(last->lower, lower));
    camel = _mm_and_si128(camel, _mm_set1_epi8(LLMB_TOKENS_CAMEL));

    last->begin = _mm_srli_si128(begin, 15);
    last->lower = _mm_srli_si128(lower, 15);

    return _mm_add_epi8(_mm_andnot_si128(same, begin),
                        _mm_add_epi8(more, camel));
}


/*
 * How many threes of digits begin among n characters, but for the first of each
 * run.  *run is how many digits there are before, and then at the end.
 */

static uint32_t
llmb_tokens_threes(uint32_t digits, uint64_t *run, size_t n)
{
    size_t    i;
    uint32_t  threes;

    threes = 0;

    if (*run == 0 && (digits & digits >> 1 & digits >> 2 & digits >> 3) == 0) {

        /* no run is longer than three, and of the last one more may follow */

        *run = (uint64_t) __builtin_clz(~(digits << (32 - n)));

        return 0;
    }

    for (i = 0; i < n; i++) {

        if (!(digits >> i & 1)) {
            *run = 0;
            continue;
        }

        threes += (*run && *run % 3 == 0);
        (*run)++;
    }

    return threes;
}


#else


static const uint8_t *
llmb_tokens_plain(llmb_tokens_t *t, const uint8_t *p, const uint8_t *end)
{
    const uint8_t  *word;

    do {
        llmb_tokens_add(t, *p++);

        if (t->prev == LLMB_CHAR_LOWER) {

            /* most of a text is this: letters that add nothing to a word */

            for (word = p; p < end && *p >= 'a' && *p <= 'z'; p++) {
                /* void */
            }

            t->bytes += (size_t) (p - word);
        }

    } while (p < end && *p < 0x80 && *p != '\\');

    return p;
}


#endif


static void
llmb_tokens_add(llmb_tokens_t *t, uint32_t c)
{
    llmb_char_e  class;

    class = (c < 0x80) ? (llmb_char_e) llmb_tokens_classes[c]
                       : LLMB_CHAR_WIDE;

    t->run = (class == t->prev) ? t->run + 1 : 0;

    if (class == LLMB_CHAR_WIDE) {
        t->weight += llmb_tokens_wide(c);
        t->bytes += llmb_tokens_bytes(c);

    } else {
        t->weight += llmb_tokens_ascii(class, t->prev, t->run);
        t->bytes++;
    }

    t->prev = class;
}


/* "run" is how many of the class come directly before it */

static uint32_t
llmb_tokens_ascii(llmb_char_e class, llmb_char_e prev, uint64_t run)
{
    switch (class) {

    case LLMB_CHAR_LOWER:
        return (run || prev == LLMB_CHAR_UPPER) ? 0 : LLMB_TOKENS_WORD;

    case LLMB_CHAR_UPPER:
        if (prev == LLMB_CHAR_LOWER) {
            return LLMB_TOKENS_CAMEL;
        }

        return run ? 0 : LLMB_TOKENS_WORD;

    case LLMB_CHAR_DIGIT:
        return (run % 3) ? 0 : LLMB_TOKENS_DIGITS;

    case LLMB_CHAR_PUNCT:
        return run ? LLMB_TOKENS_MORE_PUNCT : LLMB_TOKENS_PUNCT;

    case LLMB_CHAR_NEWLINE:
        return run ? 0 : LLMB_TOKENS_NEWLINE;

    default: /* LLMB_CHAR_SPACE */
        return 0;
    }
}


static uint32_t
llmb_tokens_wide(uint32_t c)
{
    if ((c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf)
        || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff))
    {
        return LLMB_TOKENS_IDEOGRAPH;
    }

    if ((c >= 0x3000 && c <= 0x33ff) || (c >= 0xff00 && c <= 0xffef)) {
        return LLMB_TOKENS_KANA;
    }

    if (c >= 0xac00 && c <= 0xd7a3) {
        return LLMB_TOKENS_HANGUL;
    }

    if (c >= 0x400 && c <= 0x52f) {
        return LLMB_TOKENS_CYRILLIC;
    }

    if ((c >= 0xc0 && c <= 0x24f && c != 0xd7 && c != 0xf7)
        || (c >= 0x1e00 && c <= 0x1eff))
    {
        return LLMB_TOKENS_LATIN;
    }

    return LLMB_TOKENS_OTHER * llmb_tokens_bytes(c);
}
