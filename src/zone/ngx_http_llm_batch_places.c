
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The places of workers in a zone: each has one, shows once a second that it is
 * there, and looks after the others.  One that has died and has no successor is
 * cleaned up after; one that stands still is not waited for.
 */


#include "ngx_http_llm_batch.h"


/* what the system tells of a process */

typedef struct {
    uint64_t    started;              /* in its own unit; 0: not known */
    ngx_uint_t  ended;                /* but its parent does not know yet */
} ngx_http_llm_batch_process_t;


static ngx_uint_t ngx_http_llm_batch_take_place(
    ngx_http_llm_batch_zone_t *zone);
static uint32_t ngx_http_llm_batch_find_place(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_watch_handler(ngx_event_t *ev);
static void ngx_http_llm_batch_give_up_lost(ngx_http_llm_batch_zone_t *zone);
static void ngx_http_llm_batch_bury(ngx_http_llm_batch_zone_t *zone);
static uint32_t ngx_http_llm_batch_suspect(ngx_http_llm_batch_zone_t *zone,
    uint32_t from, llmb_worker_t *suspect);
static ngx_uint_t ngx_http_llm_batch_is_gone(llmb_worker_t *w);
static ngx_int_t ngx_http_llm_batch_read_process(ngx_pid_t pid,
    ngx_http_llm_batch_process_t *process);


/* how often a worker shows that it is there, and looks after others */

#define NGX_HTTP_LLM_BATCH_WATCH    1000

/* one that has not done so for that long may be dead */

#define NGX_HTTP_LLM_BATCH_SUSPECT  1500


ngx_int_t
ngx_http_llm_batch_zone_attach(ngx_http_llm_batch_zone_t *zone,
    ngx_cycle_t *cycle)
{
    zone->members = ngx_pcalloc(cycle->pool, zone->tables->nmembers
                                        * sizeof(ngx_http_llm_batch_part_t *));
    zone->calls = ngx_pcalloc(cycle->pool, zone->tables->ncalls
                                       * sizeof(ngx_http_llm_batch_call_t *));
    zone->bells = ngx_palloc(cycle->pool,
                             zone->tables->nworkers * sizeof(ngx_socket_t));

    if (zone->pool == NULL) {
        zone->pool = ngx_create_pool(4096, cycle->log);
    }

    if (zone->members == NULL || zone->calls == NULL || zone->bells == NULL
        || zone->pool == NULL)
    {
        return NGX_ERROR;
    }

    zone->mail.log = cycle->log;

    zone->later.log = cycle->log;

    zone->watch.handler = ngx_http_llm_batch_watch_handler;
    zone->watch.data = zone;
    zone->watch.log = cycle->log;
    zone->watch.cancelable = 1;

    if (!ngx_http_llm_batch_take_place(zone)) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "no place left for this worker in zone \"%V\", "
                      "requests are passed through until there is one",
                      &zone->name);
    }

    if (ngx_process == NGX_PROCESS_WORKER) {
        ngx_add_timer(&zone->watch, NGX_HTTP_LLM_BATCH_WATCH);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_llm_batch_take_place(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t                       place;
    llmb_worker_t                 *w;
    ngx_http_llm_batch_process_t   process;

    if (ngx_http_llm_batch_read_process(ngx_pid, &process) != NGX_OK) {
        process.started = 0;
    }

    ngx_http_llm_batch_lock(zone);

    place = ngx_http_llm_batch_find_place(zone);

    if (place != LLMB_NIL) {
        w = llmb_worker(zone->tables, place);

        if (w->pid != 0) {
            ngx_http_llm_batch_reap(zone, place);
        }

        w->pid = ngx_pid;
        w->started = process.started;
        w->generation = zone->generation;
        w->number = ngx_worker;
        w->bell = 0;

        zone->worker = place;
        zone->epoch = zone->tables->epoch;

        llmb_sched_seen(zone->tables, place, ngx_current_msec);
        ngx_http_llm_batch_settle(zone);
        LLMB_CRASH("attach locked");
    }

    ngx_http_llm_batch_unlock(zone);

    return place != LLMB_NIL;
}


/* that of the predecessor, or a free one */

static uint32_t
ngx_http_llm_batch_find_place(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i, free;
    llmb_worker_t  *w;

    free = LLMB_NIL;

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid == 0) {
            free = ngx_min(free, i);
            continue;
        }

        if (w->generation == zone->generation && w->number == ngx_worker) {
            return i;
        }
    }

    return free;
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


/*
 * By the lock others see that this worker is there.  And it sees what it has
 * not been told of: that the zone was reset, which nobody can use before all
 * know of it, or, if it has no bell, that it is to quit.
 */

