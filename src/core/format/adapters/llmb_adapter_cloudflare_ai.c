
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * POST /client/v4/accounts/<id>/ai/run/@cf/<name>/<name> of Workers AI of
 * Cloudflare, also by its AI Gateway, for models that embed texts; other models
 * take a "text", too, but one only.  The answer tells how many vectors it has.
 */


#include "llmb_adapters.h"


static const llmb_str_t  llmb_cloudflare_ai_paths[] = {
    llmb_string("/ai/run/@cf/baai/bge-*"),
    llmb_string("/ai/run/@cf/*/embedding*"),
    llmb_string("/ai/run/@cf/*/*-embedding-*"),
    llmb_string("/workers-ai/@cf/baai/bge-*"),
    llmb_string("/workers-ai/@cf/*/embedding*"),
    llmb_string("/workers-ai/@cf/*/*-embedding-*"),
    llmb_null_string
};


static const llmb_column_t  llmb_cloudflare_ai_columns[] = {
    {
        .name = llmb_string("text"),
        .input = LLMB_INPUT_LIST_OR_BARE,
        .kinds = LLMB_KIND_TEXT
    },
    llmb_null_column
};


static const llmb_form_t  llmb_cloudflare_ai_form = {
    .paths        = llmb_cloudflare_ai_paths,
    .columns      = llmb_cloudflare_ai_columns,
    .list         = llmb_string("result.data"),
    .shape        = llmb_string("result.shape"),
    .path_model   = 1,
    .usage        = { llmb_string("result.usage") },
    .input_tokens = llmb_string("prompt_tokens"),
    .total_tokens = llmb_string("total_tokens")
};


/* these make it another request: of ranks, or of several for later */

static const llmb_refusal_t  llmb_cloudflare_ai_refusals[] = {
    { llmb_string("contexts"), llmb_string("null"), 1 },
    { llmb_string("query"), llmb_string("null"), 1 },
    { llmb_string("requests"), llmb_string("null"), 1 },
    { llmb_null_string, llmb_null_string, 0 }
};


static const llmb_str_t  llmb_cloudflare_ai_matter[] = {
    llmb_string("pooling"),
    llmb_string("truncate_inputs"),
    llmb_null_string
};


const llmb_adapter_t  llmb_adapter_cloudflare_ai = {
    .name       = llmb_string("cloudflare_ai"),
    .operation  = llmb_string("embeddings"),
    .neutral    = 1,
    .idempotent = 1,
    .pure       = 1,
    .max_items  = 100,
    .most_items = 100,
    .forms      = { &llmb_cloudflare_ai_form },
    .refusals   = llmb_cloudflare_ai_refusals,
    .matter     = llmb_cloudflare_ai_matter
};
