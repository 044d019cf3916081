
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

/* keys of one name that are many if they were all made in a minute */

#define LLMB_FAMILY_MANY     64

/* so many in a minute are compared with the one before */

#define LLMB_FAMILY_COMPARE  256

/* names that are told of in an hour, as clients can make them up */

#define LLMB_FAMILY_TELL     16


/*
 * A group that has just been made gets its name, of which the first
 * LLMB_GROUP_NAME bytes are kept; those with the same hash are of one family.
 * Returns the one that was made before it, if it is still there and is to be
 * compared with it, or LLMB_NIL.  Takes the same time for any number of them.
 */
uint32_t llmb_family_attach(llmb_zone_t *z, uint32_t group, llmb_str_t name,
    uint64_t hash, uint64_t generation, uint64_t now);

/* two of its keys differ in these: those found most often are kept */
void llmb_family_note(llmb_family_t *f, const llmb_difference_t *differs,
    unsigned n);

/*
 * Whether somebody is to be told, now, that the name has many keys: once for a
 * family, and not for too many of them.
 */
unsigned llmb_family_tell(llmb_zone_t *z, llmb_family_t *f, uint64_t now);

/* a member has come */
void llmb_family_count(llmb_family_t *f, uint64_t now);

/* members in the last minute, more or less */
uint32_t llmb_family_recent(const llmb_family_t *f, uint64_t now);

/* a group is freed */
void llmb_family_detach(llmb_zone_t *z, uint32_t group);

/* that of a group, or NULL */
llmb_family_t *llmb_family_of(llmb_zone_t *z, const llmb_group_t *g);


#pragma GCC visibility pop


#endif /* _LLMB_FAMILY_H_INCLUDED_ */
