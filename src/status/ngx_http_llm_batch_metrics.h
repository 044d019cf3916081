
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

/* and behind them of formats that are only read */

#define NGX_HTTP_LLM_BATCH_FORMS     (NGX_HTTP_LLM_BATCH_ADAPTERS + 8)


/*
 * Of 64 bits on every machine: money is counted in 10^-9 USD and time in us,
 * which in 32 bits would begin anew after 4 USD, or an hour.
 */

typedef struct {
    uint64_t  sum;
    uint64_t  counts[LLMB_HIST_MAX + 1];
} ngx_http_llm_batch_hist_t;


/* who was there beside a dry run */

typedef enum {
    NGX_HTTP_LLM_BATCH_DRY_UNKNOWN = 0,
    NGX_HTTP_LLM_BATCH_DRY_NONE,
    NGX_HTTP_LLM_BATCH_DRY_KEY,       /* others of its name */
    NGX_HTTP_LLM_BATCH_DRY_SOME,      /* and of its key */
    NGX_HTTP_LLM_BATCH_DRY_N
} ngx_http_llm_batch_dry_e;


typedef struct {
    uint64_t  requests[NGX_HTTP_LLM_BATCH_FORMS][LLMB_STATUS_N];
    uint64_t  calls[NGX_HTTP_LLM_BATCH_ADAPTERS][LLMB_CLOSE_N];
    uint64_t  bypass[LLMB_REASON_N];
    uint64_t  fallback[LLMB_REASON_N];
    uint64_t  single[LLMB_REASON_N];
    uint64_t  dry[NGX_HTTP_LLM_BATCH_DRY_N];
    uint64_t  mismatch[LLMB_MISMATCH_N];
    uint64_t  cancelled_queued;
    uint64_t  cancelled_sent;
    uint64_t  deadline_missed;
    uint64_t  calls_saved;
    uint64_t  items;
    uint64_t  isolate_calls;
    uint64_t  dedup_items;
    uint64_t  tokens_exact;
    uint64_t  tokens_estimated;
    uint64_t  prompt_fresh;       /* tokens of conversations */
    uint64_t  prompt_cached;
    uint64_t  prompt_written;
    uint64_t  cost;               /* 10^-9 USD */
    uint64_t  saved;
    uint64_t  orphans;
    uint64_t  resets;
    uint64_t  absent_paths;

    ngx_http_llm_batch_hist_t  items_per_call;
    ngx_http_llm_batch_hist_t  wait;
    ngx_http_llm_batch_hist_t  upstream;
} ngx_http_llm_batch_metrics_t;


#define ngx_http_llm_batch_count(counter)                                     \
    ngx_http_llm_batch_count_n(counter, 1)

#define ngx_http_llm_batch_count_n(counter, n)                                \
    (void) __atomic_fetch_add(&(counter), (uint64_t) (n), __ATOMIC_RELAXED)


static ngx_inline void
ngx_http_llm_batch_observe(ngx_http_llm_batch_hist_t *hist,
    const llmb_hist_bounds_t *bounds, uint64_t value)
{
    ngx_http_llm_batch_count_n(hist->sum, value);
    ngx_http_llm_batch_count(hist->counts[llmb_hist_bucket(bounds, value)]);
}


#endif /* _NGX_HTTP_LLM_BATCH_METRICS_H_INCLUDED_ */
