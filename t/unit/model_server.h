
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Servers of all APIs, as far as the shapes of their answers go.  What is said
 * about an item is a function of the item and of all else in the request, so
 * an answer that belongs to another item, or was asked with other parameters,
 * is another one.
 */


#ifndef _MODEL_SERVER_H_INCLUDED_
#define _MODEL_SERVER_H_INCLUDED_


#include <jansson.h>

#include "llmb_adapter.h"


/* what a server is like */

#define MODEL_FLOATS   0x01       /* does not know "encoding_format" */
#define MODEL_ORDERED  0x02       /* answers in order; without it, elements
                                     that have an index come in any */


/* a number below n, and the next state of *seed */
uint64_t model_below(uint64_t *seed, uint64_t n);

/* the elements of an array in another order */
void model_shuffle(json_t *array, uint64_t *seed);

/* the text of a value, spaced one way or another; both are to be freed */
llmb_str_t model_text(json_t *value, uint64_t *seed);

/*
 * The answer to a request in this format; exits if that is not known, or the
 * request is one that its server would refuse.
 */
llmb_str_t model_answer(const llmb_adapter_t *adapter, llmb_str_t path,
    llmb_str_t body, unsigned options, uint64_t *seed);


#endif /* _MODEL_SERVER_H_INCLUDED_ */
