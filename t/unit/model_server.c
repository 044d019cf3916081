
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The servers: what they have in common, and which one is asked.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"


typedef struct {
    const char       *name;
    const char       *items;      /* the members that do not belong to the
                                     frame, separated by spaces */
    const char       *defaults;   /* what members mean that are not there */
    json_t         *(*answer)(model_t *m);
} model_format_t;


void
model_require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "model server: %s\n", what);
        abort();
    }
}


uint64_t
model_below(uint64_t *seed, uint64_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return (*seed >> 11) % n;
}


void
model_shuffle(json_t *array, uint64_t *seed)
{
    size_t   i, j;
    json_t  *a, *b;

    for (i = json_array_size(array); i > 1; i--) {
        j = model_below(seed, i);

        a = json_incref(json_array_get(array, i - 1));
        b = json_incref(json_array_get(array, j));

        json_array_set_new(array, i - 1, b);
        json_array_set_new(array, j, a);
    }
}


llmb_str_t
model_text(json_t *value, uint64_t *seed)
{
    char        *dump, *copy;
    size_t       flags;
    llmb_str_t   text;

    flags = JSON_ENCODE_ANY;
    flags |= model_below(seed, 2) ? JSON_COMPACT : 0;
    flags |= model_below(seed, 2) ? JSON_ENSURE_ASCII : 0;
    flags |= model_below(seed, 4) ? 0 : JSON_INDENT(2);

    dump = json_dumps(value, flags);
    json_decref(value);

    text.len = strlen(dump);

    copy = malloc(text.len);
    memcpy(copy, dump, text.len);
    free(dump);

    text.data = (uint8_t *) copy;

    return text;
}


static uint64_t
model_hash(json_t *value)
{
    char      *dump, *p;
    uint64_t   hash;

    dump = json_dumps(value, JSON_ENCODE_ANY|JSON_COMPACT|JSON_SORT_KEYS);
    hash = 0xcbf29ce484222325;

    for (p = dump; *p; p++) {
        hash = (hash ^ (uint8_t) *p) * 0x100000001b3;
    }

    free(dump);

    return hash ^ (hash >> 29);
}


uint64_t
model_value(model_t *m, json_t *item, uint64_t salt)
{
    uint64_t  hash;

    hash = (model_hash(item) ^ m->frame) + salt * 0x9e3779b97f4a7c15;
    hash = (hash ^ (hash >> 31)) * 0xbf58476d1ce4e5b9;

    return hash ^ (hash >> 30);
}


json_t *
model_vector(model_t *m, json_t *item)
{
    uint64_t  v = model_value(m, item, 0);

    return json_pack("[f, f, i]", (double) (v % 4096) / 16,
                     -(double) (v / 4096 % 4096) / 512,
                     (int) (v / 16777216 % 3));
}


json_t *
model_word(model_t *m, json_t *item, uint64_t salt)
{
    return json_sprintf("w\"%08x \xc3\xa9",
                        (unsigned) model_value(m, item, salt));
}


json_int_t
model_tokens(json_t *item)
{
    return json_is_array(item) ? (json_int_t) json_array_size(item)
                               : 1 + (json_int_t) (model_hash(item) % 9);
}


json_t *
model_get(model_t *m, const char *name)
{
    return json_object_get(m->body, name);
}


json_t *
model_items(json_t *value)
{
    model_require(value != NULL, "no items");

    if (json_is_array(value)
        && !json_is_integer(json_array_get(value, 0)))
    {
        model_require(json_array_size(value) > 0, "empty items");
        return json_incref(value);
    }

    return json_pack("[O]", value);
}


void
model_any_order(model_t *m, json_t *list)
{
    if (!(m->options & MODEL_ORDERED)) {
        model_shuffle(list, m->seed);
    }
}


json_int_t
model_sum(json_t *items)
{
    size_t       i;
    json_t      *item;
    json_int_t   sum;

    sum = 0;

    json_array_foreach(items, i, item) {
        sum += model_tokens(item);
    }

    return sum;
}


json_t *
model_id(model_t *m, const char *prefix)
{
    return json_sprintf("%s-%08x", prefix, (unsigned) model_hash(m->body));
}


