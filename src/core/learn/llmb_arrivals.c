
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_arrivals.h"


/* arrivals that the rate is the mean of, and before which there is none */

#define LLMB_ARRIVALS_MEAN  10
#define LLMB_ARRIVALS_FEW   4

/* a gap counts as at most so many, so that a pause is soon forgotten */

#define LLMB_ARRIVALS_GAP   8


void
llmb_arrivals_add(llmb_arrivals_t *a, uint64_t now)
{
    double  gap;

    gap = llmb_arrivals_gap(a, now);

    if (a->n) {
        if (a->n > LLMB_ARRIVALS_FEW) {
            gap = llmb_min(gap, a->gap * LLMB_ARRIVALS_GAP + 1000);
        }

        a->gap += (float) ((gap - a->gap) / llmb_min(a->n,
                                                     LLMB_ARRIVALS_MEAN));
    }

    if (a->n <= LLMB_ARRIVALS_MEAN) {
        a->n++;
    }

    a->last = llmb_max(now, a->last);
}


/* clocks of workers may differ a little */

double
llmb_arrivals_gap(const llmb_arrivals_t *a, uint64_t now)
{
    return now > a->last ? (double) (now - a->last) : 0;
}


double
llmb_arrivals_rate(const llmb_arrivals_t *a, uint64_t now)
{
    double  gap, quiet;

    if (a->n <= LLMB_ARRIVALS_FEW) {
        return 0;
    }

    gap = a->gap;
    quiet = llmb_arrivals_gap(a, now);

    /* as if one came now, if that makes it less */

    if (quiet > gap) {
        gap += (quiet - gap) / LLMB_ARRIVALS_MEAN;
    }

    return 1e6 / llmb_max(gap, 1.0);
}
