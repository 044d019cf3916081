
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Which format a path has.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/llmb_adapters.h"


#define ALL  ((uint64_t) -1)


static llmb_str_t
text_of(const char *s)
{
    llmb_str_t  text;

    text.len = strlen(s);
    text.data = (const uint8_t *) s;

    return text;
}


static uint64_t
bit_of(const llmb_adapter_t *adapter)
{
    return (uint64_t) 1 << llmb_adapter_id(adapter);
}


typedef struct {
    const char            *path;
    const llmb_adapter_t  *adapter;
} path_case_t;


static unsigned
same_text(llmb_str_t one, llmb_str_t two)
{
    return one.len == two.len && memcmp(one.data, two.data, one.len) == 0;
}


static const llmb_adapter_t *
find(const char *path, uint64_t enabled)
{
    return llmb_adapter_find(text_of(path), enabled, NULL, 0);
}


static const path_case_t  path_cases[] = {
    { "/v1/embeddings", &llmb_adapter_openai_embeddings },
    { "/embeddings", &llmb_adapter_openai_embeddings },
    { "/openai/deployments/te3/embeddings",
      &llmb_adapter_openai_embeddings },
    { "/v1/completions", &llmb_adapter_openai_completions },
    { "/completions", NULL },
    { "/deployments/gpt/completions", NULL },
    { "/v1/moderations", &llmb_adapter_openai_moderations },
    { "/v1/classifications", &llmb_adapter_openai_moderations },
    { "/api/embed", &llmb_adapter_ollama_embed },
    { "/ollama/api/embed", &llmb_adapter_ollama_embed },
    { "/embed", &llmb_adapter_tei_embed },
    { "/tei/embed", &llmb_adapter_tei_embed },
    { "/embed_all", &llmb_adapter_tei_embed },
    { "/embed_sparse", &llmb_adapter_tei_embed },
    { "/xapi/embed", &llmb_adapter_tei_embed },
    { "/predict", &llmb_adapter_tei_predict },
    { "/v2/embed", &llmb_adapter_cohere_embed },
    { "/v1beta/models/gemini-embedding-001:embedContent",
      &llmb_adapter_gemini_embed },
    { "/v1beta/models/g:batchEmbedContents", &llmb_adapter_gemini_embed },
    { "/v1beta/models/:embedContent", NULL },
    { "/v1beta/models/a/b:embedContent", NULL },
    { "/v1/models/m:predict", &llmb_adapter_kserve_v1 },
    { "/v1/models/m/versions/3:predict", &llmb_adapter_kserve_v1 },
    { "/v1/models/m/labels/stable:predict", &llmb_adapter_kserve_v1 },
    { "/v1/models/m/others/x:predict", NULL },
    { "/v1/models/m:classify", NULL },
    { "/v2/models/m/infer", &llmb_adapter_oip_v2 },
    { "/v2/models/m/versions/1/infer", &llmb_adapter_oip_v2 },
    { "/v2/models//infer", NULL },
    { "/rerank", &llmb_adapter_rerank },
    { "/v2/rerank", &llmb_adapter_rerank },
    { "/score", &llmb_adapter_vllm_score },
    { "/v1/chat/completions", &llmb_adapter_vllm_chat_batch },
    { "/v1/chat/completions/batch", NULL },
    { "/generate", &llmb_adapter_sglang_generate },
    { "/completion", &llmb_adapter_llamacpp_completion },
    { "/v1/embeddings/", NULL },
    { "/v1/myembeddings", NULL },
    { "/v1/Embeddings", NULL },
    { "/v1/embeddings/x", NULL },
    { "embed", NULL },
    { "/reembed", NULL },
    { "/hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction",
      &llmb_adapter_tei_embed },
    { "/pipeline/feature-extraction/BAAI/bge-m3",
      &llmb_adapter_tei_embed },
    { "/pipeline/feature-extraction/a/b/c", NULL },
    { "/models/BAAI/bge-m3", NULL },
    { "/embedding", &llmb_adapter_llamacpp_embedding },
    { "/pooling", &llmb_adapter_vllm_pooling },
    { "/v1/classify", &llmb_adapter_vllm_classify },
    { "/v1/ranking", &llmb_adapter_nvidia_ranking },
    { "/ranking", NULL },
    { "/v1/retrieval/nvidia/reranking", &llmb_adapter_nvidia_ranking },
    { "/v1/retrieval/nvidia/nv-rerank-qa/reranking",
      &llmb_adapter_nvidia_ranking },
    { "/v1/projects/p/locations/l/publishers/google/models/"
      "text-embedding-005:predict", &llmb_adapter_vertex_predict },
    { "/v1/projects/p/locations/l/publishers/google/models/"
      "text-multilingual-embedding-002:predict",
      &llmb_adapter_vertex_predict },
    { "/v1/projects/p/locations/l/publishers/google/models/"
      "textembedding-gecko-multilingual@001:predict",
      &llmb_adapter_vertex_predict },
    { "/v1/projects/p/locations/l/publishers/google/models/"
      "gemini-embedding-001:predict", NULL },
    { "/v1/projects/p/locations/l/publishers/google/models/"
      "multimodalembedding@001:predict", NULL },
    { "/v1/projects/p/locations/l/publishers/google/models/"
      "text-bison:predict", NULL },
    { "/v1/projects/p/locations/l/endpoints/7:predict", NULL },
    { "/client/v4/accounts/a/ai/run/@cf/baai/bge-m3",
      &llmb_adapter_cloudflare_ai },
    { "/client/v4/accounts/a/ai/run/@cf/qwen/qwen3-embedding-0.6b",
      &llmb_adapter_cloudflare_ai },
    { "/v1/a/g/workers-ai/@cf/google/embeddinggemma-300m",
      &llmb_adapter_cloudflare_ai },
    { "/client/v4/accounts/a/ai/run/@cf/huggingface/distilbert-sst-2-int8",
      NULL },
    { "/client/v4/accounts/a/ai/run/@cf/meta/m2m100-1.2b", NULL },
    { "/", &llmb_adapter_tei_embed },
    { "/x/", NULL },
    { "//", NULL },
    { "", NULL }
};


