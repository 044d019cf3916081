
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * One allocation from the slab when the zone is made; afterwards the slab is
 * not used, but its mutex is: it is the only one that the master process
 * releases for a worker that was killed.
 */


#include "ngx_http_llm_batch.h"


#define NGX_HTTP_LLM_BATCH_MAGIC   0x6c6c6d62
#define NGX_HTTP_LLM_BATCH_LAYOUT                                             \
    (sizeof(ngx_http_llm_batch_shctx_t) * 65536                               \
     + sizeof(llmb_member_t) + sizeof(llmb_group_t) + LLMB_ZONE_LAYOUT)


static ngx_int_t ngx_http_llm_batch_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_llm_batch_create_tables(
    ngx_http_llm_batch_zone_t *zone);
static uint32_t ngx_http_llm_batch_find_place(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_watch_handler(ngx_event_t *ev);
static void ngx_http_llm_batch_recover(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_settle(ngx_http_llm_batch_zone_t *zone);


/* how often workers of other configurations are looked after */

#define NGX_HTTP_LLM_BATCH_WATCH  1000


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
    ngx_queue_init(&zone->held);

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

    return NGX_OK;
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
                       NGX_HTTP_LLM_BATCH_WORKERS)
        != LLMB_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "zone \"%V\" of \"llm_batch_zone\" is too small",
                      &zone->name);
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


ngx_int_t
ngx_http_llm_batch_zone_attach(ngx_http_llm_batch_zone_t *zone,
    ngx_cycle_t *cycle)
{
    uint32_t        place;
    llmb_worker_t  *w;

    zone->members = ngx_pcalloc(cycle->pool, zone->tables->nmembers
                                        * sizeof(ngx_http_llm_batch_part_t *));
    zone->calls = ngx_pcalloc(cycle->pool, zone->tables->ncalls
                                       * sizeof(ngx_http_llm_batch_call_t *));

    if (zone->pool == NULL) {
        zone->pool = ngx_create_pool(4096, cycle->log);
    }

    if (zone->members == NULL || zone->calls == NULL || zone->pool == NULL) {
        return NGX_ERROR;
    }

    zone->mail.handler = ngx_http_llm_batch_mail_handler;
    zone->mail.data = zone;
    zone->mail.log = cycle->log;

    zone->watch.handler = ngx_http_llm_batch_watch_handler;
    zone->watch.data = zone;
    zone->watch.log = cycle->log;
    zone->watch.cancelable = 1;

    ngx_http_llm_batch_lock(zone);

    place = ngx_http_llm_batch_find_place(zone);

    if (place != LLMB_NIL) {
        w = llmb_worker(zone->tables, place);

        if (w->pid != 0) {
            ngx_http_llm_batch_count_n(zone->sh->metrics.orphans,
                          llmb_sched_reap(zone->tables, place,
                                          ngx_current_msec));
        }

        w->pid = ngx_pid;
        w->generation = zone->generation;
        w->number = ngx_worker;
        w->bell = 0;

        zone->worker = place;
        zone->epoch = zone->tables->epoch;
        ngx_http_llm_batch_settle(zone);
        LLMB_CRASH("attach locked");
    }

    ngx_http_llm_batch_unlock(zone);

    if (place == LLMB_NIL) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "no place left for this worker in zone \"%V\", "
                      "requests are passed through", &zone->name);
    }

    if (ngx_process == NGX_PROCESS_WORKER) {
        ngx_http_llm_batch_watch_handler(&zone->watch);
    }

    return NGX_OK;
}


void
ngx_http_llm_batch_zone_watch(ngx_http_llm_batch_zone_t *zone)
{
    if (!zone->watch.timer_set) {
        ngx_add_timer(&zone->watch, NGX_HTTP_LLM_BATCH_WATCH);
    }
}


/*
 * A worker that dies while it shuts down has no successor to clean up.  And
 * one that takes its time, without a member, is not woken by those of a newer
 * configuration; as long as it does not look for itself, nobody can use a zone
 * that was reset.
 */

static void
ngx_http_llm_batch_watch_handler(ngx_event_t *ev)
{
    uint32_t                    i;
    ngx_uint_t                  left;
    llmb_worker_t              *w;
    ngx_http_llm_batch_zone_t  *zone;

    zone = ev->data;
    left = 0;

    ngx_http_llm_batch_lock(zone);

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid != 0 && w->generation != zone->generation) {
            ngx_http_llm_batch_check_worker(zone, i);
            left |= (w->pid != 0);
        }
    }

    ngx_http_llm_batch_unlock(zone);

    if (left) {
        ngx_add_timer(ev, NGX_HTTP_LLM_BATCH_WATCH);
    }
}


/* that of the predecessor, or a free one, or one of any dead worker */

static uint32_t
ngx_http_llm_batch_find_place(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i, free, dead;
    llmb_worker_t  *w;

    free = LLMB_NIL;
    dead = LLMB_NIL;

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid == 0) {
            free = ngx_min(free, i);
            continue;
        }

        if (w->generation == zone->generation && w->number == ngx_worker) {
            return i;
        }

        if (kill((pid_t) w->pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
            dead = i;
        }
    }

    return free != LLMB_NIL ? free : dead;
}


void
ngx_http_llm_batch_zone_detach(ngx_http_llm_batch_zone_t *zone)
{
    if (zone->pool) {
        ngx_destroy_pool(zone->pool);
        zone->pool = NULL;
    }

    if (zone->worker == LLMB_NIL) {
        return;
    }

    ngx_http_llm_batch_lock(zone);

    (void) llmb_sched_reap(zone->tables, zone->worker, ngx_current_msec);

    LLMB_CRASH("detach locked");

    llmb_worker(zone->tables, zone->worker)->pid = 0;

    zone->worker = LLMB_NIL;

    ngx_http_llm_batch_unlock(zone);

    LLMB_LOCK_TELL(ngx_cycle->log);
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

    if (zone->worker != LLMB_NIL && !zone->tables->settled) {
        ngx_http_llm_batch_settle(zone);
    }
}


void
ngx_http_llm_batch_unlock(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i, n;
    ngx_uint_t      self;
    ngx_socket_t    fds[NGX_HTTP_LLM_BATCH_WORKERS], *fd;
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
                   && w->number < zone->mcf->fds.nelts)
        {
            fds[n++] = fd[w->number];
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
        ngx_http_llm_batch_ring(fds[--n]);
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


/* this worker copies nothing now; are all others of the new epoch, too? */

static void
ngx_http_llm_batch_settle(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i;
    llmb_worker_t  *w;

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid != 0 && w->epoch != zone->tables->epoch) {
            ngx_http_llm_batch_check_worker(zone, i);
        }
    }

    llmb_zone_settle(zone->tables, zone->worker);
}


void
ngx_http_llm_batch_check_worker(ngx_http_llm_batch_zone_t *zone,
    uint32_t worker)
{
    llmb_worker_t  *w;

    w = llmb_worker(zone->tables, worker);

    if (w->pid == 0 || worker == zone->worker
        || kill((pid_t) w->pid, 0) == 0 || ngx_errno != NGX_ESRCH)
    {
        return;
    }

    ngx_http_llm_batch_count_n(zone->sh->metrics.orphans,
                  llmb_sched_reap(zone->tables, worker, ngx_current_msec));

    w->pid = 0;
}
