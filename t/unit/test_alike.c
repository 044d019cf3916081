
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Which items may be in one array that a server makes of all of them.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "test_request.h"
#include "guard.h"
#include "llmb_alike.h"
#include "llmb_frame.h"


#define count(a)  (sizeof(a) / sizeof((a)[0]))


/* in a text that ends where its memory ends */

static llmb_rc_e
alike(const char *items)
{
    llmb_str_t  text;

    text.len = strlen(items);
    text.data = guard(0, items, text.len);

    return llmb_alike(text);
}


static buffer_t
shape_of(const char *item)
{
    buffer_t     out;
    llmb_str_t   text;
    llmb_sink_t  sink = buffer_sink(&out);

    text.len = strlen(item);
    text.data = guard(0, item, text.len);

    assert_int_equal(llmb_alike_write(text, &sink), LLMB_OK);

    return out;
}


static unsigned
same(const char *one, const char *other)
{
    buffer_t  first, second;
    unsigned  equal;

    first = shape_of(one);
    second = shape_of(other);

    equal = (first.len == second.len
             && memcmp(first.data, second.data, first.len) == 0);

    free(first.data);
    free(second.data);

    return equal;
}


/* each is of another shape than all others */

static void
kinds_differ(void **state)
{
    char      both[256];
    unsigned  i, k;

    static const char *const  items[] = {
        "1", "1.5", "9223372036854775808", "18446744073709551616", "\"1\"",
        "true", "null", "[]", "{}", "[1]", "[1.5]", "[\"1\"]", "[true]",
        "[null]", "[[]]", "[{}]", "[1,2]", "[1,\"a\"]", "[\"a\",1]",
        "[[1],[2]]", "[[1,2]]", "[[1,2],[3]]", "[[1],[2,3]]", "[1,[2]]",
        "[[1],2]", "[[1,2],3]", "{\"a\":1}", "{\"a\":1.5}", "{\"a\":\"1\"}",
        "{\"b\":1}", "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}",
        "{\"a\":{\"b\":2}}", "{\"a\":[1]}", "{\"a\":[1,2]}", "{\"a\":null}",
        "{\"a\":{}}", "{\"\":1}", "{\"\\\"\":1}", "{\"]\":1}",
        "{\"a\":1,\"a\":1}", "[{\"a\":1}]", "[{\"a\":1},{\"b\":1}]",
        "[{\"a\":1},{\"a\":1}]", "[1,\"a\",1]", "[1,\"a\",1.5]",
        "[9223372036854775808,1]", "[true,1]", "[null,1]", "[1,null]",
        "[1.5,null]", "[[],[]]", "[[[]]]", "[[[]],[]]", "[[],[[]]]"
    };

    (void) state;

    for (i = 0; i < count(items); i++) {

        for (k = 0; k < count(items); k++) {
            sprintf(both, "%s , %s", items[i], items[k]);

            assert_int_equal(alike(both),
                             i == k ? LLMB_OK : LLMB_DECLINED);
            assert_int_equal(same(items[i], items[k]), i == k);
        }
    }
}


