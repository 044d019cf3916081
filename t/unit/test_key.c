
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "buffer.h"
#include "guard.h"
#include "llmb_key.h"


#define count(a)  (sizeof(a) / sizeof((a)[0]))


typedef struct {
    const char  *json;
    const char  *canonical;
} pair_t;


/* as many spans as a test has */

#define MAX_SKIPS  8


static uint8_t   memory[1 << 20];
static buffer_t  out;


static llmb_rc_e
canonical(llmb_str_t json, const llmb_span_t *skip, unsigned nskip)
{
    llmb_sink_t   sink;
    llmb_arena_t  scratch;

    free(out.data);
    sink = buffer_sink(&out);

    scratch.pos = memory;
    scratch.end = memory + sizeof(memory);

    return llmb_key_canonical(json, skip, nskip, scratch, &sink);
}


static void
check_spans(const char *json, const llmb_span_t *skip, unsigned nskip,
    const char *expected)
{
    llmb_str_t  text;

    text.len = strlen(json);
    text.data = guard(0, json, text.len);

    assert_int_equal(canonical(text, skip, nskip), LLMB_OK);

    if (out.len != strlen(expected)
        || (out.len && memcmp(out.data, expected, out.len) != 0))
    {
        fail_msg("%s: %.*s", json, (int) out.len, (const char *) out.data);
    }
}


/* of one character each */

static void
check_skips(const char *json, const size_t *skip, unsigned nskip,
    const char *expected)
{
    unsigned     i;
    llmb_span_t  spans[MAX_SKIPS];

    for (i = 0; i < nskip; i++) {
        spans[i].start = skip[i];
        spans[i].end = skip[i] + (skip[i] != SIZE_MAX);
    }

    check_spans(json, spans, nskip, expected);
}


static void
check_skip(const char *json, size_t skip, const char *expected)
{
    check_skips(json, &skip, 1, expected);
}


static void
check(const pair_t *pairs, size_t n)
{
    while (n--) {
        check_skips(pairs[n].json, NULL, 0, pairs[n].canonical);
    }
}


static void
white_space_is_dropped(void **state)
{
    static const pair_t  pairs[] = {
        { " { } ", "{}" },
        { "\n[ ]\t", "[]" },
        { " \"a b\" ", "\"a b\"" },
        { "{ \"a\" :\r\n [ 1 , true , null ] , \"b\" : { } }",
          "{\"a\":[1,true,null],\"b\":{}}" },
        { "[ [ 1 , 2 ] , { \"a\" : 1 } , 3 ]", "[[1,2],{\"a\":1},3]" },
        { " 1 ", "1" },
        { "[                                   1                         ]",
          "[1]" }
    };

    (void) state;

    check(pairs, count(pairs));
}


static void
members_are_ordered_by_their_decoded_names(void **state)
{
    static const pair_t  pairs[] = {
        { "{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}" },
        { "{\"b\":1,\"\\u0061\":2}", "{\"a\":2,\"b\":1}" },
        { "{\"ab\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"ab\":1}" },
        { "{\"c\":{\"y\":1,\"x\":[{\"q\":1,\"p\":2}]},\"b\":{\"z\":3}}",
          "{\"b\":{\"z\":3},\"c\":{\"x\":[{\"p\":2,\"q\":1}],\"y\":1}}" },
        { "[{\"b\":1,\"a\":{\"d\":1,\"c\":2}},{\"f\":1,\"e\":2}]",
          "[{\"a\":{\"c\":2,\"d\":1},\"b\":1},{\"e\":2,\"f\":1}]" },
        { "{\"b\":[{},{\"d\":1,\"c\":2},{}],\"a\":{}}",
          "{\"a\":{},\"b\":[{},{\"c\":2,\"d\":1},{}]}" },
        { "{\"\xc3\xa9\":1,\"z\":2,\"\xf0\x9f\x98\x80\":3,\"\\uffff\":4}",
          "{\"z\":2,\"\xc3\xa9\":1,\"\xef\xbf\xbf\":4,"
          "\"\xf0\x9f\x98\x80\":3}" }
    };

    (void) state;

    check(pairs, count(pairs));
}


