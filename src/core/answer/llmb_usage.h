
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The token counts that an answer has for a whole call, and the part of each
 * member in them.
 */


#ifndef _LLMB_USAGE_H_INCLUDED_
#define _LLMB_USAGE_H_INCLUDED_


#include "llmb_json.h"
#include "llmb_out.h"


#pragma GCC visibility push(hidden)


/* larger numbers are not counts */

#define LLMB_USAGE_MAX  0xffffffff


/* a walk over the counts in the value of the usage member */

typedef struct {
    llmb_json_token_t      tok;       /* where this one is in the text */
    uint64_t               value;
    llmb_str_t             name;      /* as text; empty for a bare number */
    llmb_str_t             outer;     /* of the member of the outermost object
                                         that it is, or is in */

    /* private */
    llmb_json_t            json;
    llmb_str_t             text;
} llmb_usage_t;


/* one weight of a member among all, as a running sum */

typedef struct {
    uint64_t               before;
    uint64_t               after;
    uint64_t               total;
} llmb_part_t;


typedef struct {
    llmb_part_t            items;
    llmb_part_t            tokens;
    llmb_part_t            rest;      /* tokens above one for each item */
} llmb_weight_t;


/* one member of the call, in the order of the merged body */

typedef struct {
    uint32_t               first;     /* position of its first item */
    uint32_t               items;
    uint64_t               tokens;    /* its weight when usage is shared out */
    uint64_t               output;    /* the same of output tokens; set by
                                         llmb_counts_weigh() */
    uint32_t               top;       /* elements wanted; 0: all */
    unsigned               scalar:1;  /* it sent a bare item */
    unsigned               part:1;    /* of a request that was cut: always
                                         answered with a list */
    llmb_str_t             echo;      /* JSON string; or empty */

    llmb_weight_t          weight;    /* set by llmb_usage_weigh() */
    llmb_weight_t          output_weight;
} llmb_share_t;


/* "text" is valid JSON, or empty: then there are no counts */
void llmb_usage_init(llmb_usage_t *us, llmb_str_t text);

/*
 * Goes on to the next count and returns 1, or returns 0 after the last.  A
 * count is a number that is the value of a member, at any depth, or the text
 * itself, and is written as an integer of 0 to LLMB_USAGE_MAX.
 */
unsigned llmb_usage_next(llmb_usage_t *us);

/* writes the text with others in the place of its counts */
typedef uint64_t (*llmb_usage_pt)(void *data, const llmb_usage_t *us);

void llmb_usage_write(llmb_out_t *out, llmb_str_t text, llmb_usage_pt count,
    void *data);

/*
 * Sets the weights of all members by their "tokens" and "output"; each has at
 * least one item.
 */
void llmb_usage_weigh(llmb_share_t *shares, uint32_t members);

/*
 * The part in a count.  It depends on the count and the weight alone, so
 * equal counts have equal parts, and:
 *
 *   the parts of all members add up to the count;
 *   a count that equals the sum of all tokens gives each its own;
 *   nobody gets less than its number of items, unless the count is lower
 *   than the number of all items.
 *
 * A member's tokens are taken as at least its number of items.  Weights of
 * output may be less, and so may parts in a count of it.
 */
uint64_t llmb_usage_part(const llmb_weight_t *weight, uint64_t count);


#pragma GCC visibility pop


#endif /* _LLMB_USAGE_H_INCLUDED_ */
