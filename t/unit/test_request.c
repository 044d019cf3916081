
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Which bodies may be batched, and what is told of the others; whole bodies
 * are in the golden cases.
 */


#include "test_request.h"


static const llmb_adapter_t *const  openai = &llmb_adapter_openai_embeddings;


static llmb_rc_e
read_body(llmb_request_t *rq, const llmb_adapter_t *adapter, const char *text,
    size_t len, llmb_reason_e *reason)
{
    return read_text(rq, adapter, "/v1/embeddings", text, len, reason);
}


typedef struct {
    const char   *body;
    const char   *value;
    const char   *span;
    llmb_kind_e   kind;
    unsigned      scalar;
    uint32_t      items;
    uint64_t      tokens;     /* 0: not told for texts */
} item_case_t;


static void
items_are_found_and_counted(void **state)
{
    unsigned        i;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const item_case_t  cases[] = {
        { "{\"input\":\"a\"}", "\"a\"", "\"a\"", LLMB_KIND_TEXT, 1, 1, 0 },
        { "{\"input\":[\"a\"]}", "[\"a\"]", "\"a\"", LLMB_KIND_TEXT, 0, 1, 0 },
        { "{\"input\": [ \"a\" ,\n\"b\" ] , \"x\": [[]]}",
          "[ \"a\" ,\n\"b\" ]", "\"a\" ,\n\"b\"", LLMB_KIND_TEXT, 0, 2, 0 },
        { "{\"input\":[1]}", "[1]", "[1]", LLMB_KIND_TOKENS, 1, 1, 1 },
        { "{\"input\":[ 1, 0,2 ]}", "[ 1, 0,2 ]", "[ 1, 0,2 ]",
          LLMB_KIND_TOKENS, 1, 1, 3 },
        { "{\"input\":[[1]]}", "[[1]]", "[1]", LLMB_KIND_TOKENS, 0, 1, 1 },
        { "{\"input\":[ [1, 2],[3] ]}", "[ [1, 2],[3] ]", "[1, 2],[3]",
          LLMB_KIND_TOKENS, 0, 2, 3 },
        { " {\"x\":{\"input\":1},\"\\u0069np\\u0075t\" : \"\\\"\"}\n",
          "\"\\\"\"", "\"\\\"\"", LLMB_KIND_TEXT, 1, 1, 0 },
        { "{\"input\":{\"text\":\"a\"}}", "{\"text\":\"a\"}",
          "{\"text\":\"a\"}", LLMB_KIND_OBJECT, 1, 1, 0 },
        { "{\"input\":[{}, {\"a\":[{}]}]}", "[{}, {\"a\":[{}]}]",
          "{}, {\"a\":[{}]}", LLMB_KIND_OBJECT, 0, 2, 2 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_body(&rq, openai, cases[i].body,
                                   strlen(cases[i].body), &reason),
                         LLMB_OK);
        assert_int_equal(reason, LLMB_REASON_NONE);
        assert_ptr_equal(rq.adapter, openai);
        assert_str(rq.body, cases[i].body);

        assert_ptr_equal(rq.form, openai->forms[0]);
        assert_int_equal(rq.ncolumns, 1);
        assert_str(rq.columns[0].list, cases[i].value);
        assert_str(rq.columns[0].span, cases[i].span);
        assert_int_equal(rq.columns[0].items, cases[i].items);
        assert_int_equal(rq.nholes, 1);
        assert_int_equal(rq.holes[0].type, LLMB_HOLE_COLUMN);
        assert_ptr_equal(rq.body.data + rq.holes[0].start,
                         rq.columns[0].list.data);
        assert_int_equal(rq.holes[0].end - rq.holes[0].start,
                         rq.columns[0].list.len);
        assert_int_equal(rq.kind, cases[i].kind);
        assert_int_equal(rq.scalar, cases[i].scalar);
        assert_int_equal(rq.items, cases[i].items);

        if (cases[i].tokens) {
            assert_int_equal(rq.tokens, cases[i].tokens);
        }

        free_body(&rq);
    }
}


static void
tokens_of_texts_are_the_sum_of_the_estimates(void **state)
{
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const char  body[] =
        "{\"input\":[\"one two three\",\"\\u00e9\\n\",\"x\"]}";

    (void) state;

    assert_int_equal(read_body(&rq, openai, body, sizeof(body) - 1, &reason),
                     LLMB_OK);
    assert_int_equal(rq.tokens,
                     llmb_tokens_estimate(text_of("\"one two three\""))
                     + llmb_tokens_estimate(text_of("\"\\u00e9\\n\""))
                     + llmb_tokens_estimate(text_of("\"x\"")));
    free_body(&rq);
}


