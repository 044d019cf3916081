
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files that read and write answers share.
 */


#ifndef _LLMB_SPLIT_PARTS_H_INCLUDED_
#define _LLMB_SPLIT_PARTS_H_INCLUDED_


#include "llmb_out.h"
#include "llmb_split.h"


#pragma GCC visibility push(hidden)


/* "numbers" of a mark that is anything but an array of numbers */

#define LLMB_NO_NUMBERS  UINT32_MAX

/* the digits of the largest position */

#define LLMB_POSITION_LEN  (sizeof("4294967295") - 1)


/* what a count in an answer counts */

typedef enum {
    LLMB_COUNT_INPUT = 0,         /* the input tokens, all of them */
    LLMB_COUNT_OUTPUT,
    LLMB_COUNT_TOTAL,
    LLMB_COUNT_OF_OUTPUT,         /* some of the output tokens */
    LLMB_COUNT_OTHER
} llmb_count_e;


/* sp->state */

typedef enum {
    LLMB_SPLIT_OUTSIDE = 0,
    LLMB_SPLIT_LIST,              /* within the first list */
    LLMB_SPLIT_BARE,              /* within an element that is the list */
    LLMB_SPLIT_COLUMN             /* within another list */
} llmb_split_state_e;


#define llmb_split_closes(tok)                                                \
    ((tok)->type == LLMB_JSON_OBJECT_END || (tok)->type == LLMB_JSON_ARRAY_END)


/* the path of a target; empty if the form has none */
llmb_str_t llmb_split_path(const llmb_form_t *form, llmb_target_e target);

/* the n-th name of a path, from 1; empty if there are not so many */
llmb_str_t llmb_split_name(llmb_str_t path, unsigned n);

/* how many names a path has */
unsigned llmb_split_names(llmb_str_t path);

/* whether the last name of the path of the list is "*" */
unsigned llmb_split_every(const llmb_form_t *form);

/* the most lists that an answer may have besides the first */
unsigned llmb_split_nlists(const llmb_form_t *form);


/* a token of a list: anything but LLMB_SPLIT_OUTSIDE */
llmb_mismatch_e llmb_split_within(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);

/* begins an element of the first list, or ends it, or both */
llmb_mismatch_e llmb_split_element(llmb_split_t *sp,
    const llmb_json_token_t *tok);

/* counts the numbers in the elements of an answer that is complete */
llmb_mismatch_e llmb_split_numbers(llmb_split_t *sp, const uint8_t *base);

/* whether this member of an element matters */
unsigned llmb_split_mark_used(const llmb_split_t *sp, llmb_mark_e mark);


static inline llmb_str_t
llmb_split_text(const uint8_t *base, const llmb_span_t *span)
{
    llmb_str_t  text;

    text.len = span->end - span->start;
    text.data = base + span->start;

    return text;
}


/* the position an item of a member was sent at; does not count "per" */

static inline uint32_t
llmb_split_position(const llmb_split_t *sp, const llmb_share_t *share,
    uint32_t item)
{
    item += share->first;

    return sp->conf.unique ? sp->conf.unique[item].position : item;
}


/* the size of what stands between two elements */

static inline size_t
llmb_split_gap_size(const llmb_split_t *sp)
{
    return sp->gap.end ? sp->gap.end - sp->gap.start : 1;
}


/* writes one element, which gets this index */
void llmb_split_write_element(llmb_out_t *out, const llmb_split_t *sp,
    const uint8_t *base, const llmb_elem_t *elem, uint32_t number);

/* what stands between two elements: a comma, if there are not so many */
llmb_str_t llmb_split_gap(const llmb_split_t *sp, const uint8_t *base);

/* no more bytes than this are written for an element */
size_t llmb_split_element_bound(const llmb_split_t *sp,
    const llmb_elem_t *elem);

/* notes the counts of an answer that is complete */
void llmb_split_counts(llmb_split_t *sp, const uint8_t *base);

/* the member's part in a count of this kind */
uint64_t llmb_split_part(const llmb_split_t *sp, const llmb_share_t *share,
    llmb_count_e kind, uint64_t count);

/* what the count is that a walk over usage[i] of an answer has come to */
llmb_count_e llmb_split_count(const llmb_form_t *form, unsigned i,
    const llmb_usage_t *us);


/*
 * An array in valid JSON: how many numbers are in it; LLMB_NO_NUMBERS if it
 * has anything else, or a number that is beyond a float.
 */
uint32_t llmb_split_vector_numbers(llmb_str_t text);

/*
 * Writes such an array as a string: the base64 of 32-bit floats, the lowest
 * byte first.  Each is the one nearest to the number; the number being in the
 * middle of two, as far as a double can tell, it is one of them.
 */
void llmb_split_vector_write(llmb_out_t *out, llmb_str_t text);

/* the bytes that are written for so many numbers */
size_t llmb_split_vector_size(uint32_t numbers);


#pragma GCC visibility pop


#endif /* _LLMB_SPLIT_PARTS_H_INCLUDED_ */