static void
paths_lead_to_their_formats(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++) {

        if (find(path_cases[i].path, ALL) != path_cases[i].adapter) {
            fail_msg("%s", path_cases[i].path);
        }
    }
}


static const llmb_adapter_t *
next(const char *path, uint64_t enabled, const llmb_adapter_t *adapter)
{
    return llmb_adapter_next(text_of(path), enabled, NULL, 0, adapter);
}


static void
a_path_may_be_that_of_several_formats(void **state)
{
    const llmb_adapter_t  *embed = &llmb_adapter_tei_embed;
    const llmb_adapter_t  *predict = &llmb_adapter_tei_predict;
    const llmb_adapter_t  *rerank = &llmb_adapter_rerank;

    (void) state;

    assert_ptr_equal(find("/", ALL), embed);
    assert_ptr_equal(next("/", ALL, embed), predict);
    assert_ptr_equal(next("/", ALL, predict), rerank);
    assert_null(next("/", ALL, rerank));

    assert_ptr_equal(next("/v1/embeddings", ALL,
                          &llmb_adapter_openai_embeddings),
                     &llmb_adapter_llamacpp_embedding);

    assert_ptr_equal(next("/", ALL & ~bit_of(predict), embed), rerank);
    assert_ptr_equal(find("/", bit_of(rerank)), rerank);

    assert_ptr_equal(find("/v1/embed", ALL), embed);
    assert_ptr_equal(next("/v1/embed", ALL, embed),
                     &llmb_adapter_cohere_embed);

    /* a shorter ending is no other format of the path */

    assert_null(next("/api/embed", ALL, &llmb_adapter_ollama_embed));
    assert_null(next("/v2/embed", ALL, &llmb_adapter_cohere_embed));
}


static void
at_the_root_the_path_tells_nothing(void **state)
{
    (void) state;

    assert_false(llmb_adapter_is_told(&llmb_adapter_tei_embed, text_of("/")));
    assert_false(llmb_adapter_is_told(&llmb_adapter_rerank, text_of("/")));
    assert_true(llmb_adapter_is_told(&llmb_adapter_tei_embed,
                                     text_of("/embed")));
    assert_true(llmb_adapter_is_told(&llmb_adapter_rerank,
                                     text_of("/rerank")));
}


