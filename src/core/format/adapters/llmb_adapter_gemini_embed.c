
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Gemini: POST /v1beta/models/<name>:embedContent takes one text,
 * :batchEmbedContents up to 100 such requests, each with parameters of its
 * own; so the calls for clients of either go to the latter.  A client of the
 * former is answered {"embedding": ...}.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_gemini_embed_single_paths[] = {
    llmb_string("/models/*:embedContent"),
    llmb_null_string
};


static const llmb_str_t  llmb_gemini_embed_batch_paths[] = {
    llmb_string("/models/*:batchEmbedContents"),
    llmb_null_string
};


static const llmb_column_t  llmb_gemini_embed_single_columns[] = {
    {
        .input = LLMB_INPUT_BODY,
        .kinds = LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_column_t  llmb_gemini_embed_batch_columns[] = {
    {
        .name = llmb_string("requests"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_gemini_embed_single_form = {
    .paths        = llmb_gemini_embed_single_paths,
    .from         = llmb_string(":embedContent"),
    .to           = llmb_string(":batchEmbedContents"),
    .columns      = llmb_gemini_embed_single_columns,
    .open         = llmb_string("{\"requests\":["),
    .close        = llmb_string("]}"),
    .list         = llmb_string("embeddings"),
    .path_model   = 1,
    .single       = LLMB_SINGLE_SCALAR,
    .single_name  = llmb_string("embedding"),
    .usage        = { llmb_string("usageMetadata") },
    .input_tokens = llmb_string("promptTokenCount"),
    .total_tokens = llmb_string("totalTokenCount")
};


static const llmb_form_t  llmb_gemini_embed_batch_form = {
    .paths        = llmb_gemini_embed_batch_paths,
    .columns      = llmb_gemini_embed_batch_columns,
    .list         = llmb_string("embeddings"),
    .path_model   = 1,
    .usage        = { llmb_string("usageMetadata") },
    .input_tokens = llmb_string("promptTokenCount"),
    .total_tokens = llmb_string("totalTokenCount")
};


static const llmb_str_t  llmb_gemini_embed_matter[] = {
    llmb_string("content"),
    llmb_string("taskType"),
    llmb_string("title"),
    llmb_string("outputDimensionality"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_gemini_embed = {
    .name       = llmb_string("gemini_embed"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 100,
    .most_items = 100,
    .forms      = {
        &llmb_gemini_embed_single_form,
        &llmb_gemini_embed_batch_form
    },
    .matter     = llmb_gemini_embed_matter
};
