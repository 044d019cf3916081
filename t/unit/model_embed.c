
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Servers of embeddings and of classification.
 */


#include <string.h>

#include "model_parts.h"


static json_t *
model_base64(json_t *vector)
{
    char                out[4 * 4 * 3 + 1];
    float               values[3];
    size_t              i, n;
    uint32_t            three;
    uint8_t             bytes[12];

    static const char   digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (i = 0; i < 3; i++) {
        values[i] = (float) json_number_value(json_array_get(vector, i));
    }

    memcpy(bytes, values, sizeof(bytes));

    for (i = 0, n = 0; i < 12; i += 3) {
        three = (uint32_t) bytes[i] << 16 | (uint32_t) bytes[i + 1] << 8
                | bytes[i + 2];

        out[n++] = digits[three >> 18];
        out[n++] = digits[three >> 12 & 63];
        out[n++] = digits[three >> 6 & 63];
        out[n++] = digits[three & 63];
    }

    json_decref(vector);

    return json_stringn(out, n);
}


json_t *
model_embeddings(model_t *m)
{
    size_t   i;
    json_t  *items, *item, *data, *vector, *format;

    items = model_items(model_get(m, "input"));
    format = model_get(m, "encoding_format");
    data = json_array();

    json_array_foreach(items, i, item) {
        vector = model_vector(m, item);

        if (!(m->options & MODEL_FLOATS) && format
            && strcmp(json_string_value(format), "base64") == 0)
        {
            vector = model_base64(vector);
        }

        json_array_append_new(data,
                              json_pack("{s:s, s:o, s:I}", "object",
                                        "embedding", "embedding", vector,
                                        "index", (json_int_t) i));
    }

    model_any_order(m, data);

    data = json_pack("{s:s, s:o, s:O, s:{s:I, s:I}}", "object", "list",
                     "data", data, "model", model_get(m, "model"),
                     "usage", "prompt_tokens", model_sum(items),
                     "total_tokens", model_sum(items));
    json_decref(items);

    return data;
}


json_t *
model_moderations(model_t *m)
{
    size_t   i;
    json_t  *items, *item, *results;

    items = model_items(model_get(m, "input"));
    results = json_array();

    json_array_foreach(items, i, item) {
        json_array_append_new(results,
                              json_pack("{s:b, s:{s:o}}", "flagged",
                                        (int) (model_value(m, item, 1) % 2),
                                        "category_scores", "violence",
                                        model_vector(m, item)));
    }

    json_decref(items);

    return json_pack("{s:o, s:s, s:o}", "id", model_id(m, "modr"), "model",
                     "omni", "results", results);
}


/* of vLLM, or with "labels" of Jina; with "raw_scores" Infinity's lists */

json_t *
model_classify(model_t *m)
{
    size_t   i;
    json_t  *items, *item, *data, *label;

    items = model_items(model_get(m, "input"));
    data = json_array();

    json_array_foreach(items, i, item) {
        label = model_word(m, item, 1);

        if (model_get(m, "raw_scores")) {
            json_array_append_new(data, json_pack("[{s:o}]", "label", label));
            continue;
        }

        json_array_append_new(data,
                              json_pack("{s:o, s:I, s:o}", "probs",
                                        model_vector(m, item), "index",
                                        (json_int_t) i, "label", label));
    }

    if (!model_get(m, "raw_scores")) {
        model_any_order(m, data);
    }

    data = json_pack("{s:o, s:o, s:{s:I, s:I}}", "id", model_id(m, "class"),
                     "data", data, "usage", "prompt_tokens", model_sum(items),
                     "total_tokens", model_sum(items));
    json_decref(items);

    return data;
}


json_t *
model_pooling(model_t *m)
{
    size_t   i;
    json_t  *items, *item, *data, *vector;

    items = model_items(model_get(m, "input"));
    data = json_array();

    json_array_foreach(items, i, item) {
        vector = model_vector(m, item);
        json_array_append_new(data,
                              json_pack("{s:I, s:s, s:[o, O]}", "index",
                                        (json_int_t) i, "object", "pooling",
                                        "data", vector, vector));
    }

    model_any_order(m, data);

    data = json_pack("{s:o, s:s, s:o, s:{s:I, s:I, s:i, s:n}}", "id",
                     model_id(m, "pool"), "object", "list", "data", data,
                     "usage", "prompt_tokens", model_sum(items),
                     "total_tokens", model_sum(items), "completion_tokens", 0,
                     "prompt_tokens_details");
    json_decref(items);

    return data;
}


json_t *
model_llamacpp_embedding(model_t *m)
{
    size_t   i;
    json_t  *items, *item, *list;

    items = model_items(model_either(m, "input", "content", "content"));
    list = json_array();

    json_array_foreach(items, i, item) {
        json_array_append_new(list,
                              json_pack("{s:I, s:[o]}", "index",
                                        (json_int_t) i, "embedding",
                                        model_vector(m, item)));
    }

    json_decref(items);
    model_any_order(m, list);

    return list;
}


json_t *
model_vertex(model_t *m)
{
    size_t       i;
    json_t      *instances, *item, *list;
    json_int_t   characters;

    instances = model_get(m, "instances");
    model_require(json_array_size(instances) > 0, "no instances");

    list = json_array();
    characters = 0;

    json_array_foreach(instances, i, item) {
        model_require(json_string_length(json_object_get(item, "content")) > 0,
                      "no content");
        characters += (json_int_t)
                      json_string_length(json_object_get(item, "content"));

        json_array_append_new(list,
                              json_pack("{s:{s:o, s:{s:i, s:b}}}",
                                        "embeddings", "values",
                                        model_vector(m, item), "statistics",
                                        "token_count", 7, "truncated", 0));
    }

    return json_pack("{s:o, s:{s:I}}", "predictions", list, "metadata",
                     "billableCharacterCount", characters);
}


