
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A walk over the members of an object, or the elements of an array, in text
 * that the scanner has read before.  So it can only end, not fail, and what is
 * in a value is stepped over as fast as may be.
 *
 *     llmb_json_each(&each, object);
 *
 *     while (llmb_json_each_next(&each)) {
 *         ... each.name, each.value
 *     }
 */


#ifndef _LLMB_JSON_EACH_H_INCLUDED_
#define _LLMB_JSON_EACH_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


typedef struct {
    llmb_str_t             name;      /* quotes included; of elements: empty */
    llmb_str_t             value;
    const uint8_t         *next;      /* the one behind it; or "end" */
    const uint8_t         *end;

    /* private */
    unsigned               members:1;
} llmb_json_each_t;


/* of a value, with white space around or not; a scalar has none */
void llmb_json_each(llmb_json_each_t *each, llmb_str_t value);

/* of elements as they stand in an array, from one on to the end of the last */
void llmb_json_each_from(llmb_json_each_t *each, const uint8_t *p,
    const uint8_t *end);

/* sets name and value to the next one and returns 1; 0 after the last */
unsigned llmb_json_each_next(llmb_json_each_t *each);

/* behind the string that begins at p */
const uint8_t *llmb_json_each_string(const uint8_t *p, const uint8_t *end);


#pragma GCC visibility pop


#endif /* _LLMB_JSON_EACH_H_INCLUDED_ */
