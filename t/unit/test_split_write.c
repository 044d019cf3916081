
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Cutting answers; whole ones are in the golden cases.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"


#define openai  (&llmb_adapter_openai_embeddings)
#define ollama  (&llmb_adapter_ollama_embed)
#define tei     (&llmb_adapter_tei_embed)
#define labels  (&llmb_adapter_tei_predict)
#define cohere  (&llmb_adapter_cohere_embed)
#define gemini  (&llmb_adapter_gemini_embed)
#define llama   (&llmb_adapter_llamacpp_completion)
#define sglang  (&llmb_adapter_sglang_generate)
#define texts   (&llmb_adapter_openai_completions)
#define chat    (&llmb_adapter_vllm_chat_batch)
#define rerank  (&llmb_adapter_rerank)


typedef struct {
    const char            *name;
    const llmb_adapter_t  *adapter;
    uint32_t               items;     /* as sent */
    uint32_t               per;
    const char            *unique;    /* positions of the members' items */
    unsigned               strip;
    llmb_share_t           shares[3];
    uint32_t               members;
    const char            *answer;
    const char            *own[3];
} cut_case_t;


/* what a client sends, in a table */

#define LIST(n, t)       { .items = (n), .tokens = (t) }
#define SCALAR(t)        { .items = 1, .tokens = (t), .scalar = 1 }
#define PART(n)          { .items = (n), .part = 1 }
#define TOP(n, t)        { .items = (n), .top = (t) }
#define ECHO(n, id)      { .items = (n), .echo = llmb_string(id) }


