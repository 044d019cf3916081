
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the core has to know of one API that takes several inputs in a call.
 * A format is a constant description, in a file of its own in adapters/, and
 * one row in adapters/llmb_adapters.h.
 */


#ifndef _LLMB_ADAPTER_H_INCLUDED_
#define _LLMB_ADAPTER_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* what an item is; kinds never mix within a call */

typedef enum {
    LLMB_KIND_TEXT   = 0x01,      /* a string */
    LLMB_KIND_TOKENS = 0x02,      /* an array of token numbers */
    LLMB_KIND_OBJECT = 0x04
} llmb_kind_e;


/*
 * A request that has this member is not batched.  If "value" is not empty,
 * only a member with this value, as JSON text, counts ("true", "\"bytes\"").
 */

typedef struct {
    llmb_str_t            member;
    llmb_str_t            value;
} llmb_refusal_t;


typedef struct {
    llmb_str_t            name;

    /* endings of the URI, each from a "/" on; ends with llmb_null_string */
    const llmb_str_t     *paths;

    /* results do not depend on the neighbours: on under "auto" */
    unsigned              neutral:1;
    /* sending it twice does no harm */
    unsigned              idempotent:1;

    /*
     * The request: the member that takes one item or an array of them, and
     * the kinds of items allowed in it.
     */
    llmb_str_t            input;
    unsigned              kinds;
    const llmb_refusal_t *refusals;   /* ends with an empty member; NULL:
                                         none */

    /* the most items in a call, whatever the configuration says */
    uint32_t              max_items;

    /*
     * The answer: the member that holds an array of as many elements; empty
     * if the answer is that array.
     */
    llmb_str_t            list;
    /* the member of an element that tells its position; empty: its place */
    llmb_str_t            index;
    /*
     * The member that counts tokens of the whole call, a number or an object
     * of numbers, to be shared out; empty if there is none.
     */
    llmb_str_t            usage;
    /* within a usage object: the number of input tokens */
    llmb_str_t            input_tokens;
} llmb_adapter_t;


/* all adapters, in the order of the table */

extern const llmb_adapter_t *const  llmb_adapters[];
extern const unsigned               llmb_nadapters;

/*
 * The adapter for a URI path (no arguments) among those enabled, bit i of
 * "enabled" standing for llmb_adapters[i]; NULL if there is none.  The longest
 * fitting ending wins; it has to start at a "/".
 */
const llmb_adapter_t *llmb_adapter_find(llmb_str_t path, uint64_t enabled);

/* its place in llmb_adapters[]; llmb_nadapters if it is not there */
unsigned llmb_adapter_id(const llmb_adapter_t *adapter);

/* the adapter of this name, or NULL */
const llmb_adapter_t *llmb_adapter_by_name(llmb_str_t name);


#pragma GCC visibility pop


#endif /* _LLMB_ADAPTER_H_INCLUDED_ */
