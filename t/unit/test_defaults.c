
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A member that has its documented default is as good as none.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "call_key.h"
#include "adapters/llmb_adapters.h"


#define TEI     &llmb_adapter_tei_embed
#define COHERE  &llmb_adapter_cohere_embed
#define OPENAI  &llmb_adapter_openai_embeddings
#define PATH(adapter)  (*(adapter)->forms[0]->paths)


static void
read_body(llmb_request_t *rq, const llmb_adapter_t *adapter, const char *body)
{
    llmb_reason_e  reason;

    if (llmb_request_read(rq, adapter, PATH(adapter), text_of(body), &reason)
        != LLMB_OK)
    {
        fail_msg("%s: %s", body, llmb_reason_names[reason].data);
    }
}


/* the body of a call of one that sent this */

static void
assert_sent(const llmb_adapter_t *adapter, const char *body,
    const char *expected)
{
    call_t         *call = call_create(adapter);
    buffer_t        b;
    llmb_sink_t     sink = buffer_sink(&b);
    llmb_reason_e   reason;

    assert_int_equal(call_add(call, PATH(adapter), text_of(body), &reason),
                     LLMB_OK);
    assert_int_equal(call_merge(call, &sink), LLMB_OK);

    if (!buffer_is(&b, text_of(expected))) {
        fail_msg("%s: %.*s", body, (int) b.len, (const char *) b.data);
    }

    assert_true(b.len <= llmb_merge_bound(&call->rq[0], &call->merge));

    free(b.data);
    call_destroy(call);
}


static unsigned
share_a_call(const llmb_adapter_t *adapter, const char *one, const char *two)
{
    unsigned        same;
    llmb_str_t      first, second;
    llmb_request_t  rq;

    read_body(&rq, adapter, one);
    first = call_key(&rq);

    read_body(&rq, adapter, two);
    second = call_key(&rq);

    same = (first.len == second.len
            && memcmp(first.data, second.data, first.len) == 0);

    free((uint8_t *) first.data);
    free((uint8_t *) second.data);

    return same;
}


static void
it_is_left_out_wherever_it_is(void **state)
{
    (void) state;

    assert_sent(TEI, "{\"normalize\":true,\"inputs\":\"a\",\"x\":1}",
                "{\"inputs\":[\"a\"],\"x\":1}");
    assert_sent(TEI, "{\"inputs\":\"a\",\"normalize\":true,\"x\":1}",
                "{\"inputs\":[\"a\"],\"x\":1}");
    assert_sent(TEI, "{\"inputs\":\"a\",\"x\":1,\"normalize\":true}",
                "{\"inputs\":[\"a\"],\"x\":1}");
    assert_sent(TEI, " { \"normalize\" : true , \"inputs\" : \"a\" } ",
                " { \"inputs\" : [\"a\"] } ");
    assert_sent(TEI, " { \"inputs\" : \"a\" , \"normalize\" : true } ",
                " { \"inputs\" : [\"a\"]  } ");
    assert_sent(COHERE, "{\"texts\":[\"a\"]\n,\t\"embedding_types\": [\n"
                        "\"float\" ] , \"model\":\"m\"}",
                "{\"texts\":[\"a\"]\n,\t\"model\":\"m\"}");
    assert_sent(COHERE, "{\"texts\":[\"a\"],\"embedding_types\":[\"float\" ]"
                        "\n}",
                "{\"texts\":[\"a\"]\n}");
}


static void
several_are_left_out(void **state)
{
    (void) state;

    assert_sent(TEI, "{\"normalize\":true,\"dimensions\":null,\"inputs\":"
                     "\"a\",\"prompt_name\":null, \"truncation_direction\" : "
                     "\"right\"}",
                "{\"inputs\":[\"a\"]}");
    assert_sent(TEI, "{\"normalize\":true,\"x\":[1],\"dimensions\":null,"
                     "\"y\":{},\"inputs\":\"a\",\"prompt_name\":null}",
                "{\"x\":[1],\"y\":{},\"inputs\":[\"a\"]}");
    assert_sent(TEI, "{\"x\":1,\"dimensions\":null,\"prompt_name\":null,"
                     "\"inputs\":\"a\"}",
                "{\"x\":1,\"inputs\":[\"a\"]}");
}


