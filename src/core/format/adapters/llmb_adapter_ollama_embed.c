
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /api/embed of Ollama.  It takes strings only, answers by place, and
 * knows no limit on the number of items; but its vectors drift with the size
 * of a batch, and an answer is ready when its last item is.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_ollama_embed_paths[] = {
    llmb_string("/api/embed"),
    llmb_null_string
};


static const llmb_column_t  llmb_ollama_embed_columns[] = {
    {
        .name = llmb_string("input"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_default_t  llmb_ollama_embed_defaults[] = {
    { llmb_string("truncate"), llmb_string("true") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_ollama_embed_form = {
    .paths    = llmb_ollama_embed_paths,
    .columns  = llmb_ollama_embed_columns,
    .defaults = llmb_ollama_embed_defaults,
    .list     = llmb_string("embeddings"),
    .usage    = { llmb_string("prompt_eval_count") }
};


static const llmb_str_t  llmb_ollama_embed_matter[] = {
    llmb_string("options"),
    llmb_string("dimensions"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_ollama_embed = {
    .name       = llmb_string("ollama_embed"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 64,
    .forms      = { &llmb_ollama_embed_form },
    .matter     = llmb_ollama_embed_matter
};
