
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Vectors: arrays of numbers become the base64 that their client asked for.
 */


#ifndef _LLMB_VECTOR_H_INCLUDED_
#define _LLMB_VECTOR_H_INCLUDED_


#include "llmb_answer.h"
#include "llmb_out.h"


#pragma GCC visibility push(hidden)


/*
 * An array in valid JSON: how many numbers are in it; LLMB_NO_NUMBERS if it
 * has anything else, or a number that is beyond a float.
 */
uint32_t llmb_vector_numbers(llmb_str_t text);

/*
 * Writes such an array as a string: the base64 of 32-bit floats, the lowest
 * byte first.  Each is the one nearest to the number; the number being in the
 * middle of two, as far as a double can tell, it is one of them.
 */
void llmb_vector_write(llmb_out_t *out, llmb_str_t text);

/* the bytes that are written for so many numbers */
size_t llmb_vector_size(uint32_t numbers);


#pragma GCC visibility pop


#endif /* _LLMB_VECTOR_H_INCLUDED_ */
