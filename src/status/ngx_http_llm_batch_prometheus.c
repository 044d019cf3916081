
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The metrics in the text format of Prometheus.
 */


#include "ngx_http_llm_batch.h"


typedef struct {
    ngx_http_request_t          *request;
    ngx_http_llm_batch_zone_t  **zones;
    ngx_uint_t                   nzones;
    u_char                      *pos;
    u_char                      *end;
} ngx_http_llm_batch_page_t;


/* a counter or gauge without labels but the zone's */

typedef struct {
    char        *name;
    char        *help;
    char        *type;
    char        *label;
    size_t       offset;
} ngx_http_llm_batch_metric_t;


static void ngx_http_llm_batch_page_reasons(ngx_http_llm_batch_page_t *page);
static void ngx_http_llm_batch_page_requests(ngx_http_llm_batch_page_t *page);
static void ngx_http_llm_batch_page_calls(ngx_http_llm_batch_page_t *page);
static void ngx_http_llm_batch_page_words(ngx_http_llm_batch_page_t *page,
    char *name, char *help, char *label, const llmb_str_t *words,
    ngx_uint_t n, size_t offset);
static void ngx_http_llm_batch_page_metrics(ngx_http_llm_batch_page_t *page);
static void ngx_http_llm_batch_page_money(ngx_http_llm_batch_page_t *page,
    char *name, char *help, size_t offset);
static void ngx_http_llm_batch_page_gauges(ngx_http_llm_batch_page_t *page);
static void ngx_http_llm_batch_page_hist(ngx_http_llm_batch_page_t *page,
    char *name, char *help, const llmb_hist_bounds_t *bounds, uint64_t unit,
    size_t offset);
static void ngx_http_llm_batch_page_head(ngx_http_llm_batch_page_t *page,
    char *name, char *help, char *type);
static u_char *ngx_http_llm_batch_page_number(u_char *p, u_char *end,
    uint64_t value, uint64_t unit);

#define ngx_http_llm_batch_page_counter(zone, offset)                         \
    ((uint64_t *) ((u_char *) &(zone)->sh->metrics + (offset)))


