
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_reasons.h"


#define llmb_name(name, text)  llmb_string(text),


const llmb_str_t  llmb_status_names[LLMB_STATUS_N] = {
    LLMB_STATUS_LIST(llmb_name)
};


const llmb_str_t  llmb_reason_names[LLMB_REASON_N] = {
    LLMB_REASON_LIST(llmb_name)
};


const llmb_str_t  llmb_close_names[LLMB_CLOSE_N] = {
    LLMB_CLOSE_LIST(llmb_name)
};


const llmb_str_t  llmb_mismatch_names[LLMB_MISMATCH_N] = {
    LLMB_MISMATCH_LIST(llmb_name)
};
