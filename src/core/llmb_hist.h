
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Histograms with fixed buckets.  The counters belong to the caller, who
 * increments them as its memory demands; here is only which.
 */


#ifndef _LLMB_HIST_H_INCLUDED_
#define _LLMB_HIST_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* the most bounds that one histogram has */

#define LLMB_HIST_MAX  18


/* bucket i holds the values v with bounds[i - 1] < v <= bounds[i] */

typedef struct {
    const uint32_t  *bounds;      /* n of them, ascending */
    unsigned         n;
} llmb_hist_bounds_t;


/* what is counted; counts[bounds->n] is for the values above all bounds */

typedef struct {
    uint64_t         sum;
    uint64_t         counts[LLMB_HIST_MAX + 1];
} llmb_hist_t;


extern const llmb_hist_bounds_t  llmb_hist_items;     /* per call */
extern const llmb_hist_bounds_t  llmb_hist_time;      /* microseconds */


/* the bucket of a value: 0 to bounds->n */
unsigned llmb_hist_bucket(const llmb_hist_bounds_t *bounds, uint64_t value);


#pragma GCC visibility pop


#endif /* _LLMB_HIST_H_INCLUDED_ */
