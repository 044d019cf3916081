
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Cuts an answer that has been read with LLMB_OK into those of the members.
 */


#ifndef _LLMB_SPLIT_WRITE_H_INCLUDED_
#define _LLMB_SPLIT_WRITE_H_INCLUDED_


#include "llmb_answer.h"
#include "llmb_out.h"


#pragma GCC visibility push(hidden)


/*
 * Writes the answer of member k of shares[0 .. members): its own elements,
 * positions from 0, in order (or by rank, and not more than share->top), with
 * the bytes between them that the upstream has between its first two; its
 * part of each count; share->echo in the place of a top-level "id", or "-" and
 * k appended to it, unless there is one member only.  An id that is another
 * client's (the form has an echo, this client none) is left out.  All other
 * bytes are those of the upstream.
 *
 * What a count is, and which part each member has in it, is told in
 * llmb_usage.h.
 *
 * Requires LLMB_OK of llmb_split_read(), the same base and shares that cover
 * 0 .. items - 1 in order, without gap or overlap; with conf.unique they cover
 * the members' items instead.  Returns what the sink returned, and writes
 * nothing after an error.
 */
llmb_rc_e llmb_split_write(const llmb_split_t *sp, const uint8_t *base,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    llmb_sink_t *sink);

/* no more bytes than this are written for a member with this share */
size_t llmb_split_write_bound(const llmb_split_t *sp,
    const llmb_share_t *share);


/* writes one element, which gets this index */
void llmb_split_write_element(llmb_out_t *out, const llmb_split_t *sp,
    const uint8_t *base, const llmb_elem_t *elem, uint32_t number);

/* no more bytes than this are written for an element */
size_t llmb_split_write_bound_element(const llmb_split_t *sp,
    const llmb_elem_t *elem);


#pragma GCC visibility pop


#endif /* _LLMB_SPLIT_WRITE_H_INCLUDED_ */
