
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the text of a string or number token means.
 */


#ifndef _LLMB_JSON_TEXT_H_INCLUDED_
#define _LLMB_JSON_TEXT_H_INCLUDED_


#include "llmb_json.h"


#pragma GCC visibility push(hidden)


/*
 * Reads one character, or one escape of it, at p, which is within a string
 * and not at its closing quote; returns what is behind it.
 */
const uint8_t *llmb_json_char(const uint8_t *p, uint32_t *code);

/* writes the UTF-8 of a character; returns its 1 to 4 bytes */
size_t llmb_json_encode(uint32_t code, uint8_t *out);

/* whether the string, its escapes undone, is the given text */
unsigned llmb_json_is(llmb_str_t token, llmb_str_t text);

/*
 * Undoes the escapes; writes at most token.len - 2 bytes of UTF-8 to out and
 * returns how many.
 */
size_t llmb_json_decode(llmb_str_t token, uint8_t *out);

/*
 * Orders two strings by their decoded bytes, as memcmp() does, a shorter one
 * first.
 */
int llmb_json_cmp(llmb_str_t a, llmb_str_t b);

int llmb_json_chars_cmp(llmb_json_chars_t *a, llmb_json_chars_t *b,
    uint32_t *n);

/* LLMB_OK if the number is written as an integer of 0 to 2^53 - 1 */
llmb_rc_e llmb_json_uint(llmb_str_t token, uint64_t *value);


#pragma GCC visibility pop


#endif /* _LLMB_JSON_TEXT_H_INCLUDED_ */
