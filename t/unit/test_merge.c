
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The body of a call, from the bodies of its members.
 */


#include "mixed.h"
#include "test_request.h"


static const llmb_secret_t  secret = { { 1, 2, 3, 4, 5, 6, 7, 8 } };


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *path;
    const char            *bodies[3];
    const char            *merged;
} merge_case_t;


static const merge_case_t  merges[] = {
    { &llmb_adapter_openai_embeddings, "/v1/embeddings",
      { " {\"a\":1, \"input\": [5,6] ,\"z\":[2.50]}\n",
        "{\"input\":[[7], [8]]}" },
      " {\"a\":1, \"input\": [[5,6],[7], [8]] ,\"z\":[2.50]}\n" },

    { &llmb_adapter_openai_embeddings, "/v1/embeddings",
      { "{\"input\":\"a\"}" }, "{\"input\":[\"a\"]}" },

    { &llmb_adapter_tei_predict, "/predict",
      { "{\"inputs\":\"good\"}", "{\"inputs\":[\"q\", \"d\"]}",
        "{\"inputs\":[[\"x\"],[\"y\",\"z\"]]}" },
      "{\"inputs\":[[\"good\"],[\"q\", \"d\"],[\"x\"],[\"y\",\"z\"]]}" },

    { &llmb_adapter_gemini_embed, "/v1beta/models/g:embedContent",
      { "\n{ \"content\":1}", "{\"content\":2,\"model\":\"models/h\"}" },
      "{\"requests\":[{\"model\":\"models/g\", \"content\":1},"
      "{\"content\":2,\"model\":\"models/h\"}]}" },

    { &llmb_adapter_gemini_embed, "/v1beta/models/g:batchEmbedContents",
      { "{\"requests\":[{\"content\":1}]}",
        "{\"requests\":[{\"content\":2},{}]}" },
      "{\"requests\":[{\"content\":1},{\"content\":2},{}]}" },

    { &llmb_adapter_rerank, "/v2/rerank",
      { "{\"top_n\" : null ,\"query\":\"q\",\"documents\":[\"a\"]}",
        "{\"top_n\":1,\"query\":\"q\",\"documents\":[\"b\",\"c\"]}" },
      "{\"top_n\" : 3 ,\"query\":\"q\",\"documents\":[\"a\",\"b\",\"c\"]}" },

    { &llmb_adapter_vllm_score, "/score",
      { "{\"text_1\":\"q1\",\"text_2\":[\"d1\",\"d2\"],\"model\":\"r\"}",
        "{\"text_2\":\"d3\",\"text_1\":[\"q2\"]}" },
      "{\"text_1\":[\"q1\",\"q1\",\"q2\"],"
      "\"text_2\":[\"d1\",\"d2\",\"d3\"],\"model\":\"r\"}" },

    { &llmb_adapter_vllm_chat_batch, "/v1/chat/completions",
      { "{\"messages\":[{\"a\":1}]}", "{\"messages\":[{},{}]}" },
      "{\"messages\":[[{\"a\":1}],[{},{}]]}" },

    { &llmb_adapter_sglang_generate, "/generate",
      { "{\"sampling_params\":{\"t\":1},\"text\":[\"a\",\"b\"]}",
        "{\"text\":[\"c\"],\"sampling_params\":[{}]}" },
      "{\"sampling_params\":[{\"t\":1},{\"t\":1},{}],"
      "\"text\":[\"a\",\"b\",\"c\"]}" },

    { &llmb_adapter_sglang_generate, "/generate",
      { "{\"sampling_params\":null,\"input_ids\":[1]}",
        "{\"input_ids\":[[2],[3]]}" },
      "{\"sampling_params\":null,\"input_ids\":[[1],[2],[3]]}" },

    { &llmb_adapter_kserve_v1, "/v1/models/m:predict",
      { "{\"instances\":[1.0,2e0]}", "{\"instances\":[-3.5]}" },
      "{\"instances\":[1.0,2e0,-3.5]}" },

    { &mixed, "/mixed",
      { "{\"items\":[1.0,2]}", "{\"items\":[null]}" },
      "{\"items\":[1.0,2,null]}" }
};


static void
the_first_body_lends_all_but_the_items(void **state)
{
    unsigned   i, k;
    bundle_t  *b;

    (void) state;

    for (i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
        b = bundle_create();

        for (k = 0; k < 3 && merges[i].bodies[k]; k++) {
            (void) bundle_add(b, merges[i].adapter, merges[i].path,
                              merges[i].bodies[k]);
        }

        assert_merged(b, merges[i].merged);
        bundle_destroy(b);
    }
}