static void
values_do_not(void **state)
{
    char      both[256];
    unsigned  i;

    static const char *const  pairs[][2] = {
        { "1", "-20" }, { "0", "-0" }, { "true", "false" },
        { "9223372036854775807", "-9223372036854775808" },
        { "9223372036854775808", "18446744073709551615" },
        { "-9223372036854775809", "18446744073709551616" },
        { "1234567890123456789012", "99999999999999999999" },
        { "1e5", "-1.5E+3" }, { "0.0", "123456789012345678901.5" },
        { "\"\"", "\"a \\\" , ] } \\\\\"" },
        { "[ 1 ,2]", "[3,\n4 ]" }, { "[]", "[ ]" }, { "{}", "{ }" },
        { "[\"a\",\"b\"]", "[\"]\",\",\"]" },
        { "{\"a\":1}", "{ \"a\" : 2 }" }, { "{\"a\":[]}", "{\"a\" :[\t]}" },
        { "[[1,2],[3,4]]", "[[5,6],[7,8]]" },
        { "{\"a\":\":\",\"b\":[1,2]}", "{\"a\":\"{\",\"b\":[3,4]}" },
        { "[{\"x\":\"y\",\"z\":null}]", "[{\"x\":\"\",\"z\":null}]" },

        /* what is among floats is one */

        { "[1,2.5]", "[2.5,1]" }, { "[1,2,3.5]", "[1.5,2e0,3.5]" },
        { "[[1,2],[3,4.5]]", "[[1.5,2.5],[3.5,4.5]]" },
        { "[[1,2],[3.5,4]]", "[[1,2.5],[3,4]]" },
        { "[{\"a\":1},{\"a\":2.5}]", "[{\"a\":1.5},{\"a\":2}]" },
        { "[\"a\",1,2.5]", "[\"b\",1.5,2]" },
        { "[[1,2.5],[\"a\"]]", "[[1.5,2],[\"b\"]]" }
    };

    (void) state;

    for (i = 0; i < count(pairs); i++) {
        sprintf(both, "%s,%s ,\t%s", pairs[i][0], pairs[i][1], pairs[i][0]);

        if (alike(both) != LLMB_OK || !same(pairs[i][0], pairs[i][1])) {
            fail_msg("%s", both);
        }
    }
}


/* numbers that would be taken for bytes of a shape */

static void
elements_are_counted(void **state)
{
    char      one[8192], other[8192];
    unsigned  i, k, n, m;

    static const unsigned  counts[] = {
        1, 2, 3, 126, 127, 128, 129, 255, 256, 257, 1023
    };

    (void) state;

    for (i = 0; i < count(counts); i++) {

        for (k = 0; k < count(counts); k++) {
            n = counts[i];
            m = counts[k];

            memset(one, '1', 2 * n + 1);
            memset(other, '1', 2 * m + 1);
            one[0] = other[0] = '[';

            while (n--) {
                one[2 * n + 2] = ',';
            }

            while (m--) {
                other[2 * m + 2] = ',';
            }

            strcpy(one + 2 * counts[i], "]");
            strcpy(other + 2 * counts[k], "]");

            assert_int_equal(same(one, other), i == k);
        }
    }
}


static double
seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


/* an object of n members, each with a name of 8 bytes, quotes included */

static char *
object(unsigned n)
{
    char      *text, *p;
    unsigned   i;

    text = malloc(16 * (size_t) n + 16);

    if (text == NULL) {
        abort();
    }

    p = text;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%c\"%06x\":1", i ? ',' : '{', i);
    }

    strcpy(p, "}");

    return text;
}


static void
a_shape_is_bounded(void **state)
{
    char      *text, *array;
    size_t     len;
    unsigned   n, times;

    (void) state;

    /* the brackets, and 9 bytes for each member */

    n = (LLMB_ALIKE_MAX - 2) / 9;

    text = object(n);
    assert_int_equal(alike(text), LLMB_OK);
    free(text);

    for (times = 1; times <= 10; times += 9) {
        text = object(n * times + 1);
        len = strlen(text);

        assert_int_equal(alike(text), LLMB_LIMIT);

        array = malloc(3 * len + 16);

        if (array == NULL) {
            abort();
        }

        /* not the first one, and one in an array */

        sprintf(array, "1,%s", text);
        assert_int_equal(alike(array), LLMB_LIMIT);

        sprintf(array, "[%s,%s]", text, text);
        assert_int_equal(alike(array), LLMB_LIMIT);

        sprintf(array, "{\"instances\":[%s]}", text);
        assert_int_equal(reason_of(&llmb_adapter_kserve_v1,
                                   "/v1/models/m:predict", array),
                         LLMB_REASON_ITEM);

        free(array);
        free(text);
    }
}


/* however deep, and however long the name */

