
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A format that takes any values as items, together with any others.
 */


#ifndef _MIXED_H_INCLUDED_
#define _MIXED_H_INCLUDED_


#include "llmb_adapter.h"


static const llmb_str_t  mixed_paths[] = {
    llmb_string("/mixed"),
    llmb_null_string
};


static const llmb_column_t  mixed_columns[] = {
    {
        .name = llmb_string("items"),
        .input = LLMB_INPUT_LIST,
        .kinds = LLMB_KIND_VALUE
    },
    llmb_null_column
};


static const llmb_form_t  mixed_form = {
    .paths   = mixed_paths,
    .columns = mixed_columns,
    .list    = llmb_string("results")
};


static const llmb_adapter_t  mixed = {
    .name  = llmb_string("mixed"),
    .pure  = 1,
    .forms = { &mixed_form }
};


#endif /* _MIXED_H_INCLUDED_ */
