
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checking answers; whole ones are in the golden cases.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"
#include "guard.h"


#define MAX_ITEMS  16


static const llmb_adapter_t *const  openai = &llmb_adapter_openai_embeddings;
static const llmb_adapter_t *const  ollama = &llmb_adapter_ollama_embed;
static const llmb_adapter_t *const  tei = &llmb_adapter_tei_embed;
static const llmb_adapter_t *const  cohere = &llmb_adapter_cohere_embed;
static const llmb_adapter_t *const  gemini = &llmb_adapter_gemini_embed;
static const llmb_adapter_t *const  llama = &llmb_adapter_llamacpp_completion;
static const llmb_adapter_t *const  texts = &llmb_adapter_openai_completions;
static const llmb_adapter_t *const  rerank = &llmb_adapter_rerank;

static uint8_t  room[MAX_ITEMS * 512];


static void
start(llmb_split_t *sp, const llmb_adapter_t *adapter, uint32_t items)
{
    llmb_split_conf_t  conf;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = adapter->forms[0];
    conf.items = items;
    conf.per = 1;

    assert_true(llmb_split_room(&conf) <= sizeof(room));

    llmb_split_init(sp, &conf, room);
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
        { tei, "[[1],[2]] x", LLMB_MISMATCH_JSON },
        { llama, "{", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"embeddings\":[", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"embeddings\":null", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"embeddings\":{\"float\":{", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"embeddings\":{\"float\":1,", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"embeddings\":{\"float\":[1]", LLMB_MISMATCH_COUNT },
        { cohere, "{\"embeddings\":{\"a\":[1,2],\"b\":[1,2,3",
          LLMB_MISMATCH_NONE },
        { cohere, "{\"embeddings\":{\"a\":[1,2],\"b\":[1,2,3,",
          LLMB_MISMATCH_COUNT },
        { cohere, "{\"embeddings\":{\"a\":[1,2],\"b\":[]",
          LLMB_MISMATCH_COUNT },
        { cohere, "{\"texts\":[\"a\"]", LLMB_MISMATCH_COUNT },
        { cohere, "{\"texts\":\"a\"", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"texts\":{", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"embeddings\":{},\"embeddings\"",
          LLMB_MISMATCH_SHAPE },
        { cohere, "{\"meta\":1,\"meta\"", LLMB_MISMATCH_SHAPE },
        { cohere, "{\"meta\":{\"tokens\":{},\"tokens\"",
          LLMB_MISMATCH_SHAPE },
        { texts, "{\"choices\":[{\"index\":0,\"token_ids\":1,"
                 "\"token_ids\":[", LLMB_MISMATCH_SHAPE },
        { rerank, "{\"results\":[{\"index\":1},{\"index\":1,",
          LLMB_MISMATCH_INDEX }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&sp, cases[i].adapter, 2);

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

    start(&sp, tei, 2);

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
        start(&sp, openai, 2);

        assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, len,
                                         1),
                         LLMB_INVALID);
        assert_int_equal(sp.mismatch, LLMB_MISMATCH_TRUNCATED);
    }

    start(&sp, openai, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer, len, 1),
                     LLMB_OK);
}


typedef struct {
    const llmb_adapter_t  *adapter;
    uint32_t               items;
    const char            *answer;
    llmb_mismatch_e        mismatch;
} whole_case_t;


