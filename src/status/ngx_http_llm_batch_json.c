
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The status page as JSON.
 */


#include "ngx_http_llm_batch.h"

#include <jansson.h>


/* so many names of groups are shown */

#define NGX_HTTP_LLM_BATCH_SHOWN  64


/* groups of one name */

typedef struct {
    uint32_t  family;
    uint32_t  group;              /* that was used last: us */
    uint64_t  last;
    uint32_t  keys;
    uint32_t  queued;
    uint32_t  inflight;
    uint32_t  recent;             /* requests of the last minute */
    uint64_t  seen;               /* ms */
    uint8_t   open;               /* of any of them */
    uint8_t   off;
} ngx_http_llm_batch_json_row_t;


static json_t *ngx_http_llm_batch_json_zone(ngx_http_llm_batch_zone_t *zone);
static json_t *ngx_http_llm_batch_json_requests(
    ngx_http_llm_batch_zone_t *zone);
static json_t *ngx_http_llm_batch_json_calls(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_gauges_t *gauges);
static json_t *ngx_http_llm_batch_json_groups(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_sum_groups(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_json_row_t *rows);
static uint32_t ngx_http_llm_batch_choose_rows(
    ngx_http_llm_batch_zone_t *zone, ngx_http_llm_batch_json_row_t *rows);
static int ngx_http_llm_batch_cmp_rows(const void *one, const void *two);
static json_t *ngx_http_llm_batch_json_row(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_json_row_t *row);
static json_t *ngx_http_llm_batch_json_differs(llmb_family_t *f);
static json_t *ngx_http_llm_batch_json_name(u_char *data, size_t len);
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
    uint64_t                    *single, *dry;
    ngx_http_llm_batch_gauges_t  gauges;

    ngx_http_llm_batch_get_gauges(zone, &gauges);

    single = zone->sh->metrics.single;
    dry = zone->sh->metrics.dry;

    return json_pack("{s:o, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o,"
                     " s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:o}",
                     "requests", ngx_http_llm_batch_json_requests(zone),
                     "single",
                     "company", (json_int_t) single[LLMB_REASON_COMPANY],
                     "key", (json_int_t) single[LLMB_REASON_KEY],
                     "slot", (json_int_t) single[LLMB_REASON_SLOT],
                     "dry_run",
                     "none", (json_int_t) dry[NGX_HTTP_LLM_BATCH_DRY_NONE],
                     "key", (json_int_t) dry[NGX_HTTP_LLM_BATCH_DRY_KEY],
                     "some", (json_int_t) dry[NGX_HTTP_LLM_BATCH_DRY_SOME],
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

        for (k = 0; k < NGX_HTTP_LLM_BATCH_FORMS; k++) {
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


/*
 * The names of which most came lately.  All are looked at without the lock:
 * they may be tens of thousands, they do not move, and what is counted need not
 * be of one moment.  Those that are shown are copied under it, one by one.
 */

static json_t *
ngx_http_llm_batch_json_groups(ngx_http_llm_batch_zone_t *zone)
{
    json_t                         *list;
    uint32_t                        i, n;
    ngx_http_llm_batch_json_row_t  *rows;

    list = json_array();

    rows = calloc(zone->tables->ngroups, sizeof(ngx_http_llm_batch_json_row_t));
    if (rows == NULL) {
        return list;
    }

    ngx_http_llm_batch_sum_groups(zone, rows);

    n = ngx_http_llm_batch_choose_rows(zone, rows);

    for (i = 0; i < n; i++) {
        (void) json_array_append_new(list,
                             ngx_http_llm_batch_json_row(zone, &rows[i]));
    }

    free(rows);

    return list;
}


/* what all groups of a family have, and which of them was used last */

static void
ngx_http_llm_batch_sum_groups(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_json_row_t *rows)
{
    uint32_t                        i, family;
    uint64_t                        last;
    llmb_zone_t                    *z;
    llmb_group_t                   *g;
    ngx_http_llm_batch_json_row_t  *row;

    z = zone->tables;

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);
        family = g->family;

        if (!g->used || family >= z->ngroups) {
            continue;
        }

        row = &rows[family];
        last = g->arrivals.last;

        if (row->keys == 0 || last > row->last) {
            row->last = last;
            row->group = i;
        }

        row->keys++;
        row->queued += g->queue.n;
        row->inflight += g->inflight;
        row->open |= llmb_health_open(&g->health, ngx_current_msec);
        row->off |= llmb_understood_off(&z->understood, g->format,
                                        ngx_current_msec);
    }
}


/* puts the rows to be shown in front, in order, and returns how many */

static uint32_t
ngx_http_llm_batch_choose_rows(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_json_row_t *rows)
{
    uint32_t                        i, n;
    llmb_family_t                  *f;
    ngx_http_llm_batch_json_row_t   row;

    n = 0;

    for (i = 0; i < zone->tables->ngroups; i++) {
        f = llmb_family(zone->tables, i);
        row = rows[i];

        /* after a reload nobody comes to those that were before any more */

        if (row.keys == 0
            || (f->generation != zone->sh->generation
                && row.queued + row.inflight == 0))
        {
            continue;
        }

        row.family = i;
        row.recent = llmb_family_recent(f, ngx_current_msec);
        row.seen = f->seen;

        rows[n++] = row;
    }

    qsort(rows, n, sizeof(ngx_http_llm_batch_json_row_t),
          ngx_http_llm_batch_cmp_rows);

    return ngx_min(n, NGX_HTTP_LLM_BATCH_SHOWN);
}


static int
ngx_http_llm_batch_cmp_rows(const void *one, const void *two)
{
    const ngx_http_llm_batch_json_row_t *a = one;
    const ngx_http_llm_batch_json_row_t *b = two;

    if (a->recent != b->recent) {
        return a->recent > b->recent ? -1 : 1;
    }

    return (a->seen < b->seen) - (a->seen > b->seen);
}


static json_t *
ngx_http_llm_batch_json_row(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_json_row_t *row)
{
    json_t         *json, *name;
    double          rate;
    llmb_group_t    g;
    llmb_family_t   f;

    ngx_http_llm_batch_lock(zone);

    g = *llmb_group(zone->tables, row->group);
    f = *llmb_family(zone->tables, row->family);

    ngx_http_llm_batch_unlock(zone);

    json = ngx_http_llm_batch_json_group(zone, &g);

    name = ngx_http_llm_batch_json_name(f.name, f.name_len);
    rate = llmb_arrivals_rate(&f.arrivals, ngx_http_llm_batch_usec());

    (void) json_object_set_new(json, "name", name);
    (void) json_object_set_new(json, "keys", json_integer(row->keys));
    (void) json_object_set_new(json, "queued", json_integer(row->queued));
    (void) json_object_set_new(json, "inflight", json_integer(row->inflight));
    (void) json_object_set_new(json, "arrival_rate", json_real(rate));
    (void) json_object_set_new(json, "breaker_open", json_boolean(row->open));
    (void) json_object_set_new(json, "format_off", json_boolean(row->off));

    if (row->keys > 1) {
        (void) json_object_set_new(json, "differs",
                                   ngx_http_llm_batch_json_differs(&f));
    }

    return json;
}


/* the most frequent first */

static json_t *
ngx_http_llm_batch_json_differs(llmb_family_t *f)
{
    u_char       text[LLMB_DIFFER_NAME + 1];
    json_t      *list;
    ngx_uint_t   i, k, n, most;

    list = json_array();

    for (n = ngx_min(f->ndiffers, LLMB_FAMILY_DIFFERS); n; n--) {
        most = 0;

        for (i = 1; i < LLMB_FAMILY_DIFFERS; i++) {
            if (f->often[i] > f->often[most]) {
                most = i;
            }
        }

        k = 0;

        if (f->differs[most].kind == LLMB_DIFFER_VARIABLE) {
            text[k++] = '$';
        }

        ngx_memcpy(&text[k], f->differs[most].name, LLMB_DIFFER_NAME);

        (void) json_array_append_new(list,
                      ngx_http_llm_batch_json_name(text,
                                                   k + f->differs[most].len));
        f->often[most] = 0;
    }

    return list;
}


/* what clients have chosen may be no UTF-8, or cut within a character */

static json_t *
ngx_http_llm_batch_json_name(u_char *data, size_t len)
{
    json_t  *name;

    name = json_stringn((char *) data, len);

    return name ? name : json_string("?");
}


static json_t *
ngx_http_llm_batch_json_group(ngx_http_llm_batch_zone_t *zone,
    llmb_group_t *g)
{
    json_t         *group;
    llmb_learn_t   *learn;
    double          fixed, each, limit;
    uint32_t        knee;
    ngx_str_t       adapter;
    llmb_policy_t   policy;

    static const char  *windows[] = { "slot", "fixed", "rate" };

    learn = llmb_learn_of(zone->tables, g);
    policy = llmb_group_policy(g);
    adapter = ngx_http_llm_batch_slot_name(zone, g->adapter);

    group = json_pack("{s:s, s:i, s:s#, s:i, s:i, s:s, s:i, s:i, s:i, s:I, "
                      "s:I, s:f}",
                     "name", "",
                     "keys", 0,
                     "adapter", adapter.data, (int) adapter.len,
                     "queued", 0,
                     "inflight", 0,
                     "window", windows[policy.window],
                     "concurrency",
                     (int) llmb_group_slots(zone->tables, g),
                     "max_size", (int) g->policy.max_size,
                     "learned_size", (int) g->learned.items,
                     "learned_tokens", (json_int_t) g->learned.tokens,
                     "learned_bytes", (json_int_t) g->learned.bytes,
                     "token_ratio",
                     llmb_calibrate_ratio(&g->calibration)
                     / (double) LLMB_CALIBRATE_ONE);

    (void) json_object_set_new(group, "merging",
                          json_boolean(!llmb_learn_apart(learn)));

    (void) json_object_set_new(group, "patience",
                          json_pack("{s:f, s:f}",
                                    "hold_ms",
                                    llmb_patience_now(zone->tables, g) / 1000,
                                    "near", (double) g->near));

    limit = llmb_quota_rate(&g->quota, ngx_http_llm_batch_usec());

    if (limit > 0) {
        (void) json_object_set_new(group, "rate_limit", json_real(limit));
    }

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
