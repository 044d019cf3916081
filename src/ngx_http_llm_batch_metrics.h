
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Counters in shared memory, incremented without the lock.
 */


#ifndef _NGX_HTTP_LLM_BATCH_METRICS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_METRICS_H_INCLUDED_


/* slots of adapters, and one for requests of none */

#define NGX_HTTP_LLM_BATCH_ADAPTERS  64
#define NGX_HTTP_LLM_BATCH_NONE      (NGX_HTTP_LLM_BATCH_ADAPTERS - 1)


typedef struct {
    ngx_atomic_t  sum;
    ngx_atomic_t  counts[LLMB_HIST_MAX + 1];
} ngx_http_llm_batch_hist_t;


typedef struct {
    ngx_atomic_t  requests[NGX_HTTP_LLM_BATCH_ADAPTERS][LLMB_STATUS_N];
    ngx_atomic_t  calls[NGX_HTTP_LLM_BATCH_ADAPTERS][LLMB_CLOSE_N];
    ngx_atomic_t  bypass[LLMB_REASON_N];
    ngx_atomic_t  fallback[LLMB_REASON_N];
    ngx_atomic_t  mismatch[LLMB_MISMATCH_N];
    ngx_atomic_t  cancelled_queued;
    ngx_atomic_t  cancelled_sent;
    ngx_atomic_t  deadline_missed;
    ngx_atomic_t  calls_saved;
    ngx_atomic_t  items;
    ngx_atomic_t  isolate_calls;
    ngx_atomic_t  dedup_items;
    ngx_atomic_t  tokens_exact;
    ngx_atomic_t  tokens_estimated;
    ngx_atomic_t  cost;               /* 10^-9 USD */
    ngx_atomic_t  saved;
    ngx_atomic_t  orphans;
    ngx_atomic_t  resets;

    ngx_http_llm_batch_hist_t  items_per_call;
    ngx_http_llm_batch_hist_t  wait;
    ngx_http_llm_batch_hist_t  upstream;
} ngx_http_llm_batch_metrics_t;


#define ngx_http_llm_batch_count(counter)                                     \
    (void) ngx_atomic_fetch_add(&(counter), 1)

#define ngx_http_llm_batch_count_n(counter, n)                                \
    (void) ngx_atomic_fetch_add(&(counter), n)


static ngx_inline void
ngx_http_llm_batch_observe(ngx_http_llm_batch_hist_t *hist,
    const llmb_hist_bounds_t *bounds, uint64_t value)
{
    ngx_http_llm_batch_count_n(hist->sum, (ngx_atomic_int_t) value);
    ngx_http_llm_batch_count(hist->counts[llmb_hist_bucket(bounds, value)]);
}


#endif /* _NGX_HTTP_LLM_BATCH_METRICS_H_INCLUDED_ */
