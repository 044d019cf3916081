
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_patience.h"


/* arrivals that "near" is the mean of */

#define LLMB_PATIENCE_MEAN   32

/*
 * One that comes after so many times what a call takes is alone, and counts
 * for so many: or else the last of a crowd would be held for long for nothing.
 */
#define LLMB_PATIENCE_QUIET  4
#define LLMB_PATIENCE_ALONE  4

/* the share of requests with company that pays for any patience */

#define LLMB_PATIENCE_PAYS   0.1

/* the oldest, among which it is looked for the next one with its patience */

#define LLMB_PATIENCE_LOOK   16


static double llmb_patience_hold(llmb_zone_t *z, const llmb_group_t *g,
    double *each);
static unsigned llmb_patience_is_had(llmb_zone_t *z, const llmb_group_t *g);
static double llmb_patience_pays(const llmb_policy_t *policy);


void
llmb_patience_sees(llmb_zone_t *z, llmb_group_t *g, uint64_t now)
{
    double    gap, hold, each, weight;
    unsigned  near;

    hold = llmb_patience_hold(z, g, &each);

    if (hold == 0) {
        return;
    }

    gap = llmb_arrivals_gap(&g->arrivals, now * 1000);
    near = gap <= hold;

    weight = gap * g->policy.patience > hold * 100 * LLMB_PATIENCE_QUIET
             ? LLMB_PATIENCE_ALONE : 1;

    g->near += (float) ((near - (double) g->near) * weight
                        / LLMB_PATIENCE_MEAN);
}


/*
 * That of one alone, in us, and what an item more takes; 0: nothing is known,
 * or there is none
 */

static double
llmb_patience_hold(llmb_zone_t *z, const llmb_group_t *g, double *each)
{
    double  fixed;

    if (g->policy.patience == 0
        || !llmb_learn_guess(llmb_learn_of(z, g), &fixed, each))
    {
        return 0;
    }

    return (fixed + *each) * g->policy.patience / 100;
}


llmb_patience_e
llmb_patience_of(const llmb_policy_t *policy, const llmb_member_t *m)
{
    if (m->part || m->tolerance == 0) {
        return LLMB_PATIENCE_NONE;
    }

    if (policy->spend && m->due != UINT64_MAX) {
        return LLMB_PATIENCE_BUDGET;
    }

    return m->tolerance < 100 ? LLMB_PATIENCE_HALF : LLMB_PATIENCE_WHOLE;
}


void
llmb_patience_add(llmb_group_t *g, const llmb_member_t *m)
{
    llmb_patient_t  *p;

    p = &g->patient[m->patience];

    if (p->n++ == 0 || m->since < p->since) {
        p->since = m->since;
    }
}


/* if the next one is not found, the group is sent too early, but not late */

void
llmb_patience_remove(llmb_zone_t *z, llmb_group_t *g, const llmb_member_t *m)
{
    uint32_t         i, n;
    llmb_member_t   *next;
    llmb_patient_t  *p;

    p = &g->patient[m->patience];

    if (--p->n == 0 || m->since != p->since) {
        return;
    }

    n = LLMB_PATIENCE_LOOK;

    for (i = g->ages.head; i != LLMB_NIL && n; i = llmb_age_links(z)[i].next) {
        next = llmb_member(z, i);
        n--;

        if (next->patience == m->patience) {
            p->since = next->since;
            return;
        }
    }
}


uint64_t
llmb_patience_gate(llmb_zone_t *z, const llmb_group_t *g)
{
    double                 hold, each, own;
    uint64_t               gate, end;
    unsigned               i;
    const llmb_patient_t  *p;

    static const double  shares[] = { 0, 0.5, 1 };

    if (g->queue.n == 0 || !llmb_patience_is_had(z, g)) {
        return 0;
    }

    if (g->patient[LLMB_PATIENCE_BUDGET].n == g->queue.n) {
        return UINT64_MAX;
    }

    hold = llmb_patience_hold(z, g, &each);

    if (hold == 0 || (double) g->near < llmb_patience_pays(&g->policy)) {
        return 0;
    }

    gate = UINT64_MAX;

    for (i = 0; i < LLMB_PATIENCE_BUDGET; i++) {
        p = &g->patient[i];

        if (p->n == 0) {
            continue;
        }

        end = p->since;
        own = hold * shares[i] - each * (g->items - 1);

        if (own > 0) {
            end += (uint64_t) (own + 500) / 1000;
        }

        gate = llmb_min(gate, end);
    }

    return gate;
}


/* whether others are waited for at all */

static unsigned
llmb_patience_is_had(llmb_zone_t *z, const llmb_group_t *g)
{
    return g->policy.window != LLMB_WINDOW_FIXED
           && !llmb_learn_apart(llmb_learn_of(z, g));
}


double
llmb_patience_now(llmb_zone_t *z, const llmb_group_t *g)
{
    double  each;

    if (!llmb_patience_is_had(z, g)
        || (double) g->near < llmb_patience_pays(&g->policy))
    {
        return 0;
    }

    return llmb_patience_hold(z, g, &each);
}


/* the least share of requests with company */

static double
llmb_patience_pays(const llmb_policy_t *policy)
{
    return llmb_min(policy->patience / 100.0, LLMB_PATIENCE_PAYS);
}
