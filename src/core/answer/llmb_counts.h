
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The token counts of an answer: which ones it has, what each of them counts,
 * and the weights by which they are shared out.
 */


#ifndef _LLMB_COUNTS_H_INCLUDED_
#define _LLMB_COUNTS_H_INCLUDED_


#include "llmb_answer.h"


#pragma GCC visibility push(hidden)


/* what a count in an answer counts */

typedef enum {
    LLMB_COUNT_INPUT = 0,         /* the input tokens, all of them */
    LLMB_COUNT_OUTPUT,
    LLMB_COUNT_TOTAL,
    LLMB_COUNT_OF_OUTPUT,         /* some of the output tokens */
    LLMB_COUNT_UNITS,             /* what is billed for a call */
    LLMB_COUNT_OTHER
} llmb_count_e;


/* notes the counts of an answer that is complete */
void llmb_counts_read(llmb_split_t *sp, const uint8_t *base);

/*
 * The member's part in a count of this kind.  Parts add up to the count, but
 * those of units: each is at least what is billed for a call of the member's
 * items, and where the upstream counted more than for their number (long
 * documents) at least its part in that.
 */
uint64_t llmb_counts_part(const llmb_split_t *sp, const llmb_share_t *share,
    llmb_count_e kind, uint64_t count);

/* what the count is that a walk over usage[i] of an answer has come to */
llmb_count_e llmb_counts_kind(const llmb_form_t *form, unsigned i,
    const llmb_usage_t *us);

/*
 * Sets the weights of all members: exact where the elements tell the number
 * of their tokens and the sums are the upstream's, else by estimate, those of
 * the output by its length.  Items that were sent once count for each member
 * that has them: all parts together are still what the upstream counted.  To
 * be called once, before the answers are written.
 */
void llmb_counts_weigh(llmb_split_t *sp, const uint8_t *base,
    llmb_share_t *shares, uint32_t members);

/*
 * The input tokens of the member with this share, equal to what its answer
 * says; *exact tells whether the upstream's own count confirms them (it equals
 * the sum of what the members count themselves).  Without a count in the
 * answer: the member's own number, not exact.
 */
uint64_t llmb_counts_tokens(const llmb_split_t *sp, const llmb_share_t *share,
    unsigned *exact);

/* the same of output tokens; 0 without a count */
uint64_t llmb_counts_output(const llmb_split_t *sp, const llmb_share_t *share);


#pragma GCC visibility pop


#endif /* _LLMB_COUNTS_H_INCLUDED_ */
