
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What clients ask, format by format.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_client.h"
#include "model_server.h"


typedef struct {
    uint64_t         *seed;
    const char       *path;
    json_t           *body;
} client_t;


typedef struct {
    const char       *name;
    void            (*ask)(client_t *c);
} client_format_t;


typedef json_t *(*client_item_pt)(client_t *c);


static unsigned
client_one_in(client_t *c, unsigned n)
{
    return model_below(c->seed, n) == 0;
}


static void
client_set(client_t *c, const char *name, json_t *value)
{
    json_object_set_new(c->body, name, value);
}


/* few, so that clients ask the same now and then */

static json_t *
client_text(client_t *c)
{
    static const char *const  words[] = {
        "a", "b", "hello, world", "\xc3\xa9t\xc3\xa9", "\"quoted\" \\ \n",
        "]}", "{\"a\":[1,2", "\xf0\x9f\x98\x80 and more", "0",
        "a longer text that has some more tokens than all the others have"
    };

    return json_string(words[model_below(c->seed, 10)]);
}


static json_t *
client_tokens(client_t *c)
{
    json_t    *tokens;
    uint64_t   n;

    tokens = json_array();

    for (n = 1 + model_below(c->seed, 4); n; n--) {
        json_array_append_new(tokens,
                              json_integer((json_int_t)
                                           model_below(c->seed, 5)));
    }

    return tokens;
}


static json_t *
client_image(client_t *c)
{
    return json_pack("{s:{s:o}, s:[i]}", "image", "url", client_text(c),
                     "size", 7);
}


static json_t *
client_named_text(client_t *c)
{
    return json_pack("{s:o}", "text", client_text(c));
}


static json_t *
client_object(client_t *c)
{
    return client_one_in(c, 3) ? client_image(c) : client_named_text(c);
}


/* values, each of one shape */

static json_t *
client_integer(client_t *c)
{
    return json_integer((json_int_t) model_below(c->seed, 99));
}


static json_t *
client_real(client_t *c)
{
    return json_real((double) model_below(c->seed, 99) / 4);
}


static json_t *
client_flag(client_t *c)
{
    return json_boolean(client_one_in(c, 2));
}


static json_t *
client_integers(client_t *c)
{
    return json_pack("[o, o]", client_integer(c), client_integer(c));
}


/* some of which are written as integers */

static json_t *
client_reals(client_t *c)
{
    return client_one_in(c, 3)
           ? json_pack("[o, o]", client_integer(c), client_real(c))
           : json_pack("[o, o]", client_real(c), client_real(c));
}


static json_t *
client_deep(client_t *c)
{
    return json_pack("[[i, o], [b]]", 1, client_text(c), 1);
}


static json_t *
client_list_of(client_t *c, client_item_pt item, uint64_t n)
{
    json_t  *list;

    list = json_array();

    while (n--) {
        json_array_append_new(list, item(c));
    }

    return list;
}


static json_t *
client_list(client_t *c, client_item_pt item)
{
    return client_list_of(c, item, 1 + model_below(c->seed, 5));
}


/* a bare item, or a list of them */

static json_t *
client_items(client_t *c, client_item_pt item)
{
    return client_one_in(c, 3) ? item(c) : client_list(c, item);
}


static void
client_embeddings(client_t *c)
{
    static const client_item_pt  kinds[] = {
        client_text, client_text, client_tokens, client_object
    };

    c->path = "/v1/embeddings";

    client_set(c, "model", json_string("m"));
    client_set(c, "input", client_items(c, kinds[model_below(c->seed, 4)]));

    if (client_one_in(c, 2)) {
        client_set(c, "encoding_format", json_string(client_one_in(c, 2)
                                                     ? "base64" : "float"));
    }

    if (client_one_in(c, 4)) {
        client_set(c, "dimensions", json_integer(3));
    }
}


