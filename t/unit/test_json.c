
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The scanner.  Each document goes through it at once, cut in two at every
 * place, and byte by byte, always at the edge of a page and with all that it
 * has consumed wiped out; the tokens have to be the same.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "documents.h"
#include "guard.h"
#include "json_oracle.h"
#include "llmb_json.h"
#include "llmb_json_skip.h"


#define MAX_TOKENS  4096

#define count(a)  (sizeof(a) / sizeof((a)[0]))


typedef struct {
    llmb_json_t         js;
    unsigned            report;
    llmb_rc_e           rc;
    size_t              n;
    llmb_json_token_t   tokens[MAX_TOKENS];
} scan_t;


static void
scan_start(void *data)
{
    scan_t  *scan = data;

    scan->n = 0;
    scan->rc = LLMB_AGAIN;
    llmb_json_init(&scan->js, scan->report);
}


static void
scan_feed(void *data, const uint8_t *base, size_t len, unsigned last)
{
    scan_t  *scan = data;

    if (scan->rc != LLMB_AGAIN) {
        return;
    }

    do {
        assert_true(scan->n < MAX_TOKENS);

        scan->rc = llmb_json_next(&scan->js, base, len, last,
                                  &scan->tokens[scan->n]);

        assert_true(scan->js.pos <= len);
        assert_true(scan->rc != LLMB_AGAIN || scan->js.pos == len);
        assert_true(scan->rc != LLMB_AGAIN || !last);

    } while (scan->rc == LLMB_OK
             && scan->tokens[scan->n++].type != LLMB_JSON_END);
}


static size_t
scan_pos(void *data)
{
    scan_t  *scan = data;

    return scan->js.pos;
}


static void
scan_whole(scan_t *scan, llmb_str_t text, unsigned report)
{
    scan->report = report;
    scan_start(scan);
    scan_feed(scan, guard(3, text.data, text.len), text.len, 1);
}


/* what is the same however the text was cut */

static scan_t  whole, parts;


static void
scan_compare(void *data)
{
    size_t                    i;
    const llmb_json_token_t  *a, *b;

    (void) data;

    assert_int_equal(parts.rc, whole.rc);

    /* a fault may be found later, when more tokens have been told */

    if (whole.rc == LLMB_OK) {
        assert_int_equal(parts.n, whole.n);
    }

    for (i = 0; i < llmb_min(parts.n, whole.n); i++) {
        a = &parts.tokens[i];
        b = &whole.tokens[i];

        assert_int_equal(a->type, b->type);
        assert_int_equal(a->depth, b->depth);
        assert_int_equal(a->start, b->start);
        assert_int_equal(a->end, b->end);
    }
}


static const feeder_t  scanner = {
    &parts, scan_start, scan_feed, scan_pos, scan_compare
};


/* the same tokens from all partitions; those at report depth of all */

static void
check_splits(llmb_str_t text)
{
    unsigned  report;

    for (report = 0; report < 5; report++) {
        scan_whole(&whole, text, report);
        parts.report = report;
        EVERY_SPLIT(text, &scanner);
    }
}


static void
check_against_oracle(llmb_str_t text)
{
    size_t     i;
    json_t    *value;
    unsigned   silent;
    oracle_t   o;

    scan_whole(&whole, text, LLMB_JSON_MAX_DEPTH);

    value = oracle_read(text, &silent);

    if (silent) {
        return;
    }

    if ((value != NULL) != (whole.rc == LLMB_OK)) {
        fail_msg("jansson differs about \"%.*s\"", (int) text.len,
                 (const char *) text.data);
    }

    if (value) {
        oracle_init(&o);

        for (i = 0; i < whole.n; i++) {
            oracle_token(&o, &whole.tokens[i], text.data);
        }

        if (!o.silent && !json_equal(value, o.root)) {
            fail_msg("jansson reads \"%.*s\" otherwise", (int) text.len,
                     (const char *) text.data);
        }

        oracle_destroy(&o);
        json_decref(value);
    }
}


static void
valid_documents_are_accepted_however_they_are_cut(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < count(valid); i++) {
        scan_whole(&whole, valid[i], 0);

        if (whole.rc != LLMB_OK) {
            fail_msg("refused: %s", (const char *) valid[i].data);
        }

        check_splits(valid[i]);
    }
}


static void
invalid_documents_are_refused_however_they_are_cut(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < count(invalid); i++) {
        scan_whole(&whole, invalid[i], 0);

        if (whole.rc != LLMB_INVALID) {
            fail_msg("accepted: %s", (const char *) invalid[i].data);
        }

        check_splits(invalid[i]);
    }
}


