
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The bounds of the histograms in the metrics.  Bounds are part of what users
 * see: dashboards and recorded series depend on them.
 */


#include "llmb_hist.h"


#define llmb_hist_bounds(a)  { a, sizeof(a) / sizeof(a[0]) }


static const uint32_t  llmb_hist_item_bounds[] = {
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048
};


/* from 0.1 ms, which is next to no time, to 60 s, when proxies give up */

static const uint32_t  llmb_hist_time_bounds[LLMB_HIST_MAX] = {
         100,      250,      500,
        1000,     2500,     5000,
       10000,    25000,    50000,
      100000,   250000,   500000,
     1000000,  2500000,  5000000,
    10000000, 30000000, 60000000
};


const llmb_hist_bounds_t  llmb_hist_items =
    llmb_hist_bounds(llmb_hist_item_bounds);

const llmb_hist_bounds_t  llmb_hist_time =
    llmb_hist_bounds(llmb_hist_time_bounds);


unsigned
llmb_hist_bucket(const llmb_hist_bounds_t *bounds, uint64_t value)
{
    unsigned  low, high, middle;

    low = 0;
    high = bounds->n;

    while (low < high) {
        middle = (low + high) / 2;

        if (value <= bounds->bounds[middle]) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return low;
}
