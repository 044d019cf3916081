
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * While an upstream wants no calls.
 */


#ifndef _LLMB_SCHED_PAUSE_H_INCLUDED_
#define _LLMB_SCHED_PAUSE_H_INCLUDED_


#include "llmb_sched_parts.h"


#pragma GCC visibility push(hidden)


/* whether a member that joins is refused, which it is then */
unsigned llmb_sched_is_shut_out(llmb_zone_t *z, uint32_t member, uint64_t now);

/*
 * In a pause: a member to be sent as a probe, the lender if it can be, with
 * others that cannot wait; or LLMB_NIL, and all of those have been refused.
 */
uint32_t llmb_sched_probe(llmb_zone_t *z, llmb_group_t *g, uint32_t lender,
    uint64_t now);


/*
 * The upstream of a group wants no calls before "until".  Returns whether a
 * pause has begun that was none before.
 *
 * In a pause, whoever cannot wait for its end is refused, whether it is in the
 * queue or joins.  But once a second, if there are any, those who cannot wait
 * are sent as a "probe".  What the upstream says to that is how long the pause
 * is from now on; if it takes it, the caller ends the pause by resume().  So is
 * the first call after a pause, the "trial": until the answer, or for a second,
 * there is none but at deadlines; it says nothing of a pause that has begun
 * meanwhile.
 */
unsigned llmb_sched_halt(llmb_zone_t *z, uint32_t group, unsigned probe,
    uint64_t until, uint64_t now);
void llmb_sched_resume(llmb_zone_t *z, uint32_t group, unsigned probe,
    uint64_t now);

/* tells a member for how long it would have had to wait */
void llmb_sched_set_refused(const llmb_group_t *g, llmb_member_t *m,
    uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_PAUSE_H_INCLUDED_ */
