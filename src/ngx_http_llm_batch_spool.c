
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The file is written by write(), which tells of a full disk, and read as
 * mapped memory.  It has no name, so nothing is left of it, whatever happens
 * to the worker.  Its mapping may be longer than the file: what is behind the
 * end is not touched.
 */


#include "ngx_http_llm_batch.h"

#include <sys/mman.h>


#define NGX_HTTP_LLM_BATCH_SPOOL_FIRST  16384


typedef struct {
    size_t  size;
} ngx_http_llm_batch_memory_t;


static void ngx_http_llm_batch_memory_cleanup(void *data);
static void ngx_http_llm_batch_spool_cleanup(void *data);
static ngx_uint_t ngx_http_llm_batch_spool_fits(
    ngx_http_llm_batch_spool_t *spool, size_t size);
static ngx_int_t ngx_http_llm_batch_spool_grow(
    ngx_http_llm_batch_spool_t *spool, size_t size);
static ngx_int_t ngx_http_llm_batch_spool_open(
    ngx_http_llm_batch_spool_t *spool);
static ngx_int_t ngx_http_llm_batch_spool_flush(
    ngx_http_llm_batch_spool_t *spool);
static ngx_int_t ngx_http_llm_batch_spool_put(
    ngx_http_llm_batch_spool_t *spool, const u_char *p, size_t len);
static ngx_int_t ngx_http_llm_batch_spool_map(
    ngx_http_llm_batch_spool_t *spool);


/* of this worker, for all zones */

static size_t  ngx_http_llm_batch_memory_used;


ngx_int_t
ngx_http_llm_batch_memory_take(size_t size)
{
    if (size > NGX_HTTP_LLM_BATCH_MEMORY - ngx_http_llm_batch_memory_used) {
        return NGX_DECLINED;
    }

    ngx_http_llm_batch_memory_used += size;

    return NGX_OK;
}


void
ngx_http_llm_batch_memory_give(size_t size)
{
    ngx_http_llm_batch_memory_used -= size;
}


ngx_uint_t
ngx_http_llm_batch_memory_left(void)
{
    return NGX_HTTP_LLM_BATCH_MEMORY - ngx_http_llm_batch_memory_used
           > NGX_HTTP_LLM_BATCH_SPOOL_BUFFER;
}


ngx_int_t
ngx_http_llm_batch_memory_count(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_llm_batch_memory_t  *memory;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_llm_batch_memory_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_llm_batch_memory_take(size) != NGX_OK) {
        return NGX_DECLINED;
    }

    memory = cln->data;
    memory->size = size;

    cln->handler = ngx_http_llm_batch_memory_cleanup;

    return NGX_OK;
}


static void
ngx_http_llm_batch_memory_cleanup(void *data)
{
    ngx_http_llm_batch_memory_t *memory = data;

    ngx_http_llm_batch_memory_give(memory->size);
}


ngx_http_llm_batch_spool_t *
ngx_http_llm_batch_spool_create(ngx_pool_t *pool, ngx_http_request_t *r,
    size_t limit)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_llm_batch_spool_t  *spool;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_llm_batch_spool_t));
    if (cln == NULL) {
        return NULL;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    spool = cln->data;
    ngx_memzero(spool, sizeof(ngx_http_llm_batch_spool_t));

    spool->limit = limit;
    spool->path = clcf->client_body_temp_path;
    spool->file.log = ngx_cycle->log;

    cln->handler = ngx_http_llm_batch_spool_cleanup;

    return spool;
}


static void
ngx_http_llm_batch_spool_cleanup(void *data)
{
    ngx_http_llm_batch_spool_free(data);
}


void
ngx_http_llm_batch_spool_free(ngx_http_llm_batch_spool_t *spool)
{
    if (spool->start) {
        ngx_free(spool->start);
        ngx_http_llm_batch_memory_give(spool->size);
    }

    if (spool->map) {
        (void) munmap(spool->map, spool->limit);
    }

    if (spool->pool) {
        ngx_destroy_pool(spool->pool);
    }

    spool->len = 0;
    spool->full = 0;
    spool->start = NULL;
    spool->size = 0;
    spool->pool = NULL;
    spool->filed = 0;
    spool->map = NULL;
}