static void
formats_that_are_not_enabled_are_not_found(void **state)
{
    uint64_t  ollama = bit_of(&llmb_adapter_ollama_embed);

    (void) state;

    assert_null(find("/api/embed", 0));
    assert_null(find("/api/embed", bit_of(&llmb_adapter_openai_embeddings)));
    assert_ptr_equal(find("/api/embed", ollama), &llmb_adapter_ollama_embed);

    /* then a shorter ending may do */

    assert_ptr_equal(find("/api/embed", ALL & ~ollama),
                     &llmb_adapter_tei_embed);
}


static void
nothing_around_the_path_is_read(void **state)
{
    llmb_str_t  path = text_of("/v1/embeddings");

    (void) state;

    path.len -= strlen("gs");
    assert_null(llmb_adapter_find(path, ALL, NULL, 0));

    path = text_of("/api/embed");
    path.len -= strlen("/api");
    path.data += strlen("/api");
    assert_null(llmb_adapter_find(path, bit_of(&llmb_adapter_ollama_embed),
                                  NULL, 0));

    path = text_of("/v1/models/m:predict");
    path.len -= strlen("/v1");
    path.data += strlen("/v1");
    assert_null(llmb_adapter_find(path, ALL, NULL, 0));
}


typedef struct {
    const char  *ending;
    const char  *path;
    unsigned     matches;
} ending_case_t;