static ngx_http_llm_batch_metric_t  ngx_http_llm_batch_metrics[] = {

    { "calls_saved_total", "Upstream calls that merging has saved.",
      "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, calls_saved) },

    { "items_total", "Items sent in calls.", "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, items) },

    { "isolate_calls_total", "Extra calls because of failed ones.",
      "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, isolate_calls) },

    { "dedup_items_total", "Items not sent because of an equal one.",
      "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, dedup_items) },

    { "absent_paths_total", "Paths of calls found not to be there.",
      "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, absent_paths) },

    { "cancelled_total", "Held requests whose clients left.",
      "counter", ",phase=\"queued\"",
      offsetof(ngx_http_llm_batch_metrics_t, cancelled_queued) },

    { "cancelled_total", NULL, NULL, ",phase=\"sent\"",
      offsetof(ngx_http_llm_batch_metrics_t, cancelled_sent) },

    { "deadline_missed_total",
      "Held requests answered later than their latency budget.",
      "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, deadline_missed) },

    { "input_tokens_total", "Input tokens of held requests.",
      "counter", ",kind=\"exact\"",
      offsetof(ngx_http_llm_batch_metrics_t, tokens_exact) },

    { "input_tokens_total", NULL, NULL, ",kind=\"estimated\"",
      offsetof(ngx_http_llm_batch_metrics_t, tokens_estimated) },

    { "prompt_tokens_total",
      "Input tokens of conversations, as upstreams have counted them.",
      "counter", ",kind=\"fresh\"",
      offsetof(ngx_http_llm_batch_metrics_t, prompt_fresh) },

    { "prompt_tokens_total", NULL, NULL, ",kind=\"cached\"",
      offsetof(ngx_http_llm_batch_metrics_t, prompt_cached) },

    { "prompt_tokens_total", NULL, NULL, ",kind=\"written\"",
      offsetof(ngx_http_llm_batch_metrics_t, prompt_written) },

    { "orphans_recovered_total",
      "Requests whose call was lost with its worker.", "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, orphans) },

    { "zone_resets_total", "Workers that died within the lock.",
      "counter", "",
      offsetof(ngx_http_llm_batch_metrics_t, resets) },

    { NULL, NULL, NULL, NULL, 0 }
};


static ngx_http_llm_batch_metric_t  ngx_http_llm_batch_gauges[] = {

    { "queue_requests", "Requests that wait in their groups.", "gauge", "",
      offsetof(ngx_http_llm_batch_gauges_t, queued) },

    { "inflight_calls", "Upstream calls in flight.", "gauge", "",
      offsetof(ngx_http_llm_batch_gauges_t, inflight) },

    { "breaker_open", "Groups whose breaker is open.", "gauge", "",
      offsetof(ngx_http_llm_batch_gauges_t, open) },

    { "zone_bytes", "Memory for the text of held requests.", "gauge",
      ",state=\"used\"",
      offsetof(ngx_http_llm_batch_gauges_t, used) },

    { "zone_bytes", NULL, NULL, ",state=\"free\"",
      offsetof(ngx_http_llm_batch_gauges_t, free) },

    { "zone_requests", "Records of requests in use.", "gauge", "",
      offsetof(ngx_http_llm_batch_gauges_t, members) },

    { "zone_calls", "Records of calls in use.", "gauge", "",
      offsetof(ngx_http_llm_batch_gauges_t, calls) },

    { "zone_groups", "Groups, idle ones included.", "gauge", "",
      offsetof(ngx_http_llm_batch_gauges_t, groups) },

    { "workers_without_place",
      "Workers that have no place in the zone and pass requests through.",
      "gauge", "", offsetof(ngx_http_llm_batch_gauges_t, placeless) },

    { "illegal_transitions_total",
      "Changes of states that were refused: bugs.", "counter", "",
      offsetof(ngx_http_llm_batch_gauges_t, illegal) },

    { NULL, NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_http_llm_batch_status_prometheus(ngx_http_request_t *r, ngx_str_t *text)
{
    size_t                           size;
    ngx_uint_t                       i;
    ngx_http_llm_batch_page_t        page;
    ngx_http_llm_batch_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_llm_batch_module);

    page.request = r;
    page.zones = mcf->zones.elts;
    page.nzones = mcf->zones.nelts;

    size = 16384;

    for (i = 0; i < page.nzones; i++) {
        size += 256 * (80 + page.zones[i]->name.len
                       + (llmb_nadapters + llmb_ngenerate
                          + mcf->formats.nelts) * 24);
    }

    text->data = ngx_pnalloc(r->pool, size);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    page.pos = text->data;
    page.end = text->data + size;

    ngx_http_llm_batch_page_head(&page, "build_info", "The module.", "gauge");

    page.pos = ngx_slprintf(page.pos, page.end,
                            "llm_batch_build_info{version=\"%s\"} 1\n",
                            NGX_HTTP_LLM_BATCH_VERSION);

    ngx_http_llm_batch_page_requests(&page);
    ngx_http_llm_batch_page_calls(&page);

    ngx_http_llm_batch_page_reasons(&page);
    ngx_http_llm_batch_page_metrics(&page);

    ngx_http_llm_batch_page_money(&page, "cost_usd_total",
                     "What held requests have cost.",
                     offsetof(ngx_http_llm_batch_metrics_t, cost));

    ngx_http_llm_batch_page_money(&page, "saved_usd_total",
                     "What held requests have not cost.",
                     offsetof(ngx_http_llm_batch_metrics_t, saved));

    ngx_http_llm_batch_page_gauges(&page);

    ngx_http_llm_batch_page_hist(&page, "items_per_call", "Items in a call.",
                     &llmb_hist_items, 1,
                     offsetof(ngx_http_llm_batch_metrics_t, items_per_call));

    ngx_http_llm_batch_page_hist(&page, "wait_seconds",
                     "Time a request was held.", &llmb_hist_time, 1000000,
                     offsetof(ngx_http_llm_batch_metrics_t, wait));

    ngx_http_llm_batch_page_hist(&page, "upstream_seconds",
                     "Time of a call of several that came back.",
                     &llmb_hist_time, 1000000,
                     offsetof(ngx_http_llm_batch_metrics_t, upstream));

    text->len = page.pos - text->data;

    return NGX_OK;
}


static const llmb_str_t  ngx_http_llm_batch_dry_names[] = {
    llmb_string(""), llmb_string("none"), llmb_string("key"),
    llmb_string("some")
};


/* why requests were not merged, and calls not cut */

static void
ngx_http_llm_batch_page_reasons(ngx_http_llm_batch_page_t *page)
{
    ngx_http_llm_batch_page_words(page, "bypass_total",
                     "Requests passed through.", "reason", llmb_reason_names,
                     LLMB_REASON_N,
                     offsetof(ngx_http_llm_batch_metrics_t, bypass));

    ngx_http_llm_batch_page_words(page, "single_total",
                     "Held requests that were sent alone.", "reason",
                     llmb_reason_names, LLMB_REASON_N,
                     offsetof(ngx_http_llm_batch_metrics_t, single));

    ngx_http_llm_batch_page_words(page, "dryrun_total",
                     "Dry runs, by who else was there.", "company",
                     ngx_http_llm_batch_dry_names, NGX_HTTP_LLM_BATCH_DRY_N,
                     offsetof(ngx_http_llm_batch_metrics_t, dry));

    ngx_http_llm_batch_page_words(page, "fallback_total",
                     "Requests sent alone after their call failed.", "reason",
                     llmb_reason_names, LLMB_REASON_N,
                     offsetof(ngx_http_llm_batch_metrics_t, fallback));

    ngx_http_llm_batch_page_words(page, "mismatch_total",
                     "Answers that could not be cut.", "kind",
                     llmb_mismatch_names, LLMB_MISMATCH_N,
                     offsetof(ngx_http_llm_batch_metrics_t, mismatch));
}


static void
ngx_http_llm_batch_page_head(ngx_http_llm_batch_page_t *page, char *name,
    char *help, char *type)
{
    page->pos = ngx_slprintf(page->pos, page->end,
                             "# HELP llm_batch_%s %s\n"
                             "# TYPE llm_batch_%s %s\n",
                             name, help, name, type);
}


/* rows that were never counted are left out, but for those of batching */

static void
ngx_http_llm_batch_page_requests(ngx_http_llm_batch_page_t *page)
{
    uint64_t       n;
    ngx_str_t      adapter, status;
    ngx_uint_t     i, k, s;

    ngx_http_llm_batch_page_head(page, "requests_total",
                                 "Requests by what became of them.",
                                 "counter");

    for (i = 0; i < page->nzones; i++) {
        for (k = 0; k < NGX_HTTP_LLM_BATCH_FORMS; k++) {

            adapter = ngx_http_llm_batch_slot_name(page->zones[i], k);

            for (s = 1; s < LLMB_STATUS_N; s++) {
                n = page->zones[i]->sh->metrics.requests[k][s];

                if (n == 0) {
                    continue;
                }

                status = ngx_http_llm_batch_ngx_str(&llmb_status_names[s]);

                page->pos = ngx_slprintf(page->pos, page->end,
                               "llm_batch_requests_total{zone=\"%V\","
                               "adapter=\"%V\",status=\"%V\"} %uL\n",
                               &page->zones[i]->name, &adapter, &status, n);
            }
        }
    }
}


static void
ngx_http_llm_batch_page_calls(ngx_http_llm_batch_page_t *page)
{
    ngx_str_t      adapter, close;
    ngx_uint_t     i, k, c;
    uint64_t       n;

    ngx_http_llm_batch_page_head(page, "calls_total",
                                 "Upstream calls by why they were sent.",
                                 "counter");

    for (i = 0; i < page->nzones; i++) {
        for (k = 0; k < NGX_HTTP_LLM_BATCH_ADAPTERS; k++) {

            adapter = ngx_http_llm_batch_slot_name(page->zones[i], k);

            for (c = 1; c < LLMB_CLOSE_N; c++) {
                n = page->zones[i]->sh->metrics.calls[k][c];

                if (n == 0) {
                    continue;
                }

                close = ngx_http_llm_batch_ngx_str(&llmb_close_names[c]);

                page->pos = ngx_slprintf(page->pos, page->end,
                               "llm_batch_calls_total{zone=\"%V\","
                               "adapter=\"%V\",close=\"%V\"} %uL\n",
                               &page->zones[i]->name, &adapter, &close, n);
            }
        }
    }
}


static void
ngx_http_llm_batch_page_words(ngx_http_llm_batch_page_t *page, char *name,
    char *help, char *label, const llmb_str_t *words, ngx_uint_t n,
    size_t offset)
{
    ngx_str_t      word;
    ngx_uint_t     i, k;
    uint64_t      *counts;

    ngx_http_llm_batch_page_head(page, name, help, "counter");

    for (i = 0; i < page->nzones; i++) {
        counts = ngx_http_llm_batch_page_counter(page->zones[i], offset);

        for (k = 1; k < n; k++) {

            if (counts[k] == 0) {
                continue;
            }

            word = ngx_http_llm_batch_ngx_str(&words[k]);

            page->pos = ngx_slprintf(page->pos, page->end,
                                     "llm_batch_%s{zone=\"%V\",%s=\"%V\"} "
                                     "%uL\n", name, &page->zones[i]->name,
                                     label, &word, counts[k]);
        }
    }
}


static void
ngx_http_llm_batch_page_metrics(ngx_http_llm_batch_page_t *page)
{
    ngx_uint_t                    i;
    ngx_http_llm_batch_metric_t  *m;

    for (m = ngx_http_llm_batch_metrics; m->name; m++) {

        if (m->help) {
            ngx_http_llm_batch_page_head(page, m->name, m->help, m->type);
        }

        for (i = 0; i < page->nzones; i++) {
            page->pos = ngx_slprintf(page->pos, page->end,
                            "llm_batch_%s{zone=\"%V\"%s} %uL\n", m->name,
                            &page->zones[i]->name, m->label,
                            *ngx_http_llm_batch_page_counter(page->zones[i],
                                                             m->offset));
        }
    }
}


static void
ngx_http_llm_batch_page_money(ngx_http_llm_batch_page_t *page, char *name,
    char *help, size_t offset)
{
    u_char      usd[NGX_INT64_LEN + 8];
    ngx_str_t   s;
    ngx_uint_t  i;

    ngx_http_llm_batch_page_head(page, name, help, "counter");

    for (i = 0; i < page->nzones; i++) {
        s.data = usd;
        s.len = ngx_http_llm_batch_page_number(usd, usd + sizeof(usd),
                            *ngx_http_llm_batch_page_counter(page->zones[i],
                                                             offset),
                            1000000000)
                - usd;

        page->pos = ngx_slprintf(page->pos, page->end,
                                 "llm_batch_%s{zone=\"%V\"} %V\n", name,
                                 &page->zones[i]->name, &s);
    }
}


static void
ngx_http_llm_batch_page_gauges(ngx_http_llm_batch_page_t *page)
{
    uint64_t                     *value;
    ngx_uint_t                    i;
    ngx_http_llm_batch_metric_t  *m;
    ngx_http_llm_batch_gauges_t  *gauges;

    gauges = ngx_palloc(page->request->pool,
                        page->nzones * sizeof(ngx_http_llm_batch_gauges_t));
    if (gauges == NULL) {
        return;
    }

    for (i = 0; i < page->nzones; i++) {
        ngx_http_llm_batch_get_gauges(page->zones[i], &gauges[i]);
    }

    for (m = ngx_http_llm_batch_gauges; m->name; m++) {

        if (m->help) {
            ngx_http_llm_batch_page_head(page, m->name, m->help, m->type);
        }

        for (i = 0; i < page->nzones; i++) {
            value = (uint64_t *) ((u_char *) &gauges[i] + m->offset);

            page->pos = ngx_slprintf(page->pos, page->end,
                                     "llm_batch_%s{zone=\"%V\"%s} %uL\n",
                                     m->name, &page->zones[i]->name,
                                     m->label, *value);
        }
    }
}


static void
ngx_http_llm_batch_page_hist(ngx_http_llm_batch_page_t *page, char *name,
    char *help, const llmb_hist_bounds_t *bounds, uint64_t unit,
    size_t offset)
{
    u_char                      bound[NGX_INT64_LEN + 8];
    uint64_t                    total;
    ngx_str_t                  *zone, le, sum;
    ngx_uint_t                  i, k;
    ngx_http_llm_batch_hist_t  *h;

    ngx_http_llm_batch_page_head(page, name, help, "histogram");

    for (i = 0; i < page->nzones; i++) {
        zone = &page->zones[i]->name;
        h = (ngx_http_llm_batch_hist_t *)
               ngx_http_llm_batch_page_counter(page->zones[i], offset);

        total = 0;

        for (k = 0; k <= bounds->n; k++) {
            total += h->counts[k];

            le.data = (u_char *) "+Inf";
            le.len = 4;

            if (k < bounds->n) {
                le.data = bound;
                le.len = ngx_http_llm_batch_page_number(bound,
                                     bound + sizeof(bound), bounds->bounds[k],
                                     unit)
                         - bound;
            }

            page->pos = ngx_slprintf(page->pos, page->end,
                                     "llm_batch_%s_bucket{zone=\"%V\","
                                     "le=\"%V\"} %uL\n",
                                     name, zone, &le, total);
        }

        sum.data = bound;
        sum.len = ngx_http_llm_batch_page_number(bound, bound + sizeof(bound),
                                                 h->sum, unit)
                  - bound;

        page->pos = ngx_slprintf(page->pos, page->end,
                                 "llm_batch_%s_sum{zone=\"%V\"} %V\n"
                                 "llm_batch_%s_count{zone=\"%V\"} %uL\n",
                                 name, zone, &sum, name, zone, total);
    }
}


/* "value" is counted in units of 1/unit: 1, 1000000 or 1000000000 */

static u_char *
ngx_http_llm_batch_page_number(u_char *p, u_char *end, uint64_t value,
    uint64_t unit)
{
    if (unit == 1) {
        return ngx_slprintf(p, end, "%uL", value);
    }

    p = ngx_slprintf(p, end, unit == 1000000 ? "%uL.%06uL" : "%uL.%09uL",
                     value / unit, value % unit);

    /* no zeros that say nothing */

    while (p[-1] == '0' && p[-2] != '.') {
        p--;
    }

    return p;
}
