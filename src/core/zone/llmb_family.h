
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Families: all groups of one name, whose keys differ.  A group that nobody
 * has named has none.
 */


#ifndef _LLMB_FAMILY_H_INCLUDED_
#define _LLMB_FAMILY_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


/* forgets all of them; part of making the tables */
void llmb_families_clear(llmb_zone_t *z);

/*
 * A group that has just been made gets its name, of which the first
 * LLMB_GROUP_NAME bytes are kept; those with the same hash are of one family.
 * It takes the same time for any number of them.
 */
void llmb_family_attach(llmb_zone_t *z, uint32_t group, llmb_str_t name,
    uint64_t hash);

/* a group is freed */
void llmb_family_detach(llmb_zone_t *z, uint32_t group);

/* that of a group, or NULL */
llmb_family_t *llmb_family_of(llmb_zone_t *z, const llmb_group_t *g);


#pragma GCC visibility pop


#endif /* _LLMB_FAMILY_H_INCLUDED_ */
