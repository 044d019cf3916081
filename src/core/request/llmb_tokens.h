
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How many tokens a text has, without a tokenizer: one pass over the text by
 * character class, with weights fitted to the cl100k_base vocabulary, whose
 * mean error on prose and code is about 8 %.
 */


#ifndef _LLMB_TOKENS_H_INCLUDED_
#define _LLMB_TOKENS_H_INCLUDED_


#include "llmb_json.h"


#pragma GCC visibility push(hidden)


/*
 * The estimate for a valid JSON string, quotes included; escapes count as the
 * characters they stand for.  At least 1, else at most the bytes of the text.
 */
uint32_t llmb_tokens_estimate(llmb_str_t token);


#pragma GCC visibility pop


#endif /* _LLMB_TOKENS_H_INCLUDED_ */