static void
ngx_http_llm_batch_watch_handler(ngx_event_t *ev)
{
    ngx_http_llm_batch_zone_t  *zone;

    zone = ev->data;

    if (zone->worker == LLMB_NIL && !ngx_exiting
        && ngx_http_llm_batch_take_place(zone))
    {
        ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                      "this worker has a place in zone \"%V\" now",
                      &zone->name);
    }

    ngx_http_llm_batch_give_up_lost(zone);
    ngx_http_llm_batch_bury(zone);

    zone->drains |= ngx_exiting;

    /* mail whose ring was lost */

    ngx_post_event(&zone->mail, &ngx_posted_events);

    ngx_add_timer(ev, NGX_HTTP_LLM_BATCH_WATCH);
}


/* whoever stands still, and has others wait for it */

static void
ngx_http_llm_batch_give_up_lost(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i, n;
    ngx_uint_t      stopped;
    llmb_worker_t  *w;

    stopped = (zone->worker != LLMB_NIL
               && llmb_sched_is_lost(llmb_worker(zone->tables, zone->worker),
                                     ngx_current_msec));

    ngx_http_llm_batch_lock(zone);

    for (i = 0; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        /* who was stopped itself knows nothing of others */

        if (stopped || i == zone->worker || w->lost
            || !llmb_sched_is_lost(w, ngx_current_msec))
        {
            continue;
        }

        n = llmb_sched_give_up(zone->tables, i, ngx_current_msec);

        ngx_http_llm_batch_count_n(zone->sh->metrics.orphans, n);
    }

    ngx_http_llm_batch_unlock(zone);
}


/* the system is asked without the lock */

static void
ngx_http_llm_batch_bury(ngx_http_llm_batch_zone_t *zone)
{
    uint32_t        i;
    llmb_worker_t   suspect, *w;

    for (i = ngx_http_llm_batch_suspect(zone, 0, &suspect);
         i != LLMB_NIL;
         i = ngx_http_llm_batch_suspect(zone, i + 1, &suspect))
    {
        if (!ngx_http_llm_batch_is_gone(&suspect)) {
            continue;
        }

        w = llmb_worker(zone->tables, i);

        ngx_http_llm_batch_lock(zone);

        if (w->pid == suspect.pid && w->started == suspect.started) {
            ngx_http_llm_batch_reap(zone, i);
        }

        ngx_http_llm_batch_unlock(zone);
    }
}


/* the next place, or LLMB_NIL, of a worker that was not seen for a while */

static uint32_t
ngx_http_llm_batch_suspect(ngx_http_llm_batch_zone_t *zone, uint32_t from,
    llmb_worker_t *suspect)
{
    uint32_t        i;
    llmb_worker_t  *w;

    ngx_http_llm_batch_lock(zone);

    for (i = from; i < zone->tables->nworkers; i++) {
        w = llmb_worker(zone->tables, i);

        if (w->pid != 0 && i != zone->worker
            && ngx_current_msec >= w->seen + NGX_HTTP_LLM_BATCH_SUSPECT)
        {
            *suspect = *w;
            break;
        }
    }

    ngx_http_llm_batch_unlock(zone);

    return i < zone->tables->nworkers ? i : LLMB_NIL;
}


/* a process of that number is not enough: it may be another one, or dead */

static ngx_uint_t
ngx_http_llm_batch_is_gone(llmb_worker_t *w)
{
    ngx_http_llm_batch_process_t  process;

    if (kill((pid_t) w->pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 1;
    }

    if (ngx_http_llm_batch_read_process((ngx_pid_t) w->pid, &process)
        != NGX_OK)
    {
        return 0;
    }

    return process.ended || (w->started && process.started != w->started);
}


/* where the system has no /proc, or does not let us look, nothing is known */

static ngx_int_t
ngx_http_llm_batch_read_process(ngx_pid_t pid,
    ngx_http_llm_batch_process_t *process)
{
    char     *p, *end;
    u_char    name[sizeof("/proc//stat") + NGX_INT64_LEN];
    char      text[1024];
    ssize_t   n;
    ngx_fd_t  fd;

    *ngx_sprintf(name, "/proc/%P/stat", pid) = '\0';

    fd = ngx_open_file(name, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text, sizeof(text) - 1);

    (void) ngx_close_file(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    text[n] = '\0';

    /* "pid (name) state ...", of which the name may be anything */

    p = strrchr(text, ')');

    if (p == NULL || p[1] != ' ') {
        return NGX_ERROR;
    }

    p += 2;
    process->ended = (*p == 'Z' || *p == 'X');

    /* the state is field 3, the start field 22 */

    for (n = 3; n < 22; n++) {
        p = strchr(p, ' ');

        if (p == NULL) {
            return NGX_ERROR;
        }

        p++;
    }

    process->started = strtoull(p, &end, 10);

    return end == p ? NGX_ERROR : NGX_OK;
}
