
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/projects/<name>/locations/<name>/publishers/google/models/<name>
 * :predict of Vertex AI, for models that embed texts: each instance has
 * parameters of its own.  Predictions come by place; the characters paid for
 * are those of the call.
 *
 * Models named gemini-... take one instance, and are not meant.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_vertex_predict_paths[] = {
    llmb_string("/publishers/google/models/text*embedding-*:predict"),
    llmb_string("/publishers/google/models/textembedding-*:predict"),
    llmb_null_string
};


static const llmb_column_t  llmb_vertex_predict_columns[] = {
    {
        .name = llmb_string("instances"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_OBJECT,
        .member = llmb_string("content")
    },
    llmb_null_column
};


static const llmb_form_t  llmb_vertex_predict_form = {
    .paths      = llmb_vertex_predict_paths,
    .columns    = llmb_vertex_predict_columns,
    .list       = llmb_string("predictions"),
    .path_model = 1,
    .usage      = { llmb_string("metadata") }
};


static const llmb_str_t  llmb_vertex_predict_matter[] = {
    llmb_string("parameters"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_vertex_predict = {
    .name       = llmb_string("vertex_predict"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 250,
    .most_items = 250,
    .forms      = { &llmb_vertex_predict_form },
    .matter     = llmb_vertex_predict_matter
};