static void
whole_answers_are_taken_or_not(void **state)
{
    unsigned      i;
    llmb_split_t  sp;

    static const whole_case_t  cases[] = {

        /* one object is one element where such a form exists */

        { llama, 1, "{\"index\":0}", LLMB_MISMATCH_NONE },
        { llama, 1, "[{\"index\":0}]", LLMB_MISMATCH_NONE },
        { llama, 1, "{\"index\":1}", LLMB_MISMATCH_INDEX },
        { llama, 1, "{\"a\":{\"index\":0}}", LLMB_MISMATCH_INDEX },
        { llama, 1, "{}", LLMB_MISMATCH_INDEX },
        { llama, 1, "null", LLMB_MISMATCH_SHAPE },
        { llama, 1, "\"a\"", LLMB_MISMATCH_SHAPE },
        { llama, 2, "{\"index\":0}", LLMB_MISMATCH_SHAPE },
        { gemini, 1, "{\"embeddings\":{\"v\":1}}", LLMB_MISMATCH_NONE },
        { gemini, 1, "{\"embeddings\":[{\"v\":1}]}", LLMB_MISMATCH_NONE },
        { gemini, 1, "{\"embeddings\":7}", LLMB_MISMATCH_SHAPE },
        { gemini, 2, "{\"embeddings\":{\"v\":1}}", LLMB_MISMATCH_SHAPE },
        { tei, 1, "{\"v\":1}", LLMB_MISMATCH_SHAPE },

        /* several lists */

        { cohere, 2, "{\"embeddings\":{\"a\":[1,2],\"b\":null,"
                     "\"c\":[[],{}]},\"texts\":[1,2]}",
          LLMB_MISMATCH_NONE },
        { cohere, 2, "{\"texts\":null,\"embeddings\":{\"a\":[1,2]}}",
          LLMB_MISMATCH_NONE },
        { cohere, 2, "{\"texts\":[1,2],\"embeddings\":{}}",
          LLMB_MISMATCH_SHAPE },
        { cohere, 2, "{\"texts\":[1,2]}", LLMB_MISMATCH_SHAPE },
        { cohere, 1, "{\"embeddings\":{\"a\":[0],\"b\":[0],\"c\":[0],"
                     "\"d\":[0],\"e\":[0],\"f\":[0],\"g\":[0],"
                     "\"h\":[0],\"i\":[0]}}",
          LLMB_MISMATCH_NONE },
        { cohere, 1, "{\"embeddings\":{\"a\":[0],\"b\":[0],\"c\":[0],"
                     "\"d\":[0],\"e\":[0],\"f\":[0],\"g\":[0],"
                     "\"h\":[0],\"i\":[0],\"j\":[0]}}",
          LLMB_MISMATCH_SHAPE },

        /* a path leads through objects only, and from the top */

        { cohere, 1, "{\"x\":{\"embeddings\":{\"a\":[0]}}}",
          LLMB_MISMATCH_SHAPE },
        { cohere, 1, "{\"embeddings\":{\"a\":[0]},"
                     "\"meta\":[{\"tokens\":1},{\"tokens\":2}],"
                     "\"x\":{\"tokens\":1,\"tokens\":1}}",
          LLMB_MISMATCH_NONE },

        /* names may be written with escapes */

        { openai, 1, "{\"d\\u0061ta\":[{\"\\u0069ndex\":0}]}",
          LLMB_MISMATCH_NONE },
        { openai, 1, "{\"data\":[{\"index\":0}],\"d\\u0061ta\":[]}",
          LLMB_MISMATCH_SHAPE }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(&sp, cases[i].adapter, cases[i].items);

        (void) llmb_split_read(&sp, (const uint8_t *) cases[i].answer,
                               strlen(cases[i].answer), 1);

        if (sp.mismatch != cases[i].mismatch) {
            fail_msg("case %u: %u", i, sp.mismatch);
        }
    }
}


/* a list in a usage would be shared out like it; a usage in a usage, twice */

static void
what_is_written_anew_does_not_overlap(void **state)
{
    unsigned           i;
    llmb_form_t        form;
    llmb_split_t       sp;
    llmb_split_conf_t  conf;

    static const char *const  answers[] = {
        "{\"u\":{\"a\":1,\"list\":[1,2]}}",
        "{\"u\":{\"list\":[1,2],\"v\":{\"a\":1}}}",
        "{\"u\":{\"v\":{\"a\":1}},\"list\":[1,2]}"
    };

    static const llmb_str_t  paths[] = {
        llmb_string("u.list"), llmb_string("u.list"), llmb_string("list")
    };

    (void) state;

    for (i = 0; i < 3; i++) {
        memset(&form, 0, sizeof(llmb_form_t));
        memset(&conf, 0, sizeof(llmb_split_conf_t));

        form.list = paths[i];
        form.usage[0].data = (const uint8_t *) "u";
        form.usage[0].len = 1;
        form.usage[1].data = (const uint8_t *) "u.v";
        form.usage[1].len = 3;

        conf.form = &form;
        conf.items = 2;
        conf.per = 1;

        llmb_split_init(&sp, &conf, room);

        assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answers[i],
                                         strlen(answers[i]), 1),
                         LLMB_INVALID);
        assert_int_equal(sp.mismatch, LLMB_MISMATCH_SHAPE);
    }
}


