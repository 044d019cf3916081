
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/embeddings of OpenAI, and of the many servers that follow it; with
 * Azure the path is /openai/deployments/<name>/embeddings.
 *
 * A bare array of numbers is one item.  Elements of "data" may come in any
 * order.  The refusals are extensions of such servers: "messages" is a chat
 * in place of the input, "request_id" has to be unique per request (vLLM),
 * "late_chunking" lets inputs influence each other (Jina), and the encodings
 * of bytes are answered in something else than JSON (vLLM).
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_openai_embeddings_paths[] = {
    llmb_string("/embeddings"),
    llmb_null_string
};


static const llmb_refusal_t  llmb_openai_embeddings_refusals[] = {
    { llmb_string("messages"), llmb_null_string },
    { llmb_string("request_id"), llmb_null_string },
    { llmb_string("late_chunking"), llmb_string("true") },
    { llmb_string("encoding_format"), llmb_string("\"bytes\"") },
    { llmb_string("encoding_format"), llmb_string("\"bytes_only\"") },
    { llmb_null_string, llmb_null_string }
};


const llmb_adapter_t  llmb_adapter_openai_embeddings = {
    llmb_string("openai_embeddings"),
    llmb_openai_embeddings_paths,
    1,                                     /* neutral */
    1,                                     /* idempotent */
    llmb_string("input"),
    LLMB_KIND_TEXT|LLMB_KIND_TOKENS,
    llmb_openai_embeddings_refusals,
    2048,                                  /* max_items */
    llmb_string("data"),                   /* list */
    llmb_string("index"),
    llmb_string("usage"),
    llmb_string("prompt_tokens")
};
