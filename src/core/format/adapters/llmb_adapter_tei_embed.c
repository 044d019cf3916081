
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /embed, /embed_all and /embed_sparse of Text Embeddings Inference.
 * The answer is a bare array, by place; tokens are counted in response
 * headers only. A server started with defaults refuses more than 32 items, or
 * 2,000,000 bytes.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_tei_embed_paths[] = {
    llmb_string("/embed"),
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


static const llmb_form_t  llmb_tei_embed_form = {
    .paths   = llmb_tei_embed_paths,
    .columns = llmb_tei_embed_columns
};


const llmb_adapter_t  llmb_adapter_tei_embed = {
    .name       = llmb_string("tei_embed"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 32,
    .most_items = 32,
    .max_bytes  = 1900000,
    .most_bytes = 1900000,
    .forms      = { &llmb_tei_embed_form }
};
