
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /embed of Text Embeddings Inference.  The answer is the bare array of
 * vectors, by place; tokens are counted in response headers only.  A server
 * started with defaults refuses more than 32 items.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_tei_embed_paths[] = {
    llmb_string("/embed"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_tei_embed = {
    llmb_string("tei_embed"),
    llmb_tei_embed_paths,
    1,                                     /* neutral */
    1,                                     /* idempotent */
    llmb_string("inputs"),
    LLMB_KIND_TEXT|LLMB_KIND_TOKENS,
    NULL,                                  /* refusals */
    32,                                    /* max_items */
    llmb_null_string,                      /* list */
    llmb_null_string,                      /* index */
    llmb_null_string,                      /* usage */
    llmb_null_string                       /* input_tokens */
};
