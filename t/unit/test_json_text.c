
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What strings and numbers mean that the scanner has found valid.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "json_scan.h"
#include "llmb_json_text.h"


static void
every_character_may_be_in_a_string_and_no_surrogate(void **state)
{
    size_t       n;
    uint8_t      text[8], out[8];
    uint32_t     c, back;
    llmb_str_t   doc;

    (void) state;

    doc.data = text;
    text[0] = '"';

    for (c = 0x80; c < 0x120000; c++) {
        n = llmb_json_encode(c, text + 1);
        text[n + 1] = '"';
        doc.len = n + 2;

        scan_whole(&whole, doc, 0);

        if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) {
            assert_int_equal(whole.rc, LLMB_INVALID);
            continue;
        }

        assert_int_equal(whole.rc, LLMB_OK);
        assert_ptr_equal(llmb_json_char(text + 1, &back), text + n + 1);
        assert_int_equal(back, c);
        assert_int_equal(llmb_json_decode(doc, out), n);
        assert_memory_equal(out, text + 1, n);
    }
}


static void
every_u_escape_is_its_character(void **state)
{
    size_t        n;
    uint8_t       out[16], expected[4];
    uint32_t      c, low, back;
    char          text[16];
    llmb_str_t    doc;

    (void) state;

    doc.data = (uint8_t *) text;
    doc.len = 8;

    for (c = 0; c < 0x10000; c++) {
        sprintf(text, c % 2 ? "\"\\u%04x\"" : "\"\\u%04X\"", c);
        scan_whole(&whole, doc, 0);

        if (c >= 0xd800 && c <= 0xdfff) {
            assert_int_equal(whole.rc, LLMB_INVALID);
            continue;
        }

        n = llmb_json_encode(c, expected);

        assert_int_equal(whole.rc, LLMB_OK);
        assert_int_equal(llmb_json_decode(doc, out), n);
        assert_memory_equal(out, expected, n);
    }

    doc.len = 14;

    for (c = 0x10000; c < 0x110000; c += 0x3ff) {
        low = c - 0x10000;
        sprintf(text, "\"\\u%04x\\u%04X\"", 0xd800 + (low >> 10),
                0xdc00 + (low & 0x3ff));

        scan_whole(&whole, doc, 0);
        assert_int_equal(whole.rc, LLMB_OK);
        assert_ptr_equal(llmb_json_char(doc.data + 1, &back), doc.data + 13);
        assert_int_equal(back, c);
    }
}


static llmb_str_t
str(const char *s)
{
    llmb_str_t  text;

    text.data = (const uint8_t *) s;
    text.len = strlen(s);

    return text;
}


static void
a_string_is_a_text_if_its_decoded_bytes_are(void **state)
{
    (void) state;

    assert_true(llmb_json_is(str("\"input\""), str("input")));
    assert_true(llmb_json_is(str("\"in\\u0070ut\""), str("input")));
    assert_true(llmb_json_is(str("\"\\u20ac\""), str("\xe2\x82\xac")));
    assert_true(llmb_json_is(str("\"\""), str("")));
    assert_true(llmb_json_is(str("\"a\\\\b\""), str("a\\b")));

    assert_false(llmb_json_is(str("\"a\\b\""), str("a\\b")));
    assert_false(llmb_json_is(str("\"input\""), str("inpu")));
    assert_false(llmb_json_is(str("\"inpu\""), str("input")));
    assert_false(llmb_json_is(str("\"Input\""), str("input")));
    assert_false(llmb_json_is(str("\"\""), str("a")));
    assert_false(llmb_json_is(str("\"\\u20ac\""), str("\xe2\x82")));
}


static void
strings_are_ordered_by_their_decoded_bytes(void **state)
{
    size_t                    i, j;
    int                       order;

    /* in order */

    static const char *const  strings[] = {
        "\"\"", "\"\\u0000\"", "\"\\u0000a\"", "\"\\n\"", "\"A\"", "\"AB\"",
        "\"\\\\\"", "\"a\"", "\"a\\u0061\"", "\"ab\"", "\"b\"", "\"\\u00e9\"",
        "\"\xe2\x82\xac\"", "\"\\uffff\"", "\"\\ud83d\\ude00\""
    };

    (void) state;

    for (i = 0; i < count(strings); i++) {
        for (j = 0; j < count(strings); j++) {
            order = llmb_json_cmp(str(strings[i]), str(strings[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }

    assert_int_equal(llmb_json_cmp(str("\"\\u0061\\/\""), str("\"a/\"")), 0);
}


static void
whole_numbers_up_to_two_to_the_53rd_are_integers(void **state)
{
    size_t                    i;
    uint64_t                  value;

    static const char *const  others[] = {
        "-1", "-0", "1.0", "1e0", "1E2", "0.5", "9007199254740992",
        "10000000000000000", "18446744073709551616", "99999999999999999999"
    };

    (void) state;

    assert_int_equal(llmb_json_uint(str("0"), &value), LLMB_OK);
    assert_int_equal(value, 0);
    assert_int_equal(llmb_json_uint(str("42"), &value), LLMB_OK);
    assert_int_equal(value, 42);
    assert_int_equal(llmb_json_uint(str("9007199254740991"), &value), LLMB_OK);
    assert_true(value == 9007199254740991);

    for (i = 0; i < count(others); i++) {
        assert_int_equal(llmb_json_uint(str(others[i]), &value), LLMB_INVALID);
    }

    assert_int_equal(llmb_json_uint(str(""), &value), LLMB_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_character_may_be_in_a_string_and_no_surrogate),
        cmocka_unit_test(every_u_escape_is_its_character),
        cmocka_unit_test(a_string_is_a_text_if_its_decoded_bytes_are),
        cmocka_unit_test(strings_are_ordered_by_their_decoded_bytes),
        cmocka_unit_test(whole_numbers_up_to_two_to_the_53rd_are_integers)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