static const cut_case_t  cuts[] = {

    { "a bare array",
      tei, 3, 1, NULL, 0,
      { LIST(2, 0), LIST(1, 0) }, 2,
      "[[1],\n [2], [3]]",
      { "[[1],\n [2]]",
        "[[3]]" } },

    { "a scalar gets a list where that is the custom",
      tei, 2, 1, NULL, 0,
      { SCALAR(0), LIST(1, 0) }, 2,
      "[[1],[2]]",
      { "[[1]]",
        "[[2]]" } },

    { "a bare element for a bare item",
      labels, 4, 1, NULL, 0,
      { SCALAR(0), LIST(1, 0), LIST(2, 0) }, 3,
      " [[{\"a\":1}], [{\"b\":2}],[3] ,[4]] ",
      { " [{\"a\":1}] ",
        " [[{\"b\":2}]] ",
        " [[3] ,[4]] " } },

    { "a bare element for one item",
      llama, 4, 1, NULL, 0,
      { LIST(1, 0), SCALAR(0), LIST(2, 0) }, 3,
      "[{\"index\":0,\"v\":1},{\"v\":2,\"index\":1},{\"index\":3},{\"index\":"
      "2,\"x\":5}]",
      { "{\"index\":0,\"v\":1}",
        "{\"v\":2,\"index\":0}",
        "[{\"index\":0,\"x\":5},{\"index\":1}]" } },

    { "a list of one from a bare element",
      sglang, 1, 1, NULL, 0,
      { LIST(1, 0) }, 1,
      "{\"text\":\"a\"}",
      { "[{\"text\":\"a\"}]" } },

    { "a bare element stays one",
      sglang, 1, 1, NULL, 0,
      { SCALAR(0) }, 1,
      "{\"text\":\"a\"}",
      { "{\"text\":\"a\"}" } },

    { "a part gets a list",
      llama, 2, 1, NULL, 0,
      { PART(1), LIST(1, 0) }, 2,
      "[{\"index\":1,\"v\":\"b\"},{\"index\":0,\"v\":\"a\"}]",
      { "[{\"index\":0,\"v\":\"a\"}]",
        "{\"index\":0,\"v\":\"b\"}" } },

    { "a part of one bare element gets a list",
      llama, 1, 1, NULL, 0,
      { PART(1) }, 1,
      "{\"index\":0}",
      { "[{\"index\":0}]" } },

    { "another name for a single one",
      gemini, 3, 1, NULL, 0,
      { SCALAR(2), LIST(1, 1), SCALAR(4) }, 3,
      "{\"embeddings\": [{\"values\":[1]},{\"values\":[2]},{\"values\":[3]}],"
      "\"usageMetadata\":{\"promptTokenCount\":7,\"totalTokenCount\":7}}",
      { "{\"embedding\": {\"values\":[1]},\"usageMetadata\":{\"promptTokenCou"
        "nt\":2,\"totalTokenCount\":2}}",
        "{\"embeddings\": [{\"values\":[2]}],\"usageMetadata\":{\"promptToken"
        "Count\":1,\"totalTokenCount\":1}}",
        "{\"embedding\": {\"values\":[3]},\"usageMetadata\":{\"promptTokenCou"
        "nt\":4,\"totalTokenCount\":4}}" } },

    { "every array of an object",
      cohere, 3, 1, NULL, 0,
      { LIST(2, 4), LIST(1, 5) }, 2,
      "{\"id\":\"e\",\"embeddings\":{\"float\":[[1],[2] , [3]],\"ubinary\":nu"
      "ll,\"int8\":[ [4],[5],[6] ]},\"texts\":[\"a\",\"b\",\"c\"],\"meta\":{"
      "\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\""
      ":9},\"tokens\":{\"input_tokens\":10}}}",
      { "{\"id\":\"e-0\",\"embeddings\":{\"float\":[[1],[2]],\"ubinary\":null"
        ",\"int8\":[ [4],[5] ]},\"texts\":[\"a\",\"b\"],\"meta\":{\"api_versi"
        "on\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\":4},\"tok"
        "ens\":{\"input_tokens\":4}}}",
        "{\"id\":\"e-1\",\"embeddings\":{\"float\":[[3]],\"ubinary\":null,\"i"
        "nt8\":[ [6] ]},\"texts\":[\"c\"],\"meta\":{\"api_version\":{\"versio"
        "n\":\"2\"},\"billed_units\":{\"input_tokens\":5},\"tokens\":{\"input"
        "_tokens\":6}}}" } },

    { "several elements for each item",
      texts, 3, 2, NULL, 0,
      { LIST(1, 0), LIST(2, 0) }, 2,
      "{\"choices\":[{\"index\":5,\"text\":\"f\"},{\"index\":0,\"text\":\"a\""
      "},{\"index\":1,\"text\":\"b\"},{\"index\":3,\"text\":\"d\"},{\"index\""
      ":2,\"text\":\"c\"},{\"index\":4,\"text\":\"e\"}]}",
      { "{\"choices\":[{\"index\":0,\"text\":\"a\"},{\"index\":1,\"text\":\"b"
        "\"}]}",
        "{\"choices\":[{\"index\":0,\"text\":\"c\"},{\"index\":1,\"text\":\"d"
        "\"},{\"index\":2,\"text\":\"e\"},{\"index\":3,\"text\":\"f\"}]}" } },

    { "by rank, and not more than asked for",
      rerank, 5, 1, NULL, 0,
      { TOP(2, 0), TOP(2, 1), TOP(1, 9) }, 3,
      "{\"results\":[{\"index\":3,\"s\":9}, {\"index\":1,\"s\":8},{\"index\":"
      "4,\"s\":7},{\"index\":2,\"s\":6},{\"index\":0,\"s\":5}],\"usage\":{\"t"
      "otal_tokens\":10}}",
      { "{\"results\":[{\"index\":1,\"s\":8}, {\"index\":0,\"s\":5}],\"usage"
        "\":{\"total_tokens\":4}}",
        "{\"results\":[{\"index\":1,\"s\":9}],\"usage\":{\"total_tokens\":4}}",
        "{\"results\":[{\"index\":0,\"s\":7}],"
        "\"usage\":{\"total_tokens\":2}}" } },

    { "items that were sent once",
      openai, 2, 1, "00110", 0,
      { LIST(2, 2), LIST(1, 1), LIST(2, 2) }, 3,
      "{\"data\":[{\"index\":1,\"e\":\"B\"},{\"index\":0,\"e\":\"A\"}],\"usag"
      "e\":{\"prompt_tokens\":10,\"total_tokens\":10}}",
      { "{\"data\":[{\"index\":0,\"e\":\"A\"},{\"index\":1,\"e\":\"A\"}],\"us"
        "age\":{\"prompt_tokens\":4,\"total_tokens\":4}}",
        "{\"data\":[{\"index\":0,\"e\":\"B\"}],\"usage\":{\"prompt_tokens\":2"
        ",\"total_tokens\":2}}",
        "{\"data\":[{\"index\":0,\"e\":\"B\"},{\"index\":1,\"e\":\"A\"}],\"us"
        "age\":{\"prompt_tokens\":4,\"total_tokens\":4}}" } },

    { "items that were sent once go by place, too",
      tei, 2, 1, "10110", 0,
      { LIST(2, 0), LIST(3, 0) }, 2,
      "[[1] ,[2]]",
      { "[[2] ,[1]]",
        "[[2] ,[2] ,[1]]" } },

    { "copies of one are set apart by a comma",
      tei, 1, 1, "000", 0,
      { LIST(2, 0), LIST(1, 0) }, 2,
      "[ [1] ]",
      { "[ [1],[1] ]",
        "[ [1] ]" } },

    { "copies in every list",
      cohere, 1, 1, "00", 0,
      { LIST(2, 0) }, 1,
      "{\"embeddings\":{\"a\":[1],\"b\":[\"x\"]},\"texts\":[\"t\"]}",
      { "{\"embeddings\":{\"a\":[1,1],\"b\":[\"x\",\"x\"]},\"texts\":[\"t\","
        "\"t\"]}" } },

    { "ids that nobody asked for",
      texts, 2, 1, NULL, 1,
      { LIST(1, 9), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":[7,8,9],\"prom"
      "pt_token_ids\":[1]},{\"index\":1,\"prompt_token_ids\":[2,3,4],\"token_"
      "ids\":[1],\"text\":\"b\"}],\"usage\":{\"prompt_tokens\":4,\"completion"
      "_tokens\":4,\"total_tokens\":8,\"completion_tokens_details\":{\"reason"
      "ing_tokens\":4},\"prompt_tokens_details\":null}}",
      { "{\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":null,\"promp"
        "t_token_ids\":null}],\"usage\":{\"prompt_tokens\":1,\"completion_tok"
        "ens\":3,\"total_tokens\":4,\"completion_tokens_details\":{\"reasonin"
        "g_tokens\":3},\"prompt_tokens_details\":null}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":null,\"token_ids\":n"
        "ull,\"text\":\"b\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tok"
        "ens\":1,\"total_tokens\":4,\"completion_tokens_details\":{\"reasonin"
        "g_tokens\":1},\"prompt_tokens_details\":null}}" } },

    { "ids that were asked for stay, and count",
      texts, 2, 1, NULL, 0,
      { LIST(1, 9), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1,2],\"token_ids\":[7"
      "]},{\"index\":1,\"prompt_token_ids\":[ 2 , 3 ],\"token_ids\":[]}],\"us"
      "age\":{\"prompt_tokens\":4,\"completion_tokens\":1}}",
      { "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1,2],\"token_ids\":"
        "[7]}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[ 2 , 3 ],\"token_id"
        "s\":[]}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":0}}" } },

    { "ids are of an item once, whatever it has",
      texts, 2, 2, NULL, 0,
      { LIST(1, 9), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1]},{\"index\":1,\"pr"
      "ompt_token_ids\":[1]},{\"index\":2,\"prompt_token_ids\":[1,2]},{\"inde"
      "x\":3,\"prompt_token_ids\":[1,2]}],\"usage\":{\"prompt_tokens\":3}}",
      { "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1]},{\"index\":1,\""
        "prompt_token_ids\":[1]}],\"usage\":{\"prompt_tokens\":1}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1,2]},{\"index\":1,"
        "\"prompt_token_ids\":[1,2]}],\"usage\":{\"prompt_tokens\":2}}" } },

    { "ids that contradict the usage do not count",
      texts, 2, 1, NULL, 1,
      { LIST(1, 2), LIST(1, 1) }, 2,
      "{\"choices\":[{\"index\":0,\"prompt_token_ids\":[1]},{\"index\":1,\"pr"
      "ompt_token_ids\":[1]}],\"usage\":{\"prompt_tokens\":3}}",
      { "{\"choices\":[{\"index\":0,\"prompt_token_ids\":null}],\"usage\":{\""
        "prompt_tokens\":2}}",
        "{\"choices\":[{\"index\":0,\"prompt_token_ids\":null}],\"usage\":{\""
        "prompt_tokens\":1}}" } },

    { "output by its length",
      chat, 2, 1, NULL, 0,
      { LIST(1, 3), LIST(1, 3) }, 2,
      "{\"id\":\"c\",\"choices\":[{\"index\":0,\"m\":\"12345678\"},{\"index\""
      ":1,\"m\":\"123456781234567812345678\"}],\"usage\":{\"prompt_tokens\":8"
      ",\"completion_tokens\":14,\"total_tokens\":22,\"x\":4}}",
      { "{\"id\":\"c-0\",\"choices\":[{\"index\":0,\"m\":\"12345678\"}],\"usa"
        "ge\":{\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":9"
        ",\"x\":2}}",
        "{\"id\":\"c-1\",\"choices\":[{\"index\":0,\"m\":\"123456781234567812"
        "345678\"}],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":9,\""
        "total_tokens\":13,\"x\":2}}" } }
};


static void
members_get_what_is_theirs(void **state)
{
    unsigned            i;
    char               *text;
    answer_t            a;
    uint32_t            j, k;
    llmb_item_t         unique[16];
    llmb_share_t        shares[3];
    llmb_split_conf_t   conf;
    const cut_case_t   *c;

    (void) state;

    for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        c = &cuts[i];

        memset(&conf, 0, sizeof(llmb_split_conf_t));
        memset(unique, 0, sizeof(unique));

        conf.form = c->adapter->forms[0];
        conf.items = c->items;
        conf.per = c->per;
        conf.strip = c->strip;

        if (c->unique) {

            for (j = 0; c->unique[j]; j++) {
                unique[j].position = (uint32_t) (c->unique[j] - '0');
            }

            conf.unique = unique;
        }

        if (answer_read(&a, &conf, c->answer) != LLMB_OK) {
            fail_msg("%s: mismatch %u", c->name, a.split.mismatch);
        }

        memcpy(shares, c->shares, sizeof(shares));

        for (j = 0, k = 0; k < c->members; k++) {
            shares[k].first = j;
            j += shares[k].items;
        }

        llmb_split_weigh(&a.split, a.base, shares, c->members);

        for (k = 0; k < c->members; k++) {
            text = answer_cut(&a, shares, c->members, k);

            if (strcmp(text, c->own[k]) != 0) {
                fail_msg("%s: member %u:\n%s\nand not\n%s", c->name, k, text,
                         c->own[k]);
            }

            free(text);
        }

        answer_free(&a);
    }
}