static void
equal_names_keep_their_order(void **state)
{
    static const pair_t  pairs[] = {
        { "{\"a\":2,\"a\":1}", "{\"a\":2,\"a\":1}" },
        { "{\"b\":0,\"a\":3,\"\\u0061\":2,\"a\":1,\"A\":9}",
          "{\"A\":9,\"a\":3,\"a\":2,\"a\":1,\"b\":0}" },
        { "{\"a\":1,\"a\":2,\"a\":3,\"a\":4,\"a\":5,\"a\":6,\"a\":7}",
          "{\"a\":1,\"a\":2,\"a\":3,\"a\":4,\"a\":5,\"a\":6,\"a\":7}" }
    };

    (void) state;

    check(pairs, count(pairs));
}


static void
strings_have_the_fewest_escapes(void **state)
{
    static const pair_t  pairs[] = {
        { "\"\\u0041\\/\\u00e9\\u20ac\\ud83d\\ude00\"",
          "\"A/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "\"\\\"\\\\\\u0022\\u005c\"", "\"\\\"\\\\\\\"\\\\\"" },
        { "\"\\b\\f\\n\\r\\t\"", "\"\\b\\f\\n\\r\\t\"" },
        { "\"\\u0008\\u000c\\u000A\\u000d\\u0009\"", "\"\\b\\f\\n\\r\\t\"" },
        { "\"\\u0000\\u001F\\u000b\\u000e\\u0007\"",
          "\"\\u0000\\u001f\\u000b\\u000e\\u0007\"" },
        { "\"\\u007f\"", "\"\x7f\"" },
        { "\"tail after \\n an escape\"", "\"tail after \\n an escape\"" },
        { "{\"\\u0022\":\"\\u0061\"}", "{\"\\\"\":\"a\"}" }
    };

    (void) state;

    check(pairs, count(pairs));
}


static void
the_text_of_numbers_is_kept(void **state)
{
    static const pair_t  pairs[] = {
        { "[1, 1.0, 1e0, 1E0, -0, 0.10, 1e+2]",
          "[1,1.0,1e0,1E0,-0,0.10,1e+2]" },
        { "123456789012345678901234567890", "123456789012345678901234567890" }
    };

    (void) state;

    check(pairs, count(pairs));
}


static void
the_value_at_the_offset_is_left_out(void **state)
{
    static const char  text[] = "{\"model\":\"m\",\"input\":[1,{\"z\":{}}],"
                               "\"dimensions\":5}";

    (void) state;

    check_skip(text, 21, "{\"dimensions\":5,\"input\":,\"model\":\"m\"}");
    check_skip(text, 9, "{\"dimensions\":5,\"input\":[1,{\"z\":{}}],"
                        "\"model\":}");
    check_skip(text, 47, "{\"dimensions\":,\"input\":[1,{\"z\":{}}],"
                         "\"model\":\"m\"}");

    check_skip("{\"a\":1}", 5, "{\"a\":}");
    check_skip("{ \"a\" : 1 }", 8, "{\"a\":}");
    check_skip("{\"a\":{\"b\":1},\"c\":2}", 5, "{\"a\":,\"c\":2}");
    check_skip("{\"c\":[{\"x\":1}],\"b\":{\"f\":1,\"e\":2},\"a\":[{}]}", 5,
               "{\"a\":[{}],\"b\":{\"e\":2,\"f\":1},\"c\":}");
    check_skip("{\"b\":\"x\\\"{\",\"a\":\"{\"}", 5, "{\"a\":\"{\",\"b\":}");
}


static void
at_any_depth(void **state)
{
    (void) state;

    check_skip("{\"a\":{\"b\":1}}", 10, "{\"a\":{\"b\":}}");
    check_skip("[{\"b\":1}]", 6, "[{\"b\":}]");
    check_skip("[{\"b\":1},{\"d\":1,\"c\":2}]", 1, "[,{\"c\":2,\"d\":1}]");
    check_skip("[{\"d\":1,\"c\":2},{\"b\":1}]", 15, "[{\"c\":2,\"d\":1},]");
    check_skip("{\"shape\":[12, 3]}", 10, "{\"shape\":[,3]}");
    check_skip("{\"shape\":[ 12 ]}", 11, "{\"shape\":[]}");
    check_skip("[[[1,2],[{\"b\":{},\"a\":[]}]],[3]]", 8,
               "[[[1,2],],[3]]");
    check_skip("[1,2,[3,4],5]", 6, "[1,2,[,4],5]");
    check_skip("[[{\"b\":{\"y\":1,\"x\":2},\"a\":3}]]", 7,
               "[[{\"a\":3,\"b\":}]]");
}


