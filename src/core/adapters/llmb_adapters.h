
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The table of formats: one row each, in the order in which they are shown.
 */


#define LLMB_ADAPTER_LIST(x)                                                  \
    x(openai_embeddings)                                                      \
    x(ollama_embed)                                                           \
    x(tei_embed)
