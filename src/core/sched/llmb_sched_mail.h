
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What workers are told, and how they come to look.
 */


#ifndef _LLMB_SCHED_MAIL_H_INCLUDED_
#define _LLMB_SCHED_MAIL_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/* what a worker is to look at; sets its bell */
void llmb_sched_mail_member(llmb_zone_t *z, uint32_t member);
void llmb_sched_mail_call(llmb_zone_t *z, uint32_t call, uint32_t worker);
void llmb_sched_unmail(llmb_zone_t *z, uint32_t member);
void llmb_sched_unmail_call(llmb_zone_t *z, uint32_t call);


/* rings again for a call that its worker has not sent yet */
void llmb_sched_remind(llmb_zone_t *z, uint32_t call);

/*
 * When calls are due that the worker is to send, but not yet; UINT64_MAX: there
 * is none.  They are in its mail from then on.
 */
uint64_t llmb_sched_later(llmb_zone_t *z, uint32_t worker);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_MAIL_H_INCLUDED_ */