static void
all_of_it(void **state)
{
    (void) state;

    check_skip("{\"a\":1}", 0, "");
    check_skip(" [{\"a\":1}] ", 1, "");
    check_skip("\t\"text\"", 1, "");
    check_skip("  12 ", 2, "");
}


static void
offsets_where_nothing_starts_mean_nothing(void **state)
{
    size_t              i;

    static const char   text[] = "{\"ab\": [12, {\"c\" :true}]}";
    static const char   same[] = "{\"ab\":[12,{\"c\":true}]}";
    static const char   starts[] = "\0\1\7\10\14\15\22";

    (void) state;

    for (i = 0; i < sizeof(text) + 2; i++) {

        if (memchr(starts, (int) i, sizeof(starts) - 1) == NULL) {
            check_skip(text, i, same);
        }
    }

    check_skip(text, (size_t) -1, same);
}


static void
a_member_is_left_out_with_its_name(void **state)
{
    static const char         text[] = "{ \"c\" : [1,{\"x\":2}], \"a\":{}, "
                                       "\"b\":3 }";
    static const llmb_span_t  spans[] = { { 2, 21 }, { 21, 29 }, { 29, 34 } };
    static const llmb_span_t  last[] = { { 19, 27 }, { 27, 34 } };

    (void) state;

    check_skip("{\"ab\": [12, {\"c\" :true}]}", 1, "{}");
    check_skip("{\"ab\": [12, {\"c\" :true}]}", 13, "{\"ab\":[12,{}]}");

    check_skip(text, 2, "{\"a\":{},\"b\":3}");
    check_skip(text, 21, "{\"b\":3,\"c\":[1,{\"x\":2}]}");
    check_skip(text, 29, "{\"a\":{},\"c\":[1,{\"x\":2}]}");
    check_skip(text, 12, "{\"a\":{},\"b\":3,\"c\":[1,{}]}");

    check_spans(text, spans, 1, "{\"a\":{},\"b\":3}");
    check_spans(text, spans, 2, "{\"b\":3}");
    check_spans(text, spans, 3, "{}");
    check_spans(text, last, 2, "{\"c\":[1,{\"x\":2}]}");

    /* the members around it keep their values */

    check_skip("{\"b\":[{\"d\":1,\"e\":2}],\"a\":{\"c\":3}}", 13,
               "{\"a\":{\"c\":3},\"b\":[{\"d\":1}]}");
    check_skip("{\"b\":{\"d\":1},\"a\":{\"c\":3}}", 6,
               "{\"a\":{\"c\":3},\"b\":{}}");
}


static void
several_values_are_left_out(void **state)
{
    static const char    text[] = "{\"b\":[1,{\"d\":2,\"c\":[3]}],"
                                  "\"a\":{\"e\":4},\"f\":5}";

    static const size_t  ends[] = { 5, 34, 41 };
    static const size_t  deep[] = { 6, 13, 19, 29 };
    static const size_t  within[] = { 5, 6, 8, 13, 29 };
    static const size_t  between[] = { 0, 1, 6 };
    static const size_t  equal[] = { 13, 13, 14, 16, 20 };

    (void) state;

    check_skips(text, ends, 2, "{\"a\":{\"e\":},\"b\":,\"f\":5}");
    check_skips(text, ends, 3, "{\"a\":{\"e\":},\"b\":,\"f\":}");
    check_skips(text, deep, 4, "{\"a\":,\"b\":[,{\"c\":,\"d\":}],\"f\":5}");

    /* those within another one */

    check_skips(text, within, 5, "{\"a\":,\"b\":,\"f\":5}");
    check_skips(text, between, 3, "");

    check_skips(text, equal, 5,
                "{\"a\":{\"e\":4},\"b\":[1,{\"c\":[],\"d\":}],\"f\":5}");
}


static void
the_canonical_text_is_its_own_canonical_text(void **state)
{
    size_t              i;
    uint8_t             copy[256];
    llmb_str_t          text;

    static const char  *texts[] = {
        "{\"c\":{\"y\":1,\"x\":[{\"q\":1,\"p\":2}]},\"b\":{\"z\":3}}",
        "[\"\\u0000\\u00e9\\n\\/\", {\"b\\\"\":1, \"\\u0061\":2}]"
    };

    (void) state;

    for (i = 0; i < count(texts); i++) {
        text.data = (const uint8_t *) texts[i];
        text.len = strlen(texts[i]);
        assert_int_equal(canonical(text, NULL, 0), LLMB_OK);

        memcpy(copy, out.data, out.len);
        text.data = copy;
        text.len = out.len;
        assert_int_equal(canonical(text, NULL, 0), LLMB_OK);
        assert_true(buffer_is(&out, text));
    }
}


