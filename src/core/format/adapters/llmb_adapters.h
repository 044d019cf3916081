
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The table of formats: one row each, in the order in which they are shown.
 */


#ifndef _LLMB_ADAPTERS_H_INCLUDED_
#define _LLMB_ADAPTERS_H_INCLUDED_


#include "llmb_adapter.h"


#pragma GCC visibility push(hidden)


#define LLMB_ADAPTER_LIST(x)                                                  \
    x(openai_embeddings)                                                      \
    x(openai_completions)                                                     \
    x(openai_moderations)                                                     \
    x(ollama_embed)                                                           \
    x(tei_embed)                                                              \
    x(tei_predict)                                                            \
    x(cohere_embed)                                                           \
    x(gemini_embed)                                                           \
    x(kserve_v1)                                                              \
    x(oip_v2)                                                                 \
    x(rerank)                                                                 \
    x(vllm_score)                                                             \
    x(vllm_chat_batch)                                                        \
    x(sglang_generate)                                                        \
    x(llamacpp_completion)                                                    \
    x(llamacpp_embedding)                                                     \
    x(vllm_pooling)                                                           \
    x(vllm_classify)                                                          \
    x(nvidia_ranking)                                                         \
    x(vertex_predict)                                                         \
    x(cloudflare_ai)


/* only Text Embeddings Inference has this header in its answers, in all */

#define LLMB_TEI_PROOF  "x-tokenization-time"


#define llmb_adapter_extern(name)                                             \
    extern const llmb_adapter_t  llmb_adapter_##name;

LLMB_ADAPTER_LIST(llmb_adapter_extern)

#undef llmb_adapter_extern


#pragma GCC visibility pop


#endif /* _LLMB_ADAPTERS_H_INCLUDED_ */
