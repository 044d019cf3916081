
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_fair.h"


/* what a token costs, by priority: from four times the default to 3/8 of it */

static const uint8_t  llmb_fair_prices[] = {
    32, 24, 16, 12, 10, 8, 6, 5, 4, 3
};

/* larger members do not exist; no sum can overflow */

#define LLMB_FAIR_TOKENS  ((uint64_t) 1 << 32)

/* the golden ratio, as in Knuth's multiplicative hash */

#define LLMB_FAIR_MIX     2654435769U


static uint64_t llmb_fair_flow(uint64_t flow, unsigned priority);
static unsigned llmb_fair_find(llmb_fair_t *f, uint64_t flow, uint64_t price);


uint64_t
llmb_fair_price(unsigned priority, uint64_t tokens)
{
    priority = llmb_min(priority, sizeof(llmb_fair_prices) - 1);
    tokens = llmb_max(llmb_min(tokens, LLMB_FAIR_TOKENS), 1);

    return tokens * llmb_fair_prices[priority];
}


uint64_t
llmb_fair_rank(llmb_fair_t *f, uint64_t flow, unsigned priority,
    uint64_t tokens)
{
    unsigned  i;
    uint64_t  rank, price;

    price = llmb_fair_price(priority, tokens);

    i = llmb_fair_find(f, llmb_fair_flow(flow, priority), price);
    rank = llmb_max(f->time, f->finish[i]);

    f->finish[i] = rank + price;

    return rank;
}


static uint64_t
llmb_fair_flow(uint64_t flow, unsigned priority)
{
    priority = llmb_min(priority, sizeof(llmb_fair_prices) - 1);

    return flow ^ (priority * LLMB_FAIR_MIX);
}


/*
 * A flow that is not known has been idle, or takes the place of the one that
 * has got least, which gains by it as well.  There may be no end of such
 * flows, so time goes on by what each of them would have to wait for the
 * others; or else those with a rank would be behind all of them.
 */

static unsigned
llmb_fair_find(llmb_fair_t *f, uint64_t flow, uint64_t price)
{
    unsigned  i, least;

    least = 0;

    for (i = 0; i < LLMB_FAIR_FLOWS; i++) {

        if (f->flows[i] == flow && f->finish[i]) {
            return i;
        }

        if (f->finish[i] < f->finish[least]) {
            least = i;
        }
    }

    if (f->finish[least] > f->time) {
        f->time += price / LLMB_FAIR_FLOWS + 1;
    }

    f->flows[least] = flow;
    f->finish[least] = 0;

    return least;
}


void
llmb_fair_serve(llmb_fair_t *f, uint64_t rank, unsigned last)
{
    unsigned  i;

    f->time = llmb_max(f->time, rank);

    if (!last) {
        return;
    }

    /* what was used while others wanted nothing is not held against anybody */

    for (i = 0; i < LLMB_FAIR_FLOWS; i++) {
        f->time = llmb_max(f->time, f->finish[i]);
    }
}