typedef struct {
    const char     *body;
    const char     *model;
    llmb_reason_e   reason;
} model_case_t;


static void
the_model_is_read_whatever_becomes_of_the_request(void **state)
{
    unsigned        i;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const model_case_t  cases[] = {
        { "{\"model\":\"m\",\"input\":\"a\"}", "\"m\"", LLMB_REASON_NONE },
        { "{\"input\":\"a\"}", "", LLMB_REASON_NONE },
        { "{\"input\":\"a\",\"model\":5}", "", LLMB_REASON_NONE },
        { "{\"input\":\"a\",\"mod\\u0065l\":\"\\u006d\"}", "\"\\u006d\"",
          LLMB_REASON_NONE },
        { "{\"input\":[{\"model\":\"x\"},1],\"model\":\"m\"}", "\"m\"",
          LLMB_REASON_ITEM },
        { "{\"stream\":true,\"model\":\"m\"}", "\"m\"", LLMB_REASON_STREAM },
        { "{\"request_id\":[[[[\"model\"]]]],\"model\":\"m\"}", "\"m\"",
          LLMB_REASON_ADAPTER },
        { "{\"x\":1,\"x\":1,\"model\":\"m\"}", "\"m\"",
          LLMB_REASON_DUPLICATE_KEY },
        { "{\"model\":\"m\",\"model\":\"m\"}", "", LLMB_REASON_DUPLICATE_KEY },
        { "{\"model\":\"m\",\"model\":\"n\",\"model\":\"o\"}", "",
          LLMB_REASON_DUPLICATE_KEY },
        { "{\"model\":\"m\",\"input\":\"a\"", "\"m\"", LLMB_REASON_JSON },
        { "{\"model\":\"m\",]", "\"m\"", LLMB_REASON_JSON },
        { "[\"model\",\"m\"]", "", LLMB_REASON_JSON }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_body(&rq, openai, cases[i].body,
                                   strlen(cases[i].body), &reason),
                         cases[i].reason ? LLMB_DECLINED : LLMB_OK);
        assert_int_equal(reason, cases[i].reason);
        assert_str(rq.model, cases[i].model);
        free_body(&rq);

        /* without a format nothing else is looked at */

        assert_int_equal(read_body(&rq, NULL, cases[i].body,
                                   strlen(cases[i].body), &reason),
                         LLMB_DECLINED);
        assert_int_equal(reason, LLMB_REASON_ADAPTER);
        assert_str(rq.model, cases[i].model);
        free_body(&rq);
    }
}


typedef struct {
    const char     *body;
    llmb_reason_e   reason;
} reason_case_t;


static void
the_first_reason_is_told_but_json_before_all(void **state)
{
    unsigned        i;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const reason_case_t  cases[] = {
        { "{\"stream\":1,\"input\":[],\"request_id\":1}", LLMB_REASON_STREAM },
        { "{\"input\":[],\"stream\":1,\"stream\":1}", LLMB_REASON_ITEM },
        { "{\"request_id\":1,\"input\":[]}", LLMB_REASON_ADAPTER },
        { "{\"x\":1,\"x\":1,\"request_id\":1}", LLMB_REASON_DUPLICATE_KEY },
        { "{\"stream\":1,\"input\":[],\"request_id\":01}", LLMB_REASON_JSON }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_body(&rq, openai, cases[i].body,
                                   strlen(cases[i].body), &reason),
                         LLMB_DECLINED);
        assert_int_equal(reason, cases[i].reason);
        free_body(&rq);
    }
}


static void
sixty_four_members_are_read_and_no_more(void **state)
{
    size_t          len;
    char            body[4096];
    unsigned        i, n;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    (void) state;

    for (n = 63; n <= 64; n++) {
        len = (size_t) sprintf(body, "{\"input\":\"a\"");

        for (i = 0; i < n; i++) {
            len += (size_t) sprintf(body + len, ",\"m%u\":{}", i);
        }

        len += (size_t) sprintf(body + len, "}");

        assert_int_equal(read_body(&rq, openai, body, len, &reason),
                         (n == 63) ? LLMB_OK : LLMB_DECLINED);
        assert_int_equal(reason,
                         (n == 63) ? LLMB_REASON_NONE : LLMB_REASON_JSON);
        free_body(&rq);
    }
}


