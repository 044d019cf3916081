
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Whether a text of the upstream holds words of a client.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/llmb_adapters.h"
#include "call.h"
#include "quote_oracle.h"


#define LONG  "The quarterly report of the northern branch, not to be shared"


static unsigned
quotes_of(llmb_str_t known, llmb_str_t text, llmb_str_t items, unsigned words)
{
    void          *room = call_alloc(llmb_quote_room(known.len + text.len));
    unsigned       quotes;
    llmb_quote_t   q;

    llmb_quote_init(&q, known.len + text.len, words, room);
    llmb_quote_know(&q, known);
    llmb_quote_add(&q, text);

    quotes = llmb_quote_items(&q, items);

    free(room);

    return quotes;
}


typedef struct {
    const char  *items;
    const char  *text;
    unsigned     quotes;              /* of an error */
    unsigned     words;               /* beside a list */
} quote_case_t;


static const quote_case_t  quote_cases[] = {
    { "\"" LONG "\"", "no such model", 0, 0 },
    { "\"" LONG "\"", "bad input: " LONG, 1, 1 },

    /* shortened, at both ends */

    { "\"" LONG "\"", "bad input: 'The quarterly report ...'", 1, 1 },
    { "\"" LONG "\"", "..rly report of the nor..", 1, 1 },
    { "\"" LONG "\"", "bad input: 'report of the...", 0, 0 },
    { "\"" LONG "\"", "report of the nor", 1, 1 },
    { "\"" LONG "\"", "report of the no", 1, 1 },
    { "\"" LONG "\"", "eport of the no", 0, 0 },

    /* other case, spaces, quotes */

    { "\"" LONG "\"", "THE  QUARTERLY\nREPORT", 1, 1 },
    { "\"He said \\\"open\\tthe door\\\"\\nand went\"",
      "{\"message\":\"bad: \\\"He said \\\\\\\"open\\\\tthe door\"}",
      1, 1 },
    { "\"a\\\"b\\\"c\\\"d\\\"e\\\"f\\\"g\\\"h\\\"i\\\"j\"",
      "{\"detail\":\"{\\\"m\\\":\\\"a\\\\\\\"b\\\\\\\"c\\\\\\\"d\\\\\\\"e"
      "\\\\\\\"f\\\\\\\"g\\\\\\\"h\\\\\\\"i\"}", 1, 1 },

    /* escaped: not at all, once, twice, three times, by Python */

    { "\"line one\\nline two\"", "<p>line one\nline two</p>", 1, 1 },
    { "\"line one\\nline two\"", "\"line one\\nline two\"", 1, 1 },
    { "\"line one\\nline two\"", "\"'line one\\\\nline two'\"", 1, 1 },
    { "\"line one\\nline two\"", "\"line one\\\\\\\\nline two\"", 1, 1 },
    { "\"r\\u00e9sum\\u00e9 de la dame\"",
      "\"r\xc3\xa9sum\xc3\xa9 de la dame\"", 1, 1 },
    { "\"r\xc3\xa9sum\xc3\xa9 de la dame\"",
      "\"r\\u00E9sum\\u00e9 de la dame\"", 1, 1 },
    { "\"r\xc3\xa9sum\xc3\xa9 de la dame\"",
      "b'r\\xc3\\xa9sum\\xc3\\xa9 de la dame'", 1, 1 },
    { "\"\\ud83d\\ude00\\ud83d\\ude01\\ud83d\\ude02\\ud83d\\ude03\"",
      "\\\\ud83d\\\\ude00\\\\ud83d\\\\ude01\\\\ud83d\\\\ude02"
      "\\\\ud83d\\\\ude03", 1, 1 },

    /* short ones: all of them, or nothing */

    { "\"hunter2\"", "password hunter2 is wrong", 1, 1 },
    { "\"hunter2\"", "password hunter is wrong", 0, 0 },
    { "\"hunter2\"", "xhunter2x", 1, 0 },
    { "\"text 1\"", "status 401", 0, 0 },
    { "\"list\"", "the listing", 1, 0 },
    { "\"\xe6\x9d\xb1\xe4\xba\xac\"",
      "\xe9\x96\xa2\xe6\x9d\xb1\xe4\xba\xac\xe3\x81\xae", 1, 1 },

    /* too short to tell; beside a list they are words like others */

    { "\"abc\"", "no", 1, 0 },
    { "\"abc\"", "abc", 1, 1 },
    { "\"a\"", "this is a warning", 1, 1 },
    { "\"...\"", "no", 1, 0 },
    { "5", "no", 1, 0 },
    { "true", "no", 1, 0 },
    { "\"long enough\",\"no\"", "x", 1, 0 },

    /* arrays of tokens, and other numbers */

    { "[101,2023,2003,1037],[5,6,7]",
      "tokens [101, 2023, 2003, 1037] not known", 1, 1 },
    { "[101,2023,2003,1037,1]", "2023, 2003, 1037", 0, 0 },
    { "[1012,2023,2003,1037,1]", "[1012, 2023, 2003, 1037, ", 1, 1 },
    { "[101,2023]", "between 101 and 2023", 0, 0 },
    { "[101,2023]", "shape 101x2023", 0, 0 },
    { "[[0.5,0.25],[1e5,-7]]", "[0.5,0.25,1e5,-7]", 1, 1 },

    /* objects: texts at any depth, and names that are none of the API */

    { "{\"text\":\"" LONG "\"}", "\"the quarterly report of\"", 1, 1 },
    { "{\"content\":{\"parts\":[{\"text\":\"hunter2\"}]}}",
      "hunter2", 1, 1 },
    { "{\"content\":{\"parts\":[{\"text\":\"hunter2\"}]}}",
      "content parts text", 0, 0 },
    { "{\"hunter2\" : 1, \"text\":\"abcdef\"}", "hunter2", 1, 1 },
    { "{\"outputDimensionality\":12,\"text\":\"abcdef\"}", "12", 0, 1 },

    /* the second of several */

    { "\"first thing\",\"second thing\"", "second thing", 1, 1 },
    { "\"first thing\",\"second thing\"", "third thing", 0, 0 }
};


