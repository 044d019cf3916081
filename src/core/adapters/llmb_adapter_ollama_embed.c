
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /api/embed of Ollama.  It takes strings only, answers by place, and
 * knows no limit on the number of items; but its vectors drift with the size
 * of a batch, and an answer is ready when its last item is.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_ollama_embed_paths[] = {
    llmb_string("/api/embed"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_ollama_embed = {
    llmb_string("ollama_embed"),
    llmb_ollama_embed_paths,
    1,                                     /* neutral */
    1,                                     /* idempotent */
    llmb_string("input"),
    LLMB_KIND_TEXT,
    NULL,                                  /* refusals */
    64,                                    /* max_items */
    llmb_string("embeddings"),             /* list */
    llmb_null_string,                      /* index */
    llmb_string("prompt_eval_count"),      /* usage */
    llmb_null_string                       /* input_tokens */
};
