
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Servers that generate texts, and that compare them.
 */


#include <stdlib.h>
#include <string.h>

#include "model_parts.h"


/* ids of n tokens */

static json_t *
model_ids(model_t *m, json_t *item, uint64_t salt, json_int_t n)
{
    json_t      *ids;
    json_int_t   i;

    ids = json_array();

    for (i = 0; i < n; i++) {
        json_array_append_new(ids,
                              json_integer((json_int_t)
                                           (model_value(m, item, salt + 9)
                                            % 1000 + (uint64_t) i)));
    }

    return ids;
}


static json_t *
model_choice(model_t *m, json_t *item, json_int_t index, uint64_t j,
    json_int_t *tokens)
{
    json_t  *ids, *prompt;

    *tokens = 1 + (json_int_t) (model_value(m, item, j + 50) % 5);

    if (json_is_true(model_get(m, "return_token_ids"))) {
        prompt = model_ids(m, item, 99, model_tokens(item));
        ids = model_ids(m, item, j, *tokens);

    } else {
        prompt = json_null();
        ids = json_null();
    }

    return json_pack("{s:I, s:o, s:n, s:s, s:o, s:o}", "index", index,
                     "text", model_word(m, item, j), "logprobs",
                     "finish_reason", "stop", "prompt_token_ids", prompt,
                     "token_ids", ids);
}


json_t *
model_completions(model_t *m)
{
    size_t       i;
    json_t      *items, *item, *choices;
    uint64_t     j, n;
    json_int_t   tokens, input, output;

    n = model_get(m, "n") ? (uint64_t) json_integer_value(model_get(m, "n"))
                          : 1;
    items = model_items(model_get(m, "prompt"));
    input = model_sum(items);
    output = 0;
    choices = json_array();

    json_array_foreach(items, i, item) {
        for (j = 0; j < n; j++) {
            json_array_append_new(choices,
                                  model_choice(m, item,
                                               (json_int_t) (i * n + j), j,
                                               &tokens));
            output += tokens;
        }
    }

    json_decref(items);
    model_any_order(m, choices);

    return json_pack("{s:o, s:s, s:i, s:o, s:{s:I, s:I, s:I}}", "id",
                     model_id(m, "cmpl"), "object", "text_completion",
                     "created", 1700000000, "choices", choices, "usage",
                     "prompt_tokens", input, "total_tokens", input + output,
                     "completion_tokens", output);
}


static int
model_by_score(const void *a, const void *b)
{
    json_t      *one = *(json_t *const *) a, *two = *(json_t *const *) b;
    json_int_t   i, j;

    i = json_integer_value(json_object_get(one, "score"));
    j = json_integer_value(json_object_get(two, "score"));

    if (i == j) {
        i = json_integer_value(json_object_get(two, "index"));
        j = json_integer_value(json_object_get(one, "index"));
    }

    return (i < j) - (i > j);
}


static json_t *
model_rank(model_t *m, json_t *documents)
{
    size_t    i, n, top;
    json_t   *list, *document, *result, **results;

    n = json_array_size(documents);
    model_require(n > 0, "no documents");

    results = malloc(n * sizeof(json_t *));

    json_array_foreach(documents, i, document) {
        result = json_pack("{s:I, s:I}", "index", (json_int_t) i, "score",
                           (json_int_t) (model_value(m, document, 0) % 7));

        if (json_is_true(model_get(m, "return_documents"))) {
            json_object_set(result, "document", document);
        }

        results[i] = result;
    }

    qsort(results, n, sizeof(json_t *), model_by_score);

    top = n;

    if (json_integer_value(model_get(m, "top_n")) > 0) {
        top = (size_t) json_integer_value(model_get(m, "top_n"));
    }

    list = json_array();

    for (i = 0; i < n; i++) {

        if (i < top) {
            json_array_append(list, results[i]);
        }

        json_decref(results[i]);
    }

    free(results);

    return list;
}


json_t *
model_rerank(model_t *m)
{
    json_t  *documents;

    documents = model_get(m, "documents");

    if (documents == NULL) {
        return model_rank(m, model_get(m, "texts"));
    }

    return json_pack("{s:o, s:o, s:{s:I}}", "id", model_id(m, "rr"),
                     "results", model_rank(m, documents), "usage",
                     "total_tokens", model_sum(documents));
}


