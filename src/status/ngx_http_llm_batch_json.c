
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The status page as JSON.
 */


#include "ngx_http_llm_batch.h"

#include <jansson.h>


/* so many groups are shown */

#define NGX_HTTP_LLM_BATCH_SHOWN  64


static json_t *ngx_http_llm_batch_json_zone(ngx_http_llm_batch_zone_t *zone);
static json_t *ngx_http_llm_batch_json_requests(
    ngx_http_llm_batch_zone_t *zone);
static json_t *ngx_http_llm_batch_json_calls(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_gauges_t *gauges);
static json_t *ngx_http_llm_batch_json_groups(ngx_http_llm_batch_zone_t *zone);
static json_t *ngx_http_llm_batch_json_group(ngx_http_llm_batch_zone_t *zone,
    llmb_group_t *group);
static json_t *ngx_http_llm_batch_json_workers(
    ngx_http_llm_batch_zone_t *zone);


ngx_int_t
ngx_http_llm_batch_status_json(ngx_http_request_t *r, ngx_str_t *page)
{
    char                             *text;
    time_t                            started;
    json_t                           *root, *zones, *workers;
    ngx_str_t                         s;
    ngx_uint_t                        i;
    ngx_http_llm_batch_zone_t       **zone;
    ngx_http_llm_batch_main_conf_t   *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_llm_batch_module);
    zone = mcf->zones.elts;

    zones = json_object();
    workers = NULL;
    started = ngx_time();

    for (i = 0; i < mcf->zones.nelts; i++) {
        (void) json_object_setn_new(zones, (char *) zone[i]->name.data,
                                    zone[i]->name.len,
                                    ngx_http_llm_batch_json_zone(zone[i]));

        started = ngx_min(started, zone[i]->sh->started);

        if (workers == NULL) {
            workers = ngx_http_llm_batch_json_workers(zone[i]);
        }
    }

    root = json_pack("{s:s, s:I, s:o, s:o}",
                     "version", NGX_HTTP_LLM_BATCH_VERSION,
                     "uptime_seconds", (json_int_t) (ngx_time() - started),
                     "workers", workers ? workers : json_array(),
                     "zones", zones);

    text = root ? json_dumps(root, JSON_COMPACT|JSON_REAL_PRECISION(6)) : NULL;
    json_decref(root);

    if (text == NULL) {
        return NGX_ERROR;
    }

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    page->len = s.len;
    page->data = ngx_pstrdup(r->pool, &s);

    free(text);

    return page->data ? NGX_OK : NGX_ERROR;
}


static json_t *
ngx_http_llm_batch_json_zone(ngx_http_llm_batch_zone_t *zone)
{
    ngx_http_llm_batch_gauges_t  gauges;

    ngx_http_llm_batch_get_gauges(zone, &gauges);

    return json_pack("{s:o, s:o, s:{s:I, s:I, s:I, s:I}, s:I, s:I,"
                     " s:o}",
                     "requests", ngx_http_llm_batch_json_requests(zone),
                     "calls", ngx_http_llm_batch_json_calls(zone, &gauges),
                     "memory",
                     "used", (json_int_t) gauges.used,
                     "free", (json_int_t) gauges.free,
                     "requests", (json_int_t) gauges.members,
                     "calls", (json_int_t) gauges.calls,
                     "workers_without_place", (json_int_t) gauges.placeless,
                     "illegal_transitions", (json_int_t) gauges.illegal,
                     "groups", ngx_http_llm_batch_json_groups(zone));
}


static json_t *
ngx_http_llm_batch_json_requests(ngx_http_llm_batch_zone_t *zone)
{
    u_char         name[32];
    json_t        *requests;
    ngx_uint_t     k, s;
    json_int_t     n, total;

    requests = json_object();
    total = 0;

    for (s = 1; s < LLMB_STATUS_N; s++) {
        n = 0;

        for (k = 0; k < NGX_HTTP_LLM_BATCH_ADAPTERS; k++) {
            n += zone->sh->metrics.requests[k][s];
        }

        total += n;

        ngx_strlow(name, (u_char *) llmb_status_names[s].data,
                   llmb_status_names[s].len);
        name[llmb_status_names[s].len] = '\0';

        (void) json_object_set_new(requests, (char *) name, json_integer(n));
    }

    (void) json_object_set_new(requests, "total", json_integer(total));

    return requests;
}


