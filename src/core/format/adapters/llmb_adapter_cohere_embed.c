
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v2/embed of Cohere, that vLLM serves, too, and the older /v1/embed.
 * The answer has an array for each of "embedding_types", and the texts once
 * more; all of them go by place.  Version 1 answers a request that names no
 * types with a single array, so there that is no default.
 *
 * In place of texts there may be "inputs", objects that are texts in parts.
 * Images are not merged: the answer says how large they are, by the image and
 * not by the input, and a call must not be larger than 20 MB.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_cohere_embed_paths[] = {
    llmb_string("/v2/embed"),
    llmb_null_string
};


static const llmb_str_t  llmb_cohere_embed_1_paths[] = {
    llmb_string("/v1/embed"),
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


static const llmb_column_t  llmb_cohere_embed_inputs[] = {
    {
        .name = llmb_string("inputs"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_OBJECT,
        .type = llmb_string("text")
    },
    llmb_null_column
};


static const llmb_default_t  llmb_cohere_embed_defaults[] = {
    { llmb_string("embedding_types"), llmb_string("[\"float\"]") },
    { llmb_string("truncate"), llmb_string("\"END\"") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_default_t  llmb_cohere_embed_1_defaults[] = {
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


static const llmb_form_t  llmb_cohere_embed_inputs_form = {
    .paths        = llmb_cohere_embed_paths,
    .columns      = llmb_cohere_embed_inputs,
    .defaults     = llmb_cohere_embed_defaults,
    .list         = llmb_string("embeddings.*"),
    .also         = llmb_string("texts"),
    .also_none    = 1,
    .common       = llmb_string("meta.warnings"),
    .usage        = { llmb_string("meta.billed_units"),
                      llmb_string("meta.tokens") },
    .input_tokens = llmb_string("input_tokens")
};


static const llmb_form_t  llmb_cohere_embed_1_form = {
    .paths        = llmb_cohere_embed_1_paths,
    .columns      = llmb_cohere_embed_columns,
    .defaults     = llmb_cohere_embed_1_defaults,
    .list         = llmb_string("embeddings.*"),
    .or_list      = llmb_string("embeddings"),
    .also         = llmb_string("texts"),
    .common       = llmb_string("meta.warnings"),
    .usage        = { llmb_string("meta.billed_units"),
                      llmb_string("meta.tokens") },
    .input_tokens = llmb_string("input_tokens")
};


static const llmb_refusal_t  llmb_cohere_embed_refusals[] = {
    { llmb_string("images"), llmb_string("null"), 1 },
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
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 96,
    .most_items = 96,
    .forms      = {
        &llmb_cohere_embed_form,
        &llmb_cohere_embed_inputs_form,
        &llmb_cohere_embed_1_form
    },
    .refusals   = llmb_cohere_embed_refusals,
    .matter     = llmb_cohere_embed_matter
};
