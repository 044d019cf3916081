
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /score of vLLM: pairs of texts.  A query for several documents is
 * repeated for each, so clients with different queries share a call.  The
 * names of the members differ between versions.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_vllm_score_paths[] = {
    llmb_string("/score"),
    llmb_null_string
};


static const llmb_column_t  llmb_vllm_score_texts[] = {
    {
        .name = llmb_string("text_1"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT,
        .each = 1
    },
    {
        .name = llmb_string("text_2"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_column_t  llmb_vllm_score_documents[] = {
    {
        .name = llmb_string("queries"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT,
        .each = 1
    },
    {
        .name = llmb_string("documents"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_column_t  llmb_vllm_score_items[] = {
    {
        .name = llmb_string("queries"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT,
        .each = 1
    },
    {
        .name = llmb_string("items"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_column_t  llmb_vllm_score_data[] = {
    {
        .name = llmb_string("data_1"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT,
        .each = 1
    },
    {
        .name = llmb_string("data_2"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_vllm_score_texts_form = {
    .paths         = llmb_vllm_score_paths,
    .columns       = llmb_vllm_score_texts,
    .list          = llmb_string("data"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens")
};


static const llmb_form_t  llmb_vllm_score_documents_form = {
    .paths         = llmb_vllm_score_paths,
    .columns       = llmb_vllm_score_documents,
    .list          = llmb_string("data"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens")
};


static const llmb_form_t  llmb_vllm_score_items_form = {
    .paths         = llmb_vllm_score_paths,
    .columns       = llmb_vllm_score_items,
    .list          = llmb_string("data"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens")
};


static const llmb_form_t  llmb_vllm_score_data_form = {
    .paths         = llmb_vllm_score_paths,
    .columns       = llmb_vllm_score_data,
    .list          = llmb_string("data"),
    .index         = llmb_string("index"),
    .usage         = { llmb_string("usage") },
    .input_tokens  = llmb_string("prompt_tokens"),
    .output_tokens = llmb_string("completion_tokens"),
    .total_tokens  = llmb_string("total_tokens")
};


static const llmb_refusal_t  llmb_vllm_score_refusals[] = {
    { llmb_string("request_id"), llmb_null_string, 0 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_vllm_score_matter[] = {
    llmb_string("truncate_prompt_tokens"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_vllm_score = {
    .name       = llmb_string("vllm_score"),
    .operation  = llmb_string("score"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 0,
    .max_items  = 128,
    .forms      = {
        &llmb_vllm_score_texts_form,
        &llmb_vllm_score_documents_form,
        &llmb_vllm_score_items_form,
        &llmb_vllm_score_data_form
    },
    .refusals   = llmb_vllm_score_refusals,
    .matter     = llmb_vllm_score_matter
};
