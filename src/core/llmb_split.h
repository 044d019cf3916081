
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checks the answer to a call while it arrives and cuts it into the members'
 * own answers.  Values are copied byte for byte; only positions, the id and
 * the token counts are written anew, and what a client has to see otherwise
 * than the upstream wrote it (vectors in another encoding, ids of tokens that
 * only we asked for).
 */


#ifndef _LLMB_SPLIT_H_INCLUDED_
#define _LLMB_SPLIT_H_INCLUDED_


#include "llmb_json.h"
#include "llmb_reasons.h"
#include "llmb_request.h"
#include "llmb_usage.h"


#pragma GCC visibility push(hidden)


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
    uint8_t                path[LLMB_TARGET_N];      /* how many of its names
                                         have led here */
    uint8_t                found[LLMB_TARGET_N];     /* and how many have been
                                         there at all */
};


/*
 * The memory that a call of this kind wants for its split; and its start.
 * The memory is aligned for a pointer.
 */
size_t llmb_split_room(const llmb_split_conf_t *conf);
void llmb_split_init(llmb_split_t *sp, const llmb_split_conf_t *conf,
    void *memory);

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
 * Where the form has a "single" other than LLMB_SINGLE_LIST, a bare element
 * is a list of one to a call of one item.
 *
 * sp->mismatch is then one of
 *
 *   JSON          malformed
 *   TRUNCATED     "last" is set and the text ends too early
 *   COUNT         fewer or more than n elements, in any of the lists
 *   INDEX         an element has no index, two, one that is not a number of
 *                 0 to n - 1, or that of another element
 *   SHAPE         the list is missing, is not an array or is there twice, as
 *                 are "id", the usage or what leads to one of them; there is
 *                 something else than arrays and null where lists ought to
 *                 be; conf.shared, and something beside the lists that could
 *                 have an entry for each (see llmb_beside.h); a vector to be
 *                 repaired is not one; nested too deep
 */
llmb_rc_e llmb_split_read(llmb_split_t *sp, const uint8_t *base, size_t len,
    unsigned last);

/*
 * Sets the weights of all members: exact where the elements tell the number
 * of their tokens and the sums are the upstream's, else by estimate, those of
 * the output by its length.  Items that were sent once count for each member
 * that has them: all parts together are still what the upstream counted.  To
 * be called once, before the functions below.
 */
void llmb_split_weigh(llmb_split_t *sp, const uint8_t *base,
    llmb_share_t *shares, uint32_t members);

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
size_t llmb_split_bound(const llmb_split_t *sp, const llmb_share_t *share);

/*
 * The input tokens of the member with this share, equal to what its answer
 * says; *exact tells whether the upstream's own count confirms them (it equals
 * the sum of what the members count themselves).  Without a count in the
 * answer: the member's own number, not exact.
 */
uint64_t llmb_split_tokens(const llmb_split_t *sp, const llmb_share_t *share,
    unsigned *exact);

/* the same of output tokens; 0 without a count */
uint64_t llmb_split_output(const llmb_split_t *sp, const llmb_share_t *share);


#pragma GCC visibility pop


#endif /* _LLMB_SPLIT_H_INCLUDED_ */
