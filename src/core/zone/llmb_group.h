
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups by key.
 */


#ifndef _LLMB_GROUP_H_INCLUDED_
#define _LLMB_GROUP_H_INCLUDED_


#include "llmb_zone.h"
#include "llmb_zone_parts.h"


#pragma GCC visibility push(hidden)


/* bytes of a key that are copied in one step under the lock */

#define LLMB_GROUP_STEP  4096


/*
 * Finds the group of this key, or makes one out of the least recently used
 * idle one; LLMB_NIL if there is none, or the key is empty or longer than
 * LLMB_KEY_MAX; *fresh tells that it is new and has to be filled in.  The hash
 * is a llmb_siphash() of the key: keys are compared only where all of it is
 * equal, and then in full.
 */
uint32_t llmb_group_get(llmb_zone_t *z, llmb_str_t key, uint64_t hash,
    unsigned *fresh);

/*
 * Copies what there is of the key of a group from "from" on, at most
 * LLMB_GROUP_STEP bytes; returns how many.  0: no more, or the group is not
 * that of this hash any more.
 */
size_t llmb_group_read_key(llmb_zone_t *z, uint32_t i, uint64_t hash,
    size_t from, uint8_t *out);

/* a record refers to the group, or does so no more */
void llmb_group_pin(llmb_zone_t *z, uint32_t i);
void llmb_group_release(llmb_zone_t *z, uint32_t i);

/* frees the idle group that was used least recently; LLMB_NIL: there is none */
uint32_t llmb_group_evict(llmb_zone_t *z);

/*
 * Makes a chain n chunks long, by at most LLMB_CHUNKS_STEP of them at a time,
 * since whoever wants them chooses how many: LLMB_AGAIN, if there are more to
 * come; the lock is to be released before the next step.  LLMB_NOMEM: there are
 * not enough, and what the chain had is given back.
 */
llmb_rc_e llmb_chain_grow(llmb_zone_t *z, llmb_chain_t *chain, uint32_t n);


#pragma GCC visibility pop


#endif /* _LLMB_GROUP_H_INCLUDED_ */
