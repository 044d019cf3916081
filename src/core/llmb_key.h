
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
 * Writes the canonical text of "json".  Members of the outermost object whose
 * value starts at the offset "skip" are left out (skip = (size_t) -1 leaves
 * out none).
 *
 * "scratch" is used for 24 bytes for each object and each member, but for
 * those within the value left out; it is free again on return.
 *
 *   LLMB_OK       written
 *   LLMB_NOMEM    scratch is too small; nothing was written
 *   LLMB_INVALID  not JSON; nothing was written
 *   LLMB_LIMIT    nested too deep, or 4 GB; nothing was written
 *   other         what the sink returned
 */
llmb_rc_e llmb_key_canonical(llmb_str_t json, size_t skip,
    llmb_arena_t scratch, llmb_sink_t *sink);


#pragma GCC visibility pop


#endif /* _LLMB_KEY_H_INCLUDED_ */