json_t *
model_vectors(model_t *m, json_t *items)
{
    size_t   i;
    json_t  *item, *list;

    list = json_array();

    json_array_foreach(items, i, item) {
        json_array_append_new(list, model_vector(m, item));
    }

    return list;
}


json_t *
model_either(model_t *m, const char *a, const char *b, const char *c)
{
    json_t  *value;

    value = model_get(m, a);
    value = value ? value : model_get(m, b);

    return value ? value : model_get(m, c);
}


static const model_format_t  model_formats[] = {
    { "openai_embeddings", "input encoding_format", "{}", model_embeddings },
    { "openai_completions", "prompt return_token_ids",
      "{\"n\":1,\"echo\":false,\"suffix\":null,\"stream\":false}",
      model_completions },
    { "openai_moderations", "input", "{}", model_moderations },
    { "ollama_embed", "input", "{\"truncate\":true}", model_ollama },
    { "tei_embed", "inputs",
      "{\"normalize\":true,\"truncation_direction\":\"right\","
      "\"prompt_name\":null}",
      model_tei_embed },
    { "tei_predict", "inputs", "{\"raw_scores\":false}", model_predict },
    { "cohere_embed", "texts inputs",
      "{\"embedding_types\":[\"float\"],\"truncate\":\"END\"}",
      model_cohere },
    { "gemini_embed", "requests content taskType model", "{}",
      model_gemini },
    { "kserve_v1", "instances", "{}", model_kserve },
    { "oip_v2", "inputs id", "{}", model_oip },
    { "rerank", "documents texts top_n", "{\"return_text\":false}",
      model_rerank },
    { "vllm_score", "text_1 text_2 queries documents items data_1 data_2",
      "{}", model_score },
    { "vllm_chat_batch", "messages", "{\"stream\":false}", model_chat },
    { "sglang_generate", "text input_ids sampling_params",
      "{\"stream\":false}", model_sglang },
    { "llamacpp_completion", "prompt", "{\"stream\":false}", model_llamacpp },
    { "llamacpp_embedding", "content input", "{}", model_llamacpp_embedding },
    { "vllm_pooling", "input", "{}", model_pooling },
    { "vllm_classify", "input", "{}", model_classify },
    { "nvidia_ranking", "passages", "{}", model_ranking },
    { "vertex_predict", "instances", "{}", model_vertex },
    { "cloudflare_ai", "text", "{}", model_cloudflare }
};


/* what is so anyway makes no difference */

static void
model_forget_defaults(const model_format_t *format, json_t *frame)
{
    json_t      *defaults, *value;
    const char  *name;

    defaults = json_loads(format->defaults, 0, NULL);
    model_require(defaults != NULL, "defaults");

    json_object_foreach(defaults, name, value) {

        if (json_equal(json_object_get(frame, name), value)) {
            json_object_del(frame, name);
        }
    }

    json_decref(defaults);
}


static uint64_t
model_frame(const model_format_t *format, json_t *body)
{
    char      *words, *word, *last;
    json_t    *frame;
    uint64_t   hash;

    words = strdup(format->items);
    frame = json_copy(body);

    for (word = strtok_r(words, " ", &last);
         word;
         word = strtok_r(NULL, " ", &last))
    {
        json_object_del(frame, word);
    }

    model_forget_defaults(format, frame);

    hash = model_hash(frame);

    json_decref(frame);
    free(words);

    return hash;
}


llmb_str_t
model_answer(const llmb_adapter_t *adapter, llmb_str_t path, llmb_str_t body,
    unsigned options, uint64_t *seed)
{
    size_t                 i;
    model_t                m;
    llmb_str_t             text;
    const model_format_t  *format;

    for (i = 0; i < sizeof(model_formats) / sizeof(model_formats[0]); i++) {
        format = &model_formats[i];

        if (strlen(format->name) != adapter->name.len
            || memcmp(format->name, adapter->name.data, adapter->name.len))
        {
            continue;
        }

        m.body = json_loadb((const char *) body.data, body.len, 0, NULL);
        model_require(m.body != NULL, "not JSON");

        m.path = strndup((const char *) path.data, path.len);
        m.options = options;
        m.frame = model_frame(format, m.body);
        m.seed = seed;

        text = model_text(format->answer(&m), seed);

        json_decref(m.body);
        free((void *) m.path);

        return text;
    }

    model_require(0, (const char *) adapter->name.data);
    abort();
}