static void
a_body_cut_off_anywhere_is_not_json(void **state)
{
    size_t          len;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const char  body[] =
        "{\"model\":\"m\\u00e9\",\"a\":[1,{\"b\":-1.5}],"
        "\"input\":[[1,23],[4]],\"stream\":false}";

    (void) state;

    for (len = 0; len < sizeof(body) - 1; len++) {
        assert_int_equal(read_body(&rq, openai, body, len, &reason),
                         LLMB_DECLINED);
        assert_int_equal(reason, LLMB_REASON_JSON);
        free_body(&rq);
    }

    assert_int_equal(read_body(&rq, openai, body, len, &reason), LLMB_OK);
    free_body(&rq);
}


typedef struct {
    const char  *body;
    llmb_rc_e    rc;
} refusal_case_t;


static void
a_refused_value_is_compared_by_its_meaning(void **state)
{
    unsigned        i;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const refusal_case_t  cases[] = {
        { "{\"input\":\"a\",\"encoding_format\":\"byt\\u0065s\"}",
          LLMB_DECLINED },
        { "{\"input\":\"a\",\"encoding_form\\u0061t\":\"bytes\"}",
          LLMB_DECLINED },
        { "{\"input\":\"a\",\"late_chunking\" :  true }", LLMB_DECLINED },
        { "{\"input\":\"a\",\"encoding_format\":\"bytes2\"}", LLMB_OK },
        { "{\"input\":\"a\",\"encoding_format\":[\"bytes\"]}", LLMB_OK },
        { "{\"input\":\"a\",\"encoding_format\":true}", LLMB_OK },
        { "{\"input\":\"a\",\"late_chunking\":\"true\"}", LLMB_OK },
        { "{\"input\":\"a\",\"late_chunking\":{\"true\":true}}", LLMB_OK },
        { "{\"input\":\"a\",\"x\":{\"messages\":1}}", LLMB_OK }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_body(&rq, openai, cases[i].body,
                                   strlen(cases[i].body), &reason),
                         cases[i].rc);
        free_body(&rq);
    }
}


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *path;
    const char            *body;
    llmb_reason_e          reason;
} decline_case_t;


static void
formats_decline_what_they_say(void **state)
{
    unsigned  i;

    static const char  path[] = "/x";

    static const decline_case_t  cases[] = {
        { &llmb_adapter_vllm_chat_batch, "/v1/chat/completions",
          "{\"messages\":[{}],\"tools\":null,\"n\":1}", LLMB_REASON_NONE },
        { &llmb_adapter_vllm_chat_batch, "/v1/chat/completions",
          "{\"messages\":[{}],\"tools\":[]}", LLMB_REASON_ADAPTER },
        { &llmb_adapter_vllm_chat_batch, "/v1/chat/completions",
          "{\"messages\":[{}],\"tool_choice\":\"n\\u006fne\"}",
          LLMB_REASON_NONE },
        { &llmb_adapter_vllm_chat_batch, "/v1/chat/completions",
          "{\"messages\":[{}],\"tool_choice\":\"auto\"}",
          LLMB_REASON_ADAPTER },
        { &llmb_adapter_vllm_chat_batch, "/v1/chat/completions",
          "{\"n\":1.0,\"messages\":[{}]}", LLMB_REASON_ADAPTER },
        { &llmb_adapter_sglang_generate, "/generate",
          "{\"text\":\"a\",\"lora_path\":\"x\"}", LLMB_REASON_NONE },
        { &llmb_adapter_sglang_generate, "/generate",
          "{\"text\":\"a\",\"lora_path\":[]}", LLMB_REASON_ADAPTER },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":\"a\",\"request_id\":null}", LLMB_REASON_ADAPTER },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":\"a\",\"n\":128}", LLMB_REASON_NONE },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":\"a\",\"n\":129}", LLMB_REASON_ITEM },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":\"a\",\"n\":0}", LLMB_REASON_ITEM },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":\"a\",\"n\":\"2\"}", LLMB_REASON_ITEM },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":\"a\",\"n\":[2]}", LLMB_REASON_ITEM },
        { &llmb_adapter_openai_completions, "/v1/completions",
          "{\"prompt\":[\"a\",2]}", LLMB_REASON_ITEM },
        { &llmb_adapter_rerank, "/rerank",
          "{\"documents\":[\"a\"],\"top_n\":-1}", LLMB_REASON_ITEM },
        { &llmb_adapter_rerank, "/rerank",
          "{\"documents\":[\"a\"],\"top_n\":true}", LLMB_REASON_ITEM },
        { &llmb_adapter_rerank, "/rerank",
          "{\"documents\":[\"a\"],\"texts\":[\"a\"]}", LLMB_REASON_ITEM },
        { &llmb_adapter_rerank, "/rerank",
          "{\"documents\":null,\"texts\":[\"a\"]}", LLMB_REASON_NONE },
        { &llmb_adapter_openai_embeddings, path, "{\"input\":\"a\"}",
          LLMB_REASON_ADAPTER },
        { &llmb_adapter_cohere_embed, "/v2/embed",
          "{\"texts\":[\"a\"],\"images\":[]}", LLMB_REASON_ADAPTER }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (reason_of(cases[i].adapter, cases[i].path, cases[i].body)
            != cases[i].reason)
        {
            fail_msg("%s", cases[i].body);
        }
    }
}


