
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /predict of Text Embeddings Inference: classification of sequences.  A
 * sequence is a text, or a pair of two; ["a", "b"] is a pair, [["a"], ["b"]]
 * are two texts.  A single one is answered with its labels, not with a list
 * of them.
 *
 * At / it is told by what only a classifier takes: sequences in a list, or
 * "raw_scores".
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_tei_predict_paths[] = {
    llmb_string("/predict"),
    llmb_null_string
};


static const llmb_column_t  llmb_tei_predict_columns[] = {
    {
        .name = llmb_string("inputs"),
        .input = LLMB_INPUT_SEQUENCES,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_default_t  llmb_tei_predict_defaults[] = {
    { llmb_string("raw_scores"), llmb_string("false") },
    { llmb_string("truncation_direction"), llmb_string("\"right\"") },
    { llmb_null_string, llmb_null_string }
};


static const llmb_form_t  llmb_tei_predict_form = {
    .paths    = llmb_tei_predict_paths,
    .columns  = llmb_tei_predict_columns,
    .defaults = llmb_tei_predict_defaults,
    .single   = LLMB_SINGLE_SCALAR
};


static const llmb_str_t  llmb_tei_predict_matter[] = {
    llmb_string("truncate"),
    llmb_null_string
};


static const llmb_str_t  llmb_tei_predict_root_paths[] = {
    llmb_string("/"),
    llmb_null_string
};


static const llmb_str_t  llmb_tei_predict_root_only[] = {
    llmb_string("truncate"),
    llmb_string("truncation_direction"),
    llmb_string("raw_scores"),
    llmb_null_string
};


static const llmb_form_t  llmb_tei_predict_root_form = {
    .paths    = llmb_tei_predict_root_paths,
    .only     = llmb_tei_predict_root_only,
    .proof    = llmb_string(LLMB_TEI_PROOF),
    .columns  = llmb_tei_predict_columns,
    .defaults = llmb_tei_predict_defaults,
    .single   = LLMB_SINGLE_SCALAR,
    .arrays   = 1
};


const llmb_adapter_t  llmb_adapter_tei_predict = {
    .name       = llmb_string("tei_predict"),
    .operation  = llmb_string("classify"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 32,
    .most_items = 32,
    .max_bytes  = 1900000,
    .most_bytes = 1900000,
    .forms      = { &llmb_tei_predict_form, &llmb_tei_predict_root_form },
    .matter     = llmb_tei_predict_matter
};
