
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checking and cutting; whole answers are in the golden cases.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/llmb_adapters.h"
#include "call.h"


#define MAX_ITEMS  16


static const llmb_adapter_t *const  openai = &llmb_adapter_openai_embeddings;
static const llmb_adapter_t *const  ollama = &llmb_adapter_ollama_embed;
static const llmb_adapter_t *const  tei = &llmb_adapter_tei_embed;

static llmb_elem_t  elems[MAX_ITEMS];


/* the answer that member k gets, as a string; to be freed */

static char *
cut(const llmb_split_t *sp, const char *answer, const llmb_share_t *shares,
    uint32_t members, uint32_t k)
{
    buffer_t     b;
    llmb_sink_t  sink = buffer_sink(&b);

    assert_int_equal(llmb_split_write(sp, (const uint8_t *) answer, shares,
                                      members, k, &sink),
                     LLMB_OK);
    assert_true(b.len <= llmb_split_bound(sp, &shares[k]));
    assert_int_equal(buffer_write(&b, (const uint8_t *) "", 1), LLMB_OK);

    return (char *) b.data;
}


static void
assert_cut(const llmb_split_t *sp, const char *answer,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    const char *expected)
{
    char  *text = cut(sp, answer, shares, members, k);

    assert_string_equal(text, expected);

    free(text);
}


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *answer;    /* up to where it is certain */
    llmb_mismatch_e        mismatch;
} sure_case_t;


static void
what_is_certainly_wrong_is_told_before_the_end(void **state)
{
    unsigned      i;
    size_t        len;
    llmb_split_t  sp;

    static const sure_case_t  cases[] = {
        { openai, "{\"data\":[{\"index\":0},{\"index\":1},{",
          LLMB_MISMATCH_COUNT },
        { openai, "{\"data\":[{\"index\":0}]", LLMB_MISMATCH_COUNT },
        { openai, "{\"data\":[{\"v\":[1],\"index\":2,", LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":[{\"index\":1},{\"index\":1,",
          LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":[{\"index\":1,\"index\":0,",
          LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":[{\"index\":[", LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":[{\"v\":{\"index\":0}}", LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":[\"a\"", LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":[[", LLMB_MISMATCH_INDEX },
        { openai, "{\"data\":null", LLMB_MISMATCH_SHAPE },
        { openai, "{\"data\":{", LLMB_MISMATCH_SHAPE },
        { openai, "[", LLMB_MISMATCH_SHAPE },
        { openai, "{\"id\":1,\"id\"", LLMB_MISMATCH_SHAPE },
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}]]",
          LLMB_MISMATCH_JSON },
        { openai, "<", LLMB_MISMATCH_JSON },
        { ollama, "{\"embeddings\":[[1],[2],[", LLMB_MISMATCH_COUNT },
        { ollama, "{\"embeddings\":[[1],[2],n", LLMB_MISMATCH_NONE },
        { ollama, "{\"embeddings\":[[1],[2],null", LLMB_MISMATCH_COUNT },
        { tei, "[[1],[2],[", LLMB_MISMATCH_COUNT },
        { tei, "[]", LLMB_MISMATCH_COUNT },
        { tei, "{", LLMB_MISMATCH_SHAPE },
        { tei, "[[1],[2]] x", LLMB_MISMATCH_JSON }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        llmb_split_init(&sp, cases[i].adapter, elems, 2);

        len = strlen(cases[i].answer);

        assert_int_equal(llmb_split_read(&sp,
                                         (const uint8_t *) cases[i].answer,
                                         len - 1, 0),
                         LLMB_AGAIN);
        assert_int_equal(llmb_split_read(&sp,
                                         (const uint8_t *) cases[i].answer,
                                         len, 0),
                         cases[i].mismatch ? LLMB_INVALID : LLMB_AGAIN);
        assert_int_equal(sp.mismatch, cases[i].mismatch);
    }
}


static void
an_answer_is_complete_only_when_no_more_can_come(void **state)
{
    llmb_split_t    sp;

    static const char  answer[] = "[[1],[2]]";

    (void) state;

    llmb_split_init(&sp, tei, elems, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, 9, 0),
                     LLMB_AGAIN);
    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, 9, 0),
                     LLMB_AGAIN);
    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, 9, 1),
                     LLMB_OK);
    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, 9, 1),
                     LLMB_OK);
}