static void
names_are_compared_decoded(void **state)
{
    (void) state;

    assert_sent(TEI, "{\"n\\u006frmalize\":true,\"inputs\":\"a\"}",
                "{\"inputs\":[\"a\"]}");
    assert_true(share_a_call(TEI, "{\"n\\u006frmalize\":true,"
                                  "\"inputs\":\"a\"}",
                             "{\"inputs\":\"b\"}"));
}


static void
another_value_is_not_left_out(void **state)
{
    unsigned  i;

    static const char *const  others[] = {
        "{\"normalize\":false,\"inputs\":\"a\"}",
        "{\"normalize\":null,\"inputs\":\"a\"}",
        "{\"normalize\":\"true\",\"inputs\":\"a\"}",
        "{\"normalize\":[true],\"inputs\":\"a\"}",
        "{\"normalize\":[],\"inputs\":\"a\"}",
        "{\"prompt_name\":\"null\",\"inputs\":\"a\"}",
        "{\"truncation_direction\":\"Right\",\"inputs\":\"a\"}",
        "{\"truncation_direction\":\" right\",\"inputs\":\"a\"}",
        "{\"truncation_direction\":\"right \",\"inputs\":\"a\"}",
        "{\"truncate\":true,\"inputs\":\"a\"}",
        "{\"truncate\":false,\"inputs\":\"a\"}",
        "{\"truncate\":null,\"inputs\":\"a\"}",
        "{\"inputs\":\"a\",\"x\":{\"normalize\":true}}",
        "{\"Normalize\":true,\"inputs\":\"a\"}"
    };

    static const char *const  types[] = {
        "{\"texts\":[\"a\"],\"embedding_types\":[\"float\",\"int8\"]}",
        "{\"texts\":[\"a\"],\"embedding_types\":[\" float\"]}",
        "{\"texts\":[\"a\"],\"embedding_types\":[\"float \"]}",
        "{\"texts\":[\"a\"],\"embedding_types\":[\"int8\"]}",
        "{\"texts\":[\"a\"],\"embedding_types\":[[\"float\"]]}",
        "{\"texts\":[\"a\"],\"embedding_types\":[]}",
        "{\"texts\":[\"a\"],\"embedding_types\":\"float\"}",
        "{\"texts\":[\"a\"],\"embedding_types\":null}",
        "{\"texts\":[\"a\"],\"truncate\":\"end\"}",
        "{\"texts\":[\"a\"],\"truncate\":\"NONE\"}"
    };

    (void) state;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {

        if (share_a_call(TEI, others[i], "{\"inputs\":\"a\"}")) {
            fail_msg("%s", others[i]);
        }
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {

        if (share_a_call(COHERE, types[i], "{\"texts\":[\"a\"]}")) {
            fail_msg("%s", types[i]);
        }
    }

    assert_false(share_a_call(OPENAI,
                              "{\"input\":\"a\",\"encoding_format\":null}",
                              "{\"input\":\"a\"}"));
    assert_false(share_a_call(OPENAI,
                              "{\"input\":\"a\",\"encoding_format\":"
                              "\"base64\"}",
                              "{\"input\":\"a\"}"));
    assert_false(share_a_call(OPENAI, "{\"input\":\"a\",\"user\":null}",
                              "{\"input\":\"a\"}"));
}


static void
a_format_has_none_of_another(void **state)
{
    (void) state;

    assert_false(share_a_call(OPENAI, "{\"input\":\"a\",\"normalize\":true}",
                              "{\"input\":\"a\"}"));
    assert_false(share_a_call(TEI, "{\"inputs\":\"a\",\"encoding_format\":"
                                   "\"float\"}",
                              "{\"inputs\":\"a\"}"));
}


/* one that comes twice is as bad as any other */

static void
it_may_not_come_twice(void **state)
{
    llmb_reason_e   reason;
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(llmb_request_read(&rq, TEI, PATH(TEI),
                                       text_of("{\"normalize\":true,"
                                               "\"inputs\":\"a\","
                                               "\"normalize\":true}"),
                                       &reason),
                     LLMB_DECLINED);
    assert_int_equal(reason, LLMB_REASON_DUPLICATE_KEY);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(it_is_left_out_wherever_it_is),
        cmocka_unit_test(several_are_left_out),
        cmocka_unit_test(names_are_compared_decoded),
        cmocka_unit_test(another_value_is_not_left_out),
        cmocka_unit_test(a_format_has_none_of_another),
        cmocka_unit_test(it_may_not_come_twice)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
