
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
 * llmb_tokens_plain() adds ASCII, and perhaps more, up to something else, which
 * is not at p; it returns where that is.
 */

#if defined(__SSE2__)


#define LLMB_TOKENS_BLOCK  64

/* what a run begins with, but for what each character of it adds */

#define LLMB_TOKENS_MARK   (LLMB_TOKENS_PUNCT - LLMB_TOKENS_MORE_PUNCT)

/*
 * The highest bit of each byte tells whether it is of the class; of letters it
 * is bit 5 that tells whether they are lower case
 */

#define llmb_tokens_among(v, last, n)                                         \
    _mm_cmpgt_epi8(_mm_add_epi8((v), _mm_set1_epi8(0x7f - (last))),           \
                   _mm_set1_epi8(0x7f - (n)))

#define llmb_tokens_special(v)                                                \
    _mm_or_si128((v), _mm_cmpeq_epi8((v), _mm_set1_epi8('\\')))
#define llmb_tokens_letter(v)                                                 \
    llmb_tokens_among(_mm_or_si128((v), _mm_set1_epi8(0x20)), 'z', 26)
#define llmb_tokens_lower(v)  _mm_slli_epi16((v), 2)
#define llmb_tokens_digit(v)  llmb_tokens_among((v), '9', 10)
#define llmb_tokens_space(v)  _mm_cmpeq_epi8((v), _mm_set1_epi8(' '))

/* of the 64 bytes in v0 to v3 */

#define llmb_tokens_bits(v)   ((uint64_t) (uint32_t) _mm_movemask_epi8(v))

#define llmb_tokens_mask(class)                                               \
    (llmb_tokens_bits(class(v0)) | llmb_tokens_bits(class(v1)) << 16          \
     | llmb_tokens_bits(class(v2)) << 32 | llmb_tokens_bits(class(v3)) << 48)

/* of those that are in a class, which come behind one that is not */

#define llmb_tokens_begin(class, before)                                      \
    ((class) & ~((class) << 1 | (before)))


/* a block of characters, or the last one of the block before; a bit for each */

typedef struct {
    uint64_t        letters;
    uint64_t        lower;        /* of letters; of others it says nothing */
    uint64_t        digits;
    uint64_t        spaces;       /* and newlines */
    uint64_t        punct;
    uint64_t        special;      /* backslashes, and what is not ASCII */
} llmb_tokens_block_t;


/* the last escape */

typedef struct {
    const uint8_t  *end;
    llmb_char_e     class;
} llmb_tokens_escape_t;


static inline void llmb_tokens_load(llmb_tokens_block_t *b, const uint8_t *p);
static size_t llmb_tokens_escapes(llmb_tokens_t *t, llmb_tokens_block_t *b,
    llmb_tokens_escape_t *escape, const uint8_t **p, const uint8_t *end);
static inline llmb_char_e llmb_tokens_short(uint8_t c);
static inline uint64_t llmb_tokens_weigh(const llmb_tokens_block_t *b,
    const llmb_tokens_block_t *last);
static inline unsigned llmb_tokens_count(uint64_t bits);
static uint64_t llmb_tokens_threes(uint64_t digits, uint64_t *run, size_t n);


