
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /v2/models/<name>/infer, the Open Inference Protocol of Triton, KServe
 * and others.  Tensors are joined and cut along their first dimension.
 * Whether that one counts items is a property of the model that nobody can
 * tell from outside, so the operator has to: by naming this adapter.
 */


#include "llmb_adapters.h"
#include "llmb_tensor.h"


static const llmb_str_t  llmb_oip_v2_paths[] = {
    llmb_string("/v2/models/*/infer"),
    llmb_string("/v2/models/*/versions/*/infer"),
    llmb_null_string
};


static const llmb_column_t  llmb_oip_v2_columns[] = {
    llmb_null_column
};


static const llmb_form_t  llmb_oip_v2_form = {
    .paths        = llmb_oip_v2_paths,
    .columns      = llmb_oip_v2_columns,
    .echo         = llmb_string("id"),
    .path_model   = 1,
    .read_request = llmb_tensor_request,
    .read_answer  = llmb_tensor_answer,
    .label        = llmb_string("name")
};


static const llmb_str_t  llmb_oip_v2_matter[] = {
    llmb_string("inputs"),
    llmb_string("outputs"),
    llmb_string("parameters"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_oip_v2 = {
    .name       = llmb_string("oip_v2"),
    .operation  = llmb_string("predict"),
    .neutral    = 0,
    .idempotent = 1,
    .pure       = 0,
    .max_items  = 32,
    .forms      = { &llmb_oip_v2_form },
    .matter     = llmb_oip_v2_matter
};
