
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The answers to the parts of a request become one.  Each is taken in as soon
 * as those before it are, and gone then; what there is of the joint answer
 * waits where nginx's temporary files are.  It is not sent before it is
 * complete: an error in a later part is the answer to the whole request.
 */


#ifndef _NGX_HTTP_LLM_BATCH_JOINT_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_JOINT_H_INCLUDED_


/* bytes of an answer beside its lists, at most */

#define NGX_HTTP_LLM_BATCH_FRAME  (64 * 1024)


typedef struct {
    llmb_join_t                   join;
    ngx_http_llm_batch_spool_t   *lists[1 + LLMB_MAX_LISTS];
    size_t                        size;       /* of all of them */
    ngx_http_llm_batch_answer_t   answer;     /* the head of the first, with
                                                 the states of all */
    llmb_result_t                 result;     /* of all so far */
    ngx_uint_t                    parts;      /* how many these are */

    /* the part that is being taken in */
    llmb_split_t                  split;
    void                         *room;       /* of the split; NULL: none is */
    size_t                        room_size;
    size_t                        read;       /* bytes */
    unsigned                      list;       /* that is being written */
    uint32_t                      next;       /* element of it */
    unsigned                      added:1;
} ngx_http_llm_batch_joint_t;


void ngx_http_llm_batch_joint_init(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_ctx_t *ctx);

/*
 * Takes an answered part in.  NGX_OK: it is, and its body is gone.  NGX_AGAIN:
 * enough for now, to be called again.  NGX_DECLINED: the joint answer would be
 * larger than one may be.  NGX_ABORT: there is no room for it.  NGX_ERROR: it
 * does not fit to those before it.
 */
ngx_int_t ngx_http_llm_batch_joint_add(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_part_t *part);

/* what they are together: a chain, in the request's pool */
ngx_int_t ngx_http_llm_batch_joint_end(ngx_http_llm_batch_joint_t *joint,
    ngx_http_llm_batch_ctx_t *ctx, ngx_chain_t **out);

/* frees the room of a part that is not taken in to its end */
void ngx_http_llm_batch_joint_stop(ngx_http_llm_batch_joint_t *joint);


#endif /* _NGX_HTTP_LLM_BATCH_JOINT_H_INCLUDED_ */