static json_t *
ngx_http_llm_batch_json_calls(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_gauges_t *gauges)
{
    json_int_t                     total;
    ngx_uint_t                     k, c;
    ngx_http_llm_batch_metrics_t  *metrics;

    metrics = &zone->sh->metrics;
    total = 0;

    for (k = 0; k < NGX_HTTP_LLM_BATCH_ADAPTERS; k++) {
        for (c = 0; c < LLMB_CLOSE_N; c++) {
            total += metrics->calls[k][c];
        }
    }

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
                     "total", total,
                     "saved", (json_int_t) metrics->calls_saved,
                     "items", (json_int_t) metrics->items,
                     "isolate", (json_int_t) metrics->isolate_calls,
                     "inflight", (json_int_t) gauges->inflight,
                     "queued", (json_int_t) gauges->queued);
}


/* looked for without the lock, each copied under it, printed without it */

static json_t *
ngx_http_llm_batch_json_groups(ngx_http_llm_batch_zone_t *zone)
{
    json_t        *list;
    uint32_t       i, n;
    llmb_zone_t   *z;
    llmb_group_t  *groups;

    z = zone->tables;
    list = json_array();
    n = 0;

    groups = malloc(NGX_HTTP_LLM_BATCH_SHOWN * sizeof(llmb_group_t));
    if (groups == NULL) {
        return list;
    }

    for (i = 0; i < z->ngroups && n < NGX_HTTP_LLM_BATCH_SHOWN; i++) {

        if (!llmb_group(z, i)->used) {
            continue;
        }

        ngx_http_llm_batch_lock(zone);

        groups[n] = *llmb_group(z, i);
        n += groups[n].used;

        ngx_http_llm_batch_unlock(zone);
    }

    for (i = 0; i < n; i++) {
        (void) json_array_append_new(list,
                           ngx_http_llm_batch_json_group(zone, &groups[i]));
    }

    free(groups);

    return list;
}


static json_t *
ngx_http_llm_batch_json_group(ngx_http_llm_batch_zone_t *zone,
    llmb_group_t *g)
{
    json_t         *name, *group;
    llmb_learn_t   *learn;
    llmb_family_t  *f;
    double          fixed, each;
    uint32_t        knee;
    uint64_t        now;
    ngx_str_t       adapter;
    llmb_policy_t   policy;

    static const char  *windows[] = { "slot", "fixed", "rate" };

    learn = llmb_learn_of(zone->tables, g);
    policy = llmb_group_policy(g);
    adapter = ngx_http_llm_batch_slot_name(zone, g->adapter);

    f = llmb_family_of(zone->tables, g);
    name = f ? json_stringn((char *) f->name, f->name_len) : NULL;

    if (name == NULL) {
        /* cut within a character, or not UTF-8 at all */
        name = json_string("?");
    }

    group = json_pack("{s:o, s:s#, s:i, s:i, s:s, s:i, s:i, s:i, s:I, s:I, "
                      "s:f, s:b, s:b}",
                     "name", name,
                     "adapter", adapter.data, (int) adapter.len,
                     "queued", (int) g->queue.n,
                     "inflight", (int) g->inflight,
                     "window", windows[policy.window],
                     "concurrency",
                     (int) llmb_group_slots(zone->tables, g),
                     "max_size", (int) g->policy.max_size,
                     "learned_size", (int) g->learned.items,
                     "learned_tokens", (json_int_t) g->learned.tokens,
                     "learned_bytes", (json_int_t) g->learned.bytes,
                     "token_ratio",
                     llmb_calibrate_ratio(&g->calibration)
                     / (double) LLMB_CALIBRATE_ONE,
                     "breaker_open",
                     (int) llmb_health_open(&g->health, ngx_current_msec),
                     "format_off",
                     (int) llmb_understood_off(&zone->tables->understood,
                                               g->format, ngx_current_msec));

    now = ngx_http_llm_batch_usec();

    (void) json_object_set_new(group, "arrival_rate",
                          json_real(llmb_arrivals_rate(&g->arrivals, now)));

    (void) json_object_set_new(group, "merging",
                          json_boolean(!llmb_learn_apart(learn)));

    knee = llmb_learn_knee(learn);

    if (knee && knee != UINT32_MAX) {
        (void) json_object_set_new(group, "knee", json_integer(knee));
    }

    if (llmb_learn_cost(learn, &fixed, &each)) {
        (void) json_object_set_new(group, "call_cost",
                          json_pack("{s:f, s:f}",
                                    "fixed_ms", fixed / 1000,
                                    "per_item_ms", each / 1000));
    }

    return group;
}


static json_t *
ngx_http_llm_batch_json_workers(ngx_http_llm_batch_zone_t *zone)
{
    json_t         *list;
    uint32_t        i;
    llmb_worker_t  *w;

    list = json_array();

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid) {
            (void) json_array_append_new(list,
                        json_pack("{s:I, s:I, s:I}",
                                  "pid", (json_int_t) w->pid,
                                  "worker", (json_int_t) w->number,
                                  "generation", (json_int_t) w->generation));
        }
    }

    return list;
}
