
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How each kind of input is read: what the items are, and what is none.
 */


#include "test_request.h"


#define ANY  (LLMB_KIND_TEXT|LLMB_KIND_TOKENS|LLMB_KIND_OBJECT               \
              |LLMB_KIND_VALUE)


/* a format of one member, "x" */

typedef struct {
    llmb_column_t   columns[3];
    llmb_form_t     form;
    llmb_adapter_t  adapter;
} format_t;


static const llmb_str_t  paths[] = {
    llmb_string("/x"),
    llmb_null_string
};


static void
format_init(format_t *f, llmb_input_e input, unsigned kinds)
{
    memset(f, 0, sizeof(format_t));

    f->columns[0].name = text_of("x");
    f->columns[0].input = input;
    f->columns[0].kinds = kinds;
    f->form.paths = paths;
    f->form.columns = f->columns;
    f->adapter.forms[0] = &f->form;
}


typedef struct {
    llmb_input_e   input;
    unsigned       kinds;
    const char    *value;
    const char    *span;      /* NULL: no items */
    uint32_t       items;
    unsigned       kind;
    unsigned       bare;
    uint64_t       tokens;    /* 0: not told */
} input_case_t;


static const input_case_t  inputs[] = {
    { LLMB_INPUT_ITEMS, ANY, "\"a\"", "\"a\"", 1, LLMB_KIND_TEXT, 1, 0 },
    { LLMB_INPUT_ITEMS, ANY, "\"\"", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, ANY, "[\"a\",\"\"]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, ANY, "null", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, ANY, "[]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, ANY, "[1,2]", "[1,2]", 1, LLMB_KIND_TOKENS, 1, 2 },
    { LLMB_INPUT_ITEMS, ANY, "[1,-2]", "[1,-2]", 1, LLMB_KIND_VALUE, 1, 0 },
    { LLMB_INPUT_ITEMS, ANY, "[1.5]", "[1.5]", 1, LLMB_KIND_VALUE, 1, 0 },
    { LLMB_INPUT_ITEMS, ANY, "7", "7", 1, LLMB_KIND_VALUE, 1, 1 },
    { LLMB_INPUT_ITEMS, ANY, "true", "true", 1, LLMB_KIND_VALUE, 1, 1 },
    { LLMB_INPUT_ITEMS, ANY, "[1,\"a\"]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, ANY, "[\"a\",{}]", "\"a\",{}", 2, LLMB_KIND_VALUE, 0,
      0 },
    { LLMB_INPUT_ITEMS, ANY, "[[1 , 2],[ 3]]", "[1 , 2],[ 3]", 2,
      LLMB_KIND_TOKENS, 0, 3 },
    { LLMB_INPUT_ITEMS, ANY, "[[9007199254740991]]", "[9007199254740991]", 1,
      LLMB_KIND_TOKENS, 0, 1 },
    { LLMB_INPUT_ITEMS, ANY, "[[9007199254740992]]", "[9007199254740992]", 1,
      LLMB_KIND_VALUE, 0, 1 },
    { LLMB_INPUT_ITEMS, ANY, "[[1,[2]]]", "[1,[2]]", 1, LLMB_KIND_VALUE, 0,
      1 },
    { LLMB_INPUT_ITEMS, ANY, "[[1],[]]", "[1],[]", 2, LLMB_KIND_VALUE, 0, 2 },

    { LLMB_INPUT_ITEMS, LLMB_KIND_TEXT|LLMB_KIND_TOKENS, "{}", NULL, 0, 0, 0,
      0 },
    { LLMB_INPUT_ITEMS, LLMB_KIND_TEXT|LLMB_KIND_TOKENS, "[\"a\",[1]]", NULL,
      0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, LLMB_KIND_TEXT|LLMB_KIND_TOKENS, "[[1],[]]", NULL, 0,
      0, 0, 0 },
    { LLMB_INPUT_ITEMS, LLMB_KIND_TEXT|LLMB_KIND_TOKENS, "[[1],[\"a\"]]",
      NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, LLMB_KIND_TEXT|LLMB_KIND_TOKENS, "[1,2.0]", NULL, 0,
      0, 0, 0 },
    { LLMB_INPUT_ITEMS, LLMB_KIND_TEXT, "[1]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_ITEMS, LLMB_KIND_TOKENS, "\"a\"", NULL, 0, 0, 0, 0 },

    { LLMB_INPUT_LIST, ANY, "\"a\"", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_LIST, ANY, "{}", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_LIST, ANY, "[]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_LIST, ANY, "[\"a\"]", "\"a\"", 1, LLMB_KIND_TEXT, 0, 0 },
    { LLMB_INPUT_LIST, ANY, "[ 1.0 , 5,-2e3 ]", "1.0 , 5,-2e3", 3,
      LLMB_KIND_VALUE, 0, 3 },
    { LLMB_INPUT_LIST, ANY, "[1,2]", "1,2", 2, LLMB_KIND_VALUE, 0, 2 },
    { LLMB_INPUT_LIST, ANY, "[[1],[2,3]]", "[1],[2,3]", 2, LLMB_KIND_TOKENS,
      0, 3 },
    { LLMB_INPUT_LIST, ANY, "[null,[[]],{}]", "null,[[]],{}", 3,
      LLMB_KIND_VALUE, 0, 3 },
    { LLMB_INPUT_LIST, LLMB_KIND_VALUE, "[\"a\"]", "\"a\"", 1,
      LLMB_KIND_VALUE, 0, 0 },
    { LLMB_INPUT_LIST, LLMB_KIND_TEXT|LLMB_KIND_OBJECT, "[\"a\",{}]", NULL,
      0, 0, 0, 0 },

    { LLMB_INPUT_LIST_OR_BARE, ANY, "\"a\"", "\"a\"", 1, LLMB_KIND_TEXT, 1,
      0 },
    { LLMB_INPUT_LIST_OR_BARE, ANY, "{ }", "{ }", 1, LLMB_KIND_OBJECT, 1, 1 },
    { LLMB_INPUT_LIST_OR_BARE, ANY, "[1,2]", "1,2", 2, LLMB_KIND_VALUE, 0,
      2 },
    { LLMB_INPUT_LIST_OR_BARE, ANY, "\"\"", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_LIST_OR_BARE, ANY, "[\"\"]", NULL, 0, 0, 0, 0 },

    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "\"a\"", "\"a\"", 1,
      LLMB_KIND_TEXT, 1, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[\"a\"]", "[\"a\"]", 1,
      LLMB_KIND_TEXT, 1, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[\"a\", \"]\\\"\"]",
      "[\"a\", \"]\\\"\"]", 1, LLMB_KIND_TEXT, 1, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[\"a\",\"b\",\"c\"]", NULL, 0,
      0, 0, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT,
      "[ [ \"a\" ] , [\"b\\\"\" , \"c\"] ]",
      "[ \"a\" ] , [\"b\\\"\" , \"c\"]", 2, LLMB_KIND_TEXT, 0, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[[\"a\",\"b\",\"c\"]]", NULL, 0,
      0, 0, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[[\"a\",\"\"]]", NULL, 0, 0, 0,
      0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[[\"a\",1]]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[\"a\",[\"b\"]]", NULL, 0, 0, 0,
      0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[[]]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_SEQUENCES, LLMB_KIND_TEXT, "[[1]]", NULL, 0, 0, 0, 0 },

    { LLMB_INPUT_WHOLE, LLMB_KIND_VALUE, "[ {}, \"\" ]", "[ {}, \"\" ]", 1,
      LLMB_KIND_VALUE, 1, 0 },
    { LLMB_INPUT_WHOLE, LLMB_KIND_VALUE, "[]", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_WHOLE, LLMB_KIND_VALUE, "\"\"", NULL, 0, 0, 0, 0 },
    { LLMB_INPUT_WHOLE, ANY, "[1]", "[1]", 1, LLMB_KIND_TOKENS, 1, 1 },
    { LLMB_INPUT_WHOLE, ANY, "{}", "{}", 1, LLMB_KIND_OBJECT, 1, 1 },
    { LLMB_INPUT_WHOLE, LLMB_KIND_TEXT, "[\"a\"]", NULL, 0, 0, 0, 0 }
};


static void
inputs_are_taken_apart_as_their_column_says(void **state)
{
    char                 body[256];
    unsigned             i;
    format_t             f;
    llmb_reason_e        reason;
    llmb_request_t       rq;
    const input_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        c = &inputs[i];

        format_init(&f, c->input, c->kinds);
        sprintf(body, "{\"y\" : [1] , \"x\" : %s }", c->value);

        (void) read_text(&rq, &f.adapter, "/x", body, strlen(body), &reason);

        if (reason != (c->span ? LLMB_REASON_NONE : LLMB_REASON_ITEM)) {
            fail_msg("%u: %s: \"%s\"", i, c->value,
                     llmb_reason_names[reason].data);
        }

        if (c->span) {
            assert_str(rq.columns[0].list, c->value);
            assert_str(rq.columns[0].span, c->span);
            assert_int_equal(rq.columns[0].items, c->items);
            assert_int_equal(rq.columns[0].bare, c->bare);
            assert_int_equal(rq.items, c->items);
            assert_int_equal(rq.kind, c->kind);
            assert_int_equal(rq.scalar, c->bare);
            assert_int_equal(rq.divisible, c->items > 1);
            assert_true(rq.tokens >= rq.items);

            if (c->tokens) {
                assert_int_equal(rq.tokens, c->tokens);
            }
        }

        free_body(&rq);
    }
}


static void
tokens_of_an_object_are_those_of_its_texts(void **state)
{
    format_t        f;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const char  body[] =
        "{\"x\":[{\"a long name of it\":\"one two\","
        "\"b\" : [1,\"\",{\"c\":\"thr\\\"ee\"}]}]}";

    (void) state;

    format_init(&f, LLMB_INPUT_LIST, ANY);

    assert_int_equal(read_text(&rq, &f.adapter, "/x", body, sizeof(body) - 1,
                               &reason),
                     LLMB_OK);
    assert_int_equal(rq.tokens,
                     llmb_tokens_estimate(text_of("\"one two\""))
                     + llmb_tokens_estimate(text_of("\"thr\\\"ee\"")));
    free_body(&rq);
}


static void
columns_have_one_length(void **state)
{
    const llmb_adapter_t  *score = &llmb_adapter_vllm_score;
    const llmb_adapter_t  *sglang = &llmb_adapter_sglang_generate;

    (void) state;

    assert_int_equal(reason_of(score, "/score", "{\"text_1\":\"q\"}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(score, "/score",
                               "{\"text_1\":\"q\",\"text_2\":\"a\"}"),
                     LLMB_REASON_NONE);
    assert_int_equal(reason_of(score, "/score",
                               "{\"text_2\":[\"a\",\"b\"],\"text_1\":\"q\"}"),
                     LLMB_REASON_NONE);
    assert_int_equal(reason_of(score, "/score",
                               "{\"text_1\":[\"q\",\"p\"],"
                               "\"text_2\":[\"a\",\"b\",\"c\"]}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(score, "/score",
                               "{\"text_1\":[\"q\",\"p\"],\"text_2\":\"a\"}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(score, "/score",
                               "{\"text_1\":\"q\",\"documents\":[\"a\"]}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(score, "/score",
                               "{\"queries\":\"q\",\"documents\":[\"a\"],"
                               "\"items\":[\"a\"]}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(score, "/score",
                               "{\"items\":[\"a\"],\"queries\":\"q\"}"),
                     LLMB_REASON_NONE);

    assert_int_equal(reason_of(sglang, "/generate",
                               "{\"text\":\"a\",\"input_ids\":[1]}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(sglang, "/generate",
                               "{\"text\":null,\"input_ids\":[1]}"),
                     LLMB_REASON_NONE);
    assert_int_equal(reason_of(sglang, "/generate",
                               "{\"text\":[\"a\",\"b\"],"
                               "\"sampling_params\":[{},{},{}]}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(sglang, "/generate",
                               "{\"text\":[\"a\",\"b\"],"
                               "\"sampling_params\":{}}"),
                     LLMB_REASON_NONE);
    assert_int_equal(reason_of(sglang, "/generate",
                               "{\"text\":\"a\",\"sampling_params\":1}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(sglang, "/generate",
                               "{\"text\":\"a\",\"sampling_params\":null}"),
                     LLMB_REASON_NONE);
}


static void
what_columns_of_two_hold(void **state)
{
    bundle_t              *b = bundle_create();
    const llmb_request_t  *rq;

    (void) state;

    rq = bundle_add(b, &llmb_adapter_vllm_score, "/v1/score",
                    "{\"text_2\":[\"a\",\"b\",\"c\"],\"text_1\":\"q r\"}");

    assert_ptr_equal(rq->form, llmb_adapter_vllm_score.forms[0]);
    assert_int_equal(rq->ncolumns, 2);
    assert_int_equal(rq->items, 3);
    assert_int_equal(rq->kind, LLMB_KIND_TEXT);
    assert_false(rq->scalar);
    assert_true(rq->divisible);
    assert_true(rq->columns[0].bare);
    assert_int_equal(rq->nholes, 2);
    assert_int_equal(rq->holes[0].column, 1);
    assert_int_equal(rq->holes[1].column, 0);
    assert_int_equal(rq->tokens,
                     3 * llmb_tokens_estimate(text_of("\"q r\""))
                     + 3 * llmb_tokens_estimate(text_of("\"a\"")));

    rq = bundle_add(b, &llmb_adapter_sglang_generate, "/generate",
                    "{\"sampling_params\":{\"stop\":\"a b c d e f\"},"
                    "\"input_ids\":[[1,2],[3]]}");

    assert_ptr_equal(rq->form, llmb_adapter_sglang_generate.forms[1]);
    assert_int_equal(rq->kind, LLMB_KIND_TOKENS);
    assert_int_equal(rq->tokens, 3);

    rq = bundle_add(b, &llmb_adapter_sglang_generate, "/generate",
                    "{\"text\":\"a\"}");

    assert_int_equal(rq->ncolumns, 2);
    assert_false(rq->columns[1].present);
    assert_true(rq->scalar);

    bundle_destroy(b);
}


static void
a_body_may_be_the_item(void **state)
{
    bundle_t              *b = bundle_create();
    const llmb_request_t  *rq;
    const llmb_adapter_t  *gemini = &llmb_adapter_gemini_embed;

    static const char  path[] = "/v1beta/models/g:embedContent";

    (void) state;

    rq = bundle_add(b, gemini, path, " {\"content\":{\"parts\":[]}} ");

    assert_str(rq->columns[0].span, "{\"content\":{\"parts\":[]}}");
    assert_int_equal(rq->items, 1);
    assert_int_equal(rq->kind, LLMB_KIND_OBJECT);
    assert_true(rq->scalar);
    assert_false(rq->divisible);
    assert_int_equal(rq->nholes, 1);
    assert_int_equal(rq->holes[0].start, 1);

    assert_int_equal(reason_of(gemini, path, "{}"), LLMB_REASON_ITEM);
    assert_int_equal(reason_of(gemini, path, "[]"), LLMB_REASON_JSON);
    assert_int_equal(reason_of(gemini, path, "{\"a\":1,\"model\":null}"),
                     LLMB_REASON_ITEM);
    assert_int_equal(reason_of(gemini, "/models/\xc3\xa9:embedContent",
                               "{\"a\":1}"),
                     LLMB_REASON_ADAPTER);
    assert_int_equal(reason_of(gemini, "/models/\":embedContent",
                               "{\"a\":1}"),
                     LLMB_REASON_ADAPTER);
    assert_int_equal(reason_of(gemini, "/models/\":embedContent",
                               "{\"a\":1,\"model\":\"m\"}"),
                     LLMB_REASON_NONE);

    bundle_destroy(b);
}


static void
the_largest_item_is_told(void **state)
{
    unsigned               i;
    bundle_t              *b = bundle_create();
    const llmb_request_t  *rq;

    static const struct {
        const llmb_adapter_t  *adapter;
        const char            *path;
        const char            *body;
        uint64_t               largest;
        uint64_t               longest;
    } cases[] = {
        { &llmb_adapter_openai_embeddings, "/v1/embeddings",
          "{\"input\":\"a b c\"}", 3, 7 },
        { &llmb_adapter_openai_embeddings, "/v1/embeddings",
          "{\"input\":[\"a\" , \"a b c\",\"abcdefgh\"]}", 3, 10 },
        { &llmb_adapter_openai_embeddings, "/v1/embeddings",
          "{\"input\":[1,2,3,4]}", 4, 9 },
        { &llmb_adapter_openai_embeddings, "/v1/embeddings",
          "{\"input\":[[1,2],[3,4,5],[6]]}", 3, 7 },
        { &llmb_adapter_kserve_v1, "/v1/models/m:predict",
          "{\"instances\":[{\"a\":\"x y\"},{\"a\":\"x\"}]}", 2, 11 },

        /* of columns the sum */

        { &llmb_adapter_vllm_score, "/v1/score",
          "{\"text_1\":\"a b\",\"text_2\":[\"a\",\"a b c\"]}", 5, 12 },
        { &llmb_adapter_vllm_score, "/v1/score",
          "{\"text_1\":[\"a b\",\"c\"],\"text_2\":[\"a\",\"b c\"]}", 4, 10 },
        { &llmb_adapter_sglang_generate, "/generate",
          "{\"sampling_params\":{\"stop\":\"a b c d\"},"
          "\"input_ids\":[[1,2],[3]]}", 2, 5 },

        { &llmb_adapter_gemini_embed, "/models/m:embedContent",
          "{\"content\":{\"parts\":[{\"text\":\"a b\"}]}}", 2, 38 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rq = bundle_add(b, cases[i].adapter, cases[i].path, cases[i].body);

        if (rq->largest != cases[i].largest || rq->longest != cases[i].longest)
        {
            fail_msg("%s: %u, %u", cases[i].body, (unsigned) rq->largest,
                     (unsigned) rq->longest);
        }
    }

    bundle_destroy(b);
}


static void
more_columns_than_a_form_has_are_declined(void **state)
{
    char            body[512];
    size_t          len;
    unsigned        i;
    format_t        f;
    llmb_form_t     forms[LLMB_MAX_FORMS];
    llmb_column_t   columns[LLMB_MAX_FORMS][3];

    static const llmb_str_t  names[] = {
        llmb_string("c0"), llmb_string("c1"), llmb_string("c2"),
        llmb_string("c3"), llmb_string("c4"), llmb_string("c5"),
        llmb_string("c6"), llmb_string("c7"), llmb_string("c8"),
        llmb_string("c9"), llmb_string("d0"), llmb_string("d1"),
        llmb_string("d2"), llmb_string("d3"), llmb_string("d4"),
        llmb_string("d5")
    };

    (void) state;

    format_init(&f, LLMB_INPUT_LIST, ANY);
    memset(columns, 0, sizeof(columns));

    len = (size_t) sprintf(body, "{\"y\":1");

    for (i = 0; i < 16; i++) {
        columns[i / 2][i % 2] = f.columns[0];
        columns[i / 2][i % 2].name = names[i];

        forms[i / 2] = f.form;
        forms[i / 2].columns = columns[i / 2];
        f.adapter.forms[i / 2] = &forms[i / 2];

        len += (size_t) sprintf(body + len, ",\"%s\":[1]",
                                (const char *) names[i].data);
    }

    sprintf(body + len, "}");

    assert_int_equal(reason_of(&f.adapter, "/x", body), LLMB_REASON_ITEM);
    assert_int_equal(reason_of(&f.adapter, "/x", "{\"d4\":[1],\"d5\":[1]}"),
                     LLMB_REASON_NONE);
    assert_int_equal(reason_of(&f.adapter, "/x", "{\"d5\":[1]}"),
                     LLMB_REASON_ITEM);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(inputs_are_taken_apart_as_their_column_says),
        cmocka_unit_test(tokens_of_an_object_are_those_of_its_texts),
        cmocka_unit_test(columns_have_one_length),
        cmocka_unit_test(what_columns_of_two_hold),
        cmocka_unit_test(a_body_may_be_the_item),
        cmocka_unit_test(the_largest_item_is_told),
        cmocka_unit_test(more_columns_than_a_form_has_are_declined)
    };

    return cmocka_run_group_tests_name("items", tests, NULL, NULL);
}
