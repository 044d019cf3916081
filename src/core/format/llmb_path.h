
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the path of a URI tells.
 */


#ifndef _LLMB_PATH_H_INCLUDED_
#define _LLMB_PATH_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/*
 * The model that a path names, behind the last "/models/" or "/deployments/";
 * empty if it names none.  What follows the last ":" is an action.  Names of
 * Cloudflare, from "@cf/" on, and of Hugging Face, before or behind
 * "/pipeline/feature-extraction", have a "/" in them.
 */
llmb_str_t llmb_path_model(llmb_str_t path);


#pragma GCC visibility pop


#endif /* _LLMB_PATH_H_INCLUDED_ */
