
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of llmb_learn*.c share.
 */


#ifndef _LLMB_LEARN_PARTS_H_INCLUDED_
#define _LLMB_LEARN_PARTS_H_INCLUDED_


#include "llmb_learn.h"


#pragma GCC visibility push(hidden)


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_PARTS_H_INCLUDED_ */
