
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How often something comes, from the times between arrivals.  Times are in
 * microseconds of one monotonic clock.
 */


#ifndef _LLMB_ARRIVALS_H_INCLUDED_
#define _LLMB_ARRIVALS_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* zeroed: nothing came yet */

typedef struct {
    uint64_t         last;
    float            gap;         /* mean time between two */
    uint32_t         n;
} llmb_arrivals_t;


/* a request came */
void llmb_arrivals_add(llmb_arrivals_t *a, uint64_t now);

/* the time since the last one; 0 if another worker's clock is ahead */
double llmb_arrivals_gap(const llmb_arrivals_t *a, uint64_t now);

/* requests per second; 0 if too few came to tell */
double llmb_arrivals_rate(const llmb_arrivals_t *a, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_ARRIVALS_H_INCLUDED_ */