json_t *
model_cloudflare(model_t *m)
{
    json_t  *items, *answer;

    items = model_items(model_get(m, "text"));

    answer = json_pack("{s:{s:[I, i], s:o, s:s}, s:b, s:[], s:[]}", "result",
                       "shape", (json_int_t) json_array_size(items), 3,
                       "data", model_vectors(m, items), "pooling", "mean",
                       "success", 1, "errors", "messages");
    json_decref(items);

    return answer;
}


json_t *
model_ollama(model_t *m)
{
    json_t  *items, *answer;

    items = model_items(model_get(m, "input"));

    answer = json_pack("{s:O, s:o, s:i, s:I}", "model", model_get(m, "model"),
                       "embeddings", model_vectors(m, items),
                       "total_duration", 14143917, "prompt_eval_count",
                       model_sum(items));
    json_decref(items);

    return answer;
}


json_t *
model_tei_embed(model_t *m)
{
    size_t   i;
    json_t  *items, *vectors, *vector;

    items = model_items(model_get(m, "inputs"));
    vectors = model_vectors(m, items);
    json_decref(items);

    if (strstr(m->path, "/embed_all")) {
        json_array_foreach(vectors, i, vector) {
            json_array_set_new(vectors, i, json_pack("[O, O]", vector,
                                                     vector));
        }
    }

    if (strstr(m->path, "/embed_sparse")) {
        json_array_foreach(vectors, i, vector) {
            json_array_set_new(vectors, i,
                               json_pack("[{s:i, s:O}]", "index", 7, "value",
                                         json_array_get(vector, 0)));
        }
    }

    return vectors;
}


static json_t *
model_labels(model_t *m, json_t *sequence)
{
    json_t  *labels;

    sequence = json_is_string(sequence) ? json_pack("[O]", sequence)
                                        : json_incref(sequence);

    model_require(json_array_size(sequence) <= 2, "a sequence of three");

    labels = json_pack("[{s:o, s:s}, {s:o, s:s}]",
                       "score", model_vector(m, sequence), "label", "POS",
                       "score", model_word(m, sequence, 1), "label", "NEG");
    json_decref(sequence);

    return labels;
}


json_t *
model_predict(model_t *m)
{
    size_t   i;
    json_t  *inputs, *item, *list;

    inputs = model_get(m, "inputs");

    if (!json_is_array(json_array_get(inputs, 0))) {
        return model_labels(m, inputs);
    }

    list = json_array();

    json_array_foreach(inputs, i, item) {
        model_require(json_is_array(item), "mixed sequences");
        json_array_append_new(list, model_labels(m, item));
    }

    return list;
}


json_t *
model_cohere(model_t *m)
{
    size_t   i;
    json_t  *items, *texts, *types, *type, *embeddings;

    /* what has parts is not repeated */

    texts = model_get(m, "texts");
    items = texts ? texts : model_get(m, "inputs");
    texts = texts ? json_incref(texts) : json_array();

    model_require(json_array_size(items) > 0, "no texts");

    types = model_get(m, "embedding_types");

    if (types == NULL && strcmp(m->path, "/v1/embed") == 0) {
        embeddings = model_vectors(m, items);

    } else {
        types = types ? json_incref(types) : json_pack("[s]", "float");
        embeddings = json_object();

        json_array_foreach(types, i, type) {
            m->frame++;
            json_object_set_new(embeddings, json_string_value(type),
                                model_vectors(m, items));
        }

        json_decref(types);
    }

    return json_pack("{s:o, s:o, s:o, s:{s:{s:s}, s:{s:I}, s:{s:I}}}",
                     "id", model_id(m, "c"), "embeddings", embeddings,
                     "texts", texts, "meta", "api_version", "version", "2",
                     "billed_units", "input_tokens", model_sum(items),
                     "tokens", "input_tokens", 2 * model_sum(items));
}


/* the model is the one of the path, however it is told */

static json_t *
model_gemini_one(model_t *m, json_t *request)
{
    json_t  *values;

    request = json_copy(request);

    if (json_object_get(request, "model")) {
        model_require(strcmp(json_string_value(json_object_get(request,
                                                               "model")),
                             "models/g")
                      == 0, "not the model of the path");
        json_object_del(request, "model");

    } else {
        model_require(strstr(m->path, ":embedContent") != NULL, "no model");
    }

    model_require(json_object_get(request, "content") != NULL, "no content");

    values = json_pack("{s:o}", "values", model_vector(m, request));
    json_decref(request);

    return values;
}


json_t *
model_gemini(model_t *m)
{
    size_t   i;
    json_t  *requests, *request, *list;

    if (strstr(m->path, ":embedContent")) {
        return json_pack("{s:o, s:{s:i}}", "embedding",
                         model_gemini_one(m, m->body), "usageMetadata",
                         "promptTokenCount", 5);
    }

    requests = model_get(m, "requests");
    model_require(json_object_size(m->body) == 1, "not only requests");
    model_require(json_array_size(requests) > 0, "no requests");

    list = json_array();

    json_array_foreach(requests, i, request) {
        json_array_append_new(list, model_gemini_one(m, request));
    }

    return json_pack("{s:o, s:{s:I}}", "embeddings", list, "usageMetadata",
                     "promptTokenCount", (json_int_t) (5 * i));
}
