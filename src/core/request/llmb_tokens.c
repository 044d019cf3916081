
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


#include "llmb_tokens.h"
#include "llmb_json_text.h"


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


static uint32_t llmb_tokens_ascii(llmb_char_e class, llmb_char_e prev,
    uint32_t run);
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
    size_t          bytes;
    uint32_t        c, run;
    uint64_t        weight;
    llmb_char_e     class, prev;
    const uint8_t  *p, *end, *word;

    p = token.data + 1;
    end = token.data + token.len - 1;

    bytes = 0;
    weight = 0;
    run = 0;
    prev = LLMB_CHAR_NONE;

    while (p < end) {
        c = *p;

        if (c >= 0x80 || c == '\\') {
            p = llmb_json_char(p, &c);

        } else {
            p++;
        }

        class = (c < 0x80) ? (llmb_char_e) llmb_tokens_classes[c]
                           : LLMB_CHAR_WIDE;
        run = (class == prev) ? run + 1 : 0;

        if (class == LLMB_CHAR_WIDE) {
            weight += llmb_tokens_wide(c);
            bytes += llmb_tokens_bytes(c);

        } else {
            weight += llmb_tokens_ascii(class, prev, run);
            bytes++;
        }

        prev = class;

        if (class == LLMB_CHAR_LOWER) {

            /* most of a text is this: letters that add nothing to a word */

            for (word = p; p < end && *p >= 'a' && *p <= 'z'; p++) {
                /* void */
            }

            bytes += (size_t) (p - word);
        }
    }

    weight = (weight + 8) / 16;
    weight = llmb_min(weight, bytes);
    weight = llmb_min(weight, UINT32_MAX);

    return (uint32_t) llmb_max(weight, 1);
}


/* "run" is how many of the class come directly before it */

static uint32_t
llmb_tokens_ascii(llmb_char_e class, llmb_char_e prev, uint32_t run)
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
