
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_named.h"


/* as in Knuth's multiplicative hash; it is odd, so nothing is lost */

#define LLMB_NAMED_MIX  0x9e3779b97f4a7c15ULL


static size_t llmb_named_size(llmb_named_e what);

#define llmb_named_bucket(z, what, name)                                      \
    llmb_at(z, uint32_t, names_at[what], (name) & ((z)->nbuckets - 1))


void
llmb_named_clear(llmb_zone_t *z)
{
    uint32_t       i;
    unsigned       what;
    llmb_named_t  *named;

    for (what = 0; what < LLMB_NAMED_N; what++) {
        z->free_named[what] = LLMB_NIL;

        for (i = z->ngroups; i--; /* void */ ) {
            named = llmb_named(z, (llmb_named_e) what, i);

            named->name = 0;
            named->groups = 0;
            named->chain = z->free_named[what];

            z->free_named[what] = i;
        }

        for (i = 0; i < z->nbuckets; i++) {
            *llmb_named_bucket(z, what, i) = LLMB_NIL;
        }
    }
}


llmb_named_t *
llmb_named(llmb_zone_t *z, llmb_named_e what, uint32_t i)
{
    switch (what) {

    case LLMB_NAMED_UPSTREAM:
        return &llmb_upstream(z, i)->named;

    case LLMB_NAMED_COST:
        return &llmb_cost(z, i)->named;

    default: /* LLMB_NAMED_TENANT */
        return &llmb_tenant(z, i)->named;
    }
}


static size_t
llmb_named_size(llmb_named_e what)
{
    switch (what) {

    case LLMB_NAMED_UPSTREAM:
        return sizeof(llmb_upstream_t);

    case LLMB_NAMED_COST:
        return sizeof(llmb_cost_t);

    default: /* LLMB_NAMED_TENANT */
        return sizeof(llmb_tenant_t);
    }
}


uint32_t
llmb_named_alloc(llmb_zone_t *z, llmb_named_e what)
{
    uint32_t       i;
    llmb_named_t  *named;

    i = z->free_named[what];
    named = llmb_named(z, what, i);

    z->free_named[what] = named->chain;

    memset(named, 0, llmb_named_size(what));

    named->groups = 1;

    return i;
}


unsigned
llmb_named_release(llmb_zone_t *z, llmb_named_e what, uint32_t i)
{
    uint32_t      *p;
    llmb_named_t  *named;

    named = llmb_named(z, what, i);

    if (--named->groups) {
        return 0;
    }

    if (named->name) {
        for (p = llmb_named_bucket(z, what, named->name);
             *p != i;
             p = &llmb_named(z, what, *p)->chain)
        {
            /* void */
        }

        *p = named->chain;
    }

    named->name = 0;
    named->chain = z->free_named[what];

    z->free_named[what] = i;

    return 1;
}


uint32_t
llmb_named_find(llmb_zone_t *z, llmb_named_e what, uint64_t name)
{
    uint32_t       i;
    llmb_named_t  *named;

    for (i = *llmb_named_bucket(z, what, name); i != LLMB_NIL; i = named->chain)
    {
        named = llmb_named(z, what, i);

        if (named->name == name) {
            return i;
        }
    }

    return LLMB_NIL;
}


void
llmb_named_name(llmb_zone_t *z, llmb_named_e what, uint32_t i, uint64_t name)
{
    uint32_t      *bucket;
    llmb_named_t  *named;

    named = llmb_named(z, what, i);
    bucket = llmb_named_bucket(z, what, name);

    named->name = name;
    named->chain = *bucket;

    *bucket = i;
}


/* both are hashes with a secret, so nobody can make two of these equal */

uint64_t
llmb_named_at(const llmb_upstream_t *u, uint64_t name)
{
    name = (name ^ (u->named.name * LLMB_NAMED_MIX));

    return name ? name : 1;
}