static void
what_stands_around_is_of_the_first_column(void **state)
{
    bundle_t  *b = bundle_create();

    static const llmb_str_t  paths[] = {
        llmb_string("/x"),
        llmb_null_string
    };

    static const llmb_column_t  columns[] = {
        { .name = llmb_string("x"), .kinds = LLMB_KIND_TEXT },
        { .name = llmb_string("y"), .kinds = LLMB_KIND_TEXT },
        llmb_null_column
    };

    static const llmb_form_t  form = {
        .paths = paths,
        .columns = columns,
        .open = llmb_string("{\"of\":["),
        .close = llmb_string("]}")
    };

    static const llmb_adapter_t  adapter = { .forms = { &form } };

    (void) state;

    (void) bundle_add(b, &adapter, "/x", "{\"y\":\"a\",\"x\":\"b\"}");
    (void) bundle_add(b, &adapter, "/x", "{\"y\":\"c\",\"x\":\"d\"}");

    assert_merged(b, "{\"y\":[\"a\",\"c\"],\"x\":{\"of\":[\"b\",\"d\"]}}");
    bundle_destroy(b);
}


static void
ids_of_tokens_are_asked_for_first(void **state)
{
    buffer_t      out;
    bundle_t     *b = bundle_create();
    llmb_merge_t  merge;

    (void) state;

    (void) bundle_add(b, &llmb_adapter_openai_completions, "/v1/completions",
                      " { \"prompt\":\"a\"}");

    memset(&merge, 0, sizeof(llmb_merge_t));
    merge.token_ids = 1;

    bundle_merge(b, &merge, &out);

    assert_true(buffer_is(&out, text_of(" {\"return_token_ids\":true,"
                                        " \"prompt\":[\"a\"]}")));
    free(out.data);
    bundle_destroy(b);
}


typedef struct {
    const char            *path;
    const char            *call;      /* NULL: the same */
    const llmb_adapter_t  *adapter;
    const char            *body;
} path_case_t;


