
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is read from a body; whole bodies are in the golden cases.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/llmb_adapters.h"
#include "call.h"
#include "llmb_tokens.h"


static const llmb_adapter_t *const  openai = &llmb_adapter_openai_embeddings;


/* reads a copy that ends where its memory ends; the copy is in rq->body */

static llmb_rc_e
read_body(llmb_request_t *rq, const llmb_adapter_t *adapter, const char *text,
    size_t len, llmb_reason_e *reason)
{
    uint8_t     *copy = malloc(len ? len : 1);
    llmb_str_t   body;

    memcpy(copy, text, len);

    body.len = len;
    body.data = copy;

    return llmb_request_read(rq, adapter, body, reason);
}


static void
free_body(llmb_request_t *rq)
{
    free((void *) rq->body.data);
}


static void
assert_str(llmb_str_t got, const char *expected)
{
    if (got.len != strlen(expected)
        || (got.len && memcmp(got.data, expected, got.len) != 0))
    {
        fail_msg("\"%.*s\" is not \"%s\"", (int) got.len,
                 (const char *) got.data, expected);
    }
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
    llmb_str_t      value;
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
          "\"\\\"\"", "\"\\\"\"", LLMB_KIND_TEXT, 1, 1, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_body(&rq, openai, cases[i].body,
                                   strlen(cases[i].body), &reason),
                         LLMB_OK);
        assert_int_equal(reason, LLMB_REASON_NONE);
        assert_ptr_equal(rq.adapter, openai);
        assert_str(rq.body, cases[i].body);

        value.data = rq.body.data + rq.value_start;
        value.len = rq.value_end - rq.value_start;

        assert_str(value, cases[i].value);
        assert_str(rq.span, cases[i].span);
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
        { "{\"input\":{\"model\":\"x\"},\"model\":\"m\"}", "\"m\"",
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


static void
the_first_body_lends_all_but_the_items(void **state)
{
    call_t         *call = call_create(openai);
    buffer_t        b;
    llmb_sink_t     sink = buffer_sink(&b);
    llmb_reason_e   reason;

    (void) state;

    assert_int_equal(call_add(call, text_of(" {\"a\":1, \"input\": [5,6] ,"
                                            "\"z\":[2.50]}\n"), &reason),
                     LLMB_OK);
    assert_int_equal(call_add(call, text_of("{\"input\":[[7], [8]]}"),
                              &reason),
                     LLMB_OK);

    assert_int_equal(call_merge(call, &sink), LLMB_OK);
    assert_true(buffer_is(&b, text_of(" {\"a\":1, \"input\": [[5,6],[7], [8]] ,"
                                      "\"z\":[2.50]}\n")));
    free(b.data);
    call_destroy(call);
}


static llmb_rc_e
refuse_to_copy(void *data, uint32_t member, llmb_sink_t *out)
{
    (void) out;

    return (member == *(uint32_t *) data) ? LLMB_LIMIT : LLMB_OK;
}


static void
an_error_of_the_source_ends_the_merging(void **state)
{
    buffer_t        b;
    uint32_t        member = 1;
    llmb_sink_t     sink = buffer_sink(&b);
    llmb_source_t   source;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(llmb_request_read(&rq, openai,
                                       text_of("{\"input\":\"a\"}"), &reason),
                     LLMB_OK);

    source.copy = refuse_to_copy;
    source.data = &member;

    assert_int_equal(llmb_request_merge(&rq, 3, &source, &sink), LLMB_LIMIT);
    assert_true(buffer_is(&b, text_of("{\"input\":[,")));

    free(b.data);
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
        cmocka_unit_test(the_first_body_lends_all_but_the_items),
        cmocka_unit_test(an_error_of_the_source_ends_the_merging)
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