/* each write is one that may fail; nothing is written behind it */

static void
a_sink_that_fails_ends_it(void **state)
{
    unsigned            i, writes;
    answer_t            a;
    buffer_t            b;
    uint32_t            k;
    llmb_sink_t         sink;
    llmb_share_t        shares[3];
    llmb_split_conf_t   conf;
    const cut_case_t   *c;

    (void) state;

    for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        c = &cuts[i];

        if (c->unique || c->members == 0) {
            continue;
        }

        memset(&conf, 0, sizeof(llmb_split_conf_t));

        conf.form = c->adapter->forms[0];
        conf.items = c->items;
        conf.per = c->per;
        conf.strip = c->strip;

        assert_int_equal(answer_read(&a, &conf, c->answer), LLMB_OK);

        memcpy(shares, c->shares, sizeof(shares));

        for (k = 1; k < c->members; k++) {
            shares[k].first = shares[k - 1].first + shares[k - 1].items;
        }

        llmb_split_weigh(&a.split, a.base, shares, c->members);

        for (writes = 1; /* void */ ; writes++) {
            sink = buffer_sink(&b);
            b.fail = writes;

            if (llmb_split_write(&a.split, a.base, shares, c->members,
                                 writes % c->members, &sink)
                == LLMB_OK)
            {
                free(b.data);
                break;
            }

            assert_int_equal(b.late, 0);
            free(b.data);
        }

        answer_free(&a);
    }
}


