
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The shared memory zone as nginx sees it: its creation, the lock, and what
 * happens when a worker dies in the middle of something.
 */


#ifndef _NGX_HTTP_LLM_BATCH_ZONE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_ZONE_H_INCLUDED_


/* places at least, for workers of all generations that live at one time */

#define NGX_HTTP_LLM_BATCH_PLACES  128


/* whose counts are in a slot: of declared formats, found again by name */

typedef struct {
    size_t                        len;
    u_char                        data[NGX_HTTP_LLM_BATCH_NAME_LEN];
} ngx_http_llm_batch_slot_name_t;


/* in shared memory; the tables follow at "tables" */

typedef struct {
    ngx_uint_t                    magic;
    ngx_uint_t                    layout;      /* of all this */
    ngx_atomic_t                  dirty;       /* pid of who holds the lock */
    ngx_uint_t                    generation;  /* of the newest cycle */
    ngx_uint_t                    workers;     /* that it is to have */
    llmb_secret_t                 secret;      /* of all hashes */
    uint32_t                      start;       /* part of the ids of calls */
    time_t                        started;

    ngx_http_llm_batch_slot_name_t  slots[NGX_HTTP_LLM_BATCH_ADAPTERS];
    ngx_http_llm_batch_metrics_t  metrics;
} ngx_http_llm_batch_shctx_t;


/* of one cycle; what changes at run time is of one process */

struct ngx_http_llm_batch_zone_s {
    ngx_str_t                     name;
    ngx_shm_zone_t               *shm_zone;
    ngx_slab_pool_t              *shpool;
    ngx_http_llm_batch_shctx_t   *sh;
    llmb_zone_t                  *tables;
    ngx_uint_t                    generation;
    ngx_core_conf_t              *ccf;

    uint32_t                      worker;      /* our place, or LLMB_NIL */
    ngx_socket_t                 *bells;       /* to be rung by unlock() */
    uint64_t                      epoch;       /* that we know of */
    ngx_pid_t                     died;        /* with the lock; to be told */
    ngx_http_llm_batch_part_t   **members;     /* ours, by index */
    ngx_http_llm_batch_call_t   **calls;       /* ours, by index */
    ngx_queue_t                   held;        /* our members: parts */
    ngx_queue_t                   waking;      /* requests whose timer is to
                                                  be set */
    ngx_pool_t                   *pool;        /* of one step, then reset */
    ngx_event_t                   mail;
    ngx_event_t                   later;       /* some of it is not due yet */
    ngx_event_t                   watch;
    ngx_uint_t                    drains;      /* all is to be sent now: the
                                                  worker shuts down */
    ngx_http_llm_batch_main_conf_t  *mcf;
    ngx_uint_t                    slots[NGX_HTTP_LLM_BATCH_FORMATS];
};


/* declares the zone; NULL after an error, which has been told */
ngx_http_llm_batch_zone_t *ngx_http_llm_batch_zone_add(ngx_conf_t *cf,
    ngx_str_t *name, size_t size);

/*
 * The lock.  If the last one who held it died, the tables are emptied and a
 * new epoch begins: what a worker knows of members and calls is valid only
 * while zone->epoch is that of the tables.  Who has the lock is seen by others
 * to be alive.  unlock() wakes the workers that have mail.
 */
void ngx_http_llm_batch_lock(ngx_http_llm_batch_zone_t *zone);
void ngx_http_llm_batch_unlock(ngx_http_llm_batch_zone_t *zone);

/* this worker copies nothing now, and knows of the epoch; with the lock */
void ngx_http_llm_batch_settle(ngx_http_llm_batch_zone_t *zone);

/* cleans up after a worker that is gone; the caller holds the lock */
void ngx_http_llm_batch_reap(ngx_http_llm_batch_zone_t *zone,
    uint32_t worker);


#endif /* _NGX_HTTP_LLM_BATCH_ZONE_H_INCLUDED_ */
