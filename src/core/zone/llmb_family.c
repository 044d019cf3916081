
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * There are as many records as there are groups, and each group refers to one
 * at most, so there always is one left.
 */


#include <string.h>

#include "llmb_family.h"
#include "llmb_zone_parts.h"


static uint32_t *llmb_family_bucket(llmb_zone_t *z, uint64_t hash);


void
llmb_families_clear(llmb_zone_t *z)
{
    uint32_t  i;

    z->free_family = LLMB_NIL;

    for (i = z->ngroups; i--; /* void */ ) {
        llmb_family(z, i)->groups = 0;
        llmb_family(z, i)->chain = z->free_family;
        z->free_family = i;
    }

    for (i = 0; i < z->nbuckets; i++) {
        *llmb_family_bucket(z, i) = LLMB_NIL;
    }
}


void
llmb_family_attach(llmb_zone_t *z, uint32_t group, llmb_str_t name,
    uint64_t hash)
{
    uint32_t        i;
    llmb_family_t  *f;

    for (i = *llmb_family_bucket(z, hash); i != LLMB_NIL; i = f->chain) {
        f = llmb_family(z, i);

        if (f->hash == hash) {
            f->groups++;
            llmb_group(z, group)->family = i;
            return;
        }
    }

    i = z->free_family;
    f = llmb_family(z, i);

    z->free_family = f->chain;

    memset(f, 0, sizeof(llmb_family_t));

    f->hash = hash;
    f->groups = 1;
    f->name_len = (uint32_t) llmb_min(name.len, LLMB_GROUP_NAME);
    memcpy(f->name, name.data, f->name_len);

    f->chain = *llmb_family_bucket(z, hash);
    *llmb_family_bucket(z, hash) = i;

    llmb_group(z, group)->family = i;
}


void
llmb_family_detach(llmb_zone_t *z, uint32_t group)
{
    uint32_t       *p, i;
    llmb_family_t  *f;

    i = llmb_group(z, group)->family;

    if (i == LLMB_NIL) {
        return;
    }

    llmb_group(z, group)->family = LLMB_NIL;

    f = llmb_family(z, i);

    if (--f->groups) {
        return;
    }

    for (p = llmb_family_bucket(z, f->hash);
         *p != i;
         p = &llmb_family(z, *p)->chain)
    {
        /* void */
    }

    *p = f->chain;

    f->chain = z->free_family;
    z->free_family = i;
}


llmb_family_t *
llmb_family_of(llmb_zone_t *z, const llmb_group_t *g)
{
    return g->family == LLMB_NIL ? NULL : llmb_family(z, g->family);
}


static uint32_t *
llmb_family_bucket(llmb_zone_t *z, uint64_t hash)
{
    return llmb_at(z, uint32_t, families_by_hash_at,
                   hash & (z->nbuckets - 1));
}
