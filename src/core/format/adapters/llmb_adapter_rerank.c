
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /rerank, in the shape of Jina, Cohere, vLLM and Infinity ("documents",
 * answered with "results"), of Voyage (answered with "data"), and in that of
 * Text Embeddings Inference ("texts", answered with a bare array).  The
 * query is part of the key: documents of clients who ask the same are ranked
 * in one call.  Results come by score, and each client's are still in this
 * order when the others' are taken out.  Cohere bills a search unit for each
 * 100 documents of a call, longer ones being several.  What Voyage calls
 * "top_k" is "top_n" for others, who may not know the word: such a request
 * goes alone.  A reranker of Text Embeddings Inference answers at /, too.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_rerank_paths[] = {
    llmb_string("/rerank"),
    llmb_null_string
};


static const llmb_column_t  llmb_rerank_columns[] = {
    {
        .name = llmb_string("documents"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_OBJECT
    },
    llmb_null_column
};


static const llmb_column_t  llmb_rerank_tei_columns[] = {
    {
        .name = llmb_string("texts"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_rerank_form = {
    .paths        = llmb_rerank_paths,
    .columns      = llmb_rerank_columns,
    .top          = llmb_string("top_n"),
    .list         = llmb_string("results"),
    .or_list      = llmb_string("data"),
    .index        = llmb_string("index"),
    .ranked       = 1,
    .usage        = { llmb_string("usage"), llmb_string("meta.billed_units") },
    .input_tokens = llmb_string("prompt_tokens"),
    .total_tokens = llmb_string("total_tokens"),
    .units        = llmb_string("search_units"),
    .unit_items   = 100
};


static const llmb_default_t  llmb_rerank_tei_defaults[] = {
    { llmb_string("raw_scores"), llmb_string("false") },
    { llmb_string("return_text"), llmb_string("false") },
    { llmb_string("truncation_direction"), llmb_string("\"right\"") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_rerank_tei_form = {
    .paths    = llmb_rerank_paths,
    .columns  = llmb_rerank_tei_columns,
    .defaults = llmb_rerank_tei_defaults,
    .index    = llmb_string("index"),
    .ranked   = 1
};


static const llmb_str_t  llmb_rerank_root_paths[] = {
    llmb_string("/"),
    llmb_null_string
};


static const llmb_str_t  llmb_rerank_root_only[] = {
    llmb_string("query"),
    llmb_string("truncate"),
    llmb_string("truncation_direction"),
    llmb_string("raw_scores"),
    llmb_string("return_text"),
    llmb_null_string
};


static const llmb_form_t  llmb_rerank_root_form = {
    .paths    = llmb_rerank_root_paths,
    .only     = llmb_rerank_root_only,
    .proof    = llmb_string(LLMB_TEI_PROOF),
    .columns  = llmb_rerank_tei_columns,
    .defaults = llmb_rerank_tei_defaults,
    .index    = llmb_string("index"),
    .ranked   = 1
};


static const llmb_refusal_t  llmb_rerank_refusals[] = {
    { llmb_string("top_k"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_rerank_matter[] = {
    llmb_string("query"),
    llmb_string("rank_fields"),
    llmb_string("return_documents"),
    llmb_string("max_chunks_per_doc"),
    llmb_string("max_tokens_per_doc"),
    llmb_string("truncate"),
    llmb_string("truncation"),
    llmb_string("relevant_spans"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_rerank = {
    .name       = llmb_string("rerank"),
    .operation  = llmb_string("rerank"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 0,
    .max_items  = 1000,
    .most_items = 1000,
    .forms      = {
        &llmb_rerank_form,
        &llmb_rerank_tei_form,
        &llmb_rerank_root_form
    },
    .refusals   = llmb_rerank_refusals,
    .matter     = llmb_rerank_matter
};
