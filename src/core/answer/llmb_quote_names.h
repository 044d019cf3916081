
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Words of the APIs.  A client may have sent one of them, but where it is the
 * name of a member it says nothing about that.
 */


#ifndef _LLMB_QUOTE_NAMES_H_INCLUDED_
#define _LLMB_QUOTE_NAMES_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/*
 * Names that requests and answers have whatever the items are, and, "fixed",
 * those whose values are so, too ("model").  The token is that of a name.
 */
unsigned llmb_quote_names_has(llmb_str_t token, unsigned fixed);


#pragma GCC visibility pop


#endif /* _LLMB_QUOTE_NAMES_H_INCLUDED_ */
