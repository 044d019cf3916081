
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The least of records that are addressed by index: a pairing heap (Fredman,
 * Sedgewick, Sleator, Tarjan: The Pairing Heap, Algorithmica 1986).  To put
 * one in takes constant time, to take one out logarithmic, amortized, so ten
 * thousand that wait cost hardly more than ten.
 */


#ifndef _LLMB_HEAP_H_INCLUDED_
#define _LLMB_HEAP_H_INCLUDED_


#include "llmb_list.h"


#pragma GCC visibility push(hidden)


/* the nodes are in an array beside the records, and belong to one heap */

typedef struct {
    uint64_t         rank;
    uint64_t         order;       /* of those with the same rank */
    uint32_t         child;       /* the first of those below it */
    uint32_t         next;        /* among those below the same one */
    uint32_t         prev;        /* the same; of the first, the one above */
    uint32_t         linked;
} llmb_heap_node_t;


/* the root is the one of least rank; LLMB_NIL: none is in it */
void llmb_heap_push(uint32_t *root, llmb_heap_node_t *nodes, uint32_t i,
    uint64_t rank, uint64_t order);
void llmb_heap_remove(uint32_t *root, llmb_heap_node_t *nodes, uint32_t i);


#pragma GCC visibility pop


#endif /* _LLMB_HEAP_H_INCLUDED_ */
