
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_tenant.h"


void
llmb_tenant_attach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    g->payer = llmb_named_alloc(z, LLMB_NAMED_TENANT);

    llmb_tenant_of(z, g)->inflight = g->inflight;
    llmb_tenant_of(z, g)->line.root = LLMB_NIL;
}


void
llmb_tenant_join(llmb_zone_t *z, uint32_t group)
{
    uint32_t       i;
    uint64_t       name;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    name = llmb_named_at(llmb_upstream_of(z, g), g->tenant);
    i = llmb_named_find(z, LLMB_NAMED_TENANT, name);

    if (i == LLMB_NIL) {
        llmb_named_name(z, LLMB_NAMED_TENANT, g->payer, name);
        return;
    }

    llmb_tenant_detach(z, group);

    g->payer = i;

    llmb_tenant_of(z, g)->named.groups++;
    llmb_tenant_of(z, g)->inflight += g->inflight;
}


void
llmb_tenant_detach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    llmb_tenant_of(z, g)->inflight -= g->inflight;

    (void) llmb_named_release(z, LLMB_NAMED_TENANT, g->payer);
}
