
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What has to be equal in the bodies of a call: what is left of them without
 * their items, which is short, and the shape of these.
 */


#ifndef _LLMB_FRAME_H_INCLUDED_
#define _LLMB_FRAME_H_INCLUDED_


#include "llmb_request.h"


#pragma GCC visibility push(hidden)


/*
 * The body without members that are left out, and without what is in its other
 * holes, each of which becomes one character: writes it to "frame", which has
 * room for as many bytes as are returned by a call without one, and the places
 * of these characters to "skip".
 */
size_t llmb_frame(const llmb_request_t *rq, uint8_t *frame, llmb_span_t *skip,
    unsigned *nskip);

/*
 * A frame that was seen, and its canonical text.  Most requests have one of a
 * few, so it need not be made for each.  Zeroed, it is none.
 */

#define LLMB_FRAME_LONG  512    /* bytes of one, and of its text, at most */

typedef struct {
    size_t                 len;
    unsigned               nskip;
    llmb_span_t            skip[LLMB_REQUEST_MAX_HOLES];
    uint8_t                frame[LLMB_FRAME_LONG];
    size_t                 text_len;
    uint8_t                text[LLMB_FRAME_LONG];
} llmb_frame_memo_t;

/* whether the body has this frame, which is as long as that of the body */
unsigned llmb_frame_is(const llmb_frame_memo_t *memo,
    const llmb_request_t *rq, size_t len);

/* notes them, unless they are too long */
void llmb_frame_note(llmb_frame_memo_t *memo, llmb_str_t frame,
    const llmb_span_t *skip, unsigned nskip, llmb_str_t text);

/*
 * Writes what has to be equal in the items of all members of a call: of which
 * shape they are, if the form wants them alike.  For a request that was read;
 * so what it returns is the sink's.
 */
llmb_rc_e llmb_frame_shape(const llmb_request_t *rq, llmb_sink_t *sink);


#pragma GCC visibility pop


#endif /* _LLMB_FRAME_H_INCLUDED_ */