void
ngx_http_llm_batch_spool_move(ngx_http_llm_batch_spool_t *to,
    ngx_http_llm_batch_spool_t *from)
{
    *to = *from;

    from->start = NULL;
    from->pool = NULL;
    from->map = NULL;

    ngx_http_llm_batch_spool_free(from);
}


ngx_int_t
ngx_http_llm_batch_spool_reserve(ngx_http_llm_batch_spool_t *spool,
    size_t size)
{
    if (size <= spool->size || spool->pool
        || !ngx_http_llm_batch_spool_fits(spool, size))
    {
        return NGX_OK;
    }

    return ngx_http_llm_batch_spool_grow(spool, size);
}


/* whether so many bytes may be in memory */

static ngx_uint_t
ngx_http_llm_batch_spool_fits(ngx_http_llm_batch_spool_t *spool, size_t size)
{
    size_t  used;

    used = ngx_http_llm_batch_memory_used - spool->size + size;

    if (size <= NGX_HTTP_LLM_BATCH_SPOOL_BUFFER) {
        return used <= NGX_HTTP_LLM_BATCH_MEMORY;
    }

    return size <= NGX_HTTP_LLM_BATCH_SPOOL_MEMORY
           && used <= NGX_HTTP_LLM_BATCH_MEMORY / 2;
}


static ngx_int_t
ngx_http_llm_batch_spool_grow(ngx_http_llm_batch_spool_t *spool, size_t size)
{
    u_char  *p;

    p = realloc(spool->start, size);

    if (p == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "realloc(%uz) failed", size);
        return NGX_ERROR;
    }

    ngx_http_llm_batch_memory_used += size - spool->size;

    spool->start = p;
    spool->size = size;

    return NGX_OK;
}


llmb_rc_e
ngx_http_llm_batch_spool_write(void *data, const uint8_t *p, size_t len)
{
    ngx_http_llm_batch_spool_t *spool = data;

    size_t     size, held;
    ngx_int_t  rc;

    if (len > spool->limit - spool->len) {
        spool->full = 1;
        return LLMB_LIMIT;
    }

    held = spool->len - spool->filed;

    if (len > spool->size - held) {

        rc = NGX_OK;
        size = ngx_max(held + len, NGX_HTTP_LLM_BATCH_SPOOL_FIRST);

        if (spool->pool == NULL
            && ngx_http_llm_batch_spool_fits(spool, size))
        {
            if (ngx_http_llm_batch_spool_fits(spool, 2 * spool->size)) {
                size = ngx_max(size, 2 * spool->size);
            }

            rc = ngx_http_llm_batch_spool_grow(spool, size);

        } else {
            rc = ngx_http_llm_batch_spool_flush(spool);
        }

        if (rc != NGX_OK) {
            return LLMB_NOMEM;
        }

        held = spool->len - spool->filed;

        if (len > spool->size - held) {

            /* more than the buffer takes */

            if (ngx_http_llm_batch_spool_put(spool, p, len) != NGX_OK) {
                return LLMB_NOMEM;
            }

            spool->len += len;

            return LLMB_OK;
        }
    }

    ngx_memcpy(spool->start + held, p, len);
    spool->len += len;

    return LLMB_OK;
}


/* the file is closed with a pool of its own, as nginx does it */