static void
a_star_stands_for_anything_within_a_segment(void **state)
{
    unsigned     i;
    llmb_str_t   paths[] = { llmb_null_string, llmb_null_string };
    llmb_form_t  form = { .paths = paths };

    static const ending_case_t  cases[] = {
        { "/a/*", "/a/b", 1 },
        { "/a/*", "/a/", 0 },
        { "/a/*", "/a/b/c", 0 },
        { "/a/*", "/x/a/bcd", 1 },
        { "/*", "/x", 1 },
        { "/*", "/x/", 0 },
        { "/a*", "/abc", 1 },
        { "/a*", "/a", 0 },
        { "/a*", "/ba", 0 },
        { "/*/x", "//x", 0 },
        { "/*/x", "/x", 0 },
        { "/*/x", "x/x", 0 },
        { "/m/*:p", "/m/a:p", 1 },
        { "/m/*:p", "/m/a:b:p", 1 },
        { "/m/*:p", "/m/:p", 0 },
        { "/m/*:p", "/m/:p:p", 1 },
        { "/m/*:p", "/n/a:p", 0 },
        { "/m/*/v/*", "/m/1/v/2", 1 },
        { "/m/*/v/*", "/m/1/v", 0 },
        { "/m/*/v/*", "/m//v/2", 0 },
        { "/a*b*c", "/abbc", 0 },
        { "/a*b*c", "/axbxc", 1 },
        { "/a*b*c", "/abbbc", 1 },
        { "/a*b*c", "/axbbbxbc", 1 },
        { "/a*b*c", "/axb/bc", 0 },
        { "/a*b*c", "/axcxbc", 0 },
        { "/**", "/ab", 1 },
        { "/**", "/a", 0 },
        { "/a", "*a", 0 },
        { "/", "/", 1 },
        { "/", "/a/", 0 },
        { "/", "//", 0 },
        { "/", "", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        paths[0] = text_of(cases[i].ending);

        if (llmb_form_matches(&form, text_of(cases[i].path))
            != cases[i].matches)
        {
            fail_msg("%s and %s", cases[i].ending, cases[i].path);
        }
    }
}


static void
a_form_matches_by_any_of_its_paths(void **state)
{
    const llmb_form_t  *form = llmb_adapter_tei_embed.forms[0];

    (void) state;

    assert_true(llmb_form_matches(form, text_of("/embed")));
    assert_true(llmb_form_matches(form, text_of("/embed_sparse")));
    assert_false(llmb_form_matches(form, text_of("/v1/embeddings")));

    form = llmb_adapter_gemini_embed.forms[1];

    assert_true(llmb_form_matches(form,
                                  text_of("/models/x:batchEmbedContents")));
    assert_false(llmb_form_matches(form, text_of("/models/x:embedContent")));
}


static const llmb_str_t  long_paths[] = {
    llmb_string("/x"), llmb_string("/own/embed"), llmb_null_string
};
static const llmb_str_t  equal_paths[] = {
    llmb_string("/v2/embed"), llmb_null_string
};
static const llmb_str_t  star_paths[] = {
    llmb_string("/***************/embed"), llmb_string("/*/*/*/embed"),
    llmb_null_string
};

static const llmb_form_t  long_form = { .paths = long_paths };
static const llmb_form_t  equal_form = { .paths = equal_paths };
static const llmb_form_t  star_form = { .paths = star_paths };

static const llmb_adapter_t  long_adapter = { .forms = { &long_form } };
static const llmb_adapter_t  equal_adapter = { .forms = { &equal_form } };
static const llmb_adapter_t  star_adapter = { .forms = { &star_form } };

static const llmb_adapter_t *const  extra[] = {
    &long_adapter, &equal_adapter, &star_adapter
};


static const llmb_adapter_t *
find_extra(const char *path, uint64_t enabled)
{
    return llmb_adapter_find(text_of(path), enabled, extra, 3);
}


static void
further_formats_follow_the_table(void **state)
{
    uint64_t  first = (uint64_t) 1 << llmb_nadapters;

    (void) state;

    assert_ptr_equal(find_extra("/x", ALL), &long_adapter);
    assert_ptr_equal(find_extra("/own/embed", ALL), &long_adapter);
    assert_ptr_equal(find_extra("/own/embed", ALL & ~first),
                     &llmb_adapter_tei_embed);
    assert_ptr_equal(find_extra("/x", first), &long_adapter);
    assert_null(find_extra("/x", ALL & ~first));
    assert_null(find("/x", ALL));

    /* of equal endings that of the table wins */

    assert_ptr_equal(find_extra("/v2/embed", ALL), &llmb_adapter_cohere_embed);
    assert_ptr_equal(find_extra("/v2/embed", first << 1), &equal_adapter);

    /* unless it is not what the body tells */

    assert_ptr_equal(llmb_adapter_next(text_of("/v2/embed"), ALL, extra, 3,
                                       &llmb_adapter_cohere_embed),
                     &equal_adapter);
    assert_null(llmb_adapter_next(text_of("/v2/embed"), ALL, extra, 3,
                                  &equal_adapter));
}


static void
a_star_does_not_make_an_ending_longer(void **state)
{
    (void) state;

    assert_ptr_equal(find_extra("/own/aaaaaaaaaaaaaaaaa/embed", ALL),
                     &star_adapter);
    assert_ptr_equal(find_extra("/api/embed", ALL),
                     &llmb_adapter_ollama_embed);
    assert_ptr_equal(find_extra("/a/b/own/embed", ALL), &long_adapter);
    assert_ptr_equal(find_extra("/a/b/c/embed", ALL), &star_adapter);
    assert_ptr_equal(find_extra("/aaaaaaaaaaaaaaaaaaa/v2/embed", ALL),
                     &llmb_adapter_cohere_embed);
}


static void
names_and_numbers_lead_back(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < llmb_nadapters; i++) {
        assert_int_equal(llmb_adapter_id(llmb_adapters[i]), i);
        assert_ptr_equal(llmb_adapter_by_name(llmb_adapters[i]->name),
                         llmb_adapters[i]);
    }

    assert_int_equal(llmb_adapter_id(NULL), llmb_nadapters);
    assert_null(llmb_adapter_by_name(text_of("")));
    assert_null(llmb_adapter_by_name(text_of("tei")));
    assert_null(llmb_adapter_by_name(text_of("tei_embed_x")));
    assert_null(llmb_adapter_by_name(text_of("TEI_embed")));
}


/* one row for a name, no columns or what has a meaning of its own in calls */

