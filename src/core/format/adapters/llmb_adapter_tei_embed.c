
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /embed, /embed_all and /embed_sparse of Text Embeddings Inference.
 * The answer is a bare array, by place; tokens are counted in response
 * headers only. A server started with defaults refuses more than 32 items, or
 * 2,000,000 bytes.
 *
 * The first or last of them is at /, too, if the model is one for embeddings.
 * Others serve other things there, also to bodies that look the same (to
 * a classifier of this server ["a", "b"] is a pair), so elements have to be
 * arrays, and the answer of this server.
 *
 * Hugging Face has feature extraction elsewhere.  A bare text may be answered
 * there with its vector, or with a list of one, so only lists are merged.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_tei_embed_paths[] = {
    llmb_string("/embed"),
    llmb_string("/v1/embed"),
    llmb_string("/embed_all"),
    llmb_string("/embed_sparse"),
    llmb_null_string
};


static const llmb_column_t  llmb_tei_embed_columns[] = {
    {
        .name = llmb_string("inputs"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS
    },
    llmb_null_column
};


static const llmb_default_t  llmb_tei_embed_defaults[] = {
    { llmb_string("normalize"), llmb_string("true") },
    { llmb_string("truncation_direction"), llmb_string("\"right\"") },
    { llmb_string("prompt_name"), llmb_string("null") },
    { llmb_string("dimensions"), llmb_string("null") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_tei_embed_form = {
    .paths    = llmb_tei_embed_paths,
    .columns  = llmb_tei_embed_columns,
    .defaults = llmb_tei_embed_defaults
};


static const llmb_str_t  llmb_tei_embed_matter[] = {
    llmb_string("truncate"),
    llmb_null_string
};


static const llmb_str_t  llmb_tei_embed_root_paths[] = {
    llmb_string("/"),
    llmb_null_string
};


static const llmb_str_t  llmb_tei_embed_root_only[] = {
    llmb_string("truncate"),
    llmb_string("truncation_direction"),
    llmb_string("prompt_name"),
    llmb_string("normalize"),
    llmb_string("dimensions"),
    llmb_null_string
};


static const llmb_form_t  llmb_tei_embed_root_form = {
    .paths    = llmb_tei_embed_root_paths,
    .only     = llmb_tei_embed_root_only,
    .proof    = llmb_string(LLMB_TEI_PROOF),
    .columns  = llmb_tei_embed_columns,
    .defaults = llmb_tei_embed_defaults,
    .arrays   = 1
};


static const llmb_str_t  llmb_tei_embed_features_paths[] = {
    llmb_string("/pipeline/feature-extraction"),
    llmb_string("/pipeline/feature-extraction/*"),
    llmb_string("/pipeline/feature-extraction/*/*"),
    llmb_null_string
};


static const llmb_column_t  llmb_tei_embed_features_columns[] = {
    {
        .name = llmb_string("inputs"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_tei_embed_features_form = {
    .paths      = llmb_tei_embed_features_paths,
    .columns    = llmb_tei_embed_features_columns,
    .path_model = 1,
    .arrays     = 1
};


const llmb_adapter_t  llmb_adapter_tei_embed = {
    .name       = llmb_string("tei_embed"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 32,
    .most_items = 32,
    .max_bytes  = 1900000,
    .most_bytes = 1900000,
    .forms      = {
        &llmb_tei_embed_form,
        &llmb_tei_embed_root_form,
        &llmb_tei_embed_features_form
    },
    .matter     = llmb_tei_embed_matter
};
