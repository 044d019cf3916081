
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who else was here while a request was: why it went alone, or what company it
 * would have had.  A request is here from when it joins until its record is
 * free, that is, until it is answered; its parts count, too.  All of this takes
 * the same time however many there are.
 */


#ifndef _LLMB_COMPANY_H_INCLUDED_
#define _LLMB_COMPANY_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


/* the member, whose items are known, is here from now on; ms */
void llmb_company_enter(llmb_zone_t *z, uint32_t member, uint64_t now);

/* and no more; does nothing if it was not */
void llmb_company_leave(llmb_zone_t *z, uint32_t member);

/*
 * As far as is known by now, which can only move on in this order:
 *
 *   COMPANY  nobody of its name was here while it was
 *   KEY      others of its name were, but all of other keys
 *   SLOT     others of its key were, and it could have shared a call
 */
llmb_reason_e llmb_company_why(llmb_zone_t *z, const llmb_member_t *m);

/* the items of all of its key that were here while it was, its own included */
uint32_t llmb_company_items(llmb_zone_t *z, const llmb_member_t *m);


#pragma GCC visibility pop


#endif /* _LLMB_COMPANY_H_INCLUDED_ */
