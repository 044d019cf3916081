
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_cost.h"


/* calls that the mean of an upstream's is of */

#define LLMB_COST_MEAN    8

/* by how much kinds of calls are said to differ, at most */

#define LLMB_COST_DIFFER  100.0


void
llmb_cost_attach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    g->cost = llmb_named_alloc(z, LLMB_NAMED_COST);

    llmb_learn_init(llmb_learn_of(z, g));

    llmb_upstream_of(z, g)->kinds++;
}


/* if it is the first of its kind there, what it knows is what is known */

void
llmb_cost_join(llmb_zone_t *z, uint32_t group)
{
    uint32_t       i;
    uint64_t       name;
    llmb_group_t  *g;

    g = llmb_group(z, group);

    name = llmb_named_at(llmb_upstream_of(z, g), g->kind);
    i = llmb_named_find(z, LLMB_NAMED_COST, name);

    if (i == LLMB_NIL) {
        llmb_named_name(z, LLMB_NAMED_COST, g->cost, name);
        return;
    }

    llmb_cost_detach(z, group);

    g->cost = i;

    llmb_cost(z, i)->named.groups++;
}


void
llmb_cost_detach(llmb_zone_t *z, uint32_t group)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    if (llmb_named_release(z, LLMB_NAMED_COST, g->cost)) {
        llmb_upstream_of(z, g)->kinds--;
    }
}


double
llmb_cost_others(llmb_zone_t *z, const llmb_group_t *g)
{
    double            others, own;
    llmb_learn_t     *l;
    llmb_upstream_t  *u;

    l = llmb_learn_of(z, g);
    u = llmb_upstream_of(z, g);
    own = (double) llmb_learn_service(l, (uint32_t) (l->size + 0.5f));

    if (u->kinds == 1 || u->service == 0 || own == 0) {
        return 1;
    }

    others = llmb_max((double) u->service / own, 1 / LLMB_COST_DIFFER);

    return llmb_min(others, LLMB_COST_DIFFER);
}


void
llmb_cost_count(llmb_zone_t *z, const llmb_group_t *g, uint32_t items)
{
    float             own;
    llmb_upstream_t  *u;

    u = llmb_upstream_of(z, g);
    own = (float) llmb_learn_service(llmb_learn_of(z, g), items);

    if (u->service == 0) {
        u->service = own;
    }

    u->service += (own - u->service) / LLMB_COST_MEAN;
}