static void
what_concerns_the_answer_is_told(void **state)
{
    bundle_t              *b = bundle_create();
    const llmb_request_t  *rq;

    (void) state;

    rq = bundle_add(b, openai, "/v1/embeddings",
                    "{\"input\":\"a\",\"encoding_format\":"
                    "\"\\u0062ase64\"}");
    assert_true(rq->base64);
    assert_false(rq->token_ids);
    assert_int_equal(rq->per, 1);

    rq = bundle_add(b, openai, "/v1/embeddings",
                    "{\"input\":\"a\",\"encoding_format\":\"float\"}");
    assert_false(rq->base64);

    rq = bundle_add(b, &llmb_adapter_openai_completions, "/v1/completions",
                    "{\"prompt\":\"a\",\"n\":3,"
                    "\"return_token_ids\":false}");
    assert_true(rq->token_ids);
    assert_int_equal(rq->per, 3);

    rq = bundle_add(b, &llmb_adapter_openai_completions, "/v1/completions",
                    "{\"prompt\":\"a\",\"n\":null}");
    assert_int_equal(rq->per, 1);

    rq = bundle_add(b, &llmb_adapter_rerank, "/rerank",
                    "{\"documents\":[\"a\"],\"top_n\":99999999999}");
    assert_int_equal(rq->top, UINT32_MAX);

    rq = bundle_add(b, &llmb_adapter_rerank, "/rerank",
                    "{\"top_n\":2,\"documents\":[\"a\"]}");
    assert_int_equal(rq->top, 2);
    assert_int_equal(rq->nholes, 2);
    assert_int_equal(rq->holes[0].type, LLMB_HOLE_COUNT);
    assert_int_equal(rq->holes[1].type, LLMB_HOLE_COLUMN);

    rq = bundle_add(b, &llmb_adapter_rerank, "/rerank",
                    "{\"texts\":[\"a\"],\"top_n\":2}");
    assert_int_equal(rq->top, 0);

    bundle_destroy(b);
}