static void
depths_and_names_are_bounded(void **state)
{
    char      *text;
    unsigned   depth, n;

    (void) state;

    text = malloc(20 * LLMB_ALIKE_MAX);

    if (text == NULL) {
        abort();
    }

    for (depth = 1; depth <= 10 * LLMB_JSON_MAX_DEPTH; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';

        assert_int_equal(alike(text), depth <= LLMB_JSON_MAX_DEPTH
                                      ? LLMB_OK : LLMB_LIMIT);
    }

    for (n = LLMB_ALIKE_MAX - 8; n < 10 * LLMB_ALIKE_MAX;
         n += n < LLMB_ALIKE_MAX ? 1 : 9 * LLMB_ALIKE_MAX - 1)
    {
        sprintf(text, "{\"%0*u\":1}", (int) n, 0);
        assert_int_equal(alike(text), n + 5 <= LLMB_ALIKE_MAX
                                      ? LLMB_OK : LLMB_LIMIT);
    }

    free(text);
}


/* the time that a text takes, which is n times what is in the middle */

static double
time_of(const char *before, const char *repeated, const char *behind,
    unsigned n, unsigned again)
{
    char        *text, *p;
    double       start, took;
    size_t       len;
    llmb_str_t   items;

    len = strlen(repeated);
    text = malloc(again * (strlen(before) + n * len + strlen(behind) + 1) + 1);

    if (text == NULL) {
        abort();
    }

    p = text;

    for (items.data = NULL; again; again--) {
        p = stpcpy(p, before);

        for (unsigned i = 0; i < n; i++) {
            memcpy(p, repeated, len);
            p += len;
        }

        p = stpcpy(p - 1, behind);
        *p++ = ',';
    }

    items.data = (uint8_t *) text;
    items.len = (size_t) (p - 1 - text);

    start = seconds();
    (void) llmb_alike(items);
    took = seconds() - start;

    free(text);

    return took;
}


/* of two sizes: each byte is looked at once for each array around it */

static void
time_is_linear(void **state)
{
    double    small, large;
    unsigned  i;

    static const char *const  texts[][3] = {
        { "[", "1,", "]" },
        { "[", "[1,2],", "]" },
        { "[[", "1.5,", "],[1]]" },
        { "", "[[[[[[[[\"a\"]]]]]]]],", "" },
        { "[", "[[[[[[[[1],2],3],4],5],6],7],8],", "]" },
        { "[", "{\"a\":{\"b\":[1,2]}},", "]" },
        { "[[[[[[[[", "{\"a\":[1,\"b\"],\"c\":[[1],2]},", "]]]]]]]]" }
    };

    (void) state;

    for (i = 0; i < count(texts); i++) {
        (void) time_of(texts[i][0], texts[i][1], texts[i][2], 20000, 1);

        small = time_of(texts[i][0], texts[i][1], texts[i][2], 20000, 1);
        large = time_of(texts[i][0], texts[i][1], texts[i][2], 200000, 1);

        /* ten times as much takes ten times as long, not a hundred */

        if (large > 40 * small + 0.02) {
            fail_msg("%s: %.6f and %.6f s", texts[i][1], small, large);
        }
    }
}


static void
requests_have_a_shape_where_it_counts(void **state)
{
    buffer_t         out;
    llmb_sink_t      sink;
    llmb_reason_e    reason;
    llmb_request_t   rq;

    static const char  body[] = "{\"instances\":[1,2],\"input\":\"a\"}";

    (void) state;

    sink = buffer_sink(&out);
    assert_int_equal(read_text(&rq, &llmb_adapter_kserve_v1,
                               "/v1/models/m:predict", body, sizeof(body) - 1,
                               &reason),
                     LLMB_OK);
    assert_int_equal(llmb_frame_shape(&rq, &sink), LLMB_OK);
    assert_int_equal(out.len, 1);
    free_body(&rq);
    free(out.data);

    sink = buffer_sink(&out);
    assert_int_equal(read_text(&rq, &llmb_adapter_openai_embeddings,
                               "/v1/embeddings", body, sizeof(body) - 1,
                               &reason),
                     LLMB_OK);
    assert_int_equal(llmb_frame_shape(&rq, &sink), LLMB_OK);
    assert_int_equal(out.len, 0);
    free_body(&rq);
    free(out.data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(kinds_differ),
        cmocka_unit_test(values_do_not),
        cmocka_unit_test(elements_are_counted),
        cmocka_unit_test(a_shape_is_bounded),
        cmocka_unit_test(depths_and_names_are_bounded),
        cmocka_unit_test(time_is_linear),
        cmocka_unit_test(requests_have_a_shape_where_it_counts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