/* all orders of five members, which need every path of the merge sort */

static void
every_order_of_members_gives_the_same_text(void **state)
{
    char          json[128];
    unsigned      i, j, n, order[5];

    (void) state;

    for (i = 0; i < 5 * 5 * 5 * 5 * 5; i++) {

        for (j = 0, n = i; j < 5; j++, n /= 5) {
            order[j] = n % 5;
        }

        for (j = 0, n = 0; j < 5; j++) {
            n |= 1u << order[j];
        }

        if (n != 0x1f) {
            continue;
        }

        n = 0;

        for (j = 0; j < 5; j++) {
            n += (unsigned) sprintf(json + n, "%c\"%c\":[{\"k\":%u}]",
                                    j ? ',' : '{', 'a' + (int) order[j],
                                    order[j]);
        }

        sprintf(json + n, "}");

        check_skips(json, NULL, 0,
                    "{\"a\":[{\"k\":0}],\"b\":[{\"k\":1}],\"c\":[{\"k\":2}],"
                    "\"d\":[{\"k\":3}],\"e\":[{\"k\":4}]}");
    }
}


static void
many_members_are_sorted(void **state)
{
    size_t      len;
    unsigned    i, value, last;
    llmb_str_t  text;

    static char  json[1 << 16];

    (void) state;

    len = 0;

    for (i = 0; i < 2000; i++) {
        len += (size_t) sprintf(json + len, "%c\"%04u\":%u", i ? ',' : '{',
                                i * 1237 % 2000, i);
    }

    len += (size_t) sprintf(json + len, "}");

    text.data = (const uint8_t *) json;
    text.len = len;

    assert_int_equal(canonical(text, NULL, 0), LLMB_OK);
    assert_int_equal(out.len, len);

    last = 0;
    out.data[len - 1] = '\0';

    for (i = 0, len = 0; i < 2000; i++) {
        value = (unsigned) strtoul((char *) out.data + len + 2, NULL, 10);
        assert_int_equal(value, i);
        assert_true(i == 0 || value > last);

        last = value;
        len += 1 + strcspn((char *) out.data + len + 1, ",");
    }
}


/* "data" is a span to leave out, or NULL */

static llmb_rc_e
canonical_of_nested_objects(void *data, llmb_arena_t scratch)
{
    llmb_rc_e                rc;
    llmb_sink_t              sink;

    static const llmb_str_t  text =
        llmb_string("{\"b\":{\"d\":1,\"c\":[{},{\"e\":2}]},\"a\":3}");

    free(out.data);
    sink = buffer_sink(&out);

    rc = llmb_key_canonical(text, data, data ? 1 : 0, scratch, &sink);

    assert_true(rc == LLMB_OK || out.writes == 0);

    return rc;
}


static void
too_little_scratch_writes_nothing(void **state)
{
    size_t       size;
    llmb_rc_e    rc;
    llmb_span_t  skip;

    static const llmb_str_t  expected =
        llmb_string("{\"a\":3,\"b\":{\"c\":[{},{\"e\":2}],\"d\":1}}");
    static const llmb_str_t  less =
        llmb_string("{\"a\":3,\"b\":{\"c\":,\"d\":1}}");

    (void) state;

    size = EVERY_OOM(canonical_of_nested_objects, NULL, &rc);

    assert_int_equal(rc, LLMB_OK);
    assert_true(buffer_is(&out, expected));

    /* four objects and five members */

    assert_in_range(size, 1, 28 * 9);

    /* two objects, four members and a value left out */

    skip.start = 16;
    skip.end = 17;
    size = EVERY_OOM(canonical_of_nested_objects, &skip, &rc);

    assert_int_equal(rc, LLMB_OK);
    assert_true(buffer_is(&out, less));
    assert_in_range(size, 1, 28 * 7);
}


static void
scratch_need_not_be_aligned(void **state)
{
    unsigned                 i;
    llmb_sink_t              sink;
    llmb_arena_t             scratch;

    static const llmb_str_t  text = llmb_string("{\"a\":1}");

    (void) state;

    for (i = 0; i < 8; i++) {
        scratch.pos = memory + i;
        scratch.end = memory + i + 2 * 28 + 3;

        free(out.data);
        sink = buffer_sink(&out);

        assert_int_equal(llmb_key_canonical(text, NULL, 0, scratch, &sink),
                         LLMB_OK);
        assert_true(buffer_is(&out, text));
    }
}