static const uint8_t *
llmb_tokens_plain(llmb_tokens_t *t, const uint8_t *p, const uint8_t *end)
{
    size_t                n;
    uint8_t               rest[LLMB_TOKENS_BLOCK];
    uint64_t              run, valid;
    const uint8_t        *start;
    llmb_tokens_block_t   b, last;
    llmb_tokens_escape_t  escape;

    start = p;

    /* as if all before were an escape */

    escape.end = p;
    escape.class = t->prev;

    last.lower = (t->prev == LLMB_CHAR_LOWER);
    last.letters = (t->prev == LLMB_CHAR_UPPER) | last.lower;
    last.digits = (t->prev == LLMB_CHAR_DIGIT);
    last.punct = (t->prev == LLMB_CHAR_PUNCT);

    run = (t->prev == LLMB_CHAR_DIGIT) ? t->run + 1 : 0;

    do {
        if (end - p >= LLMB_TOKENS_BLOCK) {
            llmb_tokens_load(&b, p);

        } else {
            memset(rest, 0xff, LLMB_TOKENS_BLOCK);
            memcpy(rest, p, (size_t) (end - p));
            llmb_tokens_load(&b, rest);
        }

        n = LLMB_TOKENS_BLOCK;
        valid = UINT64_MAX;

        if (b.special) {
            n = llmb_tokens_escapes(t, &b, &escape, &p, end);

            if (n == 0) {
                break;
            }

            if (n < LLMB_TOKENS_BLOCK) {
                valid = (1ULL << n) - 1;
            }

        } else {
            p += LLMB_TOKENS_BLOCK;
        }

        b.letters &= valid;
        b.digits &= valid;
        b.punct = valid & ~(b.letters | b.digits | b.spaces);

        t->weight += llmb_tokens_weigh(&b, &last);

        if (run | b.digits) {
            t->weight += LLMB_TOKENS_DIGITS
                         * llmb_tokens_threes(b.digits, &run, n);
        }

        last.letters = b.letters >> 63;
        last.lower = (b.letters & b.lower) >> 63;
        last.digits = b.digits >> 63;
        last.punct = b.punct >> 63;

    } while (n == LLMB_TOKENS_BLOCK && p < end);

    t->bytes += (size_t) (p - start);
    t->prev = (p == escape.end) ? escape.class
                                : (llmb_char_e) llmb_tokens_classes[p[-1]];
    t->run = run ? run - 1 : 0;

    return p;
}


static inline void
llmb_tokens_load(llmb_tokens_block_t *b, const uint8_t *p)
{
    __m128i  v0, v1, v2, v3, special;

    v0 = _mm_loadu_si128((const __m128i *) (const void *) p);
    v1 = _mm_loadu_si128((const __m128i *) (const void *) (p + 16));
    v2 = _mm_loadu_si128((const __m128i *) (const void *) (p + 32));
    v3 = _mm_loadu_si128((const __m128i *) (const void *) (p + 48));

    special = _mm_or_si128(_mm_or_si128(llmb_tokens_special(v0),
                                        llmb_tokens_special(v1)),
                           _mm_or_si128(llmb_tokens_special(v2),
                                        llmb_tokens_special(v3)));

    b->special = 0;

    if (_mm_movemask_epi8(special)) {
        b->special = llmb_tokens_mask(llmb_tokens_special);
    }

    b->letters = llmb_tokens_mask(llmb_tokens_letter);
    b->lower = llmb_tokens_mask(llmb_tokens_lower);
    b->digits = llmb_tokens_mask(llmb_tokens_digit);
    b->spaces = llmb_tokens_mask(llmb_tokens_space);
}


/*
 * Short escapes become two characters of the class of that which they stand
 * for.  These weigh as much as one; of punctuation, what is too much is taken
 * off here.  What is not ASCII and newlines become spaces, and their weight is
 * added here.  Returns how many characters come before the end of the text, or
 * before the escape of an ASCII character by its code, and moves *p behind
 * them; that may be behind the block, too.
 */

