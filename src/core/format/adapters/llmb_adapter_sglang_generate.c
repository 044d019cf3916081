
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /generate of SGLang, where parameters of sampling may differ from item
 * to item.  A bare text or array of ids is answered with an object, not a
 * list. Other parameters that may be given per item are merged only if they
 * are not.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_sglang_generate_paths[] = {
    llmb_string("/generate"),
    llmb_null_string
};


static const llmb_column_t  llmb_sglang_generate_text_columns[] = {
    {
        .name = llmb_string("text"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT
    },
    {
        .name = llmb_string("sampling_params"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_OBJECT,
        .each = 1,
        .alone = 1,
        .optional = 1
    },
    llmb_null_column
};


static const llmb_column_t  llmb_sglang_generate_ids_columns[] = {
    {
        .name = llmb_string("input_ids"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TOKENS
    },
    {
        .name = llmb_string("sampling_params"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_OBJECT,
        .each = 1,
        .alone = 1,
        .optional = 1
    },
    llmb_null_column
};


static const llmb_default_t  llmb_sglang_generate_defaults[] = {
    { llmb_string("stream"), llmb_string("false") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_sglang_generate_text_form = {
    .paths    = llmb_sglang_generate_paths,
    .columns  = llmb_sglang_generate_text_columns,
    .defaults = llmb_sglang_generate_defaults,
    .single   = LLMB_SINGLE_SCALAR
};


static const llmb_form_t  llmb_sglang_generate_ids_form = {
    .paths    = llmb_sglang_generate_paths,
    .columns  = llmb_sglang_generate_ids_columns,
    .defaults = llmb_sglang_generate_defaults,
    .single   = LLMB_SINGLE_SCALAR
};


static const llmb_refusal_t  llmb_sglang_generate_refusals[] = {
    { llmb_string("rid"), llmb_string("null"), 1 },
    { llmb_string("input_embeds"), llmb_string("null"), 1 },
    { llmb_string("image_data"), llmb_string("null"), 1 },
    { llmb_string("video_data"), llmb_string("null"), 1 },
    { llmb_string("audio_data"), llmb_string("null"), 1 },
    { llmb_string("session_params"), llmb_string("null"), 1 },
    { llmb_string("return_logprob"), llmb_string("["), 0 },
    { llmb_string("logprob_start_len"), llmb_string("["), 0 },
    { llmb_string("top_logprobs_num"), llmb_string("["), 0 },
    { llmb_string("token_ids_logprob"), llmb_string("["), 0 },
    { llmb_string("lora_path"), llmb_string("["), 0 },
    { llmb_string("custom_logit_processor"), llmb_string("["), 0 },
    { llmb_string("extra_key"), llmb_string("["), 0 },
    { llmb_string("return_hidden_states"), llmb_string("["), 0 },
    { llmb_string("routing_key"), llmb_string("["), 0 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_sglang_generate_matter[] = {
    llmb_string("return_text_in_logprobs"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_sglang_generate = {
    .name       = llmb_string("sglang_generate"),
    .operation  = llmb_string("text_completion"),
    .neutral    = 0,
    .idempotent = 0,
    .pure       = 0,
    .max_items  = 32,
    .forms      = {
        &llmb_sglang_generate_text_form,
        &llmb_sglang_generate_ids_form
    },
    .refusals   = llmb_sglang_generate_refusals,
    .matter     = llmb_sglang_generate_matter
};
