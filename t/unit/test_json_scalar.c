
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The scanner within strings and numbers, in the fast loops and in the states:
 * every byte at every place.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "json_scan.h"
#include "llmb_json_skip.h"


/* all texts of five of these bytes, where the loops for numbers read them */

static void
short_texts_in_an_array_are_what_jansson_reads(void **state)
{
    unsigned            i, j, n;
    uint8_t             text[80];
    llmb_rc_e           rc;
    llmb_str_t          doc;

    static const char   bytes[] = "-01.e+, ";

    (void) state;

    memset(text, '1', sizeof(text));
    text[0] = '[';
    text[6] = ',';
    text[sizeof(text) - 1] = ']';

    doc.data = text;
    doc.len = sizeof(text);

    /* the tail is too long a number for jansson if it is one */

    memcpy(text + 60, ",2,3", 4);
    memcpy(text + 30, ",2,3", 4);
    memcpy(text + 45, ",2,3", 4);
    memcpy(text + 18, ",2,3", 4);

    for (i = 0; i < 8 * 8 * 8 * 8 * 8; i++) {

        for (j = 1, n = i; j <= 5; j++, n /= 8) {
            text[j] = (uint8_t) bytes[n % 8];
        }

        check_against_oracle(doc);

        rc = whole.rc;
        scan_whole(&whole, doc, 0);
        assert_int_equal(rc, whole.rc);
    }
}


static void
numbers_that_are_skipped_obey_the_grammar(void **state)
{
    size_t       i, len;
    uint8_t      text[256];
    llmb_rc_e    rc;
    llmb_str_t   doc;

    static const llmb_str_t  numbers[] = {
        llmb_string("1234567890123456"),
        llmb_string("12345678901234567"),
        llmb_string("01234567890123456"),
        llmb_string("-01234567890123456"),
        llmb_string("123456789012345678901234567890123456789012345678901234"
                    "5678901234567890"),
        llmb_string("0.123456789012345"),
        llmb_string("0.1234567890123456"),
        llmb_string("0.12345678901234567"),
        llmb_string("0.12345678901234567890123456789012"),
        llmb_string("0.123456789012345678901234567890123"),
        llmb_string("0.1234567890123456x"),
        llmb_string("0.12345678901234567890123456789012x"),
        llmb_string("0."),
        llmb_string("-0."),
        llmb_string("0.e1"),
        llmb_string("0.1e"),
        llmb_string("0.1e5"),
        llmb_string("0.1E-05"),
        llmb_string("0.1e+"),
        llmb_string("1.5e"),
        llmb_string("12.5"),
        llmb_string("12.5e17"),
        llmb_string("00.5"),
        llmb_string("0.5/"),
        llmb_string("0.5:"),
        llmb_string("0.\xb1"),
        llmb_string("0.5\xb1"),
        llmb_string("-"),
        llmb_string("\x0b" "1"),
        llmb_string("1\x0b"),
        llmb_string(" \x0b" "1"),
        llmb_string("\t1"),
        llmb_string("\r\n\t         \t         1"),
        llmb_string("\n                                       \v1"),
        llmb_string("1 "),
        llmb_string("\"1\""),
        llmb_string("x")
    };

    (void) state;

    doc.data = text;

    for (i = 0; i < count(numbers); i++) {
        len = 0;
        text[len++] = '[';
        memcpy(text + len, numbers[i].data, numbers[i].len);
        len += numbers[i].len;

        while (len < 150) {
            memcpy(text + len, ",0.5", 4);
            len += 4;
        }

        text[len++] = ']';
        doc.len = len;

        check_against_oracle(doc);

        /* the state machine alone, then with the loops */

        scan_whole(&whole, doc, LLMB_JSON_MAX_DEPTH);
        rc = whole.rc;
        scan_whole(&whole, doc, 0);
        assert_int_equal(whole.rc, rc);

        check_splits(doc);
    }
}


/* what makes the difference between these loops and the states is speed */

static void
the_usual_arrays_are_skipped_to_the_end(void **state)
{
    size_t                    i, n, len;
    uint8_t                   text[2048];
    const uint8_t            *p;

    static const char *const  elements[] = {
        "0.0123,", "-0.5,", "0.012345678901234567,", "0.0001,", "0.0,", "1,",
        "0,", "-128,", "101,", "12.5,", "1e-05,", "-9.5e-07,",
        "0.12345678901234567890123456789012345,", " 0.25,", "\n        0.5,",
        "\r\n\t0.5,"
    };

    (void) state;

    for (i = 0; i < count(elements); i++) {
        n = strlen(elements[i]);

        for (len = 0; len + n <= sizeof(text); len += n) {
            memcpy(text + len, elements[i], n);
        }

        p = guard(0, text, len);

        assert_in_range(llmb_json_skip_numbers(p, p + len) - p, len - 128,
                        len);
    }
}


/* one odd byte at each place of a string and of white space */

static void
every_byte_is_seen_at_every_place(void **state)
{
    unsigned     i, c, good;
    uint8_t      text[152];
    llmb_str_t   doc;

    (void) state;

    doc.data = text;
    doc.len = sizeof(text);

    for (i = 1; i < sizeof(text) - 1; i++) {
        for (c = 0; c < 256; c++) {
            memset(text, 'a', sizeof(text));
            text[0] = text[sizeof(text) - 1] = '"';
            text[i] = (uint8_t) c;

            good = c >= ' ' && c < 0x80 && c != '"' && c != '\\';

            scan_whole(&whole, doc, 0);
            assert_int_equal(whole.rc, good ? LLMB_OK : LLMB_INVALID);
            assert_true(good || whole.js.pos <= i + 2);

            memset(text, c % 2 ? ' ' : '\n', sizeof(text));
            text[0] = '[';
            text[sizeof(text) - 1] = ']';
            text[i] = (uint8_t) c;

            good = c == ' ' || c == '\n' || c == '\r' || c == '\t'
                   || (c >= '0' && c <= '9');

            scan_whole(&whole, doc, 0);
            assert_int_equal(whole.rc, good ? LLMB_OK : LLMB_INVALID);
        }
    }
}


static void
utf8_is_what_jansson_takes_for_it(void **state)
{
    unsigned             a, b, c;
    uint8_t              text[6];
    llmb_str_t           doc;

    static const uint8_t  tail[] = { 0x00, '"', 0x7f, 0x80, 0xbf, 0xc0 };

    (void) state;

    doc.data = text;
    text[0] = '"';

    for (a = 0x80; a < 0x100; a++) {
        for (b = 0; b < 0x100; b++) {
            for (c = 0; c < 2 * count(tail); c++) {
                text[1] = (uint8_t) a;
                text[2] = (uint8_t) b;
                text[3] = tail[c / 2];
                text[4] = (c % 2) ? 0x80 : '"';
                text[5] = '"';
                doc.len = 5 + c % 2;

                check_against_oracle(doc);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(short_texts_in_an_array_are_what_jansson_reads),
        cmocka_unit_test(numbers_that_are_skipped_obey_the_grammar),
        cmocka_unit_test(the_usual_arrays_are_skipped_to_the_end),
        cmocka_unit_test(every_byte_is_seen_at_every_place),
        cmocka_unit_test(utf8_is_what_jansson_takes_for_it)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
