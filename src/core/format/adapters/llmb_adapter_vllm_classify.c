
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /classify of vLLM, of Jina, whose items may be objects, and of Infinity,
 * which gives no index, but a list of labels for each item, by place.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_vllm_classify_paths[] = {
    llmb_string("/classify"),
    llmb_null_string
};


static const llmb_column_t  llmb_vllm_classify_columns[] = {
    {
        .name = llmb_string("input"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS|LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_vllm_classify_form = {
    .paths         = llmb_vllm_classify_paths,
    .columns       = llmb_vllm_classify_columns,
    .list          = llmb_string("data"),
    .index         = llmb_string("index"),
    .or_place      = 1,
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens")
};


static const llmb_refusal_t  llmb_vllm_classify_refusals[] = {
    { llmb_string("messages"), llmb_null_string, 0 },
    { llmb_string("request_id"), llmb_null_string, 0 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_vllm_classify_matter[] = {
    llmb_string("labels"),
    llmb_string("classifier_id"),
    llmb_string("raw_scores"),
    llmb_string("activation"),
    llmb_string("use_activation"),
    llmb_string("truncate_prompt_tokens"),
    llmb_string("truncation_side"),
    llmb_string("add_special_tokens"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_vllm_classify = {
    .name       = llmb_string("vllm_classify"),
    .operation  = llmb_string("classify"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 128,
    .forms      = { &llmb_vllm_classify_form },
    .refusals   = llmb_vllm_classify_refusals,
    .matter     = llmb_vllm_classify_matter
};
