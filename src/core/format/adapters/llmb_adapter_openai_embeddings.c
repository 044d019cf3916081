
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/embeddings of OpenAI, and of the many servers that follow it; with
 * Azure the path is /openai/deployments/<name>/embeddings.  Voyage, Jina and
 * Mistral have members of their own, which are part of the key like any
 * other.
 *
 * A bare array of numbers is one item.  Elements of "data" may come in any
 * order.  Jina takes objects ({"text": ...}, {"image": ...}), too.
 *
 * The refusals are extensions of such servers: "messages" is a chat in place
 * of the input, "request_id" has to be unique per request (vLLM),
 * "late_chunking" lets inputs influence each other (Jina), and the encodings
 * of bytes are answered in something else than JSON (vLLM).
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_openai_embeddings_paths[] = {
    llmb_string("/embeddings"),
    llmb_null_string
};


static const llmb_column_t  llmb_openai_embeddings_columns[] = {
    {
        .name = llmb_string("input"),
        .input = LLMB_INPUT_ITEMS,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS|LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_default_t  llmb_openai_embeddings_defaults[] = {
    { llmb_string("encoding_format"), llmb_string("\"float\"") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_openai_embeddings_form = {
    .paths        = llmb_openai_embeddings_paths,
    .columns      = llmb_openai_embeddings_columns,
    .defaults     = llmb_openai_embeddings_defaults,
    .list         = llmb_string("data"),
    .index        = llmb_string("index"),
    .usage        = { llmb_string("usage") },
    .input_tokens = llmb_string("prompt_tokens"),
    .total_tokens = llmb_string("total_tokens"),
    .vector       = llmb_string("embedding")
};


static const llmb_refusal_t  llmb_openai_embeddings_refusals[] = {
    { llmb_string("messages"), llmb_null_string, 0 },
    { llmb_string("request_id"), llmb_null_string, 0 },
    { llmb_string("late_chunking"), llmb_string("true"), 0 },
    { llmb_string("encoding_format"), llmb_string("\"bytes\""), 0 },
    { llmb_string("encoding_format"), llmb_string("\"bytes_only\""), 0 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_openai_embeddings_matter[] = {
    llmb_string("dimensions"),
    llmb_string("input_type"),
    llmb_string("task"),
    llmb_string("truncate"),
    llmb_string("truncation"),
    llmb_string("truncate_prompt_tokens"),
    llmb_string("normalized"),
    llmb_string("embedding_type"),
    llmb_string("output_dimension"),
    llmb_string("output_dtype"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_openai_embeddings = {
    .name       = llmb_string("openai_embeddings"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 2048,
    .most_items = 2048,
    .forms      = { &llmb_openai_embeddings_form },
    .refusals   = llmb_openai_embeddings_refusals,
    .matter     = llmb_openai_embeddings_matter
};
