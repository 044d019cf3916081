
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What calls cost that are of one kind, as those of one model, and go to one
 * upstream.
 */


#ifndef _LLMB_COST_H_INCLUDED_
#define _LLMB_COST_H_INCLUDED_


#include "llmb_named.h"


#pragma GCC visibility push(hidden)


/* of a group that is new; that shares its upstream; and that goes */
void llmb_cost_attach(llmb_zone_t *z, uint32_t group);
void llmb_cost_join(llmb_zone_t *z, uint32_t group);
void llmb_cost_detach(llmb_zone_t *z, uint32_t group);

/*
 * What another call at the upstream takes, by that of one of the group, in the
 * mean; at most 100 times as much, or as little; 1 if all are of one kind.
 */
double llmb_cost_others(llmb_zone_t *z, const llmb_group_t *g);

/* a call of the group, of so many items, was learned from */
void llmb_cost_count(llmb_zone_t *z, const llmb_group_t *g, uint32_t items);


#pragma GCC visibility pop


#endif /* _LLMB_COST_H_INCLUDED_ */
