
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Records that are addressed by index, in order: a balanced tree (Adelson-
 * Velsky, Landis: An algorithm for the organization of information, 1962).
 * Whatever clients do, no step through it is longer than LLMB_TREE_MOST, so
 * ten thousand that wait cost hardly more than ten.
 */


#ifndef _LLMB_TREE_H_INCLUDED_
#define _LLMB_TREE_H_INCLUDED_


#include "llmb_list.h"


#pragma GCC visibility push(hidden)


/* the height of one that has every index in it is less: 1.45 * log2(n) */

#define LLMB_TREE_MOST  48


/* the nodes are in an array beside the records, and belong to one tree */

typedef struct {
    uint64_t         rank;
    uint64_t         order;       /* of those with the same rank */
    uint32_t         child[2];    /* before it, and after it */
    uint32_t         height;      /* 0: it is in no tree */
} llmb_tree_node_t;


/* the root of an empty one is LLMB_NIL; no two have the same rank and order */
void llmb_tree_insert(uint32_t *root, llmb_tree_node_t *nodes, uint32_t i,
    uint64_t rank, uint64_t order);
void llmb_tree_remove(uint32_t *root, llmb_tree_node_t *nodes, uint32_t i);

/* the first of all, and the first of greater rank; LLMB_NIL: there is none */
uint32_t llmb_tree_first(uint32_t root, const llmb_tree_node_t *nodes);
uint32_t llmb_tree_beyond(uint32_t root, const llmb_tree_node_t *nodes,
    uint64_t rank);


#pragma GCC visibility pop


#endif /* _LLMB_TREE_H_INCLUDED_ */
