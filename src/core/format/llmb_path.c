
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_path.h"


static size_t llmb_path_behind(llmb_str_t path, llmb_str_t word);


llmb_str_t
llmb_path_model(llmb_str_t path)
{
    size_t      start, end, colon;
    llmb_str_t  name;

    static const llmb_str_t  models = llmb_string("/models/");
    static const llmb_str_t  deployments = llmb_string("/deployments/");

    name.len = 0;
    name.data = path.data;

    start = llmb_path_behind(path, models);

    if (start == 0) {
        start = llmb_path_behind(path, deployments);
    }

    if (start == 0) {
        return name;
    }

    colon = path.len;

    for (end = start; end < path.len && path.data[end] != '/'; end++) {

        if (path.data[end] == ':') {
            colon = end;
        }
    }

    if (end == path.len) {
        end = colon;
    }

    name.data = path.data + start;
    name.len = end - start;

    return name;
}


/* where the last occurrence of the word ends; 0: there is none */

static size_t
llmb_path_behind(llmb_str_t path, llmb_str_t word)
{
    size_t  end;

    for (end = path.len; end >= word.len; end--) {

        if (memcmp(path.data + end - word.len, word.data, word.len) == 0) {
            return end;
        }
    }

    return 0;
}
