
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "ngx_http_llm_batch.h"


/*
 * Groups are looked at without the lock: they may be tens of thousands, which
 * would keep all workers waiting, they do not move, and what is counted need
 * not be of one moment.
 */

void
ngx_http_llm_batch_get_gauges(ngx_http_llm_batch_zone_t *zone,
    ngx_http_llm_batch_gauges_t *gauges)
{
    uint32_t        i;
    llmb_zone_t    *z;
    llmb_group_t   *g;
    llmb_worker_t  *w;

    ngx_memzero(gauges, sizeof(ngx_http_llm_batch_gauges_t));

    z = zone->tables;

    ngx_http_llm_batch_lock(zone);

    gauges->members = z->nmembers - z->free_members.n;
    gauges->calls = z->calls;
    gauges->illegal = z->illegal;
    gauges->used = llmb_zone_used(z);
    gauges->free = llmb_zone_free(z);
    gauges->placeless = zone->sh->workers;

    for (i = 0; i < z->nworkers; i++) {
        w = llmb_worker(z, i);

        if (gauges->placeless && w->pid != 0
            && w->generation == zone->sh->generation)
        {
            gauges->placeless--;
        }
    }

    ngx_http_llm_batch_unlock(zone);

    for (i = 0; i < z->ngroups; i++) {
        g = llmb_group(z, i);

        if (!g->used) {
            continue;
        }

        gauges->groups++;
        gauges->queued += g->queue.n;
        gauges->inflight += g->inflight;
        gauges->open += llmb_health_open(&g->health, ngx_current_msec);
    }
}
