
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/completions, the older API of OpenAI, that vLLM, SGLang and others
 * serve.  Each prompt has "n" choices; those of the i-th are numbered from i
 * * n.
 *
 * The usage is of the whole call.  vLLM and SGLang give the ids of tokens on
 * request, and with them exact counts.
 *
 * "suffix" and the parameters of sampling are in the key.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_openai_completions_paths[] = {
    llmb_string("/v1/completions"),
    llmb_null_string
};


static const llmb_column_t  llmb_openai_completions_columns[] = {
    {
        .name = llmb_string("prompt"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS
    },
    llmb_null_column
};


/* with ids, vLLM names tokens by them, and repeats no prompt */

static const llmb_str_t  llmb_openai_completions_ids_not_with[] = {
    llmb_string("logprobs"),
    llmb_string("top_logprobs"),
    llmb_string("prompt_logprobs"),
    llmb_string("echo"),
    llmb_null_string
};


static const llmb_default_t  llmb_openai_completions_defaults[] = {
    { llmb_string("n"), llmb_string("1") },
    { llmb_string("echo"), llmb_string("false") },
    { llmb_string("logprobs"), llmb_string("null") },
    { llmb_string("suffix"), llmb_string("null") },
    { llmb_string("stream"), llmb_string("false") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_openai_completions_form = {
    .paths         = llmb_openai_completions_paths,
    .columns       = llmb_openai_completions_columns,
    .defaults      = llmb_openai_completions_defaults,
    .per           = llmb_string("n"),
    .list          = llmb_string("choices"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens"),
    .prompt_ids    = llmb_string("prompt_token_ids"),
    .token_ids     = llmb_string("token_ids"),
    .ids_not_with  = llmb_openai_completions_ids_not_with
};


static const llmb_refusal_t  llmb_openai_completions_refusals[] = {
    { llmb_string("request_id"), llmb_null_string, 0 },
    { llmb_string("kv_transfer_params"), llmb_null_string, 0 },
    { llmb_string("prompt_embeds"), llmb_null_string, 0 },
    { llmb_string("use_beam_search"), llmb_string("true"), 0 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_openai_completions_matter[] = {
    llmb_string("max_tokens"),
    llmb_string("min_tokens"),
    llmb_string("temperature"),
    llmb_string("top_p"),
    llmb_string("top_k"),
    llmb_string("min_p"),
    llmb_string("seed"),
    llmb_string("stop"),
    llmb_string("best_of"),
    llmb_string("logit_bias"),
    llmb_string("presence_penalty"),
    llmb_string("frequency_penalty"),
    llmb_string("repetition_penalty"),
    llmb_string("response_format"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_openai_completions = {
    .name       = llmb_string("openai_completions"),
    .operation  = llmb_string("text_completion"),
    .neutral    = 0,
    .idempotent = 0,
    .pure       = 0,
    .max_items  = 32,
    .forms      = { &llmb_openai_completions_form },
    .refusals   = llmb_openai_completions_refusals,
    .matter     = llmb_openai_completions_matter
};
