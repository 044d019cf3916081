
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The formats known, and which of them a request is in.
 */


#include "adapters/llmb_adapters.h"

#include <string.h>


static unsigned llmb_adapter_ends(llmb_str_t path, llmb_str_t ending);


#define llmb_adapter_row(name)    &llmb_adapter_##name,
#define llmb_adapter_count(name)  + 1

const llmb_adapter_t *const  llmb_adapters[] = {
    LLMB_ADAPTER_LIST(llmb_adapter_row)
};

const unsigned  llmb_nadapters = 0 LLMB_ADAPTER_LIST(llmb_adapter_count);


const llmb_adapter_t *
llmb_adapter_find(llmb_str_t path, uint64_t enabled)
{
    size_t                 longest;
    unsigned               i;
    const llmb_str_t      *ending;
    const llmb_adapter_t  *found;

    found = NULL;
    longest = 0;

    for (i = 0; i < llmb_nadapters; i++) {

        if (!(enabled & ((uint64_t) 1 << i))) {
            continue;
        }

        for (ending = llmb_adapters[i]->paths; ending->len; ending++) {

            if (ending->len > longest && llmb_adapter_ends(path, *ending)) {
                longest = ending->len;
                found = llmb_adapters[i];
            }
        }
    }

    return found;
}


unsigned
llmb_adapter_id(const llmb_adapter_t *adapter)
{
    unsigned  i;

    for (i = 0; i < llmb_nadapters; i++) {

        if (llmb_adapters[i] == adapter) {
            break;
        }
    }

    return i;
}


const llmb_adapter_t *
llmb_adapter_by_name(llmb_str_t name)
{
    unsigned    i;
    llmb_str_t  known;

    for (i = 0; i < llmb_nadapters; i++) {

        known = llmb_adapters[i]->name;

        if (known.len == name.len
            && memcmp(known.data, name.data, name.len) == 0)
        {
            return llmb_adapters[i];
        }
    }

    return NULL;
}


static unsigned
llmb_adapter_ends(llmb_str_t path, llmb_str_t ending)
{
    const uint8_t  *p;

    if (ending.len > path.len) {
        return 0;
    }

    p = path.data + path.len - ending.len;

    return memcmp(p, ending.data, ending.len) == 0;
}
