
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What stands beside the lists of an answer: by its shape, and by its words.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"
#include "beside.h"
#include "guard.h"


#define OLLAMA(x)     "{\"embeddings\":[[1],[2],[3]]," x "}"
#define OPENAI(x)     "{\"data\":[{\"index\":0},{\"index\":1},{\"index\":2}]" \
                      x "}"
#define USAGE(x)      OPENAI(",\"usage\":{\"prompt_tokens\":9," x "}")
#define COHERE(x)     "{\"embeddings\":{\"float\":[[1],[2],[3]]}," x "}"
#define OUTPUT(x)     "{\"name\":\"y\",\"shape\":[3,1],\"datatype\":\"INT8\"" \
                      ",\"data\":[1,2,3]" x "}"
#define TENSORS(x)    "{\"model_name\":\"m\",\"outputs\":[" x "]}"


#define WHOLE         OPENAI(",\"usage\":{\"prompt_tokens\":3,"             \
                             "\"prompt_tokens_details\":null},"             \
                             "\"id\":\"embd-12\",\"model\":\"bge\","        \
                             "\"object\":\"list\",\"created\":17")
#define GEMINI        "{\"embeddings\":[{},{},{}],\"usageMetadata\":"         \
                      "{\"promptTokenCount\":9,\"promptTokensDetails\":["     \
                      "{\"modality\":\"TEXT\",\"tokenCount\":9}]}}"


static const llmb_adapter_t *const  openai = &llmb_adapter_openai_embeddings;
static const llmb_adapter_t *const  ollama = &llmb_adapter_ollama_embed;
static const llmb_adapter_t *const  tei = &llmb_adapter_tei_embed;
static const llmb_adapter_t *const  cohere = &llmb_adapter_cohere_embed;
static const llmb_adapter_t *const  gemini = &llmb_adapter_gemini_embed;
static const llmb_adapter_t *const  oip = &llmb_adapter_oip_v2;


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *answer;
    unsigned               good;      /* for three items of two members */
    unsigned               declared;  /* the same, in such a format */
} shape_case_t;


static llmb_str_t
text_of(const char *s)
{
    llmb_str_t  text;

    text.len = strlen(s);
    text.data = (const uint8_t *) s;

    return text;
}


static llmb_rc_e
read_as(answer_t *a, const llmb_form_t *form, const char *text,
    unsigned members)
{
    llmb_split_conf_t  conf;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = form;
    conf.items = 3;
    conf.members = members;
    conf.shared = members > 1;

    return answer_read(a, &conf, text);
}


