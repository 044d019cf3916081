
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Answers to the parts of one request.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"
#include "join.h"


#define MAX_PARTS  4

#define openai  (&llmb_adapter_openai_embeddings)
#define ollama  (&llmb_adapter_ollama_embed)
#define tei     (&llmb_adapter_tei_embed)
#define cohere  (&llmb_adapter_cohere_embed)
#define llama   (&llmb_adapter_llamacpp_completion)
#define texts   (&llmb_adapter_openai_completions)
#define rerank  (&llmb_adapter_rerank)


typedef struct {
    const llmb_adapter_t  *adapter;
    uint32_t               per;
    uint32_t               items[MAX_PARTS];
    const char            *parts[MAX_PARTS];
    const char            *joined;    /* NULL: they do not fit */
} join_case_t;


static const join_case_t  cases[] = {
    { tei, 1, { 2, 1, 1 }, { "[[1],  [2]]", "[ [3] ]", "[[4]]" },
      "[[1],  [2],  [3],  [4]]" },
    { tei, 1, { 1, 2 }, { "[[1]]\n", "[[2] ,[3]]" }, "[[1] ,[2] ,[3]]\n" },
    { tei, 1, { 1, 1 }, { "[[1]]", "[[2]]" }, "[[1],[2]]" },
    { tei, 1, { 2 }, { "[[1],  [2]]" }, "[[1],  [2]]" },

    { openai, 1, { 2, 2 },
      { "{\"id\":\"a\",\"data\":[{\"index\":1,\"v\":2},{\"index\":0,\"v\":1}],"
        "\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9,\"x\":{\"y\":1}}}",
        "{\"usage\":{\"total_tokens\":3,\"prompt_tokens\":2,\"x\":null},"
        "\"data\":[{\"index\":0,\"v\":3},{\"v\":4,\"index\":1}]}" },
      "{\"id\":\"a\",\"data\":[{\"index\":0,\"v\":1},{\"index\":1,\"v\":2},"
      "{\"index\":2,\"v\":3},{\"v\":4,\"index\":3}],"
      "\"usage\":{\"prompt_tokens\":11,\"total_tokens\":12,\"x\":{\"y\":1}}}" },
    { openai, 1, { 1, 1 },
      { "{\"data\":[{\"index\":0}],\"usage\":{\"total_tokens\":4294967295}}",
        "{\"data\":[{\"index\":0}],\"usage\":{\"total_tokens\":4294967295}}" },
      "{\"data\":[{\"index\":0},{\"index\":1}],"
      "\"usage\":{\"total_tokens\":8589934590}}" },

    { openai, 1, { 1, 1 },
      { "{\"data\":[{\"index\":0}],\"usage\":{\"a\":1,\"a\":2,\"b\":[{\"c\":1},"
        "{\"c\":2}]}}",
        "{\"data\":[{\"index\":0}],\"usage\":{\"a\":10,\"b\":[{\"c\":20},"
        "{\"c\":30}],\"a\":40}}" },
      "{\"data\":[{\"index\":0},{\"index\":1}],\"usage\":{\"a\":11,\"a\":42,"
      "\"b\":[{\"c\":21},{\"c\":32}]}}" },

    { openai, 1, { 1, 1 },
      { "{\"data\":[{\"index\":0}],\"usage\":{\"a\":{\"x\":1},\"b\":{\"x\":2},"
        "\"c\":{\"x\":3}}}",
        "{\"data\":[{\"index\":0}],\"usage\":{\"b\":{\"x\":10},"
        "\"a\":{\"x\":20}}}" },
      "{\"data\":[{\"index\":0},{\"index\":1}],\"usage\":{\"a\":{\"x\":21},"
      "\"b\":{\"x\":12},\"c\":{\"x\":3}}}" },

    /* not of one shape */

    { openai, 1, { 1, 1 },
      { "{\"data\":[{\"index\":0}],\"usage\":{\"total_tokens\":4}}",
        "{\"data\":[{\"index\":0}]}" }, NULL },
    { openai, 1, { 1, 1 },
      { "{\"data\":[{\"index\":0}]}",
        "{\"data\":[{\"index\":0}],\"usage\":{\"total_tokens\":4}}" }, NULL },
    { openai, 1, { 1, 1 },
      { "{\"data\":[{\"index\":0}],\"usage\":{\"total_tokens\":4}}",
        "{\"data\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":4}}" }, NULL },
    { rerank, 1, { 1, 1 },
      { "{\"results\":[{\"index\":0}]}", "{\"results\":[{\"index\":0}]}" },
      NULL },

    { ollama, 1, { 1, 2 },
      { "{\"embeddings\":[[1]],\"prompt_eval_count\":4,\"total_duration\":7}",
        "{\"embeddings\":[[2],[3]],\"prompt_eval_count\":5}" },
      "{\"embeddings\":[[1],[2],[3]],\"prompt_eval_count\":9,"
      "\"total_duration\":7}" },

    { texts, 2, { 1, 1 },
      { "{\"choices\":[{\"index\":1,\"t\":\"b\"},{\"index\":0,\"t\":\"a\"}]}",
        "{\"choices\":[{\"index\":0,\"t\":\"c\"},{\"index\":1,\"t\":\"d\"}]}" },
      "{\"choices\":[{\"index\":0,\"t\":\"a\"},{\"index\":1,\"t\":\"b\"},"
      "{\"index\":2,\"t\":\"c\"},{\"index\":3,\"t\":\"d\"}]}" },

    { llama, 1, { 1, 2, 1 },
      { "{\"index\":0,\"c\":\"a\"}",
        "[{\"index\":0,\"c\":\"b\"}, {\"index\":1,\"c\":\"c\"}]",
        "[{\"index\":0,\"c\":\"d\"}]" },
      "[{\"index\":0,\"c\":\"a\"}, {\"index\":1,\"c\":\"b\"}, "
      "{\"index\":2,\"c\":\"c\"}, {\"index\":3,\"c\":\"d\"}]" },

    { cohere, 1, { 1, 2 },
      { "{\"embeddings\":{\"float\":[[1]],\"int8\":[[11]]},\"texts\":[\"a\"],"
        "\"meta\":{\"billed_units\":{\"input_tokens\":2}}}",
        "{\"texts\":[\"b\",\"c\"],\"embeddings\":{\"float\":[[2],[3]],"
        "\"int8\":[[12],[13]]},\"meta\":{\"billed_units\":"
        "{\"input_tokens\":3}}}" }, NULL },
    { cohere, 1, { 1, 2 },
      { "{\"embeddings\":{\"float\":[[1]],\"int8\":[[11]]},\"texts\":[\"a\"],"
        "\"meta\":{\"billed_units\":{\"input_tokens\":2}}}",
        "{\"embeddings\":{\"float\":[[2],[3]],\"int8\":[[12],[13]]},"
        "\"meta\":{\"billed_units\":{\"input_tokens\":3}},"
        "\"texts\":[\"b\",\"c\"]}" },
      "{\"embeddings\":{\"float\":[[1],[2],[3]],\"int8\":[[11],[12],[13]]},"
      "\"texts\":[\"a\",\"b\",\"c\"],\"meta\":{\"billed_units\":"
      "{\"input_tokens\":5}}}" },
    { cohere, 1, { 1, 1 },
      { "{\"embeddings\":{\"float\":[[1]],\"int8\":[[11]]}}",
        "{\"embeddings\":{\"int8\":[[12]],\"float\":[[2]]}}" }, NULL },
    { cohere, 1, { 1, 1 },
      { "{\"embeddings\":{\"float\":[[1]],\"int8\":[[11]]}}",
        "{\"embeddings\":{\"float\":[[2]]}}" }, NULL }
};


