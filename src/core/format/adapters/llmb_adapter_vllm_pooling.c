
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /pooling of vLLM: what comes out of a model, as vectors of texts or of
 * each of their tokens.
 *
 * "messages" is a chat in place of the input, "request_id" has to be unique,
 * and the encodings of bytes are answered in something else than JSON.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_vllm_pooling_paths[] = {
    llmb_string("/pooling"),
    llmb_null_string
};


static const llmb_column_t  llmb_vllm_pooling_columns[] = {
    {
        .name = llmb_string("input"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS
    },
    llmb_null_column
};


static const llmb_form_t  llmb_vllm_pooling_form = {
    .paths         = llmb_vllm_pooling_paths,
    .columns       = llmb_vllm_pooling_columns,
    .list          = llmb_string("data"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens")
};


static const llmb_refusal_t  llmb_vllm_pooling_refusals[] = {
    { llmb_string("messages"), llmb_null_string, 0 },
    { llmb_string("request_id"), llmb_null_string, 0 },
    { llmb_string("data"), llmb_null_string, 0 },
    { llmb_string("encoding_format"), llmb_string("\"bytes\""), 0 },
    { llmb_string("encoding_format"), llmb_string("\"bytes_only\""), 0 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_vllm_pooling_matter[] = {
    llmb_string("task"),
    llmb_string("dimensions"),
    llmb_string("normalize"),
    llmb_string("activation"),
    llmb_string("use_activation"),
    llmb_string("softmax"),
    llmb_string("embed_dtype"),
    llmb_string("endianness"),
    llmb_string("truncate_prompt_tokens"),
    llmb_string("truncation_side"),
    llmb_string("add_special_tokens"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_vllm_pooling = {
    .name       = llmb_string("vllm_pooling"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 128,
    .forms      = { &llmb_vllm_pooling_form },
    .refusals   = llmb_vllm_pooling_refusals,
    .matter     = llmb_vllm_pooling_matter
};
