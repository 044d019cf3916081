
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Upstreams, as far as groups share them.
 */


#ifndef _LLMB_UPSTREAM_H_INCLUDED_
#define _LLMB_UPSTREAM_H_INCLUDED_


#include "llmb_zone.h"
#include "llmb_zone_parts.h"


#pragma GCC visibility push(hidden)


/* a new group has its policy, which bounds its slots */
void llmb_upstream_init(llmb_zone_t *z, uint32_t group);

/*
 * A group of an upstream without a name, that waits for no turn, shares the one
 * of this name from "now" on, in us; or it is the first one of it.
 */
void llmb_upstream_join(llmb_zone_t *z, uint32_t group, uint64_t name,
    uint64_t now);

/*
 * A call of the group, or a request that went alone, is over; the time is in
 * microseconds.  429 is a word to whoever asks, and 500 may be about what one
 * asks for: they narrow the concurrency of this group, by half and back by one
 * after as many calls as there are slots (Chiu and Jain: Analysis of the
 * Increase and Decrease Algorithms, 1989), but not that of others.  So does an
 * overload, until another one agrees: see llmb_upstream.c.
 */
void llmb_upstream_sample(llmb_zone_t *z, uint32_t group,
    const llmb_sample_t *sample, uint64_t now);

/* a group that is new, and one that goes; one cannot fail for the other */
void llmb_upstream_attach(llmb_zone_t *z, uint32_t group);
void llmb_upstream_detach(llmb_zone_t *z, uint32_t group);


#pragma GCC visibility pop


#endif /* _LLMB_UPSTREAM_H_INCLUDED_ */
