
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A body without members that keep requests apart for nothing.
 */


#ifndef _LLMB_STRIP_H_INCLUDED_
#define _LLMB_STRIP_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/*
 * Writes the JSON object "body" without its members of one of the n names,
 * which are compared decoded, and without white space between members; never
 * more bytes than there are in the body.  The time is linear, but for n.
 *
 *   LLMB_OK        written
 *   LLMB_DECLINED  it is no such object, or has none of them; what was written
 *                  is of no use
 *   other          what the sink returned
 */
llmb_rc_e llmb_strip_write(llmb_str_t body, const llmb_str_t *names,
    unsigned n, llmb_sink_t *sink);


#pragma GCC visibility pop


#endif /* _LLMB_STRIP_H_INCLUDED_ */
