
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /completion of llama.cpp's server.  A list of prompts is answered with
 * a bare array, one prompt with an object, even if it came in a list.  An
 * array with both numbers and strings is one prompt, which is not merged.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_llamacpp_completion_paths[] = {
    llmb_string("/completion"),
    llmb_null_string
};


static const llmb_column_t  llmb_llamacpp_completion_columns[] = {
    {
        .name = llmb_string("prompt"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS|LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_default_t  llmb_llamacpp_completion_defaults[] = {
    { llmb_string("stream"), llmb_string("false") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_llamacpp_completion_form = {
    .paths    = llmb_llamacpp_completion_paths,
    .columns  = llmb_llamacpp_completion_columns,
    .defaults = llmb_llamacpp_completion_defaults,
    .index    = llmb_string("index"),
    .single   = LLMB_SINGLE_ONE
};


static const llmb_refusal_t  llmb_llamacpp_completion_refusals[] = {
    { llmb_string("id_slot"), llmb_string("-1"), 1 },
    { llmb_string("n_cmpl"), llmb_string("1"), 1 },
    { llmb_string("n"), llmb_string("1"), 1 },
    { llmb_string("image_data"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_llamacpp_completion_matter[] = {
    llmb_string("n_predict"),
    llmb_string("temperature"),
    llmb_string("top_k"),
    llmb_string("top_p"),
    llmb_string("min_p"),
    llmb_string("seed"),
    llmb_string("stop"),
    llmb_string("grammar"),
    llmb_string("json_schema"),
    llmb_string("logit_bias"),
    llmb_string("n_probs"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_llamacpp_completion = {
    .name       = llmb_string("llamacpp_completion"),
    .operation  = llmb_string("text_completion"),
    .neutral    = 0,
    .idempotent = 0,
    .pure       = 0,
    .max_items  = 32,
    .forms      = { &llmb_llamacpp_completion_form },
    .refusals   = llmb_llamacpp_completion_refusals,
    .matter     = llmb_llamacpp_completion_matter
};
