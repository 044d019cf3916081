
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The fast loops of the scanner.
 */


#ifndef _LLMB_JSON_SKIP_H_INCLUDED_
#define _LLMB_JSON_SKIP_H_INCLUDED_


#include "llmb.h"


/* what may be behind a backslash, and is all of an escape */

#define llmb_json_is_short(c)                                                 \
    ((c) == '"' || (c) == '\\' || (c) == '/' || (c) == 'b' || (c) == 'f'       \
     || (c) == 'n' || (c) == 'r' || (c) == 't')


#pragma GCC visibility push(hidden)


/* behind the white space at p */
const uint8_t *llmb_json_skip_spaces(const uint8_t *p, const uint8_t *end);

/*
 * Within a string: the first byte that is not just passed over, that is a
 * quote, a backslash, a control character or not ASCII.
 */
const uint8_t *llmb_json_skip_plain(const uint8_t *p, const uint8_t *end);

/* the same, but that it passes over escapes, if it does not stop before one */
const uint8_t *llmb_json_skip_text(const uint8_t *p, const uint8_t *end);

/*
 * Within an array, where a value has to come: skips numbers, each together
 * with the comma behind it, and so returns where a value has to come again.
 * May stop before any number; which ones it takes is a matter of speed only.
 */
const uint8_t *llmb_json_skip_numbers(const uint8_t *p, const uint8_t *end);


#pragma GCC visibility pop


#endif /* _LLMB_JSON_SKIP_H_INCLUDED_ */