static const shape_case_t  shape_cases[] = {

    /* arrays, anywhere */

    { ollama, OLLAMA("\"x\":[1,2,3]"), 0, 0 },
    { ollama, "{\"x\":[1,2],\"embeddings\":[[1],[2],[3]]}", 0, 0 },
    { ollama, "{\"embeddings\":[],\"x\":{\"embeddings\":[[1]]}}", 2, 2 },
    { ollama, OLLAMA("\"x\":{\"y\":{\"z\":[\"a\"]}}"), 0, 0 },
    { ollama, OLLAMA("\"x\":[{}]"), 0, 0 },
    { ollama, OLLAMA("\"x\":[[]]"), 0, 0 },
    { ollama, OLLAMA("\"x\":[]"), 1, 1 },
    { ollama, OLLAMA("\"x\":{\"y\":[],\"z\":{}}"), 1, 0 },
    { ollama, "{\"x\":[ ],\"embeddings\":[ [1],[2],[3] ]}", 1, 1 },
    { ollama, "{\"x\":[],\"embeddings\":[[1],[2],[3]],\"y\":[0]}", 0, 0 },
    { ollama, OLLAMA("\"prompt_eval_count\":9"), 1, 1 },
    { tei, "[[1],[2],[3]]", 1, 1 },
    { tei, "[ [1],[2],[3] ]", 1, 1 },

    /* in a usage */

    { openai, USAGE("\"x\":[7,7,7]"), 0, 0 },
    { openai, USAGE("\"x\":[7]"), 0, 0 },
    { openai, USAGE("\"x\":[\"secret1\"]"), 0, 0 },
    { openai, USAGE("\"x\":[[7]]"), 0, 0 },
    { openai, USAGE("\"x\":[{\"n\":1},{\"n\":1},{\"n\":1}]"), 0, 0 },
    { openai, USAGE("\"x\":[{\"n\":1},{\"n\":1}]"), 0, 0 },
    { openai, USAGE("\"x\":[{\"modality\":\"TEXT\",\"tokenCount\":9}]"),
      1, 1 },
    { openai, USAGE("\"x\":[{\"n\":1},{\"n\":1},{\"n\":1},{\"n\":2}]"),
      1, 1 },
    { openai, USAGE("\"x\":[{\"n\":\"some text\"}]"), 0, 0 },
    { openai, USAGE("\"x\":[{\"n\":{\"m\":1}}]"), 0, 0 },
    { openai, USAGE("\"x\":[{\"n\":[1]}]"), 0, 0 },
    { openai, USAGE("\"x\":[{\"n\":1},2]"), 0, 0 },
    { openai, USAGE("\"x\":[]"), 1, 1 },
    { gemini, "{\"embeddings\":[{},{},{}],\"usageMetadata\":"
      "{\"promptTokenCount\":9,\"promptTokensDetails\":["
      "{\"modality\":\"TEXT\",\"tokenCount\":9}]}}", 1, 1 },

    /* warnings */

    { cohere, COHERE("\"meta\":{\"warnings\":[\"a text\"]}"), 1, 1 },
    { cohere, COHERE("\"meta\":{\"warnings\":[\"a\",\"b\",\"c\"]}"), 0,
      0 },
    { cohere, COHERE("\"meta\":{\"warnings\":[\"a\",\"b\"]}"), 0, 0 },
    { cohere, COHERE("\"meta\":{\"warnings\":[\"a\",\"b\",\"c\",\"d\"]}"),
      1, 1 },
    { cohere, COHERE("\"meta\":{\"warnings\":[7]}"), 0, 0 },
    { cohere, COHERE("\"meta\":{\"warnings\":[[\"a\"]]}"), 0, 0 },
    { cohere, COHERE("\"meta\":{\"others\":[\"a\"]}"), 0, 0 },
    { cohere, COHERE("\"meta\":{\"api_version\":{\"version\":\"2\"},"
                     "\"billed_units\":{\"input_tokens\":3},"
                     "\"tokens\":{\"input_tokens\":3}}"), 1, 1 },

    /* objects */

    { ollama, OLLAMA("\"x\":{\"a\":1,\"b\":1,\"c\":1}"), 0, 0 },
    { ollama, OLLAMA("\"x\":{\"a\":1,\"b\":null,\"c\":1}"), 0, 0 },
    { ollama, OLLAMA("\"x\":{\"a\":{},\"b\":{}}"), 0, 0 },
    { ollama, OLLAMA("\"x\":{\"a\":true,\"b\":false}"), 0, 0 },
    { ollama, OLLAMA("\"x\":{\"a\":1,\"b\":\"1\",\"c\":1}"), 1, 0 },
    { ollama, OLLAMA("\"x\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1}"), 1, 1 },
    { ollama, OLLAMA("\"x\":{\"a\":1}"), 1, 1 },
    { ollama, OLLAMA("\"x\":{\"0\":1,\"1\":1,\"2\":1,\"3\":1}"), 0, 0 },
    { ollama, OLLAMA("\"x\":{\"7\":\"a\"}"), 0, 0 },
    { ollama, OLLAMA("\"x\":{\"text_tokens\":1,\"image_tokens\":2}"), 1,
      1 },
    { openai, USAGE("\"x\":{\"a\":1,\"b\":1,\"c\":1}"), 1, 0 },
    { openai, USAGE("\"x\":{\"a\":\"b\",\"c\":\"d\"}"), 0, 0 },
    { openai, USAGE("\"total_tokens\":9,\"y\":2"), 1, 1 },
    { openai, OPENAI(",\"usage\":7,\"model\":\"m\",\"object\":\"list\""),
      1, 1 },

    /* tensors */

    { oip, TENSORS(OUTPUT("")), 1, 1 },
    { oip, TENSORS(OUTPUT("") "," OUTPUT("") "," OUTPUT("")), 1, 1 },
    { oip, TENSORS(OUTPUT(",\"parameters\":{\"labels\":[\"a\",\"b\"]}")),
      0, 0 },
    { oip, TENSORS(OUTPUT(",\"x\":{\"y\":[1]}")), 0, 0 },
    { oip, TENSORS(OUTPUT(",\"x\":[]")), 1, 1 },
    { oip, TENSORS(OUTPUT(",\"parameters\":{\"content_type\":\"np\"}")),
      1, 1 },
    { oip, TENSORS(OUTPUT(",\"parameters\":{\"0\":\"np\"}")), 0, 0 },
    { oip, "{\"parameters\":{\"texts\":[\"a\"]},\"outputs\":[" OUTPUT("")
      "]}", 0, 0 },
    { oip, "{\"x\":[1],\"outputs\":[" OUTPUT("") "]}", 0, 0 }
};