static void
an_answer_cut_off_anywhere_is_truncated(void **state)
{
    size_t        len;
    llmb_split_t  sp;

    static const char  answer[] =
        "{\"id\":\"\\u00e9\xc3\xa9\",\"data\":[{\"index\":1,\"v\":[-1.5e-3,0]},"
        "{\"v\":\"AA==\",\"index\":0}],\"usage\":{\"a\":null,\"b\":10}}";

    (void) state;

    for (len = 0; len < sizeof(answer) - 1; len++) {
        llmb_split_init(&sp, openai, elems, 2);

        assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, len,
                                         1),
                         LLMB_INVALID);
        assert_int_equal(sp.mismatch, LLMB_MISMATCH_TRUNCATED);
    }

    llmb_split_init(&sp, openai, elems, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, len, 1),
                     LLMB_OK);
}


/*
 * The first gap is longer than a whole element: nothing about the distance
 * of elements may be taken for granted.
 */

static void
uneven_gaps_let_nobody_see_a_neighbor(void **state)
{
    llmb_share_t  shares[] = {
        SHARE(0, 2, 2), SHARE(2, 1, 1), SHARE(3, 2, 2)
    };
    llmb_split_t  sp;

    static const char  answer[] =
        "{\"data\":[{\"index\":0}"
        "                    ,                    {\"index\":3},"
        "{\"index\":2,\"s\":\"secret\"},{\"index\":1},\n{\"index\":4}\n]}";

    (void) state;

    llmb_usage_weigh(shares, 3);

    llmb_split_init(&sp, openai, elems, 5);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    assert_cut(&sp, answer, shares, 3, 0,
               "{\"data\":[{\"index\":0}"
               "                    ,                    {\"index\":1}\n]}");
    assert_cut(&sp, answer, shares, 3, 1,
               "{\"data\":[{\"index\":0,\"s\":\"secret\"}\n]}");
    assert_cut(&sp, answer, shares, 3, 2,
               "{\"data\":[{\"index\":0}"
               "                    ,                    {\"index\":1}\n]}");
}


static void
pieces_may_stand_in_any_order(void **state)
{
    unsigned      i;
    char          answer[256], first[256], second[256];
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

    static const char *const  orders[6] = {
        "%1$s,%2$s,%3$s", "%1$s,%3$s,%2$s", "%2$s,%1$s,%3$s",
        "%2$s,%3$s,%1$s", "%3$s,%1$s,%2$s", "%3$s,%2$s,%1$s"
    };

    (void) state;

    llmb_usage_weigh(shares, 2);

    for (i = 0; i < 6; i++) {
        sprintf(answer, orders[i], "\"data\":[{\"index\":0},{\"index\":1}]",
                "\"usage\":{\"prompt_tokens\":7}", "\"id\":\"x\"");
        sprintf(first, orders[i], "\"data\":[{\"index\":0}]",
                "\"usage\":{\"prompt_tokens\":3}", "\"id\":\"x-0\"");
        sprintf(second, orders[i], "\"data\":[{\"index\":0}]",
                "\"usage\":{\"prompt_tokens\":4}", "\"id\":\"x-1\"");

        memmove(answer + 1, answer, strlen(answer) + 1);
        memmove(first + 1, first, strlen(first) + 1);
        memmove(second + 1, second, strlen(second) + 1);
        answer[0] = first[0] = second[0] = '{';
        strcat(answer, "}");
        strcat(first, "}");
        strcat(second, "}");

        llmb_split_init(&sp, openai, elems, 2);

        assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                         strlen(answer), 1),
                         LLMB_OK);

        assert_cut(&sp, answer, shares, 2, 0, first);
        assert_cut(&sp, answer, shares, 2, 1, second);
    }
}


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *answer;
    unsigned               exact;
    uint64_t               tokens[2];
} exact_case_t;


