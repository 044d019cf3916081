
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Bells: an eventfd per worker, made by the master process and inherited by
 * fork, so that a worker that replaces a dead one has the same.  So have those
 * of the next configuration: a reload needs no more descriptors.
 */


#include "ngx_http_llm_batch.h"

#include <sys/eventfd.h>


static ngx_int_t ngx_http_llm_batch_make_bells(ngx_log_t *log, ngx_uint_t n);
static void ngx_http_llm_batch_ipc_cleanup(void *data);
static void ngx_http_llm_batch_ipc_handler(ngx_event_t *ev);


/* those of this process, by number of the worker; -1 where there is none */

static struct {
    ngx_socket_t  *fds;
    ngx_uint_t     n;
    ngx_uint_t     cycles;        /* that have them */
} ngx_http_llm_batch_bells;


void
ngx_http_llm_batch_ipc_create(ngx_cycle_t *cycle,
    ngx_http_llm_batch_main_conf_t *mcf)
{
    size_t               n;
    ngx_socket_t        *fds;
    ngx_core_conf_t     *ccf;
    ngx_pool_cleanup_t  *cln;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (!ccf->master) {
        /* a single process has nobody to wake */
        return;
    }

    n = ccf->worker_processes;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    fds = ngx_array_push_n(&mcf->fds, n);

    if (cln == NULL || fds == NULL
        || ngx_http_llm_batch_make_bells(cycle->log, n) != NGX_OK)
    {
        mcf->fds.nelts = 0;
        return;
    }

    cln->handler = ngx_http_llm_batch_ipc_cleanup;
    ngx_http_llm_batch_bells.cycles++;

    ngx_memcpy(fds, ngx_http_llm_batch_bells.fds, n * sizeof(ngx_socket_t));
}


/*
 * As many as can be had, and others with the next configuration: a worker that
 * has none looks once a second, which is no reason not to serve.
 */

static ngx_int_t
ngx_http_llm_batch_make_bells(ngx_log_t *log, ngx_uint_t n)
{
    ngx_uint_t     i;
    ngx_socket_t  *fds;

    if (n > ngx_http_llm_batch_bells.n) {

        fds = ngx_alloc(n * sizeof(ngx_socket_t), log);
        if (fds == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < n; i++) {
            fds[i] = i < ngx_http_llm_batch_bells.n
                     ? ngx_http_llm_batch_bells.fds[i] : (ngx_socket_t) -1;
        }

        ngx_free(ngx_http_llm_batch_bells.fds);

        ngx_http_llm_batch_bells.fds = fds;
        ngx_http_llm_batch_bells.n = n;
    }

    fds = ngx_http_llm_batch_bells.fds;

    for (i = 0; i < n; i++) {

        if (fds[i] != (ngx_socket_t) -1) {
            continue;
        }

        fds[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fds[i] == (ngx_socket_t) -1) {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "eventfd() failed, workers from %ui on look for "
                          "their requests once a second", i);
            break;
        }
    }

    return NGX_OK;
}


static void
ngx_http_llm_batch_ipc_cleanup(void *data)
{
    ngx_uint_t  i;

    if (--ngx_http_llm_batch_bells.cycles) {
        return;
    }

    for (i = 0; i < ngx_http_llm_batch_bells.n; i++) {
        if (ngx_http_llm_batch_bells.fds[i] != (ngx_socket_t) -1) {
            (void) close(ngx_http_llm_batch_bells.fds[i]);
        }
    }

    ngx_free(ngx_http_llm_batch_bells.fds);

    ngx_memzero(&ngx_http_llm_batch_bells, sizeof(ngx_http_llm_batch_bells));
}


ngx_int_t
ngx_http_llm_batch_ipc_open(ngx_cycle_t *cycle,
    ngx_http_llm_batch_main_conf_t *mcf)
{
    ngx_int_t          event;
    ngx_socket_t      *fd;
    ngx_connection_t  *c;

    fd = mcf->fds.elts;

    if (ngx_worker >= mcf->fds.nelts || fd[ngx_worker] == (ngx_socket_t) -1) {
        return NGX_OK;
    }

    c = ngx_get_connection(fd[ngx_worker], cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = mcf;

    c->read->handler = ngx_http_llm_batch_ipc_handler;
    c->read->log = cycle->log;
    c->read->channel = 1;
    c->write->channel = 1;

    /*
     * counted among the idle ones, the connection is told when a graceful
     * shutdown begins
     */

    c->idle = 1;

    event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    if (ngx_add_event(c->read, NGX_READ_EVENT, event) == NGX_ERROR) {
        ngx_free_connection(c);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_llm_batch_ipc_handler(ngx_event_t *ev)
{
    uint64_t                         n;
    ngx_uint_t                       i;
    ngx_connection_t                *c;
    ngx_http_llm_batch_zone_t      **zones;
    ngx_http_llm_batch_main_conf_t  *mcf;

    c = ev->data;
    mcf = c->data;
    zones = mcf->zones.elts;

    if (c->close) {
        /* nothing more comes to join those who wait */

        c->close = 0;

        for (i = 0; i < mcf->zones.nelts; i++) {
            zones[i]->drains = 1;
        }

    } else if (read(c->fd, &n, sizeof(uint64_t)) == -1
               && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ERR, ev->log, ngx_errno,
                      "reading an eventfd failed");
    }

    /* at once: after a signal no posted events are processed */

    for (i = 0; i < mcf->zones.nelts; i++) {
        zones[i]->mail.handler(&zones[i]->mail);
    }
}


void
ngx_http_llm_batch_ring(ngx_socket_t fd)
{
    uint64_t  n;

    if (fd == (ngx_socket_t) -1) {
        return;
    }

    n = 1;

    if (write(fd, &n, sizeof(uint64_t)) == -1) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, ngx_errno,
                      "writing to an eventfd failed");
    }
}