static void
client_completions(client_t *c)
{
    c->path = "/v1/completions";

    client_set(c, "model", json_string("m"));
    client_set(c, "prompt", client_items(c, client_one_in(c, 2)
                                            ? client_text : client_tokens));

    if (client_one_in(c, 2)) {
        client_set(c, "n", json_integer(1 + (json_int_t)
                                        model_below(c->seed, 3)));
    }

    if (client_one_in(c, 4)) {
        client_set(c, "return_token_ids", json_true());
    }

    if (client_one_in(c, 3)) {
        client_set(c, "echo", json_false());
    }

    if (client_one_in(c, 3)) {
        client_set(c, "suffix", json_null());
    }

    if (client_one_in(c, 3)) {
        client_set(c, "stream", json_false());
    }
}


static void
client_moderations(client_t *c)
{
    c->path = client_one_in(c, 4) ? "/v1/classifications"
                                  : "/v1/moderations";

    client_set(c, "input", client_items(c, client_text));
}


static void
client_ollama(client_t *c)
{
    c->path = "/api/embed";

    client_set(c, "model", json_string("m"));
    client_set(c, "input", client_items(c, client_text));

    if (client_one_in(c, 4)) {
        client_set(c, "options", json_pack("{s:i, s:f}", "num_ctx", 2048,
                                           "temperature", 0.5));
    }

    if (client_one_in(c, 2)) {
        client_set(c, "truncate", json_boolean(!client_one_in(c, 4)));
    }
}


static void
client_tei_embed(client_t *c)
{
    static const char *const  paths[] = {
        "/embed", "/embed", "/x/embed_all", "/embed_sparse", "/",
        "/models/a/m/pipeline/feature-extraction"
    };

    c->path = paths[model_below(c->seed, 6)];

    if (strstr(c->path, "/pipeline")) {
        client_set(c, "inputs", client_list(c, client_text));
        return;
    }

    client_set(c, "inputs", client_items(c, client_one_in(c, 2)
                                            ? client_text : client_tokens));

    if (client_one_in(c, 4)) {
        client_set(c, "truncate", json_true());
    }

    if (client_one_in(c, 2)) {
        client_set(c, "normalize", json_boolean(!client_one_in(c, 4)));
    }

    if (client_one_in(c, 3)) {
        client_set(c, "prompt_name", json_null());
    }

    if (client_one_in(c, 3)) {
        client_set(c, "truncation_direction", json_string("right"));
    }
}


static json_t *
client_sequence(client_t *c)
{
    return client_list_of(c, client_text, 1 + model_below(c->seed, 2));
}


static void
client_predict(client_t *c)
{
    c->path = client_one_in(c, 4) ? "/" : "/predict";

    switch (model_below(c->seed, 3)) {

    case 0:
        client_set(c, "inputs", client_text(c));
        break;

    case 1:
        client_set(c, "inputs", client_sequence(c));
        break;

    default:
        client_set(c, "inputs", client_list(c, client_sequence));
        break;
    }

    if (client_one_in(c, 3)) {
        client_set(c, "raw_scores", json_boolean(client_one_in(c, 3)));
    }
}


static json_t *
client_parts(client_t *c)
{
    return json_pack("{s:[{s:s, s:o}]}", "content", "type", "text", "text",
                     client_text(c));
}


static void
client_cohere(client_t *c)
{
    unsigned  texts;

    texts = !client_one_in(c, 3);
    c->path = (texts && client_one_in(c, 3)) ? "/v1/embed" : "/v2/embed";

    client_set(c, "model", json_string("m"));
    client_set(c, texts ? "texts" : "inputs",
               client_list(c, texts ? client_text : client_parts));

    if (client_one_in(c, 2)) {
        client_set(c, "embedding_types",
                   client_one_in(c, 2) ? json_pack("[s]", "float")
                                       : json_pack("[s, s]", "int8",
                                                   "float"));
    }

    if (client_one_in(c, 3)) {
        client_set(c, "truncate", json_string("END"));
    }
}