json_t *
model_ranking(model_t *m)
{
    json_t  *passages;

    passages = model_get(m, "passages");

    return json_pack("{s:o, s:{s:I, s:I}}", "rankings",
                     model_rank(m, passages), "usage", "prompt_tokens",
                     model_sum(passages), "total_tokens", model_sum(passages));
}


json_t *
model_score(model_t *m)
{
    size_t   i;
    json_t  *queries, *texts, *text, *pair, *pairs, *data;

    queries = model_items(model_either(m, "text_1", "queries", "data_1"));
    texts = model_items(model_get(m, "items")
                        ? model_get(m, "items")
                        : model_either(m, "text_2", "documents", "data_2"));
    pairs = json_array();
    data = json_array();

    model_require(json_array_size(queries) == 1
                  || json_array_size(queries) == json_array_size(texts),
                  "queries do not fit");

    json_array_foreach(texts, i, text) {
        pair = json_pack("[O, O]",
                         json_array_get(queries,
                                        json_array_size(queries) == 1 ? 0 : i),
                         text);

        json_array_append_new(pairs, pair);
        json_array_append_new(data,
                              json_pack("{s:I, s:s, s:o}", "index",
                                        (json_int_t) i, "object", "score",
                                        "score", model_vector(m, pair)));
    }

    model_any_order(m, data);

    data = json_pack("{s:o, s:o, s:{s:I, s:I, s:i}}", "id",
                     model_id(m, "score"), "data", data, "usage",
                     "prompt_tokens", model_sum(pairs), "total_tokens",
                     model_sum(pairs), "completion_tokens", 0);

    json_decref(pairs);
    json_decref(queries);
    json_decref(texts);

    return data;
}


json_t *
model_chat(model_t *m)
{
    size_t   i;
    json_t  *messages, *conversation, *choices;

    messages = json_incref(model_get(m, "messages"));

    if (strstr(m->path, "/batch") == NULL) {
        messages = json_pack("[o]", messages);
    }

    choices = json_array();

    json_array_foreach(messages, i, conversation) {
        model_require(json_is_array(conversation), "not a conversation");
        json_array_append_new(choices,
                              json_pack("{s:I, s:{s:s, s:o}, s:n}", "index",
                                        (json_int_t) i, "message", "role",
                                        "assistant", "content",
                                        model_word(m, conversation, 0),
                                        "token_ids"));
    }

    json_decref(messages);
    model_any_order(m, choices);

    return json_pack("{s:o, s:s, s:o, s:{s:I, s:I, s:I}}", "id",
                     model_id(m, "chatcmpl"), "object", "chat.completion",
                     "choices", choices, "usage",
                     "prompt_tokens", (json_int_t) (4 * i),
                     "completion_tokens", (json_int_t) (3 * i),
                     "total_tokens", (json_int_t) (7 * i));
}


json_t *
model_sglang(model_t *m)
{
    size_t   i;
    json_t  *value, *items, *item, *params, *list;

    value = model_either(m, "text", "input_ids", "text");
    params = model_get(m, "sampling_params");
    params = params ? params : json_true();
    items = model_items(value);
    list = json_array();

    model_require(!json_is_array(params)
                  || json_array_size(params) == json_array_size(items),
                  "sampling_params do not fit");

    json_array_foreach(items, i, item) {
        item = json_pack("[O, O]", item,
                         json_is_array(params) ? json_array_get(params, i)
                                               : params);

        json_array_append_new(list,
                              json_pack("{s:o, s:{s:o}}", "text",
                                        model_word(m, item, 0), "meta_info",
                                        "id", model_word(m, item, 1)));
        json_decref(item);
    }

    if (items != value) {
        item = json_incref(json_array_get(list, 0));
        json_decref(list);
        list = item;
    }

    json_decref(items);

    return list;
}


json_t *
model_llamacpp(model_t *m)
{
    size_t   i;
    json_t  *items, *item, *list;

    items = model_items(model_get(m, "prompt"));
    list = json_array();

    json_array_foreach(items, i, item) {
        json_array_append_new(list,
                              json_pack("{s:I, s:o, s:b}", "index",
                                        (json_int_t) i, "content",
                                        model_word(m, item, 0), "stop", 1));
    }

    json_decref(items);

    if (json_array_size(list) == 1) {
        item = json_incref(json_array_get(list, 0));
        json_decref(list);

        return item;
    }

    model_any_order(m, list);

    return list;
}
