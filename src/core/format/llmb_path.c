
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_path.h"


static llmb_str_t llmb_path_from(llmb_str_t path, size_t start);
static size_t llmb_path_behind(llmb_str_t path, llmb_str_t word);


llmb_str_t
llmb_path_model(llmb_str_t path)
{
    size_t      start, end, colon;
    llmb_str_t  name;

    static const llmb_str_t  models = llmb_string("/models/");
    static const llmb_str_t  deployments = llmb_string("/deployments/");
    static const llmb_str_t  catalog = llmb_string("/@cf/");
    static const llmb_str_t  pipeline =
                                  llmb_string("/pipeline/feature-extraction");

    /* names of these have a "/" */

    start = llmb_path_behind(path, catalog);

    if (start) {
        return llmb_path_from(path, start - (catalog.len - 1));
    }

    end = llmb_path_behind(path, pipeline);

    if (end && end < path.len && path.data[end] == '/') {
        return llmb_path_from(path, end + 1);
    }

    name.len = 0;
    name.data = path.data;

    start = llmb_path_behind(path, models);

    if (end && end == path.len && start) {
        path.len -= llmb_min(pipeline.len, path.len - start);
        return llmb_path_from(path, start);
    }

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


static llmb_str_t
llmb_path_from(llmb_str_t path, size_t start)
{
    llmb_str_t  name;

    name.data = path.data + start;
    name.len = path.len - start;

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
