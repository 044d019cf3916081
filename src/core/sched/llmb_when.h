
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * When a group is sent, and why.  All reasons are in one list, which tells both
 * whether it is now, and when somebody has to look again.  Nothing is changed
 * by asking.  Times are in ms.
 */


#ifndef _LLMB_WHEN_H_INCLUDED_
#define _LLMB_WHEN_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


typedef struct {
    uint64_t      at;             /* it is sent if that is over */
    llmb_close_e  why;
    uint32_t      who;            /* has to go along; or LLMB_NIL: anybody */
} llmb_when_t;


/* if nothing happens but that time goes by; UINT64_MAX: not then */
llmb_when_t llmb_when_load(const llmb_policy_t *policy,
    const llmb_load_t *load, uint64_t now);

/*
 * The next moment after "now" from which one of the reasons may hold, whatever
 * comes or leaves meanwhile, or a deadline that is over.
 */
uint64_t llmb_when_next(const llmb_policy_t *policy, const llmb_load_t *load,
    uint64_t now);

/* of a group; and if the upstream had a slot for it */
llmb_when_t llmb_when(llmb_zone_t *z, const llmb_group_t *g, uint64_t now);
llmb_when_t llmb_when_free(llmb_zone_t *z, const llmb_group_t *g,
    uint64_t now);

/* whether it is now by the clock of any worker, but for a slot it waits for */
unsigned llmb_when_near(llmb_zone_t *z, const llmb_group_t *g, uint64_t now);

/* whether it may be, earlier than by the deadlines of those who wait */
unsigned llmb_when_early(llmb_zone_t *z, const llmb_group_t *g, uint64_t now);

/* when the timer of a member has to fire */
uint64_t llmb_when_timer(llmb_zone_t *z, const llmb_member_t *m, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_WHEN_H_INCLUDED_ */