static void
some_calls_go_elsewhere(void **state)
{
    size_t                 len;
    uint8_t               *out;
    unsigned               i;
    bundle_t              *b = bundle_create();
    const llmb_request_t  *rq;

    static const path_case_t  cases[] = {
        { "/v1/embeddings", NULL, &llmb_adapter_openai_embeddings,
          "{\"input\":\"a\"}" },
        { "/x/models/g:embedContent", "/x/models/g:batchEmbedContents",
          &llmb_adapter_gemini_embed, "{\"content\":1}" },
        { "/x/models/g:batchEmbedContents", NULL, &llmb_adapter_gemini_embed,
          "{\"requests\":[{}]}" },
        { "/v1/chat/completions", "/v1/chat/completions/batch",
          &llmb_adapter_vllm_chat_batch, "{\"messages\":[1]}" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rq = bundle_add(b, cases[i].adapter, cases[i].path, cases[i].body);

        out = malloc(rq->path.len + rq->form->to.len);
        len = llmb_merge_path(rq, out);

        if (cases[i].call == NULL) {
            assert_int_equal(len, 0);

        } else {
            assert_int_equal(len, strlen(cases[i].call));
            assert_memory_equal(out, cases[i].call, len);
        }

        free(out);
    }

    bundle_destroy(b);
}


/* sends equal items once; *positions is what each item's is */

static void
merge_unique(bundle_t *b, const char *positions, const char *expected)
{
    uint32_t       i, next, size, *table;
    uint64_t       copied;
    buffer_t       out;
    llmb_item_t   *items;
    llmb_merge_t   merge;

    for (size = 2; size < 2 * b->items; size *= 2) {
        /* void */
    }

    items = malloc(b->items * sizeof(llmb_item_t));
    table = malloc(size * sizeof(uint32_t));

    memset(&merge, 0, sizeof(llmb_merge_t));

    merge.items = llmb_merge_dedup(&b->rq[0], &secret, b->payloads, b->n,
                                   items, b->items, table, size);
    merge.unique = items;
    merge.n = b->items;

    assert_int_equal(strlen(positions), b->items);

    next = 0;
    copied = 0;

    for (i = 0; i < b->items; i++) {
        assert_int_equal(items[i].position, positions[i] - '0');

        if (items[i].position == next) {
            next++;

        } else if (items[i].text.data[0] == '"') {
            copied += llmb_tokens_estimate(items[i].text);

        } else {
            /* other items in these tests have no texts of two tokens */
            copied++;
        }
    }

    assert_int_equal(llmb_merge_copied(items, b->items), copied);

    bundle_merge(b, &merge, &out);
    assert_true(buffer_is(&out, text_of(expected)));

    free(out.data);
    free(items);
    free(table);
}


static void
equal_items_are_sent_once(void **state)
{
    bundle_t  *b = bundle_create();

    (void) state;

    (void) bundle_add(b, &llmb_adapter_openai_embeddings, "/v1/embeddings",
                      "{\"input\":[\"a\",\"b\" , \"a\"]}");
    (void) bundle_add(b, &llmb_adapter_openai_embeddings, "/v1/embeddings",
                      "{\"input\":\"c\"}");
    (void) bundle_add(b, &llmb_adapter_openai_embeddings, "/v1/embeddings",
                      "{\"input\":[ \"b\",\"\\u0061\",\"ab\",\"c\"]}");

    merge_unique(b, "01021342",
                 "{\"input\":[\"a\",\"b\",\"c\",\"\\u0061\",\"ab\"]}");
    bundle_destroy(b);

    b = bundle_create();

    (void) bundle_add(b, &mixed, "/mixed",
                      "{\"items\":[1,{\"a\":\"]\"},[1,[\"\\\"}\"]],10]}");
    (void) bundle_add(b, &mixed, "/mixed",
                      "{\"items\":[[1,[\"\\\"}\"]] ,{\"a\":\"]\"},1]}");

    merge_unique(b, "0123210",
                 "{\"items\":[1,{\"a\":\"]\"},[1,[\"\\\"}\"]],10]}");
    bundle_destroy(b);
}


/* texts of one length and one hash */

static void
items_of_one_hash_are_told_apart(void **state)
{
    bundle_t  *b = bundle_create();

    (void) state;

    (void) bundle_add(b, &llmb_adapter_openai_embeddings, "/v1/embeddings",
                      "{\"input\":[\"bhbyjsr\",\"mfmmabh\",\"dyaqfbh\"]}");
    (void) bundle_add(b, &llmb_adapter_openai_embeddings, "/v1/embeddings",
                      "{\"input\":[\"bqrqtej\",\"mfmmabh\"]}");

    merge_unique(b, "01231",
                 "{\"input\":[\"bhbyjsr\",\"mfmmabh\",\"dyaqfbh\","
                 "\"bqrqtej\"]}");
    bundle_destroy(b);
}


static void
many_items_keep_their_positions(void **state)
{
    char            text[32];
    char           *body = malloc(64 * 2048);
    size_t          len;
    uint32_t        i, n, *table;
    bundle_t       *b = bundle_create();
    llmb_item_t    *items;

    (void) state;

    len = (size_t) sprintf(body, "{\"input\":[");

    for (i = 0; i < 2048; i++) {
        len += (size_t) sprintf(body + len, "%s\"%u\"", i ? "," : "",
                                (i * 7919) % 500);
    }

    sprintf(body + len, "]}");

    (void) bundle_add(b, &llmb_adapter_openai_embeddings, "/v1/embeddings",
                      body);

    items = malloc(2048 * sizeof(llmb_item_t));
    table = malloc(4096 * sizeof(uint32_t));

    n = llmb_merge_dedup(&b->rq[0], &secret, b->payloads, 1, items, 2048,
                         table, 4096);

    assert_int_equal(n, 500);

    for (i = 0; i < 2048; i++) {
        sprintf(text, "\"%u\"", (i * 7919) % 500);

        assert_str(items[i].text, text);
        assert_int_equal(items[i].position, i % 500);
    }

    /*
     * a search ends, even in a table that is full: as if many were made to
     * come to one place
     */

    n = llmb_merge_dedup(&b->rq[0], &secret, b->payloads, 1, items, 2048,
                         table, 256);

    assert_in_range(n, 500, 2048);

    for (i = 0; i < 2048; i++) {
        assert_true(items[i].position < n);
        assert_true(items[i].position <= i);
    }

    free(items);
    free(table);
    free(body);
    bundle_destroy(b);
}


static void
an_error_of_the_sink_ends_the_writing(void **state)
{
    unsigned        i, n;
    buffer_t        out;
    bundle_t       *b = bundle_create();
    llmb_rc_e       rc;
    llmb_sink_t     sink;
    llmb_piece_t    piece;
    llmb_merge_t    merge;

    (void) state;

    (void) bundle_add(b, &llmb_adapter_vllm_score, "/score",
                      "{\"text_1\":\"q\",\"a\":1,\"text_2\":[\"b\",\"c\"]}");

    memset(&merge, 0, sizeof(llmb_merge_t));
    merge.token_ids = 1;

    bundle_merge(b, &merge, &out);
    n = out.writes;
    free(out.data);

    for (i = 1; i <= n; i++) {
        sink = buffer_sink(&out);
        out.fail = i;

        assert_int_equal(llmb_merge_write(&b->rq[0], &merge, &sink),
                         LLMB_NOMEM);
        assert_int_equal(out.late, 0);
        free(out.data);
    }

    llmb_piece_all(&b->rq[0], &piece);

    for (i = 1, rc = LLMB_NOMEM; rc != LLMB_OK; i++) {
        sink = buffer_sink(&out);
        out.fail = i;

        rc = llmb_piece_pack(&b->rq[0], &piece, &sink);

        assert_int_equal(out.late, 0);
        free(out.data);
    }

    bundle_destroy(b);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_first_body_lends_all_but_the_items),
        cmocka_unit_test(what_stands_around_is_of_the_first_column),
        cmocka_unit_test(ids_of_tokens_are_asked_for_first),
        cmocka_unit_test(some_calls_go_elsewhere),
        cmocka_unit_test(equal_items_are_sent_once),
        cmocka_unit_test(items_of_one_hash_are_told_apart),
        cmocka_unit_test(many_items_keep_their_positions),
        cmocka_unit_test(an_error_of_the_sink_ends_the_writing)
    };

    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