static void
tokens_are_what_jansson_reads(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < count(valid); i++) {
        check_against_oracle(valid[i]);
    }

    for (i = 0; i < count(invalid); i++) {
        check_against_oracle(invalid[i]);
    }
}


static void
a_document_cut_off_is_invalid_only_if_no_more_comes(void **state)
{
    size_t      i;
    llmb_str_t  text;

    (void) state;

    for (i = 0; i < count(valid); i++) {
        text = valid[i];

        if (text.data[0] != '{' && text.data[0] != '[') {
            continue;
        }

        for (text.len = 0; text.len < valid[i].len - 2; text.len++) {
            scan_whole(&whole, text, LLMB_JSON_MAX_DEPTH);
            assert_int_equal(whole.rc, LLMB_INVALID);

            scan_start(&whole);
            scan_feed(&whole, GUARD(text), text.len, 0);
            assert_int_equal(whole.rc, LLMB_AGAIN);
        }
    }
}


/* "type depth start-end", for each token */

static void
check_trace(const char *text, unsigned report, const char *expected)
{
    char                     *p, trace[1024];
    size_t                    i;
    llmb_str_t                doc;
    const llmb_json_token_t  *tok;

    static const char         types[] = "{}[]ksntfz.";

    doc.data = (const uint8_t *) text;
    doc.len = strlen(text);

    scan_whole(&whole, doc, report);

    p = trace;

    for (i = 0; i < whole.n; i++) {
        tok = &whole.tokens[i];
        p += sprintf(p, "%s%c%u %d-%d", i ? ", " : "", types[tok->type],
                     tok->depth, (int) tok->start, (int) tok->end);
    }

    *p = '\0';

    assert_string_equal(trace, expected);
}


static void
tokens_tell_type_depth_and_place(void **state)
{
    (void) state;

    check_trace(" {\"a\" : [1, \"b\",true],\"c\":{}} ", 64,
                "{0 1-2, k1 2-5, [1 8-9, n2 9-10, s2 12-15, t2 16-20, "
                "]1 20-21, k1 22-25, {1 26-27, }1 27-28, }0 28-29, .0 30-30");
    check_trace("false", 0, "f0 0-5, .0 5-5");
    check_trace("-12.5e3", 0, "n0 0-7, .0 7-7");
    check_trace("[null]", 1, "[0 0-1, z1 1-5, ]0 5-6, .0 6-6");
}


static void
tokens_below_the_report_depth_are_not_told(void **state)
{
    static const char  text[] = "{\"a\":[1,{\"b\":[2]}],\"c\":3}";

    (void) state;

    check_trace(text, 0, "{0 0-1, }0 24-25, .0 25-25");
    check_trace(text, 1, "{0 0-1, k1 1-4, [1 5-6, ]1 17-18, k1 19-22, "
                         "n1 23-24, }0 24-25, .0 25-25");
    check_trace(text, 2, "{0 0-1, k1 1-4, [1 5-6, n2 6-7, {2 8-9, }2 16-17, "
                         "]1 17-18, k1 19-22, n1 23-24, }0 24-25, .0 25-25");
}


static void
the_report_depth_may_be_changed_on_the_way(void **state)
{
    llmb_json_t         js;
    llmb_json_token_t   tok;

    static llmb_str_t   text = llmb_string("[[1,[2]],[3]]");

    (void) state;

    llmb_json_init(&js, 1);

    assert_int_equal(llmb_json_next(&js, text.data, text.len, 1, &tok), 0);
    assert_int_equal(llmb_json_next(&js, text.data, text.len, 1, &tok), 0);
    assert_int_equal(llmb_json_next(&js, text.data, text.len, 1, &tok), 0);
    assert_int_equal(tok.type, LLMB_JSON_ARRAY_END);
    assert_int_equal(tok.end, 8);

    js.report = 2;

    assert_int_equal(llmb_json_next(&js, text.data, text.len, 1, &tok), 0);
    assert_int_equal(llmb_json_next(&js, text.data, text.len, 1, &tok), 0);
    assert_int_equal(tok.type, LLMB_JSON_NUMBER);
    assert_int_equal(tok.depth, 2);
}