/*
 * Open Inference: the id is the client's own, or there is none.  What finds
 * the tensors is tested elsewhere; here one is put in by hand.
 */

typedef struct {
    const char  *answer;
    const char  *own;             /* of a client without an id */
} id_case_t;


static void
an_id_of_another_is_taken_out(void **state)
{
    char               *text;
    unsigned            i;
    answer_t            a;
    llmb_form_t         form;
    llmb_share_t        shares[2] = { ECHO(1, "\"mine\""), LIST(1, 0) };
    llmb_split_conf_t   conf;

    static const id_case_t  ids[] = {
        { "{\"list\":[1,2],\"id\":\"other\"}", "{\"list\":[2]}" },
        { "{\"list\":[1,2] , \"\\u0069d\" : \"other\" }", "{\"list\":[2] }" },
        { "{ \"id\" :\"other\" , \"list\":[1,2]}", "{  \"list\":[2]}" },
        { "{\"a\":\"\\\"\",\"id\":\"a,\\\"\",\"list\":[1,2]}",
          "{\"a\":\"\\\"\",\"list\":[2]}" },
        { "{\"list\":[1,2]}", "{\"list\":[2]}" }
    };

    (void) state;

    memset(&form, 0, sizeof(llmb_form_t));
    memset(&conf, 0, sizeof(llmb_split_conf_t));

    form.list.data = (const uint8_t *) "list";
    form.list.len = 4;
    form.echo.data = (const uint8_t *) "id";
    form.echo.len = 2;

    conf.form = &form;
    conf.items = 2;

    shares[1].first = 1;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(answer_read(&a, &conf, ids[i].answer), LLMB_OK);

        llmb_split_weigh(&a.split, a.base, shares, 2);

        text = answer_cut(&a, shares, 2, 0);
        assert_null(strstr(text, "other"));
        assert_true((strstr(text, "\"mine\"") != NULL)
                    == (strstr(ids[i].answer, "d\"") != NULL));
        free(text);

        text = answer_cut(&a, shares, 2, 1);
        assert_string_equal(text, ids[i].own);
        free(text);

        /* alone it is the client's own */

        text = answer_cut(&a, shares, 1, 0);
        assert_true((strstr(text, "other") != NULL)
                    == (strstr(ids[i].answer, "other") != NULL));
        free(text);

        answer_free(&a);
    }
}