static uint32_t
read_parts(const join_case_t *c, answer_t *answers, join_part_t *parts)
{
    uint32_t           i;
    llmb_split_conf_t  conf;

    for (i = 0; i < MAX_PARTS && c->items[i]; i++) {
        memset(&conf, 0, sizeof(llmb_split_conf_t));

        conf.form = c->adapter->forms[0];
        conf.items = c->items[i];
        conf.per = c->per;

        assert_int_equal(answer_read(&answers[i], &conf, c->parts[i]),
                         LLMB_OK);

        parts[i].split = answers[i].split;
        parts[i].base = answers[i].base;
    }

    return i;
}


static void
parts_become_one(void **state)
{
    unsigned            i, step;
    answer_t            answers[MAX_PARTS];
    uint32_t            n;
    llmb_rc_e           rc;
    join_play_t         play;
    join_part_t         parts[MAX_PARTS];
    const join_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];
        n = read_parts(c, answers, parts);

        /* whatever the size of a step, down to one element */

        for (step = 0; step < 64; step++) {
            play.step = step;
            play.fail = 0;
            rc = join_parts(&play, parts, n);

            if (c->joined == NULL) {
                assert_int_equal(rc, LLMB_INVALID);
                assert_int_equal(play.out.len, 0);

            } else {
                assert_int_equal(rc, LLMB_OK);

                buffer_write(&play.out, (const uint8_t *) "", 1);
                assert_string_equal((char *) play.out.data, c->joined);
            }

            free(play.out.data);
        }

        /* and every write may fail */

        for (play.fail = 1; rc == LLMB_OK; play.fail++) {

            if (join_parts(&play, parts, n) == LLMB_OK) {
                rc = LLMB_NOMEM;
            }

            assert_int_equal(play.late, 0);
            free(play.out.data);
        }

        while (n--) {
            answer_free(&answers[n]);
        }
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(parts_become_one)
    };

    return cmocka_run_group_tests_name("split_join", tests, NULL, NULL);
}
