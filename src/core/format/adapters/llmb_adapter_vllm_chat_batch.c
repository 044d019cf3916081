
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/chat/completions of clients, sent to /v1/chat/completions/batch of
 * vLLM, which takes a list of conversations.  That endpoint is said not to
 * support streams, tools or several choices, but does not refuse all of them,
 * so they are refused here.  A server without it answers 404 or 405.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_vllm_chat_batch_paths[] = {
    llmb_string("/chat/completions"),
    llmb_null_string
};


static const llmb_column_t  llmb_vllm_chat_batch_columns[] = {
    {
        .name = llmb_string("messages"),
        .input = LLMB_INPUT_WHOLE,
        .kinds = LLMB_KIND_VALUE
    },
    llmb_null_column
};


/* with ids, vLLM names tokens by them, and repeats no prompt */

static const llmb_str_t  llmb_vllm_chat_batch_ids_not_with[] = {
    llmb_string("logprobs"),
    llmb_string("top_logprobs"),
    llmb_string("prompt_logprobs"),
    llmb_string("echo"),
    llmb_null_string
};


static const llmb_default_t  llmb_vllm_chat_batch_defaults[] = {
    { llmb_string("n"), llmb_string("1") },
    { llmb_string("stream"), llmb_string("false") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_vllm_chat_batch_form = {
    .paths         = llmb_vllm_chat_batch_paths,
    .to            = llmb_string("/batch"),
    .columns       = llmb_vllm_chat_batch_columns,
    .defaults      = llmb_vllm_chat_batch_defaults,
    .list          = llmb_string("choices"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens"),
    .token_ids     = llmb_string("token_ids"),
    .ids_not_with  = llmb_vllm_chat_batch_ids_not_with
};


static const llmb_refusal_t  llmb_vllm_chat_batch_refusals[] = {
    { llmb_string("tools"), llmb_string("null"), 1 },
    { llmb_string("functions"), llmb_string("null"), 1 },
    { llmb_string("tool_choice"), llmb_string("\"none\""), 1 },
    { llmb_string("function_call"), llmb_string("null"), 1 },
    { llmb_string("n"), llmb_string("1"), 1 },
    { llmb_string("use_beam_search"), llmb_string("true"), 0 },
    { llmb_string("stream_options"), llmb_string("null"), 1 },
    { llmb_string("prompt_logprobs"), llmb_string("null"), 1 },
    { llmb_string("request_id"), llmb_null_string, 0 },
    { llmb_string("kv_transfer_params"), llmb_null_string, 0 },
    { llmb_string("audio"), llmb_string("null"), 1 },
    { llmb_string("modalities"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_vllm_chat_batch_matter[] = {
    llmb_string("max_tokens"),
    llmb_string("max_completion_tokens"),
    llmb_string("min_tokens"),
    llmb_string("temperature"),
    llmb_string("top_p"),
    llmb_string("top_k"),
    llmb_string("min_p"),
    llmb_string("seed"),
    llmb_string("stop"),
    llmb_string("logit_bias"),
    llmb_string("presence_penalty"),
    llmb_string("frequency_penalty"),
    llmb_string("repetition_penalty"),
    llmb_string("response_format"),
    llmb_string("chat_template"),
    llmb_string("chat_template_kwargs"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_vllm_chat_batch = {
    .name       = llmb_string("vllm_chat_batch"),
    .operation  = llmb_string("chat"),
    .neutral    = 0,
    .idempotent = 0,
    .pure       = 0,
    .max_items  = 32,
    .forms      = { &llmb_vllm_chat_batch_form },
    .refusals   = llmb_vllm_chat_batch_refusals,
    .matter     = llmb_vllm_chat_batch_matter
};
