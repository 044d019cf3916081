
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The states of the scanner within a string, a number or a literal.
 */


#ifndef _LLMB_JSON_SCALAR_H_INCLUDED_
#define _LLMB_JSON_SCALAR_H_INCLUDED_


#include "llmb_json_parts.h"


#pragma GCC visibility push(hidden)


/*
 * These go on within a token, at *p, and return
 *
 *   LLMB_OK       the token ends at *p
 *   LLMB_AGAIN    the buffer is used up
 *   LLMB_INVALID  there is no such token
 */
llmb_rc_e llmb_json_string(llmb_json_t *js, const uint8_t **p,
    const uint8_t *end);
llmb_rc_e llmb_json_number(llmb_json_t *js, const uint8_t **p,
    const uint8_t *end);
llmb_rc_e llmb_json_literal(llmb_json_t *js, const uint8_t **p,
    const uint8_t *end);


#pragma GCC visibility pop


#endif /* _LLMB_JSON_SCALAR_H_INCLUDED_ */