static json_t *
client_content(client_t *c)
{
    json_t  *request;

    request = json_pack("{s:{s:[{s:o}]}}", "content", "parts", "text",
                        client_text(c));

    if (client_one_in(c, 2)) {
        json_object_set_new(request, "taskType",
                            json_string(client_one_in(c, 2)
                                        ? "RETRIEVAL_QUERY"
                                        : "CLUSTERING"));
    }

    return request;
}


static json_t *
client_content_and_model(client_t *c)
{
    json_t  *request;

    request = client_content(c);
    json_object_set_new(request, "model", json_string("models/g"));

    return request;
}


static void
client_gemini(client_t *c)
{
    if (client_one_in(c, 2)) {
        c->path = "/v1beta/models/g:batchEmbedContents";
        client_set(c, "requests", client_list(c, client_content_and_model));
        return;
    }

    c->path = "/v1beta/models/g:embedContent";

    json_decref(c->body);
    c->body = client_one_in(c, 2) ? client_content(c)
                                  : client_content_and_model(c);
}


static void
client_kserve(client_t *c)
{
    static const client_item_pt  shapes[] = {
        client_text, client_integer, client_real, client_flag,
        client_integers, client_reals, client_deep, client_image,
        client_named_text
    };

    c->path = "/v1/models/m:predict";

    client_set(c, "instances",
               client_list(c, shapes[model_below(c->seed, 9)]));

    if (client_one_in(c, 4)) {
        client_set(c, "signature_name", json_string("default"));
    }
}


/* n rows of three numbers */

static json_t *
client_tensor(client_t *c, uint64_t n, unsigned nested)
{
    json_t    *data, *row;
    uint64_t   i;

    data = json_array();

    for (i = 0; i < n; i++) {
        row = json_pack("[i, f, f]", (int) model_below(c->seed, 9), 0.25,
                        (double) model_below(c->seed, 99) / 8);

        if (nested) {
            json_array_append_new(data, row);

        } else {
            json_array_extend(data, row);
            json_decref(row);
        }
    }

    return json_pack("{s:s, s:o, s:s, s:[I, i]}", "name", "x", "data", data,
                     "datatype", "FP32", "shape", (json_int_t) n, 3);
}


static void
client_oip(client_t *c)
{
    json_t    *inputs;
    uint64_t   n;

    c->path = "/v2/models/m/infer";

    n = 1 + model_below(c->seed, 4);

    inputs = json_pack("[o]", client_tensor(c, n, client_one_in(c, 2)));

    if (client_one_in(c, 2)) {
        json_array_append_new(inputs,
                              json_pack("{s:s, s:[I], s:s, s:o}", "name", "s",
                                        "shape", (json_int_t) n, "datatype",
                                        "BYTES", "data",
                                        client_list_of(c, client_text, n)));
    }

    client_set(c, "inputs", inputs);

    if (client_one_in(c, 2)) {
        client_set(c, "id", json_sprintf("id %d", (int)
                                         model_below(c->seed, 99)));
    }

    if (client_one_in(c, 2)) {
        client_set(c, "parameters", json_pack("{s:i}", "priority", 1));
    }
}


static void
client_rerank(client_t *c)
{
    c->path = client_one_in(c, 4) ? "/v1/rerank" : "/rerank";

    client_set(c, "query", json_string(client_one_in(c, 2) ? "q" : "r"));

    if (client_one_in(c, 3)) {
        c->path = client_one_in(c, 2) ? "/" : c->path;
        client_set(c, "texts", client_list(c, client_text));

        if (client_one_in(c, 2)) {
            client_set(c, "return_text", json_false());
        }

        return;
    }

    client_set(c, "model", json_string("m"));
    client_set(c, "documents", client_list(c, client_one_in(c, 3)
                                              ? client_object : client_text));

    if (client_one_in(c, 2)) {
        client_set(c, "top_n", client_one_in(c, 4)
                               ? json_null()
                               : json_integer((json_int_t)
                                              model_below(c->seed, 5)));
    }

    if (client_one_in(c, 4)) {
        client_set(c, "return_documents", json_true());
    }
}


