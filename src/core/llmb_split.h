
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


#pragma GCC visibility push(hidden)


#define LLMB_SPLIT_MAX_COUNTS  16


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


/* a number in the answer that counts for the whole call */

typedef struct {
    llmb_span_t            span;
    uint64_t               value;
} llmb_count_t;


/* one member of the call, in the order of the merged body */

typedef struct {
    uint32_t               first;     /* position of its first item */
    uint32_t               items;
    uint64_t               tokens;    /* its weight when usage is shared out */
} llmb_share_t;


typedef struct {
    llmb_mismatch_e        mismatch;  /* after LLMB_INVALID */

    /* private */
    const llmb_adapter_t  *adapter;
    llmb_json_t            json;
    llmb_elem_t           *elems;     /* by position, 0 .. n - 1 */
    uint32_t               n;
    uint32_t               seen;
    llmb_span_t            list;      /* between the brackets */
    llmb_span_t            id;        /* of the answer, quotes included */
    llmb_count_t           counts[LLMB_SPLIT_MAX_COUNTS];
    uint32_t               ncounts;
    uint32_t               input;     /* which of them is the input, + 1 */
    llmb_elem_t            elem;      /* the element being read */
    uint32_t               state;
} llmb_split_t;


/*
 * "elems" is the caller's memory for n elements, n being the number of items
 * in the call.
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
 *   LLMB_INVALID  anything else; sp->mismatch tells what.  Final.
 */
llmb_rc_e llmb_split_read(llmb_split_t *sp, const uint8_t *base, size_t len,
    unsigned last);

/*
 * Writes the answer of member k of shares[0 .. members): its own elements,
 * positions from 0, in order; its part of each count (the parts of all
 * members add up exactly; nobody's part is 0 while there is at least one for
 * every item); an id of its own.  All other bytes are those of the upstream.
 *
 * Requires LLMB_OK of llmb_split_read(), the same base and shares that cover
 * 0 .. n - 1 without gap or overlap.  Returns what the sink returned.
 */
llmb_rc_e llmb_split_write(const llmb_split_t *sp, const uint8_t *base,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    llmb_sink_t *out);

/*
 * The input tokens of member k; *exact tells whether the upstream's own count
 * confirms them (it equals the sum of what the members count themselves).
 * Without a count in the answer: the member's own number, not exact.
 */
uint64_t llmb_split_tokens(const llmb_split_t *sp, const llmb_share_t *shares,
    uint32_t members, uint32_t k, unsigned *exact);


#pragma GCC visibility pop


#endif /* _LLMB_SPLIT_H_INCLUDED_ */
