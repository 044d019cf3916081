
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Records that groups have in common, by name: upstreams, and what calls cost
 * and tenants there.  There are as many of each as there are groups, and each
 * group refers to one, so there always is one left, and however many come,
 * those who are served are not forgotten.
 */


#ifndef _LLMB_NAMED_H_INCLUDED_
#define _LLMB_NAMED_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


/* what a record has of this */
llmb_named_t *llmb_named(llmb_zone_t *z, llmb_named_e what, uint32_t i);

/* all are free */
void llmb_named_clear(llmb_zone_t *z);

/* one without a name, of one group, the rest of it zeroed */
uint32_t llmb_named_alloc(llmb_zone_t *z, llmb_named_e what);

/* one group less: tells whether it was the last one, and it is free */
unsigned llmb_named_release(llmb_zone_t *z, llmb_named_e what, uint32_t i);

/* the one of this name, or LLMB_NIL; gives it to one that has none */
uint32_t llmb_named_find(llmb_zone_t *z, llmb_named_e what, uint64_t name);
void llmb_named_name(llmb_zone_t *z, llmb_named_e what, uint32_t i,
    uint64_t name);

/* the name of what has such a name of its own, at an upstream with a name */
uint64_t llmb_named_at(const llmb_upstream_t *u, uint64_t name);


#pragma GCC visibility pop


#endif /* _LLMB_NAMED_H_INCLUDED_ */
