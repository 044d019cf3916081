
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * One allocation from the slab when the zone is made; afterwards the slab is
 * not used, but its mutex is: it is the only one that the master process
 * releases for a worker that was killed.
 */


#include "ngx_http_llm_batch.h"

#include <sys/random.h>


#define NGX_HTTP_LLM_BATCH_MAGIC   0x6c6c6d62
#define NGX_HTTP_LLM_BATCH_LAYOUT                                             \
    (sizeof(ngx_http_llm_batch_shctx_t) * 65536                               \
     + sizeof(llmb_member_t) + sizeof(llmb_call_t) + sizeof(llmb_group_t)     \
     + sizeof(llmb_upstream_t) + sizeof(llmb_cost_t) + sizeof(llmb_tenant_t)  \
     + sizeof(llmb_family_t) + sizeof(llmb_worker_t) + LLMB_ZONE_LAYOUT)


static ngx_int_t ngx_http_llm_batch_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_llm_batch_create_tables(
    ngx_http_llm_batch_zone_t *zone);
static uint32_t ngx_http_llm_batch_places(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_count_workers(ngx_http_llm_batch_zone_t *zone);
static ngx_int_t ngx_http_llm_batch_make_secret(llmb_secret_t *secret,
    ngx_log_t *log);
static void ngx_http_llm_batch_recover(ngx_http_llm_batch_zone_t *zone);


ngx_http_llm_batch_zone_t *
ngx_http_llm_batch_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_llm_batch_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->name = *name;
    zone->worker = LLMB_NIL;
    zone->mcf = ngx_http_conf_get_module_main_conf(cf,
                                                   ngx_http_llm_batch_module);
    zone->ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                 ngx_core_module);
    ngx_queue_init(&zone->held);
    ngx_queue_init(&zone->waking);

    zone->shm_zone = ngx_shared_memory_add(cf, name, size,
                                           &ngx_http_llm_batch_module);
    if (zone->shm_zone == NULL) {
        return NULL;
    }

    if (zone->shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" in \"llm_batch_zone\" directive is "
                           "already in use", name);
        return NULL;
    }

    zone->shm_zone->init = ngx_http_llm_batch_init_zone;
    zone->shm_zone->data = zone;

    return zone;
}


static ngx_int_t
ngx_http_llm_batch_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_llm_batch_zone_t  *ozone = data;

    ngx_http_llm_batch_zone_t  *zone;

    zone = shm_zone->data;
    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (ozone == NULL && !shm_zone->shm.exists) {

        if (ngx_http_llm_batch_create_tables(zone) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_llm_batch_init_slots(zone);
        ngx_http_llm_batch_count_workers(zone);

        return NGX_OK;
    }

    zone->sh = zone->shpool->data;
    zone->tables = (llmb_zone_t *) ngx_align_ptr(zone->sh + 1, 64);

    if (zone->sh->magic != NGX_HTTP_LLM_BATCH_MAGIC
        || zone->sh->layout != NGX_HTTP_LLM_BATCH_LAYOUT)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" of \"llm_batch_zone\" was made by another "
                      "version of the module, restart nginx instead",
                      &zone->name);
        return NGX_ERROR;
    }

    zone->generation = ++zone->sh->generation;

    ngx_http_llm_batch_init_slots(zone);
    ngx_http_llm_batch_count_workers(zone);

    return NGX_OK;
}


/* at a reload those of two configurations are there, or more */

static uint32_t
ngx_http_llm_batch_places(ngx_http_llm_batch_zone_t *zone)
{
    ngx_uint_t  n;

    n = 4 * ngx_max(zone->ccf->worker_processes, 1);

    return ngx_min(ngx_max(n, NGX_HTTP_LLM_BATCH_PLACES), LLMB_WORKERS_MAX);
}


static void
ngx_http_llm_batch_count_workers(ngx_http_llm_batch_zone_t *zone)
{
    zone->sh->workers = zone->ccf->master
                        ? ngx_max(zone->ccf->worker_processes, 1) : 1;

    if (2 * zone->sh->workers > zone->tables->nworkers) {
        ngx_log_error(NGX_LOG_WARN, zone->shm_zone->shm.log, 0,
                      "zone \"%V\" has places for %uD workers, which are too "
                      "few for a reload with %ui, restart nginx to have more",
                      &zone->name, zone->tables->nworkers, zone->sh->workers);
    }
}