static void
a_number_at_the_top_is_over_when_the_text_is(void **state)
{
    llmb_json_t         js;
    llmb_json_token_t   tok;

    static llmb_str_t   text = llmb_string("123 ");

    (void) state;

    llmb_json_init(&js, 0);

    assert_int_equal(llmb_json_next(&js, text.data, 2, 0, &tok), LLMB_AGAIN);
    assert_int_equal(llmb_json_next(&js, text.data, 3, 0, &tok), LLMB_AGAIN);
    assert_int_equal(llmb_json_next(&js, text.data, 3, 1, &tok), LLMB_OK);
    assert_int_equal(tok.type, LLMB_JSON_NUMBER);
    assert_int_equal(tok.end, 3);
    assert_int_equal(llmb_json_next(&js, text.data, 3, 1, &tok), LLMB_OK);
    assert_int_equal(tok.type, LLMB_JSON_END);

    llmb_json_init(&js, 0);

    assert_int_equal(llmb_json_next(&js, text.data, 4, 0, &tok), LLMB_OK);
    assert_int_equal(tok.end, 3);
    assert_int_equal(llmb_json_next(&js, text.data, 4, 0, &tok), LLMB_AGAIN);
}


static void
sixty_four_containers_are_the_limit_and_it_is_final(void **state)
{
    unsigned     n;
    uint8_t      text[2 * 65];
    llmb_str_t   doc;

    (void) state;

    doc.data = text;

    for (n = 63; n <= 65; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        doc.len = 2 * n;

        scan_whole(&whole, doc, n % 2 ? 0 : LLMB_JSON_MAX_DEPTH);
        assert_int_equal(whole.rc, n <= 64 ? LLMB_OK : LLMB_LIMIT);

        check_splits(doc);
    }

    assert_int_equal(llmb_json_next(&whole.js, text, doc.len, 1,
                                    &whole.tokens[0]),
                     LLMB_LIMIT);
}


static void
objects_and_arrays_may_mix_down_to_the_limit(void **state)
{
    unsigned     i;
    size_t       len;
    uint8_t      text[1024];
    llmb_str_t   doc;

    (void) state;

    len = 0;

    for (i = 0; i < 64; i++) {
        memcpy(text + len, i % 3 ? "[" : "{\"\":", i % 3 ? 1 : 4);
        len += i % 3 ? 1 : 4;
    }

    text[len++] = '0';

    while (i--) {
        text[len++] = i % 3 ? ']' : '}';
    }

    doc.data = text;
    doc.len = len;

    scan_whole(&whole, doc, LLMB_JSON_MAX_DEPTH);
    assert_int_equal(whole.rc, LLMB_OK);
    check_splits(doc);
}


static void
an_error_is_final(void **state)
{
    size_t             i;
    llmb_json_token_t  tok;

    (void) state;

    for (i = 0; i < count(invalid); i++) {
        scan_whole(&whole, invalid[i], LLMB_JSON_MAX_DEPTH);

        assert_int_equal(llmb_json_next(&whole.js, invalid[i].data,
                                        invalid[i].len, 0, &tok),
                         LLMB_INVALID);
    }
}


static void
the_fault_is_near_the_position(void **state)
{
    static llmb_str_t  text = llmb_string("{\"a\": [1, 2, x, 3]}");

    (void) state;

    scan_whole(&whole, text, 0);
    assert_int_equal(whole.js.pos, 13);
}


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
        cmocka_unit_test(valid_documents_are_accepted_however_they_are_cut),
        cmocka_unit_test(invalid_documents_are_refused_however_they_are_cut),
        cmocka_unit_test(tokens_are_what_jansson_reads),
        cmocka_unit_test(a_document_cut_off_is_invalid_only_if_no_more_comes),
        cmocka_unit_test(tokens_tell_type_depth_and_place),
        cmocka_unit_test(tokens_below_the_report_depth_are_not_told),
        cmocka_unit_test(the_report_depth_may_be_changed_on_the_way),
        cmocka_unit_test(a_number_at_the_top_is_over_when_the_text_is),
        cmocka_unit_test(sixty_four_containers_are_the_limit_and_it_is_final),
        cmocka_unit_test(objects_and_arrays_may_mix_down_to_the_limit),
        cmocka_unit_test(an_error_is_final),
        cmocka_unit_test(the_fault_is_near_the_position),
        cmocka_unit_test(short_texts_in_an_array_are_what_jansson_reads),
        cmocka_unit_test(numbers_that_are_skipped_obey_the_grammar),
        cmocka_unit_test(the_usual_arrays_are_skipped_to_the_end),
        cmocka_unit_test(every_byte_is_seen_at_every_place),
        cmocka_unit_test(every_character_may_be_in_a_string_and_no_surrogate),
        cmocka_unit_test(utf8_is_what_jansson_takes_for_it),
        cmocka_unit_test(every_u_escape_is_its_character),
        cmocka_unit_test(a_string_is_a_text_if_its_decoded_bytes_are),
        cmocka_unit_test(strings_are_ordered_by_their_decoded_bytes),
        cmocka_unit_test(whole_numbers_up_to_two_to_the_53rd_are_integers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
