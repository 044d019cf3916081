
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Where an answer has what the reader looks for.  A form tells it by paths:
 * names with a "." between, the last of which may be "*".
 */


#ifndef _LLMB_TARGET_H_INCLUDED_
#define _LLMB_TARGET_H_INCLUDED_


#include "llmb_answer.h"


#pragma GCC visibility push(hidden)


/* the path of a target; empty if the form has none */
llmb_str_t llmb_target_path(const llmb_form_t *form, llmb_target_e target);

/* the n-th name of a path, from 1; empty if there are not so many */
llmb_str_t llmb_target_name(llmb_str_t path, unsigned n);

/* how many names a path has */
unsigned llmb_target_names(llmb_str_t path);

/* whether the last name of the path of the list is "*" */
unsigned llmb_target_every(const llmb_form_t *form);

/* the most lists that an answer may have besides the first */
unsigned llmb_target_nlists(const llmb_form_t *form);


#pragma GCC visibility pop


#endif /* _LLMB_TARGET_H_INCLUDED_ */
