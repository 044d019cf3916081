
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Tenants, as far as they share an upstream.  There are as many records as
 * there are groups, and each group refers to one, so there always is one left,
 * and however many tenants come, those who are served are not forgotten.
 */


#include <string.h>

#include "llmb_zone_parts.h"
#include "llmb_tenant.h"


static uint32_t llmb_tenant_alloc(llmb_zone_t *z);
static void llmb_tenant_free(llmb_zone_t *z, uint32_t i);
static uint32_t llmb_tenant_find(llmb_zone_t *z, uint64_t name,
    uint32_t upstream);
static uint32_t *llmb_payer_bucket(llmb_zone_t *z, uint64_t name,
    uint32_t upstream);


void
llmb_tenants_clear(llmb_zone_t *z)
{
    uint32_t  i;

    z->free_tenant = LLMB_NIL;

    for (i = z->ngroups; i--; /* void */ ) {
        llmb_turns(z)[i].height = 0;
        llmb_tenant_turns(z)[i].height = 0;
        llmb_tenant_free(z, i);
    }

    for (i = 0; i < z->nbuckets; i++) {
        *llmb_at(z, uint32_t, payers_at, i) = LLMB_NIL;
    }
}


static uint32_t
llmb_tenant_alloc(llmb_zone_t *z)
{
    uint32_t        i;
    llmb_tenant_t  *t;

    i = z->free_tenant;
    t = llmb_tenant(z, i);

    z->free_tenant = t->chain;

    memset(t, 0, sizeof(llmb_tenant_t));

    t->upstream = LLMB_NIL;
    t->line.root = LLMB_NIL;

    return i;
}


static void
llmb_tenant_free(llmb_zone_t *z, uint32_t i)
{
    llmb_tenant_t  *t;

    t = llmb_tenant(z, i);

    t->groups = 0;
    t->chain = z->free_tenant;

    z->free_tenant = i;
}


void
llmb_tenant_attach(llmb_zone_t *z, uint32_t group)
{
    uint32_t       i;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    /* one whose name is not known is nobody else's */

    i = llmb_upstream_of(z, g)->name
        ? llmb_tenant_find(z, g->tenant, g->upstream) : LLMB_NIL;

    if (i != LLMB_NIL) {
        g->payer = i;
        llmb_tenant(z, i)->groups++;
        llmb_tenant(z, i)->inflight += g->inflight;
        return;
    }

    g->payer = llmb_tenant_alloc(z);
    llmb_tenant_of(z, g)->groups = 1;
    llmb_tenant_of(z, g)->inflight = g->inflight;

    if (llmb_upstream_of(z, g)->name) {
        llmb_tenant_name(z, group);
    }
}


void
llmb_tenant_name(llmb_zone_t *z, uint32_t group)
{
    uint32_t       *bucket;
    llmb_group_t   *g;
    llmb_tenant_t  *t;

    g = llmb_group(z, group);
    t = llmb_tenant_of(z, g);

    t->name = g->tenant;
    t->upstream = g->upstream;

    bucket = llmb_payer_bucket(z, t->name, t->upstream);

    t->chain = *bucket;
    *bucket = g->payer;
}


void
llmb_tenant_detach(llmb_zone_t *z, uint32_t group)
{
    uint32_t       *p;
    llmb_group_t   *g;
    llmb_tenant_t  *t;

    g = llmb_group(z, group);
    t = llmb_tenant_of(z, g);

    t->inflight -= g->inflight;

    if (--t->groups) {
        return;
    }

    if (t->upstream != LLMB_NIL) {
        for (p = llmb_payer_bucket(z, t->name, t->upstream);
             *p != g->payer;
             p = &llmb_tenant(z, *p)->chain)
        {
            /* void */
        }

        *p = t->chain;
    }

    llmb_tenant_free(z, g->payer);
}


static uint32_t
llmb_tenant_find(llmb_zone_t *z, uint64_t name, uint32_t upstream)
{
    uint32_t        i;
    llmb_tenant_t  *t;

    for (i = *llmb_payer_bucket(z, name, upstream);
         i != LLMB_NIL;
         i = t->chain)
    {
        t = llmb_tenant(z, i);

        if (t->name == name && t->upstream == upstream) {
            return i;
        }
    }

    return LLMB_NIL;
}


/* that of one tenant at many upstreams is not always the same */

static uint32_t *
llmb_payer_bucket(llmb_zone_t *z, uint64_t name, uint32_t upstream)
{
    return llmb_at(z, uint32_t, payers_at,
                   (name + upstream) & (z->nbuckets - 1));
}
