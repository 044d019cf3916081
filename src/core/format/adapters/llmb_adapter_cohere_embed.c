
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v2/embed of Cohere, that vLLM serves, too.  The answer has an array
 * for each of "embedding_types", and the texts once more; all of them go by
 * place. Images and mixed inputs are not merged.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_cohere_embed_paths[] = {
    llmb_string("/v2/embed"),
    llmb_null_string
};


static const llmb_column_t  llmb_cohere_embed_columns[] = {
    {
        .name = llmb_string("texts"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_default_t  llmb_cohere_embed_defaults[] = {
    { llmb_string("embedding_types"), llmb_string("[\"float\"]") },
    { llmb_string("truncate"), llmb_string("\"END\"") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_cohere_embed_form = {
    .paths        = llmb_cohere_embed_paths,
    .columns      = llmb_cohere_embed_columns,
    .defaults     = llmb_cohere_embed_defaults,
    .list         = llmb_string("embeddings.*"),
    .also         = llmb_string("texts"),
    .common       = llmb_string("meta.warnings"),
    .usage        = { llmb_string("meta.billed_units"),
                      llmb_string("meta.tokens") },
    .input_tokens = llmb_string("input_tokens")
};


static const llmb_refusal_t  llmb_cohere_embed_refusals[] = {
    { llmb_string("images"), llmb_string("null"), 1 },
    { llmb_string("inputs"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_cohere_embed_matter[] = {
    llmb_string("input_type"),
    llmb_string("output_dimension"),
    llmb_string("max_tokens"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_cohere_embed = {
    .name       = llmb_string("cohere_embed"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 96,
    .most_items = 96,
    .forms      = { &llmb_cohere_embed_form },
    .refusals   = llmb_cohere_embed_refusals,
    .matter     = llmb_cohere_embed_matter
};
