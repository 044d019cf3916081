
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Which numbers are counts, and who gets which part of them.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"


#define MAX_MEMBERS  8


static uint64_t  seed;


static uint32_t
random_number(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;

    return (uint32_t) ((seed >> 33) % below);
}


static uint64_t
part_of(const llmb_share_t *shares, uint32_t n, uint32_t k, uint64_t count)
{
    llmb_share_t  weighed[MAX_MEMBERS];

    memcpy(weighed, shares, n * sizeof(llmb_share_t));
    llmb_usage_weigh(weighed, n);

    return llmb_usage_part(&weighed[k].weight, count);
}


typedef struct {
    const char  *text;
    const char  *counts;
} count_case_t;


static void
counts_are_integers_of_members(void **state)
{
    unsigned      i;
    char          found[512];
    llmb_str_t    text;
    llmb_usage_t  us;

    static const count_case_t  cases[] = {
        { "", "" },
        { "7", "0=7;" },
        { "\"7\"", "" },
        { "null", "" },
        { "[7,[8]]", "" },
        { "7.0", "" },
        { "{}", "" },
        { "{\"a\":1,\"b\" : 2 }", "5\"a\"=1;13\"b\"=2;" },
        { "{\"a\":{\"b\":{\"c\":3}},\"d\":[{\"e\":4},5,[6]]}",
          "15\"c\"=3;29\"e\"=4;" },
        { "{\"a\":0,\"b\":4294967295,\"c\":4294967296,\"d\":-1,\"e\":1e2,"
          "\"f\":0.5,\"g\":18446744073709551617,\"h\":\"1\"}",
          "5\"a\"=0;11\"b\"=4294967295;" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text.len = strlen(cases[i].text);
        text.data = (const uint8_t *) cases[i].text;
        found[0] = '\0';

        llmb_usage_init(&us, text);

        while (llmb_usage_next(&us)) {
            snprintf(found + strlen(found), sizeof(found) - strlen(found),
                     "%zu%.*s=%llu;", us.tok.start, (int) us.name.len,
                     (const char *) us.name.data,
                     (unsigned long long) us.value);
        }

        assert_string_equal(found, cases[i].counts);
    }
}


typedef struct {
    llmb_share_t  shares[4];
    uint32_t      n;
    uint64_t      count;
    uint64_t      parts[4];
} part_case_t;


static void
parts_are_as_promised(void **state)
{
    unsigned  i;
    uint32_t  k;

    static const part_case_t  cases[] = {

        /* the members' own numbers, if they add up to it */
        { { SHARE(0, 1, 3), SHARE(1, 2, 3), SHARE(3, 1, 4) }, 3, 10,
          { 3, 3, 4 } },

        /* one for each item, the rest by the other tokens */
        { { SHARE(0, 1, 3), SHARE(1, 2, 3), SHARE(3, 1, 4) }, 3, 4,
          { 1, 2, 1 } },
        { { SHARE(0, 1, 3), SHARE(1, 2, 3), SHARE(3, 1, 4) }, 3, 11,
          { 3, 3, 5 } },
        { { SHARE(0, 1, 3), SHARE(1, 2, 3), SHARE(3, 1, 4) }, 3, 22,
          { 7, 5, 10 } },

        /* not enough for one each */
        { { SHARE(0, 1, 3), SHARE(1, 2, 3), SHARE(3, 1, 4) }, 3, 2,
          { 0, 1, 1 } },
        { { SHARE(0, 1, 3), SHARE(1, 2, 3), SHARE(3, 1, 4) }, 3, 0,
          { 0, 0, 0 } },
        { { SHARE(0, 1, 9), SHARE(1, 1, 1), SHARE(2, 1, 1) }, 3, 2,
          { 1, 0, 1 } },

        /* nobody has tokens to tell: by items */
        { { SHARE(0, 1, 0), SHARE(1, 3, 0) }, 2, 8, { 2, 6 } },
        { { SHARE(0, 1, 1), SHARE(1, 3, 3) }, 2, 2, { 0, 2 } },

        /* an item is at least a token */
        { { SHARE(0, 5, 2), SHARE(5, 1, 6) }, 2, 11, { 5, 6 } },

        { { SHARE(0, 1, 9) }, 1, 4294967295, { 4294967295 } },
        { { SHARE(0, 1, 1), SHARE(1, 1, 4294967295) }, 2, 4294967295,
          { 1, 4294967294 } }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        for (k = 0; k < cases[i].n; k++) {

            if (part_of(cases[i].shares, cases[i].n, k, cases[i].count)
                != cases[i].parts[k])
            {
                fail_msg("case %u, member %u", i, k);
            }
        }
    }
}


static void
check_parts(const llmb_share_t *shares, uint32_t n, uint64_t count)
{
    uint32_t  k;
    uint64_t  part, sum, items;

    items = 0;
    sum = 0;

    for (k = 0; k < n; k++) {
        items += shares[k].items;
    }

    for (k = 0; k < n; k++) {
        part = part_of(shares, n, k, count);
        sum += part;

        assert_true(part <= count);

        if (count >= items) {
            assert_true(part >= shares[k].items);
        }
    }

    assert_int_equal(sum, count);
}


static void
parts_always_add_up(void **state)
{
    uint32_t      i, k, n;
    uint64_t      tokens;
    llmb_share_t  shares[MAX_MEMBERS];

    static const uint32_t  ranges[] = { 2, 10, 10000, 0x7fffffff };

    (void) state;

    seed = 1;

    memset(shares, 0, sizeof(shares));

    for (i = 0; i < 20000; i++) {
        n = 1 + random_number(MAX_MEMBERS);
        tokens = 0;

        for (k = 0; k < n; k++) {
            shares[k].first = 0;
            shares[k].items = 1 + random_number(5);
            shares[k].tokens = shares[k].items
                               + random_number(ranges[i % 3]);
            tokens += shares[k].tokens;
        }

        check_parts(shares, n, random_number(ranges[random_number(4)]));
        check_parts(shares, n, tokens);

        for (k = 0; k < n; k++) {
            assert_int_equal(part_of(shares, n, k, tokens),
                             shares[k].tokens);
        }
    }
}


typedef struct {
    llmb_share_t  shares[3];
    uint32_t      n;
    uint64_t      count;
    uint64_t      parts[3];
} output_case_t;


/* an item may be answered with nothing, which no item is asked with */

static void
output_goes_by_its_own_weights(void **state)
{
    unsigned      i;
    uint32_t      k;
    llmb_share_t  shares[3];

    static const output_case_t  cases[] = {
        { { { .items = 1, .tokens = 9, .output = 3 },
            { .items = 2, .tokens = 1, .output = 5 } }, 2, 8, { 3, 5 } },
        { { { .items = 1, .output = 0 }, { .items = 2, .output = 1 },
            { .items = 1, .output = 6 } }, 3, 7, { 0, 1, 6 } },
        { { { .items = 1, .output = 0 }, { .items = 1, .output = 7 } },
          2, 0, { 0, 0 } },
        { { { .items = 1, .output = 10 }, { .items = 1, .output = 30 } },
          2, 22, { 5, 17 } },

        /* nobody knows: by items */
        { { { .items = 1, .tokens = 90 }, { .items = 3, .tokens = 4 } },
          2, 8, { 2, 6 } }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(shares, cases[i].shares, sizeof(shares));

        llmb_usage_weigh(shares, cases[i].n);

        for (k = 0; k < cases[i].n; k++) {

            if (llmb_usage_part(&shares[k].output_weight, cases[i].count)
                != cases[i].parts[k])
            {
                fail_msg("case %u, member %u", i, k);
            }
        }
    }
}


static void
parts_of_output_always_add_up(void **state)
{
    uint32_t      i, k, n;
    uint64_t      count, sum, outputs;
    llmb_share_t  shares[MAX_MEMBERS];

    (void) state;

    seed = 2;

    for (i = 0; i < 20000; i++) {
        n = 1 + random_number(MAX_MEMBERS);
        outputs = 0;

        memset(shares, 0, sizeof(shares));

        for (k = 0; k < n; k++) {
            shares[k].items = 1 + random_number(5);
            shares[k].output = random_number(i % 2 ? 3 : 1000);
            outputs += shares[k].output;
        }

        llmb_usage_weigh(shares, n);

        count = random_number(10000);
        sum = 0;

        for (k = 0; k < n; k++) {
            sum += llmb_usage_part(&shares[k].output_weight, count);

            if (outputs) {
                assert_int_equal(llmb_usage_part(&shares[k].output_weight,
                                                 outputs),
                                 shares[k].output);
            }
        }

        assert_int_equal(sum, count);
    }
}


typedef struct {
    const char  *text;
    const char  *outer;
} outer_case_t;


static void
a_count_tells_what_it_is_in(void **state)
{
    unsigned      i;
    llmb_str_t    text;
    llmb_usage_t  us;

    static const outer_case_t  cases[] = {
        { "7", "" },
        { "{\"a\":7}", "\"a\"" },
        { "{\"a\":{\"b\":[{\"c\":7}]}}", "\"a\"" },
        { "{\"a\":[],\"b\":{\"c\":7}}", "\"b\"" },
        { "[{\"a\":7}]", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text.data = (const uint8_t *) cases[i].text;
        text.len = strlen(cases[i].text);

        llmb_usage_init(&us, text);

        assert_true(llmb_usage_next(&us));
        assert_int_equal(us.value, 7);
        assert_int_equal(us.outer.len, strlen(cases[i].outer));

        if (us.outer.len) {
            assert_memory_equal(us.outer.data, cases[i].outer, us.outer.len);
        }

        assert_false(llmb_usage_next(&us));
    }
}


static void
weights_beyond_all_bounds_do_no_harm(void **state)
{
    unsigned      i;
    llmb_share_t  shares[] = {
        SHARE(0, 1, 4294967290), SHARE(1, 1, UINT64_MAX),
        SHARE(2, 1, UINT64_MAX), SHARE(3, 4294967295, 0)
    };

    static const uint64_t  counts[] = { 0, 1, 3, 100, 4294967295 };

    (void) state;

    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        check_parts(shares, 3, counts[i]);
    }

    /* even the number of items */

    assert_int_equal(part_of(shares, 4, 0, 4294967295)
                     + part_of(shares, 4, 1, 4294967295)
                     + part_of(shares, 4, 2, 4294967295)
                     + part_of(shares, 4, 3, 4294967295),
                     4294967295);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(counts_are_integers_of_members),
        cmocka_unit_test(parts_are_as_promised),
        cmocka_unit_test(parts_always_add_up),
        cmocka_unit_test(output_goes_by_its_own_weights),
        cmocka_unit_test(parts_of_output_always_add_up),
        cmocka_unit_test(a_count_tells_what_it_is_in),
        cmocka_unit_test(weights_beyond_all_bounds_do_no_harm)
    };

    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