static void
what_may_have_an_entry_for_each_is_for_one_client_only(void **state)
{
    unsigned             i, n;
    answer_t             a;
    llmb_rc_e            rc;
    llmb_form_t          form;
    const shape_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(shape_cases) / sizeof(shape_cases[0]); i++) {
        c = &shape_cases[i];

        for (n = 0; n < 3; n++) {
            form = *c->adapter->forms[0];
            form.declared = (n == 2);

            rc = read_as(&a, &form, c->answer, n ? 2 : 1);

            if (c->good == 2) {
                /* wrong in another way */
                assert_int_equal(rc, LLMB_INVALID);

            } else if ((rc == LLMB_OK)
                       != (n == 0 || (n == 2 ? c->declared : c->good))
                       || (rc != LLMB_OK
                           && a.split.mismatch != LLMB_MISMATCH_SHAPE))
            {
                fail_msg("%s: %u, rc %d, mismatch %d", c->answer, n, rc,
                         a.split.mismatch);
            }

            free(a.room);
        }
    }
}


/* equal items that were sent once: all who get the answer have the same */

static void
a_single_item_is_everybodys(void **state)
{
    answer_t           a;
    llmb_split_conf_t  conf;

    (void) state;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = ollama->forms[0];
    conf.items = 1;
    conf.members = 2;
    conf.shared = 1;

    assert_int_equal(answer_read(&a, &conf,
                                 "{\"embeddings\":[[1]],\"x\":[1]}"),
                     LLMB_OK);

    free(a.room);
}


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *answer;
    const char            *item;
    unsigned               good;
    unsigned               declared;  /* the same, in such a format */
} word_case_t;


static llmb_rc_e
compare(answer_t *a, const llmb_form_t *form, const char *item,
    const char *known)
{
    llmb_str_t       payloads[2];
    llmb_senders_t   senders;

    payloads[0] = text_of("\"some other\",\"one more\"");
    payloads[1] = text_of(item);

    memset(&senders, 0, sizeof(llmb_senders_t));

    senders.form = form->read_answer ? ollama->forms[0] : form;
    senders.payloads = payloads;
    senders.n = 2;
    senders.known[1] = text_of(known);

    return beside_compare(&a->split, a->base, &senders);
}


static const word_case_t  word_cases[] = {

    /* what all servers say is nobody's, whatever the items are */

    { openai, WHOLE, "\"usage\",\"prompt_tokens\",\"data\"", 1, 1 },
    { openai, WHOLE, "\"list\",\"bge\",\"embd-12\"", 1, 0 },
    { gemini, GEMINI, "\"text\",\"modality\"", 1, 0 },
    { oip, TENSORS(OUTPUT("")), "\"y\",\"int8\",\"m\"", 1, 0 },

    /* names of objects, texts, at any depth */

    { ollama, OLLAMA("\"tokens\":{\"secret1\":7}"), "\"secret1\"", 0,
      0 },
    { ollama, OLLAMA("\"tokens\":{\"secret1\":7}"), "\"secret2\"", 1,
      1 },
    { ollama, OLLAMA("\"x\":{\"y\":{\"z\":\"a Secret1, cut ...\"}}"),
      "\"secret1\"", 0, 0 },
    { ollama, OLLAMA("\"x\":\"secret\\u0031\""), "\"secret1\"", 0, 0 },
    { ollama, OLLAMA("\"x\":\"the quarterly report of the nor...\""),
      "\"The quarterly report of the northern branch\"", 0, 0 },
    { ollama, OLLAMA("\"x\":\"a quarterly report\""),
      "\"The quarterly report of the northern branch\"", 0, 0 },
    { ollama, OLLAMA("\"done_reason\":\"load\""), "\"loading\"", 1, 1 },
    { ollama, OLLAMA("\"done_reason\":\"load\""), "\"reason\"", 0, 0 },
    { openai, USAGE("\"x\":[{\"text\":\"secret1\"}]"), "\"secret1\"", 0,
      0 },
    { openai, USAGE("\"secret1\":9"), "\"secret1\"", 0, 0 },
    { cohere, COHERE("\"meta\":{\"warnings\":[\"a: secret1\"]}"),
      "\"secret1\"", 0, 0 },
    { cohere, COHERE("\"meta\":{\"warnings\":[\"a: secret1\"]}"),
      "\"float\"", 1, 1 },
    { oip, TENSORS(OUTPUT(",\"parameters\":{\"name\":\"secret1\"}")),
      "\"secret1\"", 0, 0 },
    { ollama, OLLAMA("\"x\":\"tokens 101, 2023\""), "[101,2023]", 0, 0 },

    /* the model, unless it is too long for one */

    { ollama, OLLAMA("\"model\":\"secret1\""), "\"secret1\"", 1, 0 },
    { ollama, OLLAMA("\"model\":{\"x\":\"secret1\"}"), "\"secret1\"",
      0, 0 },
    { ollama, OLLAMA("\"model\":\"1234567890 secret1 "
                     "1234567890123456789012345678901234567890123456\""),
      "\"secret1\"", 0, 0 }
};


