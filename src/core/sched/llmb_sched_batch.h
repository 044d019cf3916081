
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who goes into the next call, which may be one alone.
 */


#ifndef _LLMB_SCHED_BATCH_H_INCLUDED_
#define _LLMB_SCHED_BATCH_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/*
 * Fills a batch, of which "close", "must" and "paused" are given.  Then "n" of
 * its members, in the order of the queue, are made a call, which the worker
 * sends, or that of the only one.
 */
void llmb_sched_take(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    uint32_t lender, llmb_batch_t *batch);
uint32_t llmb_sched_first(const llmb_group_t *g, const llmb_batch_t *batch);
void llmb_sched_seal(llmb_zone_t *z, llmb_group_t *g, uint32_t worker,
    const llmb_batch_t *batch, uint64_t now);

/* the same of a member that is in the queue, by itself */
void llmb_sched_single(llmb_zone_t *z, llmb_group_t *g, uint32_t member,
    llmb_close_e close, uint64_t now);

/* the same of one whose worker is lost: it has no slot before that is back */
void llmb_sched_shelve(llmb_zone_t *z, uint32_t member, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_BATCH_H_INCLUDED_ */