/* positions that are not the item's own may have more digits */

static void
copies_of_an_item_have_room(void **state)
{
    char               *text;
    answer_t            a;
    llmb_item_t         unique[1200];
    llmb_share_t        share = LIST(1200, 0);
    llmb_split_conf_t   conf;

    (void) state;

    memset(unique, 0, sizeof(unique));
    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = openai->forms[0];
    conf.items = 1;
    conf.unique = unique;

    assert_int_equal(answer_read(&a, &conf, "{\"data\":[{\"index\":0}]}"),
                     LLMB_OK);

    llmb_split_weigh(&a.split, a.base, &share, 1);

    text = answer_cut(&a, &share, 1, 0);

    assert_non_null(strstr(text, ",{\"index\":1199}]}"));

    free(text);
    answer_free(&a);
}


static uint8_t  room[2048];


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


static void
assert_cut(const llmb_split_t *sp, const char *answer,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    const char *expected)
{
    char      *text;
    answer_t   a;

    a.split = *sp;
    a.base = (const uint8_t *) answer;

    text = answer_cut(&a, shares, members, k);

    assert_string_equal(text, expected);

    free(text);
}


/*
 * The first gap is longer than a whole element: nothing about the distance
 * of elements may be taken for granted.
 */

static void
uneven_gaps_let_nobody_see_a_neighbor(void **state)
{
    llmb_share_t  shares[] = {
        SHARE(0, 2, 2), SHARE(2, 1, 1), SHARE(3, 2, 2)
    };
    llmb_split_t  sp;

    static const char  answer[] =
        "{\"data\":[{\"index\":0}"
        "                    ,                    {\"index\":3},"
        "{\"index\":2,\"s\":\"secret\"},{\"index\":1},\n{\"index\":4}\n]}";

    (void) state;

    llmb_usage_weigh(shares, 3);

    start(&sp, openai, 5);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    assert_cut(&sp, answer, shares, 3, 0,
               "{\"data\":[{\"index\":0}"
               "                    ,                    {\"index\":1}\n]}");
    assert_cut(&sp, answer, shares, 3, 1,
               "{\"data\":[{\"index\":0,\"s\":\"secret\"}\n]}");
    assert_cut(&sp, answer, shares, 3, 2,
               "{\"data\":[{\"index\":0}"
               "                    ,                    {\"index\":1}\n]}");
}


