
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The expected numbers are sums of the weights, in 1/16 tokens, rounded.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "guard.h"
#include "llmb_tokens.h"


static uint32_t
estimate(const char *token)
{
    llmb_str_t  text;

    text.len = strlen(token);
    text.data = guard(0, token, text.len);

    return llmb_tokens_estimate(text);
}


/* of a text of n times the unit, in 1/16 tokens for each */

static double
weight(const char *unit)
{
    char        *p;
    size_t       i, n;
    llmb_str_t   text;

    static char  buf[1 << 20];

    n = 10000;
    p = buf;
    *p++ = '"';

    for (i = 0; i < n; i++) {
        memcpy(p, unit, strlen(unit));
        p += strlen(unit);
    }

    *p++ = '"';

    text.data = (uint8_t *) buf;
    text.len = (size_t) (p - buf);

    return 16.0 * llmb_tokens_estimate(text) / (double) n;
}


static void
check(const char *unit, unsigned expected)
{
    double  w = weight(unit);

    if (w < expected - 0.05 || w > expected + 0.05) {
        fail_msg("\"%s\" weighs %f, not %u", unit, w, expected);
    }
}


static void
an_empty_string_is_one_token(void **state)
{
    (void) state;

    assert_int_equal(estimate("\"\""), 1);
    assert_int_equal(estimate("\" \""), 1);
    assert_int_equal(estimate("\"a\""), 1);
}


static void
words_count_whatever_their_length(void **state)
{
    (void) state;

    check("a longer sentence of words ", 5 * 18);
    check("Capital LETTERS ", 2 * 18);
    check("camelCase ", 18 + 29);
    check("HTMLElement ", 18);
    check("aBcD ", 18 + 29 + 29);
}


static void
digits_count_by_threes(void **state)
{
    (void) state;

    check("abc 1 ", 18 + 20);
    check("abc 123 ", 18 + 20);
    check("abc 1234 ", 18 + 40);
    check("abc 123456 ", 18 + 40);
    check("abc 1234567 ", 18 + 60);
}


static void
punctuation_counts_by_runs(void **state)
{
    (void) state;

    check("word. ", 18 + 13);
    check("word... ", 18 + 13 + 4);
    check("a,b;", 2 * 18 + 2 * 13);
    check("~\x7f[]{}^` ab ", 18 + 13 + 14);
}


static void
newlines_count_by_runs_and_spaces_do_not(void **state)
{
    (void) state;

    check("word\\n", 18 + 4);
    check("word\\r\\n\\n", 18 + 4);
    check("word\\t \\t", 18);
    check("word    ", 18);
}


static void
scripts_have_their_own_weights(void **state)
{
    (void) state;

    check("\xe4\xb8\xad", 19);                  /* U+4E2D */
    check("\xe3\x90\x80", 19);                  /* U+3400 */
    check("\xf0\xa0\x80\x80", 19);              /* U+20000 */
    check("\xe3\x81\x82", 15);                  /* U+3042 */
    check("\xe3\x80\x82", 15);                  /* U+3002 */
    check("\xef\xbc\x81", 15);                  /* U+FF01 */
    check("\xea\xb0\x80", 20);                  /* U+AC00 */
    check("\xed\x9e\xa3", 20);                  /* U+D7A3 */
    check("\xd0\x96", 7);                       /* U+0416 */
    check("\xc3\x97", 8);                       /* U+00D7, not a letter */
    check("\xce\xb1", 8);                       /* U+03B1 */
    check("\xe2\x82\xac", 12);                  /* U+20AC */
    check("\xf0\x9f\x98\x80", 16);              /* U+1F600 */

    /* 42 is more than its bytes, so some that are lighter come along */

    check("\xc3\xa9 word ", 42 + 18);           /* U+00E9 */
    check("\xe1\xba\xa1 word ", 42 + 18);       /* U+1EA1 */
}


static void
escapes_count_as_what_they_stand_for(void **state)
{
    (void) state;

    check("\\u4e2d", 19);
    check("\\ud840\\udc00", 19);
    check("w\\u006frd ", 18);
    check("\\u0416", 7);
    check("word\\u000a", 18 + 4);
    check("word\\\" ", 18 + 13);
}


static void
there_are_never_more_tokens_than_bytes(void **state)
{
    (void) state;

    assert_int_equal(estimate("\"\xc3\xa9\xc3\xa9\xc3\xa9\""), 6);
    assert_int_equal(estimate("\"\\u00e9\""), 2);
    assert_int_equal(estimate("\"\\u00e9\\u00e9\""), 4);
    assert_int_equal(estimate("\"1a1a1a1a\""), 8);
}


