
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/moderations of OpenAI, and /v1/moderations and /v1/classifications
 * of Mistral.  Results come by place; there is no usage.
 *
 * An array of objects is one input of several modalities, not several items.
 * No limit is documented: the bounds are on the safe side of the model's
 * 32,768 tokens, since no tokenizer makes more tokens than there are bytes.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_openai_moderations_paths[] = {
    llmb_string("/moderations"),
    llmb_string("/classifications"),
    llmb_null_string
};


static const llmb_column_t  llmb_openai_moderations_columns[] = {
    {
        .name = llmb_string("input"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_openai_moderations_form = {
    .paths        = llmb_openai_moderations_paths,
    .columns      = llmb_openai_moderations_columns,
    .list         = llmb_string("results"),
    .usage        = { llmb_string("usage") },
    .input_tokens = llmb_string("prompt_tokens"),
    .total_tokens = llmb_string("total_tokens")
};


const llmb_adapter_t  llmb_adapter_openai_moderations = {
    .name       = llmb_string("openai_moderations"),
    .operation  = llmb_string("moderation"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 32,
    .max_bytes  = 32768,
    .forms      = { &llmb_openai_moderations_form }
};