static void
what_is_not_json_writes_nothing(void **state)
{
    size_t              i;
    char                deep[2 * 65];
    llmb_str_t          text;

    static const char  *texts[] = {
        "", "{", "{\"a\":1", "{\"a\":1}}", "{\"a\"}", "[1,]", "{\"a\":01}",
        "\"\\ud800\""
    };

    (void) state;

    for (i = 0; i < count(texts); i++) {
        text.data = (const uint8_t *) texts[i];
        text.len = strlen(texts[i]);
        assert_int_equal(canonical(text, NULL, 0), LLMB_INVALID);
        assert_int_equal(out.writes, 0);
    }

    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    text.data = (uint8_t *) deep;
    text.len = sizeof(deep);
    assert_int_equal(canonical(text, NULL, 0), LLMB_LIMIT);
    assert_int_equal(out.writes, 0);
}


static void
a_text_of_four_gigabytes_is_refused_unread(void **state)
{
    llmb_str_t  text;

    (void) state;

    text.data = NULL;
    text.len = UINT32_MAX;

    assert_int_equal(canonical(text, NULL, 0), LLMB_LIMIT);
}


static void
objects_nest_down_to_the_limit(void **state)
{
    unsigned     i;
    size_t       len;
    char         json[1024];
    llmb_str_t   text;

    (void) state;

    len = 0;

    for (i = 0; i < 64; i++) {
        len += (size_t) sprintf(json + len, "{\"b\":1,\"a\":");
    }

    json[len++] = '0';
    memset(json + len, '}', 64);

    text.data = (uint8_t *) json;
    text.len = len + 64;

    assert_int_equal(canonical(text, NULL, 0), LLMB_OK);
    assert_int_equal(out.len, text.len);
    assert_memory_equal(out.data, "{\"a\":{\"a\":", 10);
    assert_memory_equal(out.data + out.len - 14, ",\"b\":1},\"b\":1}", 14);
}


static void
the_error_of_the_sink_is_handed_back_and_ends_it(void **state)
{
    unsigned                 fail, writes;
    llmb_sink_t              sink;
    llmb_arena_t             scratch;

    static const llmb_str_t  text =
        llmb_string("{\"b\":[1,{\"c\":\"\\n x\"}],\"a\":{}}");

    (void) state;

    assert_int_equal(canonical(text, NULL, 0), LLMB_OK);
    writes = out.writes;

    scratch.pos = memory;
    scratch.end = memory + sizeof(memory);

    for (fail = 1; fail <= writes; fail++) {
        free(out.data);
        sink = buffer_sink(&out);
        out.fail = fail;

        assert_int_equal(llmb_key_canonical(text, NULL, 0, scratch, &sink),
                         LLMB_NOMEM);
        assert_int_equal(out.late, 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(white_space_is_dropped),
        cmocka_unit_test(members_are_ordered_by_their_decoded_names),
        cmocka_unit_test(equal_names_keep_their_order),
        cmocka_unit_test(strings_have_the_fewest_escapes),
        cmocka_unit_test(the_text_of_numbers_is_kept),
        cmocka_unit_test(the_value_at_the_offset_is_left_out),
        cmocka_unit_test(at_any_depth),
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(offsets_where_nothing_starts_mean_nothing),
        cmocka_unit_test(a_member_is_left_out_with_its_name),
        cmocka_unit_test(several_values_are_left_out),
        cmocka_unit_test(the_canonical_text_is_its_own_canonical_text),
        cmocka_unit_test(every_order_of_members_gives_the_same_text),
        cmocka_unit_test(many_members_are_sorted),
        cmocka_unit_test(too_little_scratch_writes_nothing),
        cmocka_unit_test(scratch_need_not_be_aligned),
        cmocka_unit_test(what_is_not_json_writes_nothing),
        cmocka_unit_test(a_text_of_four_gigabytes_is_refused_unread),
        cmocka_unit_test(objects_nest_down_to_the_limit),
        cmocka_unit_test(the_error_of_the_sink_is_handed_back_and_ends_it),
    };

    int  rc;

    rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(out.data);

    return rc;
}