static ngx_int_t
ngx_http_llm_batch_create_tables(ngx_http_llm_batch_zone_t *zone)
{
    u_char           *p;
    size_t            size;
    ngx_slab_pool_t  *shpool;

    shpool = zone->shpool;

    /* all pages in one piece */

    size = shpool->pfree * ngx_pagesize;

    shpool->log_ctx = ngx_slab_alloc(shpool, sizeof(" in llm_batch_zone \"\"")
                                             + zone->name.len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in llm_batch_zone \"%V\"%Z", &zone->name);

    size = shpool->pfree * ngx_pagesize;

    p = ngx_slab_alloc(shpool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    zone->sh = (ngx_http_llm_batch_shctx_t *) p;
    ngx_memzero(zone->sh, sizeof(ngx_http_llm_batch_shctx_t));

    zone->tables = (llmb_zone_t *) ngx_align_ptr(zone->sh + 1, 64);

    if (llmb_zone_init(zone->tables, p + size - (u_char *) zone->tables,
                       ngx_http_llm_batch_places(zone))
        != LLMB_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "zone \"%V\" of \"llm_batch_zone\" is too small",
                      &zone->name);
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_make_secret(&zone->sh->secret,
                                       zone->shm_zone->shm.log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    zone->generation = 1;

    zone->sh->magic = NGX_HTTP_LLM_BATCH_MAGIC;
    zone->sh->layout = NGX_HTTP_LLM_BATCH_LAYOUT;
    zone->sh->generation = 1;
    zone->sh->start = (uint32_t) ngx_random() ^ (uint32_t) ngx_time();
    zone->sh->started = ngx_time();

    shpool->data = zone->sh;

    return NGX_OK;
}


/* without it a client can choose texts that are slow to find */

static ngx_int_t
ngx_http_llm_batch_make_secret(llmb_secret_t *secret, ngx_log_t *log)
{
    ssize_t   n;
    ngx_fd_t  fd;

    n = getrandom(secret->key, sizeof(secret->key), GRND_NONBLOCK);

    if (n != sizeof(secret->key)) {
        fd = ngx_open_file("/dev/urandom", NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

        if (fd != NGX_INVALID_FILE) {
            n = ngx_read_fd(fd, secret->key, sizeof(secret->key));
            (void) ngx_close_file(fd);
        }
    }

    if (n != sizeof(secret->key)) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "no random bytes from getrandom() nor \"/dev/urandom\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_llm_batch_lock(ngx_http_llm_batch_zone_t *zone)
{
    LLMB_LOCK_ASK();

    ngx_shmtx_lock(&zone->shpool->mutex);

    LLMB_LOCK_HAVE();

    if (zone->sh->dirty) {
        ngx_http_llm_batch_recover(zone);
    }

    zone->sh->dirty = ngx_pid;
    ngx_memory_barrier();

    LLMB_CRASH("lock");

    if (zone->worker == LLMB_NIL) {
        return;
    }

    if (llmb_worker(zone->tables, zone->worker)->lost) {
        /* the time is that of before we were stopped */
        ngx_time_update();
    }

    llmb_sched_seen(zone->tables, zone->worker, ngx_current_msec);

    if (!zone->tables->settled) {
        ngx_http_llm_batch_settle(zone);
    }
}


void
ngx_http_llm_batch_unlock(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i, n;
    ngx_uint_t      self;
    ngx_socket_t   *fd;
    llmb_worker_t  *w;

    n = 0;
    self = 0;
    fd = zone->mcf->fds.elts;

    for (i = 0; zone->tables->bells && i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (!w->bell) {
            continue;
        }

        w->bell = 0;
        zone->tables->bells--;

        if (i == zone->worker) {
            self = 1;

        } else if (w->generation == zone->generation
                   && w->number < zone->mcf->fds.nelts && zone->bells)
        {
            zone->bells[n++] = fd[w->number];
        }
    }

    zone->tables->bells = 0;

    ngx_memory_barrier();
    zone->sh->dirty = 0;

    LLMB_LOCK_GIVE();

    ngx_shmtx_unlock(&zone->shpool->mutex);

    LLMB_CRASH("unlock");

    if (zone->died) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "worker %P died within the lock of zone \"%V\", "
                      "held requests are sent alone", zone->died, &zone->name);
        zone->died = 0;
    }

    while (n) {
        ngx_http_llm_batch_ring(zone->bells[--n]);
    }

    if (self) {
        ngx_post_event(&zone->mail, &ngx_posted_events);
    }
}


/* a worker died while it held the lock: the tables cannot be trusted */

static void
ngx_http_llm_batch_recover(ngx_http_llm_batch_zone_t *zone)
{
    zone->died = (ngx_pid_t) zone->sh->dirty;

    ngx_http_llm_batch_count(zone->sh->metrics.resets);

    llmb_zone_reset(zone->tables);
}


void
ngx_http_llm_batch_settle(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i;
    llmb_worker_t  *w;

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid != 0 && i != zone->worker
            && w->epoch != zone->tables->epoch
            && kill((pid_t) w->pid, 0) == -1 && ngx_errno == NGX_ESRCH)
        {
            ngx_http_llm_batch_reap(zone, i);
        }
    }

    llmb_zone_settle(zone->tables, zone->worker);
}


/* it is dead; the caller holds the lock */

void
ngx_http_llm_batch_reap(ngx_http_llm_batch_zone_t *zone, uint32_t worker)
{
    ngx_http_llm_batch_count_n(zone->sh->metrics.orphans,
                               llmb_sched_reap(zone->tables, worker,
                                               ngx_current_msec));

    llmb_worker(zone->tables, worker)->pid = 0;
}
