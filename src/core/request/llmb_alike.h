
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Of which shape items are.  Servers that make one array, or one table, of
 * all items of a call (numpy, pandas, TensorFlow) find a type that fits all:
 * beside a text numbers become texts, beside 2.5 integers become floats, and a
 * row of another length is an error of the call.  So only what is of one shape
 * goes together.
 *
 * The shape of a value: text, boolean, null, and of numbers whether there is a
 * point or an exponent, or what an integer fits in (64 bits, signed or not);
 * of arrays the number of elements, and their shapes; of objects the names of
 * the members as they stand there, in that order, and their shapes.  Elements
 * of an array that follow each other and differ in nothing but integers and
 * floats are of the same shape, with floats: that is what becomes of them in
 * any company.
 */


#ifndef _LLMB_ALIKE_H_INCLUDED_
#define _LLMB_ALIKE_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/*
 * Bytes that tell a shape: those of the names, one for a value, two for an
 * array or object, and 5 more for an element of an array.  Elements that are
 * alike and follow each other take the bytes of one, but while one is compared
 * with the one before it, it takes them, too.
 */

#define LLMB_ALIKE_MAX  8192


/*
 * The items are values as they stand in an array, at least one, in text that
 * the scanner has read.
 *
 *   LLMB_OK        they are of one shape
 *   LLMB_DECLINED  they are not
 *   LLMB_LIMIT     a shape is larger than LLMB_ALIKE_MAX
 */
llmb_rc_e llmb_alike(llmb_str_t items);

/* writes the shape of the first one; LLMB_LIMIT as above, or what sink says */
llmb_rc_e llmb_alike_write(llmb_str_t items, llmb_sink_t *sink);


#pragma GCC visibility pop


#endif /* _LLMB_ALIKE_H_INCLUDED_ */
