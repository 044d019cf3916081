
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Members of a body that say what is so without them.
 */


#ifndef _LLMB_DEFAULTS_H_INCLUDED_
#define _LLMB_DEFAULTS_H_INCLUDED_


#include "llmb_form.h"
#include "llmb_members.h"


#pragma GCC visibility push(hidden)


/*
 * Finds out which members of a body are left out, as their value is the
 * default of the form; a column never is.
 */
void llmb_defaults_find(llmb_members_t *members, const llmb_form_t *form,
    llmb_str_t body);

/*
 * What goes with the i-th one, which is left out: the comma behind it, or,
 * where nothing behind it stays, the one before it.
 */
llmb_str_t llmb_defaults_text(const llmb_members_t *members, uint32_t i,
    llmb_str_t body);


#pragma GCC visibility pop


#endif /* _LLMB_DEFAULTS_H_INCLUDED_ */
