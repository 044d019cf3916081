
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a request body says: is it one that may be batched, and where are the
 * items in it.
 *
 * A body is seen as a frame with holes.  Everything in the frame has to be
 * equal for all members of a call, which is what llmb_key_canonical() is for;
 * the holes are where their items go.
 */


#ifndef _LLMB_REQUEST_H_INCLUDED_
#define _LLMB_REQUEST_H_INCLUDED_


#include "llmb_adapter.h"
#include "llmb_json.h"
#include "llmb_reasons.h"
#include "llmb_siphash.h"


#pragma GCC visibility push(hidden)


#define LLMB_REQUEST_MAX_MEMBERS  64
#define LLMB_REQUEST_MAX_HOLES    (2 * LLMB_MAX_COLUMNS + 2)


typedef enum {
    LLMB_HOLE_COLUMN = 0,         /* the items of a column */
    LLMB_HOLE_COUNT,              /* the number of items in the call */
    LLMB_HOLE_OWN                 /* of this client: not in the key, and in a
                                     call of several a word of ours */
} llmb_hole_e;


/* the value of a member, as offsets in the body */

typedef struct {
    size_t                 start;
    size_t                 end;
    llmb_hole_e            type;
    unsigned               column;
} llmb_hole_t;


/* a column of a request */

typedef struct {
    llmb_str_t             list;      /* from bracket to bracket, or a bare
                                         item */
    llmb_str_t             span;      /* its items as they stand in an array,
                                         without the brackets and the white
                                         space around */
    uint32_t               items;     /* in the span */
    unsigned               present:1;
    unsigned               bare:1;    /* there is no array around it */
    unsigned               wrap:1;    /* becomes an array of one in a call */
} llmb_values_t;


struct llmb_request_s {
    const llmb_adapter_t  *adapter;
    const llmb_form_t     *form;
    llmb_str_t             path;
    llmb_str_t             body;

    llmb_str_t             model;     /* JSON string, quotes included, or
                                         empty; points into the body */
    llmb_str_t             named;     /* the model in the path, as it stands
                                         there, if that is what counts */
    llmb_kind_e            kind;      /* of the first column */
    uint32_t               items;
    uint64_t               tokens;    /* of all items; exact for
                                         LLMB_KIND_TOKENS, else estimated */
    uint64_t               largest;   /* tokens of the largest item, at most */
    uint64_t               longest;   /* bytes of the longest one, at most */
    uint32_t               per;       /* elements of the answer to an item */
    uint32_t               top;       /* elements wanted; 0: all */
    llmb_str_t             echo;      /* JSON string, quotes included, that
                                         the answer repeats; or empty */
    unsigned               scalar:1;  /* the client sent a bare item */
    unsigned               base64:1;  /* "encoding_format" is "base64" */
    unsigned               token_ids:1;   /* it has "return_token_ids", or
                                             what that must not be with */
    unsigned               divisible:1;   /* llmb_request_next() may cut it */

    unsigned               ncolumns;
    llmb_values_t          columns[LLMB_MAX_COLUMNS];
    unsigned               nholes;    /* in the order of the body */
    llmb_hole_t            holes[LLMB_REQUEST_MAX_HOLES];
};


/*
 * The model that a path names, behind the last "/models/" or "/deployments/";
 * empty if it names none.  What follows the last ":" is an action.
 */
llmb_str_t llmb_path_model(llmb_str_t path);

/*
 * Reads a body that came for a path.  The adapter may be NULL: then only the
 * model is found out and *reason is LLMB_REASON_ADAPTER.
 *
 * Names of members are compared decoded: "\u006dodel" is the model.  The
 * number of items is not held against adapter->max_items here.
 *
 *   LLMB_OK        rq is complete; it points into the body and the path
 *   LLMB_DECLINED  *reason tells why the request has to go alone: JSON
 *                  (malformed, not an object, too deep, too many members),
 *                  DUPLICATE_KEY (two top-level members of one decoded name),
 *                  STREAM ("stream" is anything but false or null), ITEM (a
 *                  column is missing, empty, holds an empty string, mixes
 *                  kinds, is of the wrong type or has another length than the
 *                  others; there are columns of two forms), ADAPTER
 *                  (refused by the format), BODY_SIZE (values that are meant
 *                  for all items would make it too large a part of a call);
 *                  the first in the order of the
 *                  body, but JSON before all; rq->model is set wherever it
 *                  could be read, and empty if there are two, and so is
 *                  rq->named; nothing else is of use
 */
llmb_rc_e llmb_request_read(llmb_request_t *rq, const llmb_adapter_t *adapter,
    llmb_str_t path, llmb_str_t body, llmb_reason_e *reason);

