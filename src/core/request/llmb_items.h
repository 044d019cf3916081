
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What an item looks like, and how many tokens it has; the items in the value
 * of a member.
 */


#ifndef _LLMB_ITEMS_H_INCLUDED_
#define _LLMB_ITEMS_H_INCLUDED_


#include "llmb_adapter.h"
#include "llmb_json.h"


#pragma GCC visibility push(hidden)


/* a column of a request */

typedef struct {
    llmb_str_t             list;      /* from bracket to bracket, or a bare
                                         item */
    llmb_str_t             span;      /* its items as they stand in an array,
                                         without the brackets and the white
                                         space around */
    uint32_t               items;     /* in the span */
    uint64_t               tokens;    /* of all items, and of the largest; */
    uint64_t               largest;   /* of texts, once they are counted */
    unsigned               present:1;
    unsigned               texts:1;   /* whose tokens can only be estimated */
    unsigned               bare:1;    /* there is no array around it */
    unsigned               wrap:1;    /* becomes an array of one in a call */
} llmb_values_t;


/* what a value looks like; of several values: all that occur */

typedef enum {
    LLMB_SHAPE_TEXT    = 0x001,
    LLMB_SHAPE_EMPTY   = 0x002,   /* "" */
    LLMB_SHAPE_NATURAL = 0x004,   /* a number that may be a token's */
    LLMB_SHAPE_NUMBER  = 0x008,   /* any other */
    LLMB_SHAPE_TOKENS  = 0x010,   /* an array of the former, not empty */
    LLMB_SHAPE_PAIR    = 0x020,   /* an array of one or two texts */
    LLMB_SHAPE_ARRAY   = 0x040,   /* any other */
    LLMB_SHAPE_OBJECT  = 0x080,
    LLMB_SHAPE_LITERAL = 0x100
} llmb_shape_e;


/* what has been seen in the value of a member that may be a column */

typedef struct {
    llmb_str_t             list;      /* the value */
    llmb_str_t             span;      /* of an array: its elements */
    uint32_t               items;     /* how many these are */
    unsigned               array:1;
    unsigned               shapes;    /* of the elements, or of the value */
    uint64_t               tokens;    /* of all of it but texts */
    uint64_t               largest;   /* tokens of an element, but texts */
    uint64_t               longest;   /* bytes of an element */
} llmb_seen_t;


/*
 * Reads the value that begins with the token, a member of the body, to its
 * end, and sets *tok to its last token.
 */
llmb_rc_e llmb_items_see(llmb_seen_t *seen, llmb_json_t *json,
    llmb_str_t body, llmb_json_token_t *tok);

/*
 * Sets the values of a column from what has been seen; returns the kind of
 * the items, or 0 if they are not what the column takes.
 */
unsigned llmb_items_column(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);

/* whether all members "type" in a JSON value are this text */
unsigned llmb_items_typed(llmb_str_t value, llmb_str_t type);

/* the tokens of a JSON value; those of texts are estimated */
uint64_t llmb_items_tokens(llmb_str_t value);

/* counts the tokens of a column that has texts, and of its largest item */
void llmb_items_count(llmb_values_t *values);


#pragma GCC visibility pop


#endif /* _LLMB_ITEMS_H_INCLUDED_ */
