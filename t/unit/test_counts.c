
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The counts in an answer: how many tokens are whose.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"


#define openai  (&llmb_adapter_openai_embeddings)
#define ollama  (&llmb_adapter_ollama_embed)
#define tei     (&llmb_adapter_tei_embed)
#define cohere  (&llmb_adapter_cohere_embed)
#define texts   (&llmb_adapter_openai_completions)
#define rerank  (&llmb_adapter_rerank)


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
    answer_t      a;
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };

    static const exact_case_t  cases[] = {
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}],"
                  "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":9}}",
          1, { 3, 4 } },
        { openai, "{\"data\":[{\"index\":0},{\"index\":1}],"
                  "\"usage\":{\"total_tokens\":7}}",
          1, { 3, 4 } },
        { texts, "{\"choices\":[{\"index\":0},{\"index\":1}],"
                 "\"usage\":{\"total_tokens\":7}}",
          0, { 3, 4 } },
        { cohere, "{\"embeddings\":{\"float\":[1,2]},\"meta\":{"
                  "\"billed_units\":{\"input_tokens\":7},"
                  "\"tokens\":{\"input_tokens\":12}}}",
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
        answer_of(&a, cases[i].adapter, 2, cases[i].answer);

        assert_int_equal(llmb_counts_tokens(&a.split, &shares[0], &exact),
                         cases[i].tokens[0]);
        assert_int_equal(exact, cases[i].exact);
        assert_int_equal(llmb_counts_tokens(&a.split, &shares[1], &exact),
                         cases[i].tokens[1]);
        assert_int_equal(exact, cases[i].exact);

        answer_free(&a);
    }
}


static void
output_tokens_are_shared_out_like_the_answers(void **state)
{
    unsigned      i;
    answer_t      a;
    uint64_t      first, second;
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };

    static const char *const  answers[] = {
        "{\"choices\":[{\"index\":0,\"text\":\"aaaaaaaaaaaaaaaaaaaa\"},"
        "{\"index\":1,\"text\":\"b\"}],"
        "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9}}",
        "{\"choices\":[{\"index\":0},{\"index\":1}],"
        "\"usage\":{\"prompt_tokens\":7}}"
    };

    (void) state;

    for (i = 0; i < 2; i++) {
        answer_of(&a, texts, 2, answers[i]);

        llmb_counts_weigh(&a.split, a.base, shares, 2);

        first = llmb_counts_output(&a.split, &shares[0]);
        second = llmb_counts_output(&a.split, &shares[1]);

        assert_int_equal(first + second, i ? 0 : 9);
        assert_true(first > second || i);

        answer_free(&a);
    }
}


typedef struct {
    uint32_t               items[2];
    uint64_t               tokens[2];
    uint64_t               count;     /* the upstream's */
    uint64_t               units[2];
} units_case_t;


static void
units_are_those_that_each_would_have_been_told(void **state)
{
    unsigned      i, k;
    llmb_split_t  sp;
    llmb_share_t  shares[2];

    static const units_case_t  cases[] = {
        { { 1, 1 }, { 5, 5 }, 1, { 1, 1 } },
        { { 1, 99 }, { 5, 900 }, 1, { 1, 1 } },
        { { 1, 100 }, { 5, 900 }, 2, { 1, 1 } },
        { { 100, 1 }, { 900, 5 }, 2, { 1, 1 } },
        { { 101, 200 }, { 900, 900 }, 4, { 2, 2 } },
        { { 60, 240 }, { 60, 240 }, 3, { 1, 3 } },

        /* no bill, and one that is none of documents */

        { { 1, 300 }, { 5, 900 }, 0, { 0, 0 } },
        { { 1, 300 }, { 5, 900 }, 1, { 1, 1 } },

        /* documents that are several */

        { { 1, 1 }, { 10, 90000 }, 2, { 1, 2 } },
        { { 100, 100 }, { 50000, 50000 }, 10, { 5, 5 } },
        { { 100, 100 }, { 50000, 50000 }, 11, { 6, 6 } },
        { { 300, 1 }, { 300, 90000 }, 5, { 3, 5 } },
        { { 1, 1 }, { UINT32_MAX, 1 }, UINT32_MAX, { UINT32_MAX, 1 } }
    };

    (void) state;

    memset(&sp, 0, sizeof(llmb_split_t));
    memset(shares, 0, sizeof(shares));

    sp.conf.form = rerank->forms[0];

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        for (k = 0; k < 2; k++) {
            shares[k].items = cases[i].items[k];
            shares[k].tokens = cases[i].tokens[k];
        }

        llmb_usage_weigh(shares, 2);

        for (k = 0; k < 2; k++) {
            assert_int_equal(llmb_counts_part(&sp, &shares[k],
                                              LLMB_COUNT_UNITS,
                                              cases[i].count),
                             cases[i].units[k]);
        }
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(tokens_are_exact_if_both_sides_count_the_same),
        cmocka_unit_test(output_tokens_are_shared_out_like_the_answers),
        cmocka_unit_test(units_are_those_that_each_would_have_been_told)
    };

    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
