
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How members go: served, with their client, or with their worker.
 */


#ifndef _LLMB_SCHED_LEAVE_H_INCLUDED_
#define _LLMB_SCHED_LEAVE_H_INCLUDED_


#include "llmb_sched.h"


#pragma GCC visibility push(hidden)


/*
 * The worker has no more use for the member: it is served, or its client is
 * gone.  Valid in every state but FREE and ABANDONED.  A call of it alone is
 * over, unless a request of ours carries it.
 */
void llmb_sched_leave(llmb_zone_t *z, uint32_t member, uint64_t now);

/*
 * A worker has died: its clients are gone, the members of its calls go alone.
 * Returns how many of those there were.
 */
uint32_t llmb_sched_reap(llmb_zone_t *z, uint32_t worker, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_LEAVE_H_INCLUDED_ */