static void
words_of_an_item_are_found(void **state)
{
    size_t               i;
    const quote_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(quote_cases) / sizeof(quote_cases[0]); i++) {
        c = &quote_cases[i];

        if (quotes_of(text_of(""), text_of(c->text), text_of(c->items), 0)
            != c->quotes
            || quotes_of(text_of(""), text_of(c->text), text_of(c->items), 1)
               != c->words)
        {
            fail_msg("%s in %s", c->items, c->text);
        }
    }
}


static void
what_everybody_sent_is_no_quote(void **state)
{
    llmb_str_t  known = text_of("/v1beta/models/text-embedding-004:embed");
    llmb_str_t  text = text_of("models/text-embedding-004 is not found");
    llmb_str_t  item = text_of("{\"model\":\"models/text-embedding-004\","
                               "\"text\":\"abcdef\"}");

    (void) state;

    assert_int_equal(quotes_of(known, text, item, 0), 0);
    assert_int_equal(quotes_of(text_of("x"), text, item, 0), 1);

    /* nor if it is short */

    assert_int_equal(quotes_of(text_of("/models/bge:embed"),
                               text_of("no bge here"),
                               text_of("\"bge\",\"abcdef\""), 1), 0);
    assert_int_equal(quotes_of(text_of("/models/bge:embed"),
                               text_of("no bge here, but abcdef"),
                               text_of("\"bge\",\"abcdef\""), 1), 1);
}


