
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checks the answer to a call while it arrives and cuts it into the members'
 * own answers.  Values are copied byte for byte; only positions, the id and
 * the token counts are written anew.
 */


#ifndef _LLMB_SPLIT_H_INCLUDED_
#define _LLMB_SPLIT_H_INCLUDED_


#include "llmb_adapter.h"
#include "llmb_json.h"
#include "llmb_reasons.h"
#include "llmb_usage.h"


#pragma GCC visibility push(hidden)


/* offsets in the answer */

typedef struct {
    size_t                 start;
    size_t                 end;
} llmb_span_t;


/* an element of the list; index.end is 0 if it goes by place */

typedef struct {
    llmb_span_t            value;
    llmb_span_t            index;
} llmb_elem_t;


typedef struct {
    llmb_mismatch_e        mismatch;  /* after LLMB_INVALID */

    /* private */
    const llmb_adapter_t  *adapter;
    llmb_json_t            json;
    llmb_elem_t           *elems;     /* by position, 0 .. n - 1 */
    uint32_t               n;
    uint32_t               seen;      /* elements that are complete */
    size_t                 len;       /* of the answer, once it is complete */
    llmb_span_t            list;      /* first element to last, as they came */
    llmb_span_t            gap;       /* between the first two of them */
    llmb_span_t            id;        /* of the answer, quotes included */
    llmb_span_t            usage;
    uint64_t               input;     /* the input tokens of the call */
    llmb_elem_t            elem;      /* the element being read */
    uint32_t               position;  /* what its index says */
    uint32_t               member;    /* which one of the answer is read */
    uint32_t               members;   /* those there have been */
    unsigned               listed:1;  /* within the list */
    unsigned               indexed:1; /* the value of the index is next */
    unsigned               counted:1; /* input is set */
} llmb_split_t;


/*
 * "elems" is the caller's memory for n elements, n being the number of items
 * in the call, at least 1.
 */
void llmb_split_init(llmb_split_t *sp, const llmb_adapter_t *adapter,
    llmb_elem_t *elems, uint32_t n);

/*
 * Reads on in the answer base[0 .. len), which may have grown and moved since
 * the last time; "last" tells that it is complete.
 *
 *   LLMB_AGAIN    fine so far, more bytes are needed; never if "last" is set
 *   LLMB_OK       the whole answer is there, valid JSON, with a list of
 *                 exactly n elements, whose indexes, if they have any, are
 *                 0 .. n - 1, each once; only now may it be cut
 *   LLMB_INVALID  anything else, told as soon as it is certain.  Final.
 *
 * sp->mismatch is then one of
 *
 *   JSON          malformed
 *   TRUNCATED     "last" is set and the text ends too early
 *   COUNT         fewer or more than n elements
 *   INDEX         an element has no index, two, one that is not a number of
 *                 0 to n - 1, or that of another element
 *   SHAPE         the list is missing, is not an array or is there twice, as
 *                 are "id" or the usage; or nested too deep
 */
llmb_rc_e llmb_split_read(llmb_split_t *sp, const uint8_t *base, size_t len,
    unsigned last);

/*
 * Writes the answer of member k of shares[0 .. members), which have been
 * weighed by llmb_usage_weigh(): its own elements,
 * positions from 0, in order, with the bytes between them that the upstream
 * has between its first two; its part of each count; "-" and k appended to a
 * top-level string "id", unless there is one member only.  All other bytes
 * are those of the upstream.
 *
 * What a count is, and which part each member has in it, is told in
 * llmb_usage.h.
 *
 * Requires LLMB_OK of llmb_split_read(), the same base and shares that cover
 * 0 .. n - 1 in order, without gap or overlap.  Returns what the sink
 * returned, and writes nothing after an error.
 */
llmb_rc_e llmb_split_write(const llmb_split_t *sp, const uint8_t *base,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    llmb_sink_t *out);

/* no more bytes than this are written for a member with this share */
size_t llmb_split_bound(const llmb_split_t *sp, const llmb_share_t *share);

/*
 * The input tokens of the member with this share, equal to what its answer
 * says; *exact tells whether the upstream's own count confirms them (it equals
 * the sum of what the members count themselves).  Without a count in the
 * answer: the member's own number, not exact.
 */
uint64_t llmb_split_tokens(const llmb_split_t *sp, const llmb_share_t *share,
    unsigned *exact);


#pragma GCC visibility pop


#endif /* _LLMB_SPLIT_H_INCLUDED_ */
