
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A worker that stands still: it was stopped, or waits for a disk.
 */


#ifndef _LLMB_SCHED_LOST_H_INCLUDED_
#define _LLMB_SCHED_LOST_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/*
 * A worker has the lock: it is alive, and copies nothing.  If it is not seen
 * for some time, is_lost() tells others that they are to give it up.  That
 * returns how many members of others were in its calls, which go alone.  Its
 * own wait for it, those that were in a queue to go alone.  Nothing of what
 * it has counts as in flight, so nobody waits for a slot of it.  Its calls are
 * LOST: as it comes back it ends them, by send() or end().
 *
 * It may come back in the middle of a copy.  What it wrote to is nobody's until
 * it is seen.  What it has read of the members of a call is theirs if "losses"
 * of its record has not changed: that is the first thing that does.
 */
void llmb_sched_seen(llmb_zone_t *z, uint32_t worker, uint64_t now);
unsigned llmb_sched_is_lost(const llmb_worker_t *w, uint64_t now);
uint32_t llmb_sched_give_up(llmb_zone_t *z, uint32_t worker, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_LOST_H_INCLUDED_ */
