
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


static void
paths_lead_to_their_formats(void **state)
{
    unsigned  i;

    static const path_case_t  cases[] = {
        { "/v1/embeddings", &llmb_adapter_openai_embeddings },
        { "/embeddings", &llmb_adapter_openai_embeddings },
        { "/openai/deployments/te3/embeddings",
          &llmb_adapter_openai_embeddings },
        { "/api/embed", &llmb_adapter_ollama_embed },
        { "/ollama/api/embed", &llmb_adapter_ollama_embed },
        { "/embed", &llmb_adapter_tei_embed },
        { "/tei/embed", &llmb_adapter_tei_embed },
        { "/xapi/embed", &llmb_adapter_tei_embed },
        { "/v1/embeddings/", NULL },
        { "/v1/myembeddings", NULL },
        { "/v1/Embeddings", NULL },
        { "/v1/embeddings/x", NULL },
        { "embed", NULL },
        { "/reembed", NULL },
        { "/", NULL },
        { "", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (llmb_adapter_find(text_of(cases[i].path), ALL)
            != cases[i].adapter)
        {
            fail_msg("%s", cases[i].path);
        }
    }
}


static void
formats_that_are_not_enabled_are_not_found(void **state)
{
    llmb_str_t  path = text_of("/api/embed");
    uint64_t    ollama = bit_of(&llmb_adapter_ollama_embed);

    (void) state;

    assert_null(llmb_adapter_find(path, 0));
    assert_null(llmb_adapter_find(path,
                                  bit_of(&llmb_adapter_openai_embeddings)));
    assert_ptr_equal(llmb_adapter_find(path, ollama),
                     &llmb_adapter_ollama_embed);

    /* then a shorter ending may do */

    assert_ptr_equal(llmb_adapter_find(path, ALL & ~ollama),
                     &llmb_adapter_tei_embed);
}


static void
nothing_around_the_path_is_read(void **state)
{
    llmb_str_t  path = text_of("/v1/embeddings");

    (void) state;

    path.len--;
    assert_null(llmb_adapter_find(path, ALL));

    path = text_of("/api/embed");
    path.len -= strlen("/api");
    path.data += strlen("/api");
    assert_null(llmb_adapter_find(path, bit_of(&llmb_adapter_ollama_embed)));
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
    assert_null(llmb_adapter_by_name(text_of("tei_embed_all")));
    assert_null(llmb_adapter_by_name(text_of("TEI_embed")));
}


static void
the_table_keeps_its_rules(void **state)
{
    unsigned               i;
    const llmb_str_t      *path;
    const llmb_adapter_t  *adapter;

    (void) state;

    assert_in_range(llmb_nadapters, 1, 64);

    for (i = 0; i < llmb_nadapters; i++) {
        adapter = llmb_adapters[i];

        assert_true(adapter->name.len > 0);
        assert_true(adapter->input.len > 0);
        assert_true(adapter->kinds != 0);
        assert_true(adapter->max_items > 0);
        assert_true(adapter->paths[0].len > 0);

        for (path = adapter->paths; path->len; path++) {
            assert_int_equal(path->data[0], '/');
            assert_ptr_equal(llmb_adapter_find(*path, bit_of(adapter)),
                             adapter);
        }

        /* an answer that is an array has no members */

        if (adapter->list.len == 0) {
            assert_int_equal(adapter->usage.len, 0);
        }

        if (adapter->usage.len == 0) {
            assert_int_equal(adapter->input_tokens.len, 0);
        }
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(paths_lead_to_their_formats),
        cmocka_unit_test(formats_that_are_not_enabled_are_not_found),
        cmocka_unit_test(nothing_around_the_path_is_read),
        cmocka_unit_test(names_and_numbers_lead_back),
        cmocka_unit_test(the_table_keeps_its_rules)
    };

    return cmocka_run_group_tests_name("adapter", tests, NULL, NULL);
}