/*
 * Writes the path that the call goes to.  "out" has room for rq->path.len +
 * form->to.len bytes; returns how many it took, 0 if the path does not change.
 */
size_t llmb_request_path(const llmb_request_t *rq, uint8_t *out);


/*
 * A part of a request: a range of its items.  Its payload, what is kept for
 * it until it is sent, is the text of the items alone if the form has one
 * column and no echo; else the texts of all columns, and the echo, each
 * preceded by its length (llmb_payload_column() knows).  A value that is meant
 * for each of the items is in it once, but counts as often as a call of
 * several repeats it.
 */

typedef struct {
    uint32_t               first;
    uint32_t               items;
    uint64_t               tokens;
    size_t                 size;      /* bytes of the payload */
    uint64_t               bytes;     /* the same, with what is repeated */

    /* private */
    llmb_str_t             spans[LLMB_MAX_COLUMNS];
} llmb_piece_t;


/* 0: no limit */

typedef struct {
    uint32_t               items;
    uint64_t               tokens;
    uint64_t               bytes;
} llmb_limits_t;


/* the whole request as one part */
void llmb_request_all(const llmb_request_t *rq, llmb_piece_t *piece);

/*
 * Cuts a divisible request: sets *piece to the next items, as many as are
 * within the limits, but at least one, and returns 1; returns 0 after the
 * last.  "first" is the item to begin with, "end" the one to stop before.  The
 * cutter is the caller's memory and belongs to this walk.
 */

typedef struct {
    uint32_t               item;      /* the next one */
    uint64_t               repeated;  /* tokens that each item has alike */
    const uint8_t         *pos[LLMB_MAX_COLUMNS];
} llmb_cutter_t;

void llmb_request_cut(llmb_cutter_t *cutter, const llmb_request_t *rq,
    uint32_t first);
unsigned llmb_request_next(llmb_cutter_t *cutter, const llmb_request_t *rq,
    uint32_t end, const llmb_limits_t *limits, llmb_piece_t *piece);

/* writes piece->size bytes, or returns what the sink returned */
llmb_rc_e llmb_request_pack(const llmb_request_t *rq,
    const llmb_piece_t *piece, llmb_sink_t *sink);

/*
 * The items of a column in a payload of a request like rq, as they stand in
 * an array; column rq->ncolumns is the echo.
 */
llmb_str_t llmb_payload_column(const llmb_request_t *rq, llmb_str_t payload,
    unsigned column);


/*
 * The same of one column after the other, the echo last, in a payload of any
 * request in this form: takes the next text off *payload and returns 1, or
 * returns 0 after the last.  A text may be empty.
 */
unsigned llmb_payload_next(const llmb_form_t *form, llmb_str_t *payload,
    llmb_str_t *text);


/* an item of the first column, in the payload of a member */

typedef struct {
    llmb_str_t             text;
    uint64_t               hash;
    uint32_t               position;  /* in the call */
} llmb_item_t;

/*
 * Finds out which items of a call are equal, byte for byte: items[0 .. n) are
 * those of all members, in order.  Each gets the position it is sent at;
 * equal ones have one, but for few that are not found within a bound.  Returns
 * how many positions there are.  "table" is scratch memory for "size" numbers,
 * a power of two, at least 2 n.  Only for forms with one column.
 */
uint32_t llmb_request_dedup(const llmb_request_t *rq,
    const llmb_secret_t *secret, const llmb_str_t *payloads,
    uint32_t members, llmb_item_t *items, uint32_t n, uint32_t *table,
    uint32_t size);

/* the tokens of those of them that are not sent */
uint64_t llmb_request_copied(const llmb_item_t *items, uint32_t n);


typedef struct {
    const llmb_str_t      *payloads;  /* of the members, in order */
    uint32_t               members;
    uint32_t               items;     /* in the call, as sent */
    const llmb_item_t     *unique;    /* NULL, or all items of the members as
                                         llmb_request_dedup() left them */
    uint32_t               n;         /* how many these are */
    unsigned               token_ids:1;   /* ask for the ids of tokens */
} llmb_merge_t;

/*
 * Writes the body of a call: the frame of rq, which lends everything but the
 * items, and the items of all members in its holes.  Returns what the sink
 * returned, and writes nothing after an error.
 */
llmb_rc_e llmb_request_merge(const llmb_request_t *rq,
    const llmb_merge_t *merge, llmb_sink_t *sink);

/* no more bytes than this are written */
size_t llmb_request_bound(const llmb_request_t *rq,
    const llmb_merge_t *merge);


#pragma GCC visibility pop


#endif /* _LLMB_REQUEST_H_INCLUDED_ */