static void
pieces_may_stand_in_any_order(void **state)
{
    unsigned      i;
    char          answer[256], first[256], second[256];
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

    static const char *const  orders[6] = {
        "%1$s,%2$s,%3$s", "%1$s,%3$s,%2$s", "%2$s,%1$s,%3$s",
        "%2$s,%3$s,%1$s", "%3$s,%1$s,%2$s", "%3$s,%2$s,%1$s"
    };

    (void) state;

    llmb_usage_weigh(shares, 2);

    for (i = 0; i < 6; i++) {
        sprintf(answer, orders[i], "\"data\":[{\"index\":0},{\"index\":1}]",
                "\"usage\":{\"prompt_tokens\":7}", "\"id\":\"x\"");
        sprintf(first, orders[i], "\"data\":[{\"index\":0}]",
                "\"usage\":{\"prompt_tokens\":3}", "\"id\":\"x-0\"");
        sprintf(second, orders[i], "\"data\":[{\"index\":0}]",
                "\"usage\":{\"prompt_tokens\":4}", "\"id\":\"x-1\"");

        memmove(answer + 1, answer, strlen(answer) + 1);
        memmove(first + 1, first, strlen(first) + 1);
        memmove(second + 1, second, strlen(second) + 1);
        answer[0] = first[0] = second[0] = '{';
        strcat(answer, "}");
        strcat(first, "}");
        strcat(second, "}");

        start(&sp, openai, 2);

        assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                         strlen(answer), 1),
                         LLMB_OK);

        assert_cut(&sp, answer, shares, 2, 0, first);
        assert_cut(&sp, answer, shares, 2, 1, second);
    }
}


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
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

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
        start(&sp, cases[i].adapter, 2);

        assert_int_equal(llmb_split_read(&sp,
                                         (const uint8_t *) cases[i].answer,
                                         strlen(cases[i].answer), 1),
                         LLMB_OK);

        assert_int_equal(llmb_split_tokens(&sp, &shares[0], &exact),
                         cases[i].tokens[0]);
        assert_int_equal(exact, cases[i].exact);
        assert_int_equal(llmb_split_tokens(&sp, &shares[1], &exact),
                         cases[i].tokens[1]);
        assert_int_equal(exact, cases[i].exact);
    }
}


