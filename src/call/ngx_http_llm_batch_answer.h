
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a client is answered, as it travels: from the captured answer of a
 * call to a member in this worker, or through the zone to another one.
 */


#ifndef _NGX_HTTP_LLM_BATCH_ANSWER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_ANSWER_H_INCLUDED_


typedef struct {
    ngx_str_t                        name;
    ngx_str_t                        value;
    ngx_uint_t                       slot;      /* see find_slot() */
} ngx_http_llm_batch_field_t;


struct ngx_http_llm_batch_answer_s {
    ngx_uint_t                       status;
    ngx_str_t                        type;      /* of the content */
    size_t                           type_len;  /* without parameters */
    ngx_str_t                        charset;   /* that it names */
    ngx_str_t                        override_charset;
    size_t                           limit_rate;
    ngx_uint_t                       limited;   /* there is such a rate */
    ngx_array_t                      fields;    /* other headers */
    ngx_array_t                      states;    /* as r->upstream_states */
    ngx_uint_t                       local;     /* no body of the upstream:
                                                   the status is nginx's */
    uint64_t                         retry;     /* ms, for such a one; or 0 */
    ngx_uint_t                       retry_ms;  /* it is told in ms, too */
    ngx_http_llm_batch_spool_t      *body;      /* NULL: none */
    size_t                           size;      /* of all but the body, as it
                                                   is written; if known */
};


/*
 * The status, headers and upstream states of a call, without a body, from
 * its pool.  Headers that were meant for one connection or one client are
 * left out; the id of the upstream gets a name of its own.
 */
ngx_int_t ngx_http_llm_batch_answer_create(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer);

/* writes it, but for the body, in a form that read() understands */
llmb_rc_e ngx_http_llm_batch_answer_write(ngx_http_llm_batch_answer_t *answer,
    llmb_sink_t *out);

/* how many bytes that are */
size_t ngx_http_llm_batch_answer_size(ngx_http_llm_batch_answer_t *answer);

/* the same, from the first bytes of what was written */
#define NGX_HTTP_LLM_BATCH_ANSWER_BEGIN  sizeof(size_t)

size_t ngx_http_llm_batch_answer_begin(u_char *data);

/* the same, with all but the body copied to the given pool */
ngx_int_t ngx_http_llm_batch_answer_copy(ngx_pool_t *pool,
    ngx_http_llm_batch_answer_t *answer, ngx_http_llm_batch_answer_t *copy);

/* the answer that write() wrote, without a body; it points into "data" */
ngx_int_t ngx_http_llm_batch_answer_read(ngx_pool_t *pool, ngx_str_t *data,
    ngx_http_llm_batch_answer_t *answer);

/* a sink: appends to a buffer; LLMB_LIMIT if it does not fit */
llmb_rc_e ngx_http_llm_batch_append(void *data, const uint8_t *p, size_t len);


#endif /* _NGX_HTTP_LLM_BATCH_ANSWER_H_INCLUDED_ */