static size_t
llmb_tokens_escapes(llmb_tokens_t *t, llmb_tokens_block_t *b,
    llmb_tokens_escape_t *escape, const uint8_t **p, const uint8_t *end)
{
    size_t          n;
    uint32_t        c;
    uint64_t        bits;
    llmb_char_e     class;
    const uint8_t  *at, *start, *next;

    start = *p;

    do {
        n = (size_t) __builtin_ctzll(b->special);
        at = start + n;

        if (at == end) {
            *p = end;
            return n;
        }

        if (*at == '\\' && at[1] != 'u') {
            next = at + 2;
            bits = 3ULL << n;
            class = llmb_tokens_short(at[1]);

            t->bytes--;

            if (class == LLMB_CHAR_PUNCT) {
                t->weight -= (n < LLMB_TOKENS_BLOCK - 1)
                             ? LLMB_TOKENS_MORE_PUNCT : 0;

            } else {
                b->spaces |= bits;

                if (class == LLMB_CHAR_NEWLINE
                    && (escape->end != at || escape->class != class))
                {
                    t->weight += LLMB_TOKENS_NEWLINE;
                }
            }

        } else {
            next = llmb_json_char(at, &c);

            if (c < 0x80) {
                *p = at;
                return n;
            }

            bits = ((1ULL << (next - at)) - 1) << n;
            class = LLMB_CHAR_WIDE;

            t->bytes -= (size_t) (next - at);
            t->bytes += llmb_tokens_bytes(c);
            t->weight += llmb_tokens_wide(c);

            b->spaces |= bits;
            b->digits &= ~bits;
        }

        b->special &= ~bits;
        b->letters &= ~bits;

        escape->end = next;
        escape->class = class;

    } while (b->special);

    *p = llmb_max(start + LLMB_TOKENS_BLOCK, escape->end);

    return LLMB_TOKENS_BLOCK;
}


static inline llmb_char_e
llmb_tokens_short(uint8_t c)
{
    switch (c) {

    case 'n':
    case 'r':
        return LLMB_CHAR_NEWLINE;

    case 't':
        return LLMB_CHAR_SPACE;

    default:
        return LLMB_CHAR_PUNCT;
    }
}


/* but for further threes of digits in a run */

static inline uint64_t
llmb_tokens_weigh(const llmb_tokens_block_t *b, const llmb_tokens_block_t *last)
{
    uint64_t  weight, digits, camel;

    weight = llmb_tokens_count(llmb_tokens_begin(b->letters, last->letters))
                 * LLMB_TOKENS_WORD
             + llmb_tokens_count(llmb_tokens_begin(b->punct, last->punct))
                 * LLMB_TOKENS_MARK
             + llmb_tokens_count(b->punct) * LLMB_TOKENS_MORE_PUNCT;

    digits = llmb_tokens_begin(b->digits, last->digits);

    if (digits) {
        weight += llmb_tokens_count(digits) * LLMB_TOKENS_DIGITS;
    }

    camel = b->letters & ~b->lower
            & ((b->letters & b->lower) << 1 | last->lower);

    if (camel) {
        weight += llmb_tokens_count(camel) * LLMB_TOKENS_CAMEL;
    }

    return weight;
}


static inline unsigned
llmb_tokens_count(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;

    return (unsigned) (bits * 0x0101010101010101 >> 56);
}


/*
 * How many threes of digits begin among n characters, but for the first of each
 * run.  *run is how many digits there are before, and then at the end.
 */

static uint64_t
llmb_tokens_threes(uint64_t digits, uint64_t *run, size_t n)
{
    size_t    start, end;
    uint64_t  threes, before;

    threes = 0;
    before = *run;

    if (before == 0 && (digits & digits >> 1 & digits >> 2 & digits >> 3) == 0)
    {
        /* no run is longer than three, and of the last one more may follow */

        *run = (uint64_t) __builtin_clzll(~(digits << (64 - n)));

        return 0;
    }

    *run = 0;
    end = 0;

    while (digits) {
        start = (size_t) __builtin_ctzll(digits);
        digits |= (1ULL << start) - 1;
        end = (~digits) ? (size_t) __builtin_ctzll(~digits) : 64;

        if (start) {
            before = 0;
        }

        *run = before + end - start;

        threes += (*run - 1) / 3 - (before ? (before - 1) / 3 : 0);

        digits &= (end < 64) ? UINT64_MAX << end : 0;
    }

    if (end < n) {
        *run = 0;
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
