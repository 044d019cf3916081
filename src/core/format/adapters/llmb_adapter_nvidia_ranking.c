
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/ranking of NVIDIA's NIM, which the hosted API has at
 * /v1/retrieval/<name>/reranking.  The query is part of the key, and rankings
 * come by score, as with "rerank".
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_nvidia_ranking_paths[] = {
    llmb_string("/v1/ranking"),
    llmb_string("/retrieval/*/reranking"),
    llmb_string("/retrieval/*/*/reranking"),
    llmb_null_string
};


static const llmb_column_t  llmb_nvidia_ranking_columns[] = {
    {
        .name = llmb_string("passages"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_nvidia_ranking_form = {
    .paths        = llmb_nvidia_ranking_paths,
    .columns      = llmb_nvidia_ranking_columns,
    .list         = llmb_string("rankings"),
    .index        = llmb_string("index"),
    .ranked       = 1,
    .usage        = { llmb_string("usage") },
    .input_tokens = llmb_string("prompt_tokens"),
    .total_tokens = llmb_string("total_tokens")
};


/* who wants some of them only is not known to be understood */

static const llmb_refusal_t  llmb_nvidia_ranking_refusals[] = {
    { llmb_string("top_n"), llmb_string("null"), 1 },
    { llmb_string("top_k"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_nvidia_ranking_matter[] = {
    llmb_string("query"),
    llmb_string("truncate"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_nvidia_ranking = {
    .name       = llmb_string("nvidia_ranking"),
    .operation  = llmb_string("rerank"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 0,
    .max_items  = 512,
    .most_items = 512,
    .forms      = { &llmb_nvidia_ranking_form },
    .refusals   = llmb_nvidia_ranking_refusals,
    .matter     = llmb_nvidia_ranking_matter
};