static void
long_texts_and_much_work_are_unsure(void **state)
{
    size_t        i, n = LLMB_QUOTE_MAX_TEXT;
    void         *room = call_alloc(llmb_quote_room(n));
    uint8_t      *data = call_alloc(n + 1), *many;
    llmb_str_t    text, items;
    llmb_quote_t  q;

    (void) state;

    for (i = 0; i <= n; i++) {
        data[i] = (uint8_t) ('a' + i % 26);
    }

    text.data = data;
    text.len = n + 1;

    llmb_quote_init(&q, n, 0, room);
    llmb_quote_add(&q, text);
    assert_true(q.unsure);
    assert_int_equal(llmb_quote_items(&q, text_of("\"quite another\"")), 1);

    text.len = n;

    llmb_quote_init(&q, n, 0, room);
    llmb_quote_add(&q, text);
    assert_int_equal(llmb_quote_items(&q, text_of("\"quite another\"")), 0);

    /* short items are looked for one by one, but not for ever */

    many = call_alloc(10 * 10000);

    for (i = 0; i < 10000; i++) {
        memcpy(many + 10 * i, "\"1234567\",", 10);
    }

    items.data = many;
    items.len = 10 * 100 - 1;
    assert_int_equal(llmb_quote_items(&q, items), 0);

    items.len = 10 * 10000 - 1;
    assert_int_equal(llmb_quote_items(&q, items), 1);
    assert_true(q.unsure);
    assert_true(q.work <= LLMB_QUOTE_MAX_WORK + n);

    free(many);

    /* nor are long ones */

    many = call_alloc(1024 * 1024 + 1);
    memset(many, 'x', 1024 * 1024 + 1);

    many[0] = '"';
    many[1024 * 1024 - 1] = '"';

    items.data = many;
    items.len = 1024 * 1024;

    llmb_quote_init(&q, n, 0, room);
    assert_int_equal(llmb_quote_items(&q, items), 0);
    assert_int_equal(llmb_quote_items(&q, text_of("\"some text\"")), 1);

    many[1024 * 1024 - 1] = 'x';
    many[1024 * 1024] = '"';
    items.len++;

    llmb_quote_init(&q, n, 0, room);
    assert_int_equal(llmb_quote_items(&q, items), 1);
    assert_true(q.unsure);

    free(many);
    free(data);
    free(room);
}


/* nothing but windows that differ, and all escapings */

static void
the_memory_is_enough_for_the_longest_text(void **state)
{
    size_t        i, n = LLMB_QUOTE_MAX_TEXT;
    void         *room = call_alloc(llmb_quote_room(n));
    uint8_t      *data = call_alloc(n);
    uint64_t      seed = 1;
    llmb_str_t    text;
    llmb_quote_t  q;

    (void) state;

    for (i = 0; i < n; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        data[i] = (uint8_t) ('0' + (seed >> 33) % 10);
    }

    memcpy(data, "\\\\\\\\\\\\\\\\", 8);

    text.data = data;
    text.len = n;

    llmb_quote_init(&q, n, 0, room);
    llmb_quote_add(&q, text);
    assert_false(q.unsure);
    assert_int_equal(llmb_quote_items(&q, text_of("\"" LONG "\"")), 0);

    free(data);
    free(room);
}


static uint32_t
whose(const llmb_adapter_t *adapter, const char *path, const char *text,
    const char *const *bodies)
{
    void            *room;
    call_t          *call = call_create(adapter);
    uint32_t         k;
    llmb_quote_t     q;
    llmb_reason_e    reason;
    llmb_senders_t   senders;

    for ( /* void */ ; *bodies; bodies++) {
        assert_int_equal(call_add(call, text_of(path), text_of(*bodies),
                                  &reason),
                         LLMB_OK);
    }

    room = call_alloc(llmb_quote_room(strlen(text)));

    llmb_quote_init(&q, strlen(text), 0, room);
    llmb_quote_add(&q, text_of(text));

    memset(&senders, 0, sizeof(llmb_senders_t));

    senders.form = call->rq[0].form;
    senders.payloads = call->payloads;
    senders.n = call->members;

    k = llmb_quote_whose(&q, &senders);

    free(room);
    call_destroy(call);

    return k;
}


