
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Requests and answers of the Open Inference Protocol, whose items are the
 * rows of tensors.  Here they are found; what cuts and merges the others does
 * the rest.
 *
 *     {"id": "1", "inputs": [{"name": "x", "shape": [2, 3],
 *                             "datatype": "FP32", "data": [1,2,3,4,5,6]}]}
 *
 * "data" may be flat, as here, or nested as the shape says.
 */


#ifndef _LLMB_TENSOR_H_INCLUDED_
#define _LLMB_TENSOR_H_INCLUDED_


#include "llmb_answer.h"


#pragma GCC visibility push(hidden)


/*
 * Finds the inputs in rq->body, which is valid JSON, an object without two
 * members of one name.  Each input is a column: the elements of its "data" are
 * the span, and "shape" has a hole of the type LLMB_HOLE_COUNT, before or
 * behind.  Sets ncolumns, columns, holes, items (the first dimension of all
 * inputs) and kind: LLMB_KIND_VALUE if all data is flat,
 * LLMB_KIND_OBJECT if all is nested.  The request is not divisible.
 *
 * Returns LLMB_REASON_NONE, or why the request has to go alone: ITEM (no
 * inputs, too many, without name, shape or data, first dimensions that differ
 * or are 0, data of another number of elements than the shape says, both
 * styles), ADAPTER (sequences, binary data, shared memory).
 */
llmb_reason_e llmb_tensor_request(llmb_request_t *rq);

/*
 * Finds the outputs in the answer base[0 .. sp->len), which is valid JSON, an
 * object: one of sp->lists for each, with "count" in its shape.  Returns
 * LLMB_MISMATCH_NONE, COUNT if a first dimension is not that of the call or
 * data does not fit its shape, SHAPE for everything else.
 */
llmb_mismatch_e llmb_tensor_answer(llmb_split_t *sp, const uint8_t *base);


#pragma GCC visibility pop


#endif /* _LLMB_TENSOR_H_INCLUDED_ */
