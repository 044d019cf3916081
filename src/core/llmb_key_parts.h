
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the two passes that make the canonical text share.
 */


#ifndef _LLMB_KEY_PARTS_H_INCLUDED_
#define _LLMB_KEY_PARTS_H_INCLUDED_


#include "llmb_key.h"
#include "llmb_out.h"


#pragma GCC visibility push(hidden)


#define LLMB_KEY_NONE  UINT32_MAX


/* offsets in the text, and numbers of nodes */

typedef struct {
    uint32_t          start;      /* of the object, name or value left out */
    uint32_t          end;
    uint32_t          value;      /* of a member */
    uint32_t          value_end;
    uint32_t          next;       /* the member behind this one in order, or
                                     the first member of the object */
    uint32_t          behind;     /* the node behind those of the object;
                                     none for a value left out; of a member,
                                     while it is sorted: behind "common" */
    uint32_t          common;     /* characters that the name begins with as
                                     that of the member before it */
} llmb_key_node_t;


/* a container that has not ended yet */

typedef struct {
    uint32_t          object;     /* its node; none for an array */
    uint32_t          member;     /* the last one so far */
} llmb_key_open_t;


typedef struct {
    llmb_str_t        json;
    const size_t     *skip;       /* the next offset, and behind the last */
    const size_t     *skip_end;
    uint32_t          left;       /* the node of the value that is left out */
    llmb_key_node_t  *nodes;
    size_t            max;
    uint32_t          n;
    llmb_out_t        out;        /* its rc is that of both passes */
    llmb_json_t       scanner;
    llmb_key_open_t   open[LLMB_JSON_MAX_DEPTH];
} llmb_key_t;


/*
 * The second pass, for the value json[start .. end); "node" is the first one of
 * the value.
 */
void llmb_key_write_value(llmb_key_t *k, uint32_t start, uint32_t end,
    uint32_t node);


#pragma GCC visibility pop


#endif /* _LLMB_KEY_PARTS_H_INCLUDED_ */