static void
a_path_may_name_the_model(void **state)
{
    unsigned    i;
    llmb_str_t  name;

    static const char *const  cases[][2] = {
        { "/v1/embeddings", "" },
        { "/v1beta/models/gemini-embedding-001:embedContent",
          "gemini-embedding-001" },
        { "/v1/models/m/infer", "m" },
        { "/models/a/models/b", "b" },
        { "/openai/deployments/ada/embeddings", "ada" },
        { "/models/", "" },
        { "/models/m", "m" },
        { "/models/:predict", "" },
        { "/v1/models/m:2:predict", "m:2" },
        { "/v1/models/m:2/versions/3:predict", "m:2" },
        { "/amodels/m", "" },
        { "/client/v4/accounts/a/ai/run/@cf/baai/bge-m3",
          "@cf/baai/bge-m3" },
        { "/hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction",
          "BAAI/bge-m3" },
        { "/models/m/pipeline/feature-extraction", "m" },
        { "/pipeline/feature-extraction/BAAI/bge-m3", "BAAI/bge-m3" },
        { "/pipeline/feature-extraction", "" },
        { "/models/pipeline/feature-extraction", "" },
        { "/pipeline/feature-extractions", "" },
        { "/", "" },
        { "", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name = llmb_path_model(text_of(cases[i][0]));

        assert_int_equal(name.len, strlen(cases[i][1]));
        assert_memory_equal(name.data, cases[i][1], name.len);
    }
}


static void
the_model_is_that_of_the_path_where_the_format_has_it_there(void **state)
{
    unsigned        i;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    static const struct {
        const llmb_adapter_t  *adapter;
        const char            *path;
        const char            *body;
        const char            *named;
    } cases[] = {
        { &llmb_adapter_kserve_v1, "/v1/models/m:predict",
          "{\"instances\":[1],\"model\":\"x\"}", "m" },
        { &llmb_adapter_kserve_v1, "/v1/models/m:predict",
          "{\"instances\":1", "m" },
        { &llmb_adapter_gemini_embed, "/v1/models/m:embedContent",
          "{\"content\":{},\"model\":\"models/m\"}", "m" },
        { &llmb_adapter_oip_v2, "/v2/models/m/versions/1/infer",
          "{\"inputs\":[],\"model\":\"x\"}", "m" },
        { &llmb_adapter_openai_embeddings, "/deployments/m/embeddings",
          "{\"input\":\"a\",\"model\":\"x\"}", "" },
        { &llmb_adapter_openai_embeddings, "/deployments/m/embeddings",
          "{\"input\":\"a\"}", "m" },
        { NULL, "/v1/models/m:predict", "{\"instances\":[1]}", "m" },
        { NULL, "/v1/models/m:predict", "{\"model\":\"x\"}", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) read_text(&rq, cases[i].adapter, cases[i].path, cases[i].body,
                         strlen(cases[i].body), &reason);
        assert_str(rq.named, cases[i].named);
        free_body(&rq);
    }
}


/*
 * A body of n members with names that begin alike, and differ at the end; each
 * character of a name is written as an escape with this probability in 256.
 */

static llmb_str_t
long_names(unsigned n, size_t len, unsigned escapes, unsigned same)
{
    size_t      k;
    char       *p;
    unsigned    i;
    llmb_str_t  body;

    p = malloc(n * (6 * len + 20) + 100);
    assert_non_null(p);
    body.data = (uint8_t *) p;

    p += sprintf(p, "{\"input\":\"x\"");

    for (i = 0; i < n; i++) {
        p += sprintf(p, ",\"");

        for (k = 0; k < len; k++) {
            if ((unsigned) rand() % 256 < escapes) {
                p += sprintf(p, "\\u0061");

            } else {
                *p++ = 'a';
            }
        }

        p += sprintf(p, "%03u\":1",
                     i == n - 1 ? same : i * 67 % n);
    }

    p += sprintf(p, "}");
    body.len = (size_t) (p - (char *) body.data);

    return body;
}


static void
equal_names_are_found_however_they_are_written(void **state)
{
    unsigned        i, n, same;
    llmb_str_t      body;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    (void) state;

    for (i = 0; i < 2000; i++) {
        n = 2 + (unsigned) rand() % 60;
        same = (unsigned) rand() % (2 * n);

        /* the last one is that of another, or of none */

        same = same < n && same == (n - 1) * 67 % n ? n : same;

        body = long_names(n, (unsigned) rand() % 90,
                          (unsigned) (rand() % 3 * 100), same);

        (void) llmb_request_read(&rq, openai, text_of("/v1/embeddings"),
                                 body, &reason);

        assert_int_equal(reason, same < n ? LLMB_REASON_DUPLICATE_KEY
                                          : LLMB_REASON_NONE);

        free((void *) (uintptr_t) body.data);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(items_are_found_and_counted),
        cmocka_unit_test(tokens_of_texts_are_the_sum_of_the_estimates),
        cmocka_unit_test(the_model_is_read_whatever_becomes_of_the_request),
        cmocka_unit_test(the_first_reason_is_told_but_json_before_all),
        cmocka_unit_test(sixty_four_members_are_read_and_no_more),
        cmocka_unit_test(a_body_cut_off_anywhere_is_not_json),
        cmocka_unit_test(a_refused_value_is_compared_by_its_meaning),
        cmocka_unit_test(formats_decline_what_they_say),
        cmocka_unit_test(what_concerns_the_answer_is_told),
        cmocka_unit_test(equal_names_are_found_however_they_are_written),
        cmocka_unit_test(a_path_may_name_the_model),
        cmocka_unit_test(
            the_model_is_that_of_the_path_where_the_format_has_it_there)
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
