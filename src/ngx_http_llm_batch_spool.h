
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A text that grows, in memory while it is short, then in one of nginx's
 * temporary files; and how much all texts of this worker have in memory.
 */


#ifndef _NGX_HTTP_LLM_BATCH_SPOOL_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_SPOOL_H_INCLUDED_


/*
 * What a worker has in memory of bodies and answers, beyond what nginx itself
 * would: no more than this.  From there on requests are passed through.
 */

#define NGX_HTTP_LLM_BATCH_MEMORY        (48 * 1024 * 1024)

/* a text above this is in a file; once half of all is used, above that */

#define NGX_HTTP_LLM_BATCH_SPOOL_MEMORY  (2 * 1024 * 1024)
#define NGX_HTTP_LLM_BATCH_SPOOL_BUFFER  (64 * 1024)


/* NGX_DECLINED: no more is to be had */
ngx_int_t ngx_http_llm_batch_memory_take(size_t size);
void ngx_http_llm_batch_memory_give(size_t size);

/* whether there is any left for one more request */
ngx_uint_t ngx_http_llm_batch_memory_left(void);

/*
 * Counts what the pool has allocated, or will, until it is destroyed.
 * NGX_DECLINED as above, NGX_ERROR: there is no memory for that.
 */
ngx_int_t ngx_http_llm_batch_memory_count(ngx_pool_t *pool, size_t size);


/* "len" is for others to read; all else is private */

typedef struct {
    size_t                       len;
    size_t                       limit;      /* no longer than this */
    ngx_uint_t                   full;       /* it would have been */

    u_char                      *start;      /* what is not in the file */
    size_t                       size;       /* of that memory */
    ngx_pool_t                  *pool;       /* of the file; NULL: none */
    ngx_file_t                   file;
    size_t                       filed;      /* bytes in it */
    ngx_path_t                  *path;
    u_char                      *map;        /* the file, "limit" bytes */
} ngx_http_llm_batch_spool_t;


/*
 * An empty text that goes with the pool.  Its file is where those of client
 * bodies are in the location of the request.  NULL if there is no memory.
 */
ngx_http_llm_batch_spool_t *ngx_http_llm_batch_spool_create(ngx_pool_t *pool,
    ngx_http_request_t *r, size_t limit);

/* memory for so many bytes in all, in one piece, if they are to be in memory */
ngx_int_t ngx_http_llm_batch_spool_reserve(ngx_http_llm_batch_spool_t *spool,
    size_t size);

/* a sink: LLMB_LIMIT if it got too long, LLMB_NOMEM if there is no room */
llmb_rc_e ngx_http_llm_batch_spool_write(void *spool, const uint8_t *p,
    size_t len);

/*
 * The text in one piece, until more is written to it; NULL after an error.
 * What is in a file is mapped: forget() has what was read of it take no memory
 * until it is read again.
 */
u_char *ngx_http_llm_batch_spool_base(ngx_http_llm_batch_spool_t *spool);
void ngx_http_llm_batch_spool_forget(ngx_http_llm_batch_spool_t *spool);

/*
 * The same in two pieces, what is in the file and what is not, either of which
 * may be empty; it needs no room.  NGX_ERROR: the file cannot be mapped.
 */
ngx_int_t ngx_http_llm_batch_spool_pieces(ngx_http_llm_batch_spool_t *spool,
    ngx_str_t piece[2]);

/* how much of it base() has at hand without writing to the file first */
size_t ngx_http_llm_batch_spool_ready(ngx_http_llm_batch_spool_t *spool);

/*
 * Appends buffers of the text to a chain and returns where the next one goes;
 * NULL if there is no memory.  Nothing may be written to it from then on.
 */
ngx_chain_t **ngx_http_llm_batch_spool_chain(ngx_http_llm_batch_spool_t *spool,
    ngx_pool_t *pool, ngx_chain_t **last);

/* "to", which is empty, gets what "from" has, which is empty then */
void ngx_http_llm_batch_spool_move(ngx_http_llm_batch_spool_t *to,
    ngx_http_llm_batch_spool_t *from);

/* it is not needed any more; safe to call again */
void ngx_http_llm_batch_spool_free(ngx_http_llm_batch_spool_t *spool);


#endif /* _NGX_HTTP_LLM_BATCH_SPOOL_H_INCLUDED_ */
