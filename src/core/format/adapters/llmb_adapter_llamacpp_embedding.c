
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /embedding and /embeddings of llama.cpp's server, that are not OpenAI's:
 * the answer is an array, also to one text.  "content" is answered so whatever
 * the path; "input" at /embeddings looks like OpenAI's, and is taken for it.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_llamacpp_embedding_content_paths[] = {
    llmb_string("/embedding"),
    llmb_string("/embeddings"),
    llmb_null_string
};


static const llmb_str_t  llmb_llamacpp_embedding_input_paths[] = {
    llmb_string("/embedding"),
    llmb_null_string
};


static const llmb_column_t  llmb_llamacpp_embedding_content_columns[] = {
    {
        .name = llmb_string("content"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS
    },
    llmb_null_column
};


static const llmb_column_t  llmb_llamacpp_embedding_input_columns[] = {
    {
        .name = llmb_string("input"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS
    },
    llmb_null_column
};


static const llmb_form_t  llmb_llamacpp_embedding_content_form = {
    .paths   = llmb_llamacpp_embedding_content_paths,
    .columns = llmb_llamacpp_embedding_content_columns,
    .index   = llmb_string("index")
};


static const llmb_form_t  llmb_llamacpp_embedding_input_form = {
    .paths   = llmb_llamacpp_embedding_input_paths,
    .columns = llmb_llamacpp_embedding_input_columns,
    .index   = llmb_string("index")
};


static const llmb_refusal_t  llmb_llamacpp_embedding_refusals[] = {
    { llmb_string("image_data"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_llamacpp_embedding_matter[] = {
    llmb_string("embd_normalize"),
    llmb_string("encoding_format"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_llamacpp_embedding = {
    .name       = llmb_string("llamacpp_embedding"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 64,
    .forms      = {
        &llmb_llamacpp_embedding_content_form,
        &llmb_llamacpp_embedding_input_form
    },
    .refusals   = llmb_llamacpp_embedding_refusals,
    .matter     = llmb_llamacpp_embedding_matter
};
