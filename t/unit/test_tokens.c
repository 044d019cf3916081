
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
        cmocka_unit_test(english_has_about_a_token_for_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
