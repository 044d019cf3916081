
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The scanner: which texts are JSON, and what is told of their tokens.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "documents.h"
#include "json_scan.h"


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
        cmocka_unit_test(the_fault_is_near_the_position)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