static ngx_int_t
ngx_http_llm_batch_spool_open(ngx_http_llm_batch_spool_t *spool)
{
    if (spool->pool) {
        return NGX_OK;
    }

    spool->pool = ngx_create_pool(1024, ngx_cycle->log);
    if (spool->pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_create_temp_file(&spool->file, spool->path, spool->pool, 0, 0, 0)
        != NGX_OK)
    {
        ngx_destroy_pool(spool->pool);
        spool->pool = NULL;

        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what is in memory goes to the file; a small buffer stays */

static ngx_int_t
ngx_http_llm_batch_spool_flush(ngx_http_llm_batch_spool_t *spool)
{
    size_t  held;

    if (ngx_http_llm_batch_spool_open(spool) != NGX_OK) {
        return NGX_ERROR;
    }

    held = spool->len - spool->filed;

    if (held && ngx_http_llm_batch_spool_put(spool, spool->start, held)
                != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (spool->size != NGX_HTTP_LLM_BATCH_SPOOL_BUFFER) {

        if (spool->start) {
            ngx_free(spool->start);
            ngx_http_llm_batch_memory_give(spool->size);
        }

        spool->start = NULL;
        spool->size = 0;

        if (ngx_http_llm_batch_spool_fits(spool,
                                          NGX_HTTP_LLM_BATCH_SPOOL_BUFFER))
        {
            return ngx_http_llm_batch_spool_grow(spool,
                                            NGX_HTTP_LLM_BATCH_SPOOL_BUFFER);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_llm_batch_spool_put(ngx_http_llm_batch_spool_t *spool,
    const u_char *p, size_t len)
{
    ssize_t  n;

    n = ngx_write_file(&spool->file, (u_char *) p, len, spool->filed);

    if (n != (ssize_t) len) {
        /* which has been logged */
        return NGX_ERROR;
    }

    spool->filed += len;

    return NGX_OK;
}


u_char *
ngx_http_llm_batch_spool_base(ngx_http_llm_batch_spool_t *spool)
{
    if (spool->pool == NULL) {
        /* an empty text has an address, too */
        return spool->start ? spool->start : (u_char *) "";
    }

    if (spool->filed < spool->len
        && ngx_http_llm_batch_spool_flush(spool) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_llm_batch_spool_map(spool) != NGX_OK) {
        return NULL;
    }

    return spool->map;
}


static ngx_int_t
ngx_http_llm_batch_spool_map(ngx_http_llm_batch_spool_t *spool)
{
    void  *map;

    if (spool->map) {
        return NGX_OK;
    }

    map = mmap(NULL, spool->limit, PROT_READ, MAP_SHARED, spool->file.fd, 0);

    if (map == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "mmap(%uz) of a temporary file failed", spool->limit);
        return NGX_ERROR;
    }

    spool->map = map;

    return NGX_OK;
}


ngx_int_t
ngx_http_llm_batch_spool_pieces(ngx_http_llm_batch_spool_t *spool,
    ngx_str_t piece[2])
{
    ngx_uint_t  n;

    n = 0;
    ngx_memzero(piece, 2 * sizeof(ngx_str_t));

    if (spool->filed) {

        if (ngx_http_llm_batch_spool_map(spool) != NGX_OK) {
            return NGX_ERROR;
        }

        piece[n].data = spool->map;
        piece[n++].len = spool->filed;
    }

    piece[n].data = spool->start;
    piece[n].len = spool->len - spool->filed;

    return NGX_OK;
}


void
ngx_http_llm_batch_spool_forget(ngx_http_llm_batch_spool_t *spool)
{
    if (spool->map) {
        (void) madvise(spool->map, spool->filed, MADV_DONTNEED);
    }
}


size_t
ngx_http_llm_batch_spool_ready(ngx_http_llm_batch_spool_t *spool)
{
    return spool->pool == NULL ? spool->len : spool->filed;
}


ngx_chain_t **
ngx_http_llm_batch_spool_chain(ngx_http_llm_batch_spool_t *spool,
    ngx_pool_t *pool, ngx_chain_t **last)
{
    size_t        held;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (spool->filed) {
        cl = ngx_alloc_chain_link(pool);
        b = ngx_calloc_buf(pool);

        if (cl == NULL || b == NULL) {
            return NULL;
        }

        b->file = &spool->file;
        b->file_last = spool->filed;
        b->in_file = 1;
        b->temp_file = 1;

        cl->buf = b;
        *last = cl;
        last = &cl->next;
    }

    held = spool->len - spool->filed;

    if (held) {
        cl = ngx_alloc_chain_link(pool);
        b = ngx_calloc_buf(pool);

        if (cl == NULL || b == NULL) {
            return NULL;
        }

        b->start = spool->start;
        b->pos = spool->start;
        b->last = spool->start + held;
        b->end = spool->start + spool->size;
        b->temporary = 1;

        cl->buf = b;
        *last = cl;
        last = &cl->next;
    }

    *last = NULL;

    return last;
}
