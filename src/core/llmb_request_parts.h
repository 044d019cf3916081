
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files that read, cut and merge requests share.
 */


#ifndef _LLMB_REQUEST_PARTS_H_INCLUDED_
#define _LLMB_REQUEST_PARTS_H_INCLUDED_


#include <string.h>

#include "llmb_request.h"


#pragma GCC visibility push(hidden)


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
    uint64_t               tokens;    /* of all of it */
    uint64_t               largest;   /* tokens of an element */
    uint64_t               longest;   /* bytes of an element */
} llmb_seen_t;


#define LLMB_REQUEST_NONE   UINT32_MAX

#define LLMB_REQUEST_SHORT  64    /* bytes of a name that is cheap to compare */

/*
 * A member of the body.  Names are kept in order, once there is one that is not
 * cheap to compare: each of them knows how many characters it has in common
 * with the one before it, and where it goes on behind these.
 */

typedef struct {
    llmb_str_t           name;    /* quotes included */
    uint32_t             next;
    uint32_t             common;
    const uint8_t       *behind;
    llmb_str_t           value;   /* of an object or array: its bracket */
    llmb_json_type_e     type;
    const llmb_seen_t   *seen;
    unsigned             plain:1;     /* no escapes in the name */
    unsigned             duplicate:1;
    unsigned             watched:1;   /* a column of some form, not null */
} llmb_body_member_t;


/* a body that is being read */

typedef struct {
    llmb_request_t      *rq;
    llmb_json_t          json;
    unsigned             forms;   /* bit i: the path is that of form i */
    unsigned             kinds[LLMB_MAX_COLUMNS];
    uint64_t             tokens[LLMB_MAX_COLUMNS];
    uint64_t             largest[LLMB_MAX_COLUMNS];
    uint64_t             longest[LLMB_MAX_COLUMNS];
    size_t               start;   /* of the object */
    size_t               end;

    uint32_t             order;   /* the first one, by name; or _NONE */
    uint32_t             nordered;    /* members that are in it */
    uint32_t             nmembers;
    llmb_body_member_t   members[LLMB_REQUEST_MAX_MEMBERS];
    uint32_t             nseen;
    llmb_seen_t          seen[LLMB_MAX_COLUMNS];
} llmb_reader_t;


static inline llmb_str_t
llmb_request_slice(const uint8_t *start, const uint8_t *end)
{
    llmb_str_t  text;

    text.len = (size_t) (end - start);
    text.data = start;

    return text;
}


/* whether the member has this name, which is not empty */

static inline unsigned
llmb_request_is(const llmb_body_member_t *m, llmb_str_t name)
{
    if (!m->plain) {
        return llmb_json_is(m->name, name);
    }

    return m->name.len - 2 == name.len && m->name.data[1] == name.data[0]
           && memcmp(m->name.data + 1, name.data, name.len) == 0;
}


/* LLMB_REASON_NONE, and all of rd->rq is set; rd->rq->adapter is not NULL */
llmb_reason_e llmb_request_judge(llmb_reader_t *rd);

/*
 * Reads the value that begins with the token, a member of the body, to its
 * end, and sets *tok to its last token.
 */
llmb_rc_e llmb_request_see(llmb_seen_t *seen, llmb_json_t *json,
    llmb_str_t body, llmb_json_token_t *tok);

/*
 * Sets the values of a column from what has been seen; returns the kind of
 * the items, or 0 if they are not what the column takes.
 */
unsigned llmb_request_column(llmb_values_t *values,
    const llmb_column_t *column, const llmb_seen_t *seen);

/* the shape of a JSON value, whose tokens are added to *tokens */
llmb_shape_e llmb_request_shape(llmb_str_t value, uint64_t *tokens);

/*
 * The name that has to be added to the item of LLMB_INPUT_BODY, as it stands
 * in the path; empty if there is none, or nothing to be added.
 */
llmb_str_t llmb_request_model(const llmb_request_t *rq);

/* whether a payload tells the length of each of its texts */
unsigned llmb_request_framed(const llmb_request_t *rq);

/* whether the only value of the column is that of each item */
unsigned llmb_request_repeats(const llmb_request_t *rq, unsigned column);

/* as llmb_payload_column(); *times: how often it is to be written */
llmb_str_t llmb_payload_text(const llmb_request_t *rq, llmb_str_t payload,
    unsigned column, uint32_t *times);

#pragma GCC visibility pop


#endif /* _LLMB_REQUEST_PARTS_H_INCLUDED_ */
