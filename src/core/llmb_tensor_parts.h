
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Private to llmb_tensor*.c: one tensor, and walks over what is around it.
 */


#ifndef _LLMB_TENSOR_PARTS_H_INCLUDED_
#define _LLMB_TENSOR_PARTS_H_INCLUDED_


#include "llmb_json_each.h"
#include "llmb_tensor.h"


#pragma GCC visibility push(hidden)


/* dimensions of a tensor; the scanner would not follow many more */

#define LLMB_TENSOR_MAX_RANK  32


typedef struct {
    llmb_str_t         name;      /* len is 0: not there */
    llmb_str_t         shape;
    llmb_str_t         data;
    llmb_str_t         parameters;

    llmb_str_t         count;     /* the first dimension, as text */
    unsigned           rank;
    uint64_t           dims[LLMB_TENSOR_MAX_RANK];

    unsigned           nested:1;  /* the data */
    llmb_str_t         elems;     /* the same, without the brackets around */
} llmb_tensor_t;


/* what is wrong with a tensor */

typedef enum {
    LLMB_TENSOR_OK = 0,
    LLMB_TENSOR_SHAPE,            /* members are missing or not as they ought
                                     to be */
    LLMB_TENSOR_COUNT,            /* the data does not fit the shape */
    LLMB_TENSOR_FORBIDDEN         /* its parameters */
} llmb_tensor_e;


/* all but the data, of which only the style is looked at */
llmb_tensor_e llmb_tensor_read(llmb_tensor_t *t, llmb_str_t text);

/*
 * Whether the data has as many elements as the dimensions say, on all levels.
 * Sets t->elems, and rows[], if it is not NULL, to where each of the dims[0]
 * rows is, counted from base.
 */
unsigned llmb_tensor_data(llmb_tensor_t *t, const uint8_t *base,
    llmb_span_t *rows);

/* whether parameters ask for sequences, shared memory or binary data */
unsigned llmb_tensor_forbidden(llmb_str_t parameters);

/* whether a name, its escapes undone, is this text */
unsigned llmb_tensor_is(llmb_str_t token, const char *name);


#pragma GCC visibility pop


#endif /* _LLMB_TENSOR_PARTS_H_INCLUDED_ */
