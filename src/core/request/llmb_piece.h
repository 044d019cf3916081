
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Parts of a request, each of which becomes a payload.
 */


#ifndef _LLMB_PIECE_H_INCLUDED_
#define _LLMB_PIECE_H_INCLUDED_


#include "llmb_request.h"


#pragma GCC visibility push(hidden)


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


/* the whole request, which was counted, as one part */
void llmb_piece_all(const llmb_request_t *rq, llmb_piece_t *piece);

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

void llmb_piece_cut(llmb_cutter_t *cutter, const llmb_request_t *rq,
    uint32_t first);
unsigned llmb_piece_next(llmb_cutter_t *cutter, const llmb_request_t *rq,
    uint32_t end, const llmb_limits_t *limits, llmb_piece_t *piece);

/* writes piece->size bytes, or returns what the sink returned */
llmb_rc_e llmb_piece_pack(const llmb_request_t *rq,
    const llmb_piece_t *piece, llmb_sink_t *sink);


#pragma GCC visibility pop


#endif /* _LLMB_PIECE_H_INCLUDED_ */