static void
words_of_one_client_are_for_nobody_else(void **state)
{
    unsigned            i, n;
    answer_t            a;
    llmb_rc_e           rc;
    llmb_form_t         form;
    const word_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(word_cases) / sizeof(word_cases[0]); i++) {
        c = &word_cases[i];

        for (n = 0; n < 2; n++) {
            form = *c->adapter->forms[0];
            form.declared = n & 1;

            assert_int_equal(read_as(&a, &form, c->answer, 2), LLMB_OK);

            rc = compare(&a, &form, c->item, "");

            if ((rc == LLMB_OK) != (n ? c->declared : c->good)
                || (rc != LLMB_OK
                    && a.split.mismatch != LLMB_MISMATCH_SHAPE))
            {
                fail_msg("%s beside %s: %u, rc %d", c->item, c->answer, n,
                         rc);
            }

            free(a.room);
        }

        /* to one client */

        assert_int_equal(read_as(&a, c->adapter->forms[0], c->answer, 1),
                         LLMB_OK);
        assert_int_equal(compare(&a, c->adapter->forms[0], c->item, ""),
                         LLMB_OK);

        free(a.room);
    }
}


static void
what_all_have_sent_may_stand_there(void **state)
{
    answer_t  a;

    (void) state;

    assert_int_equal(read_as(&a, ollama->forms[0],
                             OLLAMA("\"x\":\"models/bge-small\""), 2),
                     LLMB_OK);
    assert_int_equal(compare(&a, ollama->forms[0], "\"bge small\"", "x"),
                     LLMB_INVALID);
    free(a.room);

    assert_int_equal(read_as(&a, ollama->forms[0],
                             OLLAMA("\"x\":\"models/bge-small\""), 2),
                     LLMB_OK);
    assert_int_equal(compare(&a, ollama->forms[0], "\"bge small\"",
                             "/v1/models/bge-small:embed"),
                     LLMB_OK);
    free(a.room);
}


static void
too_much_beside_the_lists_is_for_one_client_only(void **state)
{
    size_t     len;
    unsigned   i;
    char      *text = malloc(LLMB_QUOTE_MAX_TEXT + 100);
    answer_t   a;

    (void) state;

    for (i = 0; i < 2; i++) {
        len = (size_t) sprintf(text, "{\"embeddings\":[[1],[2],[3]],\"x\":\"");
        memset(text + len, 'x', LLMB_QUOTE_MAX_TEXT - 5 + i);
        strcpy(text + len + LLMB_QUOTE_MAX_TEXT - 5 + i, "\"}");

        assert_int_equal(read_as(&a, ollama->forms[0], text, 2), LLMB_OK);
        assert_int_equal(compare(&a, ollama->forms[0], "\"a\"", ""),
                         i ? LLMB_INVALID : LLMB_OK);
        free(a.room);
    }

    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
                      what_may_have_an_entry_for_each_is_for_one_client_only),
        cmocka_unit_test(a_single_item_is_everybodys),
        cmocka_unit_test(words_of_one_client_are_for_nobody_else),
        cmocka_unit_test(what_all_have_sent_may_stand_there),
        cmocka_unit_test(too_much_beside_the_lists_is_for_one_client_only)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
