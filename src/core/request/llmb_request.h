
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a request body says: is it one that may be batched, and where are the
 * items in it.
 *
 * A body is seen as a frame with holes.  Everything in the frame has to be
 * equal for all members of a call, which is what llmb_key_canonical() is for,
 * and llmb_frame_shape(); the holes are where their items go.
 */


#ifndef _LLMB_REQUEST_H_INCLUDED_
#define _LLMB_REQUEST_H_INCLUDED_


#include "llmb_adapter.h"
#include "llmb_items.h"
#include "llmb_json.h"
#include "llmb_reasons.h"


#pragma GCC visibility push(hidden)


#define LLMB_REQUEST_MAX_HOLES    (2 * LLMB_MAX_COLUMNS + 2                    \
                                   + LLMB_MAX_DEFAULTS)


typedef enum {
    LLMB_HOLE_COLUMN = 0,         /* the items of a column */
    LLMB_HOLE_COUNT,              /* the number of items in the call */
    LLMB_HOLE_OWN,                /* of this client: not in the key, and in a
                                     call of several a word of ours */
    LLMB_HOLE_DEFAULT             /* a member that says what is so without it:
                                     neither in the key nor in the call */
} llmb_hole_e;


/*
 * The value of a member, as offsets in the body; LLMB_HOLE_DEFAULT: all of the
 * member, and a comma.
 */

typedef struct {
    size_t                 start;
    size_t                 end;
    llmb_hole_e            type;
    unsigned               column;
} llmb_hole_t;


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
    uint64_t               largest;   /* tokens of the largest item, at most;
                                         these two once they are counted */
    uint64_t               longest;   /* bytes of the longest one, at most */
    uint32_t               per;       /* elements of the answer to an item */
    uint32_t               top;       /* elements wanted; 0: all */
    llmb_str_t             echo;      /* JSON string, quotes included, that
                                         the answer repeats; or empty */
    unsigned               scalar:1;  /* the client sent a bare item */
    unsigned               base64:1;  /* "encoding_format" is "base64" */
    unsigned               token_ids:1;   /* it has "return_token_ids", or
                                             what that must not be with */
    unsigned               divisible:1;   /* llmb_piece_next() may cut it */
    unsigned               counted:1; /* by llmb_request_count() */

    unsigned               ncolumns;
    llmb_values_t          columns[LLMB_MAX_COLUMNS];
    unsigned               nholes;    /* in the order of the body */
    llmb_hole_t            holes[LLMB_REQUEST_MAX_HOLES];
};


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
 *                  others; there are columns of two forms; items are not alike
 *                  where they have to be, see llmb_alike.h), ADAPTER
 *                  (refused by the format; or of none, where the path tells
 *                  little, or by its members of another API: then rq->adapter
 *                  is NULL), BODY_SIZE (values that are meant for all items
 *                  would make it too large a part of a call); the first in
 *                  the order of the body, but JSON before all; rq->model is
 *                  set wherever it could be read, and empty if there are two,
 *                  and so is rq->named, and rq->form, NULL if no form has its
 *                  columns in the body; nothing else is of use
 */
llmb_rc_e llmb_request_read(llmb_request_t *rq, const llmb_adapter_t *adapter,
    llmb_str_t path, llmb_str_t body, llmb_reason_e *reason);

/*
 * Sets "tokens" and "largest" of a request that was read, and whose body is
 * still there: a look at all of its text, for those who need them.
 */
void llmb_request_count(llmb_request_t *rq);

/*
 * The name that has to be added to the item of LLMB_INPUT_BODY, as it stands
 * in the path; empty if there is none, or nothing to be added.
 */
llmb_str_t llmb_request_model(const llmb_request_t *rq);


#pragma GCC visibility pop


#endif /* _LLMB_REQUEST_H_INCLUDED_ */