static void
it_is_told_whose_words_they_are(void **state)
{
    static const char *const  texts[] = {
        "{\"input\":\"the first of all texts\"}",
        "{\"input\":[\"the second text there is\",\"and one more text\"]}",
        "{\"input\":\"a third text, and the last\"}",
        NULL
    };

    static const char *const  pairs[] = {
        "{\"text_1\":\"question of the first\",\"text_2\":[\"one answer\","
        "\"another answer\"]}",
        "{\"text_1\":\"question of the second\",\"text_2\":\"its answer\"}",
        NULL
    };

    static const char *const  tensors[] = {
        "{\"id\":\"tenant one\",\"inputs\":[{\"name\":\"x\",\"shape\":[1],"
        "\"datatype\":\"BYTES\",\"data\":[\"words of one\"]}]}",
        "{\"id\":\"tenant two\",\"inputs\":[{\"name\":\"x\",\"shape\":[1],"
        "\"datatype\":\"BYTES\",\"data\":[\"words of two\"]}]}",
        NULL
    };

    /* the second column has as many bytes as a quotation mark is worth */

    static const char *const  marks[] = {
        "{\"text_1\":\"question of the first\","
        "\"text_2\":[\"a secret of the first:1234567890\"]}",
        "{\"text_1\":\"question of the second\",\"text_2\":\"its answer\"}",
        NULL
    };

    const llmb_adapter_t  *openai = &llmb_adapter_openai_embeddings;
    const llmb_adapter_t  *score = &llmb_adapter_vllm_score;
    const llmb_adapter_t  *oip = &llmb_adapter_oip_v2;

    (void) state;

    assert_int_equal(whose(openai, "/embeddings", "no", texts),
                     LLMB_QUOTE_NOBODY);
    assert_int_equal(whose(openai, "/embeddings", "first of all texts", texts),
                     0);
    assert_int_equal(whose(openai, "/embeddings", "<and one more text>",
                           texts), 1);
    assert_int_equal(whose(openai, "/embeddings", "text, and the last", texts),
                     2);
    assert_int_equal(whose(openai, "/embeddings",
                           "the first of all; a third text, and", texts),
                     LLMB_QUOTE_UNKNOWN);

    assert_int_equal(whose(score, "/score", "question of the fourth", pairs),
                     LLMB_QUOTE_UNKNOWN);
    assert_int_equal(whose(score, "/score", "no questions", pairs),
                     LLMB_QUOTE_NOBODY);
    assert_int_equal(whose(score, "/score", "another answer", pairs), 0);
    assert_int_equal(whose(score, "/score", "tion of the second", pairs), 1);
    assert_int_equal(whose(score, "/score",
                           "a secret of the first:1234567890", marks), 0);

    assert_int_equal(whose(oip, "/v2/models/m/infer", "no", tensors),
                     LLMB_QUOTE_NOBODY);
    assert_int_equal(whose(oip, "/v2/models/m/infer", "words of two", tensors),
                     1);
    assert_int_equal(whose(oip, "/v2/models/m/infer", "to tenant one",
                           tensors), 0);
}


/* small words, many equal, at random: as the oracle says */

static void
it_is_told_as_the_oracle_tells_it(void **state)
{
    char             text[512], list[512];
    size_t           i, n;
    uint64_t         seed = 42;
    unsigned         round, quotes, words, part, seen[2] = { 0, 0 };
    llmb_str_t       items;
    quote_oracle_t   o;

    static const char *const  parts[] = {
        "a", "b", "ab", "abc", "aab ", " ", ".", "\\\\", "\\n", "\\u0061",
        "\\\"", "1", "22 ", "\xc3\xa9", "\\u00e9", "xyz", "aaaa", "A"
    };

    (void) state;

    for (round = 0; round < 20000; round++) {
        words = round & 1;
        text[0] = '\0';
        strcpy(list, "[\"");

        for (n = 0; n < 2; n++) {
            part = 1 + (unsigned) (seed >> 40) % 24;

            for (i = 0; i < part; i++) {
                seed = seed * 6364136223846793005 + 1442695040888963407;
                strcat(n ? text : list, parts[(seed >> 33)
                                              % (sizeof(parts)
                                                 / sizeof(parts[0]))]);
            }
        }

        strcat(list, (seed >> 50) % 2 ? "\",\"qrstuv\"]" : "\"]");

        oracle_start(&o, text_of("ab ab"), text_of(text), words);
        quotes = (unsigned) oracle_items(&o, text_of(list));
        oracle_end(&o);

        items = text_of(list);
        items.data++;
        items.len -= 2;

        if (quotes_of(text_of("ab ab"), text_of(text), items, words)
            != quotes)
        {
            fail_msg("%s in %s: %u by the oracle", list, text, quotes);
        }

        seen[quotes & 1]++;
    }

    assert_true(seen[0] > 1000 && seen[1] > 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(words_of_an_item_are_found),
        cmocka_unit_test(what_everybody_sent_is_no_quote),
        cmocka_unit_test(long_texts_and_much_work_are_unsure),
        cmocka_unit_test(the_memory_is_enough_for_the_longest_text),
        cmocka_unit_test(it_is_told_whose_words_they_are),
        cmocka_unit_test(it_is_told_as_the_oracle_tells_it)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