static void
tokens_are_exact_if_both_sides_count_the_same(void **state)
{
    unsigned      i, exact;
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

    static const exact_case_t  cases[] = {
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}],"
                  "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9}}",
          1, { 3, 4 } },
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}],"
                  "\"usage\":{\"total_tokens\":7,\"prompt_tokens\":12}}",
          0, { 5, 7 } },
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}],"
                  "\"usage\":{\"x\":{\"prompt_tokens\":7}}}",
          0, { 3, 4 } },
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}],"
                  "\"usage\":{\"prompt_tokens\":\"7\"}}",
          0, { 3, 4 } },
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}]}", 0, { 3, 4 } },
        { ollama, "{\"embeddings\":[1,2],\"prompt_eval_count\":7}",
          1, { 3, 4 } },
        { ollama, "{\"embeddings\":[1,2],\"prompt_eval_count\":1}",
          0, { 0, 1 } },
        { ollama, "{\"embeddings\":[1,2],\"prompt_eval_count\":0}",
          0, { 0, 0 } },
        { tei, "[1,2]", 0, { 3, 4 } }
    };

    (void) state;

    llmb_usage_weigh(shares, 2);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        llmb_split_init(&sp, cases[i].adapter, elems, 2);

        assert_int_equal(llmb_split_read(&sp,
                                         (const uint8_t *) cases[i].answer,
                                         strlen(cases[i].answer), 1),
                         LLMB_OK);

        assert_int_equal(llmb_split_tokens(&sp, &shares[0], &exact),
                         cases[i].tokens[0]);
        assert_int_equal(exact, cases[i].exact);
        assert_int_equal(llmb_split_tokens(&sp, &shares[1], &exact),
                         cases[i].tokens[1]);
        assert_int_equal(exact, cases[i].exact);
    }
}


/* what a format does not have is not found under an empty name either */

static void
members_without_a_name_mean_nothing(void **state)
{
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

    static const llmb_adapter_t  plain = {
        llmb_string("plain"),
        NULL,
        1,
        1,
        llmb_string("input"),
        LLMB_KIND_TEXT,
        NULL,
        8,
        llmb_string("list"),
        llmb_null_string,
        llmb_null_string,
        llmb_null_string
    };

    static const char  answer[] =
        "{\"\":5,\"list\":[{\"\":0},{\"\":9}],\"\":6}";

    (void) state;

    llmb_usage_weigh(shares, 2);

    llmb_split_init(&sp, &plain, elems, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    assert_cut(&sp, answer, shares, 2, 0,
               "{\"\":5,\"list\":[{\"\":0}],\"\":6}");
    assert_cut(&sp, answer, shares, 2, 1,
               "{\"\":5,\"list\":[{\"\":9}],\"\":6}");
}


static void
an_id_is_left_alone_if_nobody_shares_it(void **state)
{
    llmb_share_t  share = SHARE(0, 2, 2);
    llmb_split_t  sp;

    static const char  answer[] = "{\"id\":\"x\",\"data\":[{\"index\":1},"
                                  "{\"index\":0,\"v\":2}],\"usage\":"
                                  "{\"total_tokens\":5}}";

    (void) state;

    llmb_usage_weigh(&share, 1);

    llmb_split_init(&sp, openai, elems, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    assert_cut(&sp, answer, &share, 1, 0,
               "{\"id\":\"x\",\"data\":[{\"index\":0,\"v\":2},"
               "{\"index\":1}],\"usage\":{\"total_tokens\":5}}");
}


static void
elements_of_an_earlier_answer_are_forgotten(void **state)
{
    llmb_split_t  sp;

    static const char  answer[] = "{\"data\":[{\"index\":0},{\"index\":1}]}";

    (void) state;

    memset(elems, 0xff, sizeof(elems));

    llmb_split_init(&sp, openai, elems, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    /* and nobody else's memory is touched */

    assert_true(elems[2].value.end == (size_t) -1);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_certainly_wrong_is_told_before_the_end),
        cmocka_unit_test(an_answer_is_complete_only_when_no_more_can_come),
        cmocka_unit_test(an_answer_cut_off_anywhere_is_truncated),
        cmocka_unit_test(uneven_gaps_let_nobody_see_a_neighbor),
        cmocka_unit_test(pieces_may_stand_in_any_order),
        cmocka_unit_test(tokens_are_exact_if_both_sides_count_the_same),
        cmocka_unit_test(members_without_a_name_mean_nothing),
        cmocka_unit_test(an_id_is_left_alone_if_nobody_shares_it),
        cmocka_unit_test(elements_of_an_earlier_answer_are_forgotten)
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