static void
client_score(client_t *c)
{
    uint64_t                  n, form;

    static const char *const  names[][2] = {
        { "text_1", "text_2" }, { "queries", "documents" },
        { "queries", "items" }, { "data_1", "data_2" }
    };

    c->path = "/v1/score";
    form = model_below(c->seed, 4);
    n = 1 + model_below(c->seed, 4);

    client_set(c, "model", json_string("m"));

    if (n == 1 && client_one_in(c, 2)) {
        client_set(c, names[form][1], client_text(c));

    } else {
        client_set(c, names[form][1], client_list_of(c, client_text, n));
    }

    client_set(c, names[form][0],
               client_one_in(c, 2) ? client_text(c)
                                   : client_list_of(c, client_text,
                                                    client_one_in(c, 2)
                                                    ? n : 1));
}


static json_t *
client_message(client_t *c)
{
    return json_pack("{s:s, s:o}", "role",
                     client_one_in(c, 2) ? "user" : "assistant", "content",
                     client_text(c));
}


static void
client_chat(client_t *c)
{
    c->path = "/v1/chat/completions";

    client_set(c, "model", json_string("m"));
    client_set(c, "messages", client_list(c, client_message));

    if (client_one_in(c, 2)) {
        client_set(c, "max_tokens", json_integer(16));
    }

    if (client_one_in(c, 4)) {
        client_set(c, "stream", json_false());
    }
}


static json_t *
client_sampling(client_t *c)
{
    return json_pack("{s:f, s:i}", "temperature",
                     (double) model_below(c->seed, 4) / 4, "max_new_tokens",
                     1 + (int) model_below(c->seed, 3));
}


static void
client_sglang(client_t *c)
{
    json_t    *items;
    unsigned   ids, bare;

    c->path = "/generate";

    ids = client_one_in(c, 3);
    bare = client_one_in(c, 2);
    items = client_list(c, ids ? client_tokens : client_text);

    switch (model_below(c->seed, 3)) {

    case 0:
        client_set(c, "sampling_params", client_sampling(c));
        break;

    case 1:
        if (!bare) {
            client_set(c, "sampling_params",
                       client_list_of(c, client_sampling,
                                      json_array_size(items)));
        }

        break;

    default:
        break;
    }

    client_set(c, ids ? "input_ids" : "text",
               json_incref(bare ? json_array_get(items, 0) : items));
    json_decref(items);

    if (client_one_in(c, 3)) {
        client_set(c, "stream", json_false());
    }
}


static void
client_llamacpp(client_t *c)
{
    static const client_item_pt  kinds[] = {
        client_text, client_tokens, client_object
    };

    c->path = "/completion";

    client_set(c, "prompt", client_items(c, kinds[model_below(c->seed, 3)]));
    client_set(c, "n_predict", json_integer(client_one_in(c, 3) ? 8 : 16));

    if (client_one_in(c, 3)) {
        client_set(c, "stream", json_false());
    }
}


static void
client_llamacpp_embedding(client_t *c)
{
    client_item_pt  item;

    item = client_one_in(c, 3) ? client_tokens : client_text;

    c->path = client_one_in(c, 3) ? "/v1/embeddings" : "/embedding";

    client_set(c, c->path[1] == 'e' && client_one_in(c, 2) ? "input"
                                                          : "content",
               client_items(c, item));

    if (client_one_in(c, 3)) {
        client_set(c, "embd_normalize", json_integer(2));
    }
}


static void
client_pooling(client_t *c)
{
    c->path = "/pooling";

    client_set(c, "model", json_string("m"));
    client_set(c, "input", client_items(c, client_one_in(c, 3)
                                           ? client_tokens : client_text));

    if (client_one_in(c, 3)) {
        client_set(c, "task", json_string("token_embed"));
    }
}


static void
client_classify(client_t *c)
{
    c->path = client_one_in(c, 3) ? "/v1/classify" : "/classify";

    client_set(c, "model", json_string("m"));
    client_set(c, "input", client_items(c, client_one_in(c, 3)
                                           ? client_object : client_text));

    if (client_one_in(c, 3)) {
        client_set(c, "labels", json_pack("[s, s]", "a", "b"));

    } else if (client_one_in(c, 2)) {
        client_set(c, "raw_scores", json_false());
    }
}


