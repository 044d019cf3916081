
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Of those that were here when a member came it is kept whether there were
 * any; who came later is known by counters that only go up.
 */


#include "llmb_company.h"
#include "llmb_family.h"


#define LLMB_MET_KEY   1
#define LLMB_MET_NAME  2


void
llmb_company_enter(llmb_zone_t *z, uint32_t member, uint64_t now)
{
    llmb_group_t   *g;
    llmb_family_t  *f;
    llmb_member_t  *m;

    m = llmb_member(z, member);
    g = llmb_group(z, m->group);
    f = llmb_family_of(z, g);

    m->here = 1;
    m->met = g->here ? LLMB_MET_KEY : 0;

    g->here++;
    g->came++;
    g->items_here += m->items;
    g->items_came += m->items;

    m->came = g->came;
    m->items_met = g->items_here;
    m->items_came = g->items_came;

    if (f == NULL) {
        return;
    }

    f->here++;
    f->came++;
    llmb_family_count(f, now);

    m->family_came = f->came;

    if (f->here != g->here) {
        m->met |= LLMB_MET_NAME;
    }
}


void
llmb_company_leave(llmb_zone_t *z, uint32_t member)
{
    llmb_group_t   *g;
    llmb_family_t  *f;
    llmb_member_t  *m;

    m = llmb_member(z, member);

    if (!m->here) {
        return;
    }

    g = llmb_group(z, m->group);
    f = llmb_family_of(z, g);

    m->here = 0;
    g->here--;
    g->items_here -= m->items;

    if (f) {
        f->here--;
    }
}


llmb_reason_e
llmb_company_why(llmb_zone_t *z, const llmb_member_t *m)
{
    uint32_t              n;
    const llmb_group_t   *g;
    const llmb_family_t  *f;

    g = llmb_group(z, m->group);
    f = llmb_family_of(z, g);

    n = g->came - m->came;

    if (n || (m->met & LLMB_MET_KEY)) {
        return LLMB_REASON_SLOT;
    }

    if ((m->met & LLMB_MET_NAME) || (f && f->came != m->family_came)) {
        return LLMB_REASON_KEY;
    }

    return LLMB_REASON_COMPANY;
}


uint32_t
llmb_company_items(llmb_zone_t *z, const llmb_member_t *m)
{
    return m->items_met + (llmb_group(z, m->group)->items_came
                           - m->items_came);
}