static void
output_tokens_are_shared_out_like_the_answers(void **state)
{
    unsigned      i;
    uint64_t      a, b;
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

    static const char *const  answers[] = {
        "{\"choices\":[{\"index\":0,\"text\":\"aaaaaaaaaaaaaaaaaaaa\"},"
        "{\"index\":1,\"text\":\"b\"}],"
        "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9}}",
        "{\"choices\":[{\"index\":0},{\"index\":1}],"
        "\"usage\":{\"prompt_tokens\":7}}"
    };

    (void) state;

    for (i = 0; i < 2; i++) {
        start(&sp, texts, 2);

        assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answers[i],
                                         strlen(answers[i]), 1),
                         LLMB_OK);

        llmb_split_weigh(&sp, (const uint8_t *) answers[i], shares, 2);

        a = llmb_split_output(&sp, &shares[0]);
        b = llmb_split_output(&sp, &shares[1]);

        assert_int_equal(a + b, i ? 0 : 9);
        assert_true(a > b || i);
    }
}


/* what a format does not have is not found under an empty name either */

static void
members_without_a_name_mean_nothing(void **state)
{
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };
    llmb_split_t  sp;

    static const llmb_form_t  form = { .list = llmb_string("list") };
    static const llmb_adapter_t  plain = { .forms = { &form } };

    static const char  answer[] =
        "{\"\":5,\"list\":[{\"\":0},{\"\":9}],\"\":6}";

    (void) state;

    llmb_usage_weigh(shares, 2);

    start(&sp, &plain, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    assert_cut(&sp, answer, shares, 2, 0,
               "{\"\":5,\"list\":[{\"\":0}],\"\":6}");
    assert_cut(&sp, answer, shares, 2, 1,
               "{\"\":5,\"list\":[{\"\":9}],\"\":6}");
}


static void
an_id_is_left_alone_if_nobody_shares_it(void **state)
{
    llmb_share_t  share = SHARE(0, 2, 2);
    llmb_split_t  sp;

    static const char  answer[] = "{\"id\":\"x\",\"data\":[{\"index\":1},"
                                  "{\"index\":0,\"v\":2}],\"usage\":"
                                  "{\"total_tokens\":5}}";

    (void) state;

    llmb_usage_weigh(&share, 1);

    start(&sp, openai, 2);

    assert_int_equal(llmb_split_read(&sp, (const uint8_t *) answer,
                                     sizeof(answer) - 1, 1),
                     LLMB_OK);

    assert_cut(&sp, answer, &share, 1, 0,
               "{\"id\":\"x\",\"data\":[{\"index\":0,\"v\":2},"
               "{\"index\":1}],\"usage\":{\"total_tokens\":5}}");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(members_get_what_is_theirs),
        cmocka_unit_test(a_sink_that_fails_ends_it),
        cmocka_unit_test(copies_of_an_item_have_room),
        cmocka_unit_test(an_id_of_another_is_taken_out),
        cmocka_unit_test(uneven_gaps_let_nobody_see_a_neighbor),
        cmocka_unit_test(pieces_may_stand_in_any_order),
        cmocka_unit_test(tokens_are_exact_if_both_sides_count_the_same),
        cmocka_unit_test(output_tokens_are_shared_out_like_the_answers),
        cmocka_unit_test(members_without_a_name_mean_nothing),
        cmocka_unit_test(an_id_is_left_alone_if_nobody_shares_it)
    };

    return cmocka_run_group_tests_name("split_write", tests, NULL, NULL);
}