/* the same for a text of pieces, one character after the other */

static uint32_t
one_by_one(const char *text)
{
    int          class, prev = ' ';
    unsigned     run = 0;
    uint32_t     weight = 0, bytes = 0;
    const char  *p;

    for (p = text; *p; p++) {
        class = (*p >= 'a' && *p <= 'z') ? 'a' : (*p >= 'A' && *p <= 'Z') ? 'A'
                : (*p >= '0' && *p <= '9') ? '0' : *p == ' ' ? ' ' : '.';

        if (strncmp(p, "\\u0416", 6) == 0) {
            weight += 7;
            bytes++;
            class = 'w';
            p += 5;

        } else if (*p == '\\') {
            p++;
            class = strchr("nr", *p) ? 'n' : (*p == 't') ? ' ' : '.';

            if (*p == 'u') {
                class = (p[4] == 'a') ? 'n' : (p[3] == '4') ? 'A' : '.';
                p += 4;
            }

        } else if ((uint8_t) *p >= 0x80) {

            /* of two bytes, those that begin with 0xd0 are Cyrillic */

            weight += 7;
            bytes++;
            class = 'w';
            p++;
        }

        bytes++;
        run = (class == prev) ? run + 1 : 0;

        switch (class) {

        case 'a':
            weight += (run || prev == 'A') ? 0 : 18;
            break;

        case 'A':
            weight += (prev == 'a') ? 29 : run ? 0 : 18;
            break;

        case '0':
            weight += (run % 3) ? 0 : 20;
            break;

        case '.':
            weight += run ? 2 : 13;
            break;

        case 'n':
            weight += run ? 0 : 4;
            break;
        }

        prev = class;
    }

    weight = (weight + 8) / 16;
    weight = weight < bytes ? weight : bytes;

    return weight ? weight : 1;
}


static void
texts_count_as_one_character_after_the_other(void **state)
{
    size_t    n, len, most;
    uint32_t  seed = 1;
    unsigned  i, kinds;
    char      text[1200], token[1203];

    static const char *const  pieces[] = {
        "a", "word", " ", ".", "1", "X", "2026", "\\n", "The", "HTML", "...",
        "12", "1234567890", "\\\"", "\xd0\x96", "~", "\x7f", "@", "[", "`", "{",
        "\\u0416", "\\u0041", "\\u000a", "\\u002e", "\\r", "\\b", "\\/",
        "/", ":", "\\t", "\\\\", "z", "Z", "0", "9", "A",
        " a sentence of several words, which has more than one block "
    };

    (void) state;

    for (i = 0; i < 40000; i++) {
        len = 0;
        seed = seed * 1664525 + 1013904223;
        most = 1 + (seed >> 8) % ((i % 50) ? 100 : 1000);
        kinds = 1 + (seed >> 20) % (sizeof(pieces) / sizeof(pieces[0]));

        while (len < most) {
            seed = seed * 1664525 + 1013904223;
            n = (seed >> 12) % kinds;
            memcpy(text + len, pieces[n], strlen(pieces[n]));
            len += strlen(pieces[n]);
        }

        text[len] = '\0';
        snprintf(token, sizeof(token), "\"%s\"", text);

        if (estimate(token) != one_by_one(text)) {
            fail_msg("%s: %u, not %u", token, estimate(token),
                     one_by_one(text));
        }
    }
}


static void
english_has_about_a_token_for_a_word(void **state)
{
    (void) state;

    /* cl100k_base: 8, 10 and 10 */

    assert_in_range(estimate("\"The quick brown fox jumps over the lazy\""),
                    7, 9);
    assert_in_range(estimate("\"The quick brown fox jumps over the lazy"
                             " dog.\""), 9, 11);
    assert_in_range(estimate("\"Hello, world! How are you doing today?\""),
                    9, 11);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_empty_string_is_one_token),
        cmocka_unit_test(words_count_whatever_their_length),
        cmocka_unit_test(digits_count_by_threes),
        cmocka_unit_test(punctuation_counts_by_runs),
        cmocka_unit_test(newlines_count_by_runs_and_spaces_do_not),
        cmocka_unit_test(scripts_have_their_own_weights),
        cmocka_unit_test(escapes_count_as_what_they_stand_for),
        cmocka_unit_test(there_are_never_more_tokens_than_bytes),
        cmocka_unit_test(texts_count_as_one_character_after_the_other),
        cmocka_unit_test(english_has_about_a_token_for_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
