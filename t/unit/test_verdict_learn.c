
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_verdict.h"
#include "llmb_verdict_learn.h"


/* of an answer to a call of some items, 100 tokens and 1000 bytes each */

static unsigned
learn(unsigned status, uint32_t items, const char *body,
    llmb_learned_t *learned)
{
    llmb_str_t      text;
    llmb_outcome_t  o = {
        .status = status,
        .answered = 1,
        .members = items,
        .items = items,
        .tokens = 100 * items,
        .bytes = 1000 * items
    };

    text.data = (const uint8_t *) body;
    text.len = strlen(body);

    return llmb_verdict_learn(&o, text, 0, learned);
}


typedef struct {
    unsigned     status;
    uint32_t     items;
    const char  *body;
    uint32_t     learned;         /* items */
    uint64_t     tokens;
    uint64_t     bytes;
} words_t;


static const words_t  words[] = {

    { 422, 64, "{\"error\":\"batch size 64 > maximum allowed batch size 32\","
      "\"error_type\":\"Validation\"}", 32, 0, 0 },

    { 400, 150, "{\"error\":{\"code\":400,\"message\":\"* BatchEmbedContents"
      "Request.requests: at most 100 requests can be in one batch\\n\","
      "\"status\":\"INVALID_ARGUMENT\"}}", 100, 0, 0 },

    { 400, 400, "{\"error\":{\"code\":400,\"message\":\"Unable to submit "
      "request because it included too many instances. Reduce the number of "
      "instances and try again. Learn more: https://a.b/c: Unable to submit "
      "request because batchSize must be 250 but the entered value was 400."
      "\"}}", 250, 0, 0 },

    { 400, 300, "{\"error\":{\"message\":\"Unable to submit request because "
      "the input token count is 30000 but the model supports up to 20000. "
      "Reduce the input token count and try again.\"}}", 0, 20000, 0 },

    { 400, 600, "{\"object\":\"error\",\"message\":\"Too many inputs in "
      "request\",\"code\":\"3210\"}", 300, 0, 0 },

    { 400, 3000, "{\"error\":{\"message\":\"Requested 416735 tokens, max "
      "250000 tokens per request\",\"code\":\"max_tokens_per_request\"}}", 0,
      250000, 0 },

    /* the estimate was below the bound, so half of it */

    { 400, 200, "{\"error\":{\"message\":\"Requested 416735 tokens, max "
      "300000 tokens per request\"}}", 0, 10000, 0 },

    { 400, 40, "code: max_tokens_per_request", 0, 2000, 0 },

    { 400, 200, "{\"message\":\"invalid request: total number of texts must "
      "be at most 96 - received 200\"}", 96, 0, 0 },

    { 422, 2500, "{\"detail\":[{\"type\":\"too_long\",\"msg\":\"List should "
      "have at most 2048 items after validation, not 2500\"}]}", 2048, 0, 0 },

    { 413, 32, "<html>413 Request Entity Too Large</html>", 0, 0, 16000 },
    { 413, 64, "maximum allowed batch size 32", 32, 0, 0 },
    { 400, 40, "BATCH SIZE", 20, 0, 0 },

    /* no complaint about the size of the call */

    { 400, 32, "the input is too long", 0, 0, 0 },
    { 400, 32, "the input may have at most 512 tokens", 0, 0, 0 },
    { 400, 32, "at most. 5", 0, 0, 0 },
    { 400, 32, "at most", 0, 0, 0 },
    { 400, 32, "", 0, 0, 0 },
    { 500, 32, "batch size", 0, 0, 0 },
    { 429, 32, "too many inputs", 0, 0, 0 },
    { 200, 32, "batch size", 0, 0, 0 },
    { 413, 1, "batch size", 0, 0, 0 },
    { 400, 32, "at most 1 item", 2, 0, 0 },
    { 400, 32, "at most 0 items", 0, 0, 0 }
};


static void
the_words_of_many_servers_are_understood(void **state)
{
    size_t          i;
    unsigned        smaller;
    llmb_learned_t  learned;
    const words_t  *w;

    (void) state;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        w = &words[i];
        memset(&learned, 0, sizeof(llmb_learned_t));

        smaller = learn(w->status, w->items, w->body, &learned);

        if (learned.items != w->learned || learned.tokens != w->tokens
            || learned.bytes != w->bytes
            || smaller != (w->learned || w->tokens || w->bytes))
        {
            fail_msg("%u \"%s\": %u items, %u tokens, %u bytes, smaller %u",
                     w->status, w->body, learned.items,
                     (unsigned) learned.tokens, (unsigned) learned.bytes,
                     smaller);
        }
    }
}


static void
bounds_only_fall_and_never_end_merging(void **state)
{
    llmb_learned_t  learned = { .items = 4, .bytes = 3000 };

    (void) state;

    assert_false(learn(400, 32, "batch size", &learned));
    assert_int_equal(learned.items, 4);

    assert_true(learn(400, 4, "batch size", &learned));
    assert_int_equal(learned.items, 2);

    assert_false(learn(400, 2, "batch size", &learned));
    assert_int_equal(learned.items, 2);

    assert_true(learn(413, 3, "", &learned));
    assert_int_equal(learned.bytes, 1500);

    assert_true(learn(413, 2, "", &learned));
    assert_int_equal(learned.bytes, 1024);

    assert_false(learn(413, 2, "", &learned));
}


static void
words_do_not_outweigh_what_was_seen(void **state)
{
    llmb_str_t      quote = llmb_string("bad input: \"at most 3 apples\"");
    llmb_learned_t  learned = { .items = 0 };
    llmb_outcome_t  o = {
        .status = 400,
        .answered = 1,
        .members = 9,
        .items = 9
    };

    (void) state;

    assert_true(llmb_verdict_learn(&o, quote, 8, &learned));
    assert_int_equal(learned.items, 8);

    /* as many were taken once: the upstream is another one by now */

    learned.items = 0;
    assert_true(llmb_verdict_learn(&o, quote, 9, &learned));
    assert_int_equal(learned.items, 3);
}


static void
a_status_of_our_own_teaches_nothing(void **state)
{
    llmb_str_t      text = llmb_string("batch size");
    llmb_learned_t  learned = { .items = 0 };
    llmb_outcome_t  o = {
        .status = 413,
        .members = 9,
        .items = 9
    };

    (void) state;

    assert_false(llmb_verdict_learn(&o, text, 0, &learned));
    assert_int_equal(learned.items, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_words_of_many_servers_are_understood),
        cmocka_unit_test(bounds_only_fall_and_never_end_merging),
        cmocka_unit_test(words_do_not_outweigh_what_was_seen),
        cmocka_unit_test(a_status_of_our_own_teaches_nothing),
    };

    return cmocka_run_group_tests_name("verdict_learn", tests, NULL, NULL);
}
