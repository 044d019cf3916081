
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v1/models/<name>:predict of KServe, TensorFlow Serving and others.
 * Any value may be an instance, but models are given one array of all of them;
 * predictions come by place.  The columnar form, with "inputs", is not merged.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_kserve_v1_paths[] = {
    llmb_string("/v1/models/*:predict"),
    llmb_string("/v1/models/*/versions/*:predict"),
    llmb_string("/v1/models/*/labels/*:predict"),
    llmb_null_string
};


static const llmb_column_t  llmb_kserve_v1_columns[] = {
    {
        .name = llmb_string("instances"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_TEXT|LLMB_KIND_TOKENS|LLMB_KIND_OBJECT
                 |LLMB_KIND_VALUE
    },
    llmb_null_column
};


static const llmb_form_t  llmb_kserve_v1_form = {
    .paths      = llmb_kserve_v1_paths,
    .columns    = llmb_kserve_v1_columns,
    .list       = llmb_string("predictions"),
    .path_model = 1,
    .alike      = 1
};


static const llmb_str_t  llmb_kserve_v1_matter[] = {
    llmb_string("inputs"),
    llmb_string("parameters"),
    llmb_string("signature_name"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_kserve_v1 = {
    .name       = llmb_string("kserve_v1"),
    .operation  = llmb_string("predict"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 32,
    .forms      = { &llmb_kserve_v1_form },
    .matter     = llmb_kserve_v1_matter
};