static void
client_ranking(client_t *c)
{
    c->path = client_one_in(c, 2) ? "/v1/ranking"
                                  : "/v1/retrieval/nvidia/m/reranking";

    client_set(c, "model", json_string("m"));
    client_set(c, "query", json_pack("{s:s}", "text",
                                     client_one_in(c, 2) ? "q" : "r"));
    client_set(c, "passages", client_list(c, client_named_text));
}


static json_t *
client_instance(client_t *c)
{
    json_t  *instance;

    instance = json_pack("{s:o}", "content", client_text(c));

    if (client_one_in(c, 3)) {
        json_object_set_new(instance, "task_type",
                            json_string("RETRIEVAL_QUERY"));
    }

    return instance;
}


static void
client_vertex(client_t *c)
{
    c->path = "/v1/projects/p/locations/l/publishers/google/models/"
              "text-embedding-005:predict";

    client_set(c, "instances", client_list(c, client_instance));

    if (client_one_in(c, 2)) {
        client_set(c, "parameters", json_pack("{s:b}", "autoTruncate", 1));
    }
}


static void
client_cloudflare(client_t *c)
{
    c->path = client_one_in(c, 2)
              ? "/client/v4/accounts/a/ai/run/@cf/baai/bge-m3"
              : "/v1/a/g/workers-ai/@cf/google/embeddinggemma-300m";

    client_set(c, "text", client_items(c, client_text));

    if (client_one_in(c, 3)) {
        client_set(c, "pooling", json_string("cls"));
    }
}


static const client_format_t  client_formats[] = {
    { "openai_embeddings", client_embeddings },
    { "openai_completions", client_completions },
    { "openai_moderations", client_moderations },
    { "ollama_embed", client_ollama },
    { "tei_embed", client_tei_embed },
    { "tei_predict", client_predict },
    { "cohere_embed", client_cohere },
    { "gemini_embed", client_gemini },
    { "kserve_v1", client_kserve },
    { "oip_v2", client_oip },
    { "rerank", client_rerank },
    { "vllm_score", client_score },
    { "vllm_chat_batch", client_chat },
    { "sglang_generate", client_sglang },
    { "llamacpp_completion", client_llamacpp },
    { "llamacpp_embedding", client_llamacpp_embedding },
    { "vllm_pooling", client_pooling },
    { "vllm_classify", client_classify },
    { "nvidia_ranking", client_ranking },
    { "vertex_predict", client_vertex },
    { "cloudflare_ai", client_cloudflare }
};


/* the members in another order */

static json_t *
client_mixed(client_t *c)
{
    size_t       i;
    json_t      *names, *name, *value, *body;
    const char  *key;

    names = json_array();
    body = json_object();

    json_object_foreach(c->body, key, value) {
        json_array_append_new(names, json_string(key));
    }

    model_shuffle(names, c->seed);

    json_array_foreach(names, i, name) {
        key = json_string_value(name);
        json_object_set(body, key, json_object_get(c->body, key));
    }

    json_decref(names);
    json_decref(c->body);

    return body;
}


model_request_t
model_request(const llmb_adapter_t *adapter, uint64_t *seed)
{
    size_t                  i;
    client_t                c;
    model_request_t         request;
    const client_format_t  *format;

    for (i = 0; i < sizeof(client_formats) / sizeof(client_formats[0]); i++) {
        format = &client_formats[i];

        if (strlen(format->name) != adapter->name.len
            || memcmp(format->name, adapter->name.data, adapter->name.len))
        {
            continue;
        }

        c.seed = seed;
        c.body = json_object();

        format->ask(&c);

        request.path.data = (const uint8_t *) c.path;
        request.path.len = strlen(c.path);
        request.body = model_text(client_mixed(&c), seed);

        return request;
    }

    fprintf(stderr, "model client: no requests of %s\n",
            (const char *) adapter->name.data);
    abort();
}
