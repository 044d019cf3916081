
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The canonical text of a JSON value: two values that mean the same have the
 * same text.  White space is dropped, members are ordered by their decoded
 * names (equal names keep their order), strings are written with the fewest
 * escapes; the text of numbers is kept, since 1 and 1.0 may differ upstream.
 */


#ifndef _LLMB_KEY_H_INCLUDED_
#define _LLMB_KEY_H_INCLUDED_


#include "llmb_json.h"


#pragma GCC visibility push(hidden)


/*
 * Writes the canonical text of "json".  Values that start in one of the spans
 * skip[0 .. nskip), which are in order, at whatever depth, are left out; of a
 * member the name remains, without a value, but a member whose name starts in
 * one is left out as a whole.
 *
 * "scratch" is used for 28 bytes for each object, each member and each value
 * left out, but for those within the latter; it is free again on return.
 *
 *   LLMB_OK       written
 *   LLMB_NOMEM    scratch is too small; nothing was written
 *   LLMB_INVALID  not JSON; nothing was written
 *   LLMB_LIMIT    nested too deep, or 4 GB; nothing was written
 *   other         what the sink returned
 */
llmb_rc_e llmb_key_canonical(llmb_str_t json, const llmb_span_t *skip,
    unsigned nskip, llmb_arena_t scratch, llmb_sink_t *sink);


#pragma GCC visibility pop


#endif /* _LLMB_KEY_H_INCLUDED_ */
