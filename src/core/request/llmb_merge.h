
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The body of a call: the frame of one of its requests, with the items of all.
 */


#ifndef _LLMB_MERGE_H_INCLUDED_
#define _LLMB_MERGE_H_INCLUDED_


#include "llmb_request.h"
#include "llmb_siphash.h"


#pragma GCC visibility push(hidden)


/*
 * Writes the path that the call goes to.  "out" has room for rq->path.len +
 * form->to.len bytes; returns how many it took, 0 if the path does not change.
 */
size_t llmb_merge_path(const llmb_request_t *rq, uint8_t *out);


/* an item of the first column, in the payload of a member */

typedef struct {
    llmb_str_t             text;
    uint64_t               hash;
    uint32_t               position;  /* in the call */
} llmb_item_t;

/*
 * Finds out which items of a call are equal, byte for byte: items[0 .. n) are
 * those of all members, in order.  Each gets the position it is sent at;
 * equal ones have one, but for few that are not found within a bound.  Returns
 * how many positions there are.  "table" is scratch memory for "size" numbers,
 * a power of two, at least 2 n.  Only for forms with one column.
 */
uint32_t llmb_merge_dedup(const llmb_request_t *rq,
    const llmb_secret_t *secret, const llmb_str_t *payloads,
    uint32_t members, llmb_item_t *items, uint32_t n, uint32_t *table,
    uint32_t size);

/* the tokens of those of them that are not sent */
uint64_t llmb_merge_copied(const llmb_item_t *items, uint32_t n);


typedef struct {
    const llmb_str_t      *payloads;  /* of the members, in order */
    uint32_t               members;
    uint32_t               items;     /* in the call, as sent */
    const llmb_item_t     *unique;    /* NULL, or all items of the members as
                                         llmb_merge_dedup() left them */
    uint32_t               n;         /* how many these are */
    unsigned               token_ids:1;   /* ask for the ids of tokens */
} llmb_merge_t;

/*
 * Writes the body of a call: the frame of rq, which lends everything but the
 * items, and the items of all members in its holes.  Returns what the sink
 * returned, and writes nothing after an error.
 */
llmb_rc_e llmb_merge_write(const llmb_request_t *rq,
    const llmb_merge_t *merge, llmb_sink_t *sink);

/* no more bytes than this are written */
size_t llmb_merge_bound(const llmb_request_t *rq,
    const llmb_merge_t *merge);


#pragma GCC visibility pop


#endif /* _LLMB_MERGE_H_INCLUDED_ */
