
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is known of the answer to a call, once it has been read
 * (llmb_split.h): where its lists and their elements are, and what is to be
 * written anew for each member.
 */


#ifndef _LLMB_ANSWER_H_INCLUDED_
#define _LLMB_ANSWER_H_INCLUDED_


#include "llmb_json.h"
#include "llmb_merge.h"
#include "llmb_reasons.h"
#include "llmb_request.h"
#include "llmb_usage.h"


#pragma GCC visibility push(hidden)


/* "numbers" of a mark that is anything but an array of numbers */

#define LLMB_NO_NUMBERS  UINT32_MAX


/* the members of an element that are written anew; end is 0: not there */

typedef enum {
    LLMB_MARK_INDEX = 0,
    LLMB_MARK_VECTOR,
    LLMB_MARK_PROMPT_IDS,
    LLMB_MARK_TOKEN_IDS,
    LLMB_MARK_N
} llmb_mark_e;

/* what is looked for in an answer; each is there once */

typedef enum {
    LLMB_TARGET_LIST = 0,
    LLMB_TARGET_OR_LIST,
    LLMB_TARGET_ALSO,
    LLMB_TARGET_SHAPE,
    LLMB_TARGET_COMMON,
    LLMB_TARGET_USAGE,
    LLMB_TARGET_USAGE_2,
    LLMB_TARGET_ID,
    LLMB_TARGET_N
} llmb_target_e;


/* an element of the first list, by position */

typedef struct {
    llmb_span_t            value;
    llmb_span_t            marks[LLMB_MARK_N];
    uint32_t               numbers[LLMB_MARK_N];     /* in a mark that is an
                                         array of nothing else */
    uint32_t               order;     /* the position of the i-th that came */
} llmb_elem_t;

/*
 * One of the other lists: its elements go by place, one for each item.  Of a
 * tensor they are the rows of "data".
 */

typedef struct {
    llmb_span_t            name;      /* of its member; not of a tensor */
    llmb_span_t            list;      /* the first element to the last */
    llmb_span_t            count;     /* a number that is to be that of the
                                         elements; end is 0: there is none */
    llmb_span_t           *elems;
} llmb_column_list_t;


/* what the call was */

typedef struct {
    const llmb_form_t     *form;
    uint32_t               items;     /* as sent */
    uint32_t               per;       /* elements for each, at least 1 */
    uint32_t               members;   /* how many sent it */
    const llmb_item_t     *unique;    /* of the members' items the positions
                                         they were sent at; NULL: their own */
    unsigned               shared:1;  /* by several members: nothing may be in
                                         the answer that could be of one, and
                                         that all would be given */
    unsigned               base64:1;  /* clients want vectors as base64 */
    unsigned               repair:1;  /* and are given it if the upstream
                                         has arrays of numbers */
    unsigned               probe:1;   /* if there is nothing to be repaired,
                                         nobody wants to know the rest */
    unsigned               strip:1;   /* ids of tokens become null */
} llmb_split_conf_t;


struct llmb_split_s {
    llmb_mismatch_e        mismatch;  /* after LLMB_INVALID */
    unsigned               repaired:1;    /* vectors came as numbers where
                                             base64 was asked for */
    unsigned               token_ids:1;   /* elements have a member for ids of
                                             tokens, be it null */

    /* private */
    llmb_split_conf_t      conf;
    llmb_json_t            json;
    llmb_elem_t           *elems;     /* by position, 0 .. n - 1 */
    uint32_t               n;         /* items * per */
    uint32_t               seen;      /* elements that are complete */
    size_t                 len;       /* of the answer, once it is complete */

    llmb_span_t            list;      /* first element to last, as they came */
    llmb_span_t            brackets;  /* of the list, inclusive; end is 0: a
                                         bare element */
    llmb_span_t            name;      /* of the list's member */
    llmb_span_t            gap;       /* between the first two elements */
    llmb_span_t            id;        /* of the answer, quotes included */
    llmb_span_t            usage[2];
    llmb_span_t            common;
    llmb_span_t            shape;
    llmb_span_t            count;     /* the first number in it */

    unsigned               nlists;    /* others than the first */
    llmb_column_list_t     lists[LLMB_MAX_LISTS];
    llmb_span_t           *spans;     /* memory: conf.items for each */

    uint64_t               input;     /* the counts of the call */
    uint64_t               output;
    uint64_t               total;
    unsigned               counted:1; /* input is set */

    /* where the reader is */
    llmb_elem_t            elem;
    llmb_span_t            key;       /* the last one outside of lists */
    uint32_t               position;
    uint32_t               mark;
    uint32_t               state;
    unsigned               depth;     /* of the elements of this list */
    unsigned               deepest;   /* name of all paths */
    unsigned               marked:1;  /* members of elements are looked at */
    unsigned               placed:1;  /* there is no index, and is to be none */
    uint8_t                path[LLMB_TARGET_N];      /* how many of its names
                                         have led here */
    uint8_t                found[LLMB_TARGET_N];     /* and how many have been
                                         there at all */
};


static inline llmb_str_t
llmb_answer_text(const uint8_t *base, const llmb_span_t *span)
{
    llmb_str_t  text;

    text.len = span->end - span->start;
    text.data = base + span->start;

    return text;
}


/* the position an item of a member was sent at; does not count "per" */

static inline uint32_t
llmb_answer_position(const llmb_split_t *sp, const llmb_share_t *share,
    uint32_t item)
{
    item += share->first;

    return sp->conf.unique ? sp->conf.unique[item].position : item;
}


/* the size of what stands between two elements */

static inline size_t
llmb_answer_gap_size(const llmb_split_t *sp)
{
    return sp->gap.end ? sp->gap.end - sp->gap.start : 1;
}


/* what stands between two elements: a comma, if there are not so many */

static inline llmb_str_t
llmb_answer_gap(const llmb_split_t *sp, const uint8_t *base)
{
    static const llmb_str_t  comma = llmb_string(",");

    return sp->gap.end ? llmb_answer_text(base, &sp->gap) : comma;
}


#pragma GCC visibility pop


#endif /* _LLMB_ANSWER_H_INCLUDED_ */
