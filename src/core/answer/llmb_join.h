
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The answers to the parts of one request become one, part by part: the first
 * is kept without the elements of its lists, as a frame; of each part its
 * elements are written out, and its counts are added up.  So nothing of a part
 * is needed once the next one is there.
 *
 *     llmb_join_init(&join, form)
 *
 *     for each part, which has been read with LLMB_OK:
 *         llmb_join_add(&join, sp, base, frame)
 *         for each list i: llmb_join_write(), until it returns LLMB_OK
 *
 *     llmb_join_end(&join, out, insert, data)
 */


#ifndef _LLMB_JOIN_H_INCLUDED_
#define _LLMB_JOIN_H_INCLUDED_


#include "llmb_answer.h"


#pragma GCC visibility push(hidden)


/* an answer with more counts than this is not one to be added up */

#define LLMB_JOIN_COUNTS  64


typedef struct {
    /* the lists to be written: the first, and the others behind it */
    unsigned               nlists;

    /* private; spans are those of the frame */
    const llmb_form_t     *form;
    llmb_str_t             frame;
    llmb_span_t            lists[1 + LLMB_MAX_LISTS];    /* empty: a place */
    llmb_span_t            names[1 + LLMB_MAX_LISTS];
    llmb_span_t            usage[2];
    llmb_span_t            count;     /* of the elements; end is 0: not told */
    uint64_t               sums[2][LLMB_JOIN_COUNTS];
    uint8_t                gap[8];    /* between two elements */
    size_t                 gap_len;   /* 0: none was seen yet */
    uint32_t               parts;
    uint32_t               before;    /* elements of the parts before */
    uint32_t               n;         /* of all so far */
    unsigned               bare:1;    /* the first had an element, no list */
} llmb_join_t;


/* LLMB_INVALID: answers of this form, ranked or of tensors, are never joined */
llmb_rc_e llmb_join_init(llmb_join_t *join, const llmb_form_t *form);

/* the bytes of the frame, if this is the first part */
size_t llmb_join_frame_size(const llmb_split_t *sp);

/*
 * The next part.  The first one's frame is copied to "frame", which has to
 * stay; that of others is not used.  LLMB_INVALID if the answer is not of the
 * shape of the first: their lists and totals have to have the same names.  All
 * else of other parts than the first is dropped.
 */
llmb_rc_e llmb_join_add(llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base, uint8_t *frame);

/*
 * Writes elements of the i-th list of the part that was added last, from *next
 * on, which is 0 at first, and moves *next.  Positions are counted through.
 * LLMB_AGAIN: about "bytes" have been written, at least one element, and there
 * are more.  LLMB_OK: that was the last.  Else what the sink returned.
 */
llmb_rc_e llmb_join_write(llmb_join_t *join, unsigned i,
    const llmb_split_t *sp, const uint8_t *base, uint32_t *next, size_t bytes,
    llmb_sink_t *sink);

/*
 * Writes the frame with the sums of all counts, and has the caller insert what
 * was written of the i-th list in its place.
 */
typedef llmb_rc_e (*llmb_join_insert_pt)(void *data, unsigned i);

llmb_rc_e llmb_join_end(const llmb_join_t *join, llmb_sink_t *sink,
    llmb_join_insert_pt insert, void *data);


#pragma GCC visibility pop


#endif /* _LLMB_JOIN_H_INCLUDED_ */