static void
defaults_keep_the_rules(const llmb_adapter_t *adapter, const llmb_form_t *form)
{
    unsigned               n;
    const llmb_column_t   *column;
    const llmb_default_t  *row, *other;

    for (n = 0, row = form->defaults; row && row->member.len; row++, n++) {
        assert_true(row->value.len > 0);
        assert_true(form->columns[0].name.len > 0);
        assert_false(same_text(row->member, form->top));
        assert_false(same_text(row->member, form->echo));

        for (column = form->columns; column->kinds; column++) {
            assert_false(same_text(row->member, column->name));
        }

        for (other = form->defaults; other != row; other++) {
            assert_false(same_text(row->member, other->member));
        }
    }

    if (n > LLMB_MAX_DEFAULTS) {
        fail_msg("%s has %u defaults", (const char *) adapter->name.data, n);
    }
}


static void
form_keeps_the_rules(const llmb_adapter_t *adapter, const llmb_form_t *form)
{
    unsigned              n;
    const llmb_str_t     *path;
    const llmb_column_t  *column;

    assert_true(form->paths[0].len > 0);

    for (path = form->paths; path->len; path++) {
        assert_int_equal(path->data[0], '/');

        /* "*" matches itself, too */

        assert_ptr_equal(llmb_adapter_find(*path, bit_of(adapter), NULL, 0),
                         adapter);
        assert_true(llmb_form_matches(form, *path));
    }

    assert_int_equal(form->read_request != NULL, form->read_answer != NULL);
    assert_int_equal(form->read_answer != NULL, form->label.len > 0);

    if (form->read_answer) {
        assert_int_equal(form->columns->kinds, 0);
        assert_int_equal(form->list.len, 0);
        assert_int_equal(form->or_list.len, 0);
        assert_int_equal(form->also.len, 0);
        assert_int_equal(form->common.len, 0);
        assert_int_equal(form->usage[0].len, 0);
        assert_int_equal(form->usage[1].len, 0);
        assert_true(form->echo.len > 0);
        return;
    }

    for (n = 0, column = form->columns; column->kinds; column++, n++) {
        assert_int_equal(column->name.len == 0,
                         column->input == LLMB_INPUT_BODY);
    }

    assert_in_range(n, 1, LLMB_MAX_COLUMNS);
    assert_false(form->columns[0].optional);
    assert_false(form->ranked && form->per.len);
    assert_false(adapter->pure && n > 1);

    defaults_keep_the_rules(adapter, form);

    /* an answer that is an array has no members */

    if (form->list.len == 0) {
        assert_int_equal(form->usage[0].len, 0);
    }

    if (form->usage[0].len == 0) {
        assert_int_equal(form->usage[1].len, 0);
        assert_int_equal(form->input_tokens.len, 0);
        assert_int_equal(form->output_tokens.len, 0);
        assert_int_equal(form->total_tokens.len, 0);
    }
}


static void
the_table_keeps_its_rules(void **state)
{
    unsigned               i, k;
    const llmb_adapter_t  *adapter;

    (void) state;

    assert_in_range(llmb_nadapters, 1, 64);

    for (i = 0; i < llmb_nadapters; i++) {
        adapter = llmb_adapters[i];

        assert_true(adapter->name.len > 0);
        assert_true(adapter->max_items > 0);
        assert_non_null(adapter->forms[0]);

        for (k = 0; k < LLMB_MAX_FORMS && adapter->forms[k]; k++) {
            form_keeps_the_rules(adapter, adapter->forms[k]);
        }
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(paths_lead_to_their_formats),
        cmocka_unit_test(a_path_may_be_that_of_several_formats),
        cmocka_unit_test(at_the_root_the_path_tells_nothing),
        cmocka_unit_test(formats_that_are_not_enabled_are_not_found),
        cmocka_unit_test(nothing_around_the_path_is_read),
        cmocka_unit_test(a_star_stands_for_anything_within_a_segment),
        cmocka_unit_test(a_form_matches_by_any_of_its_paths),
        cmocka_unit_test(further_formats_follow_the_table),
        cmocka_unit_test(a_star_does_not_make_an_ending_longer),
        cmocka_unit_test(names_and_numbers_lead_back),
        cmocka_unit_test(the_table_keeps_its_rules)
    };

    return cmocka_run_group_tests_name("adapter", tests, NULL, NULL);
}