typedef struct {
    const llmb_adapter_t  *adapter;
    llmb_str_t             answer;
    llmb_split_t           split;
    llmb_rc_e              rc;
} reader_t;


static void
reader_start(void *data)
{
    reader_t  *reader = data;

    start(&reader->split, reader->adapter, 2);
    reader->rc = LLMB_AGAIN;
}


static void
reader_feed(void *data, const uint8_t *base, size_t len, unsigned last)
{
    reader_t  *reader = data;

    if (reader->rc == LLMB_AGAIN) {
        reader->rc = llmb_split_read(&reader->split, base, len, last);
    }
}


static void
reader_finish(void *data)
{
    reader_t  *reader = data;

    assert_int_equal(reader->rc, LLMB_OK);
    assert_int_equal(reader->split.len, reader->answer.len);
}


static void
answers_may_come_in_any_pieces(void **state)
{
    unsigned  i;
    reader_t  readers[] = {
        { .adapter = openai,
          .answer = llmb_string("{\"data\": [ {\"index\":1,\"embedding\":"
                                "[0.5]},\n{\"index\":0}],\"usage\":"
                                "{\"prompt_tokens\":7,\"x\":{}}}") },
        { .adapter = cohere,
          .answer = llmb_string("{\"id\":\"a\",\"embeddings\":{\"float\":"
                                "[[1],[2]],\"int8\":[[1],[2]]},\"meta\":"
                                "{\"tokens\":{\"input_tokens\":8}},"
                                "\"texts\":[\"a\",\"\\u00e9\"]}") },
        { .adapter = texts,
          .answer = llmb_string("{\"choices\":[{\"index\":0,\"token_ids\":"
                                "[1,2],\"prompt_token_ids\":null},"
                                "{\"index\":1,\"token_ids\":[]}]}") },
        { .adapter = tei, .answer = llmb_string(" [[1 , 2],[3]]\n") }
    };
    feeder_t  feeder = { NULL, reader_start, reader_feed, NULL,
                         reader_finish };

    (void) state;

    for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        feeder.data = &readers[i];
        EVERY_SPLIT(readers[i].answer, &feeder);
    }
}


static void
a_room_is_not_left(void **state)
{
    size_t              size;
    unsigned            i, j;
    uint8_t            *p;
    llmb_split_t        sp;
    llmb_split_conf_t   conf;

    (void) state;

    for (i = 0; i < llmb_nadapters; i++) {

        for (j = 0; llmb_adapters[i]->forms[j]; j++) {
            memset(&conf, 0, sizeof(llmb_split_conf_t));

            conf.form = llmb_adapters[i]->forms[j];
            conf.items = 3;
            conf.per = 2;

            size = llmb_split_room(&conf);
            p = malloc(size);
            memset(p, 0xff, size);

            llmb_split_init(&sp, &conf, p);

            assert_true((uint8_t *) sp.elems == p);
            assert_int_equal(sp.elems[5].value.end, 0);
            assert_true((uint8_t *) (sp.spans) <= p + size);

            free(p);
        }
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_certainly_wrong_is_told_before_the_end),
        cmocka_unit_test(an_answer_is_complete_only_when_no_more_can_come),
        cmocka_unit_test(an_answer_cut_off_anywhere_is_truncated),
        cmocka_unit_test(whole_answers_are_taken_or_not),
        cmocka_unit_test(what_is_written_anew_does_not_overlap),
        cmocka_unit_test(answers_may_come_in_any_pieces),
        cmocka_unit_test(a_room_is_not_left)
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
