
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_heap.h"


static uint32_t llmb_heap_meld(llmb_heap_node_t *nodes, uint32_t a,
    uint32_t b);
static uint32_t llmb_heap_pair(llmb_heap_node_t *nodes, uint32_t first);


void
llmb_heap_push(uint32_t *root, llmb_heap_node_t *nodes, uint32_t i,
    uint64_t rank, uint64_t order)
{
    nodes[i].rank = rank;
    nodes[i].order = order;
    nodes[i].child = LLMB_NIL;
    nodes[i].next = LLMB_NIL;
    nodes[i].prev = LLMB_NIL;
    nodes[i].linked = 1;

    *root = llmb_heap_meld(nodes, *root, i);
}


void
llmb_heap_remove(uint32_t *root, llmb_heap_node_t *nodes, uint32_t i)
{
    uint32_t           below;
    llmb_heap_node_t  *node;

    node = &nodes[i];
    below = llmb_heap_pair(nodes, node->child);

    node->linked = 0;

    if (i == *root) {
        *root = below;
        return;
    }

    if (nodes[node->prev].child == i) {
        nodes[node->prev].child = node->next;

    } else {
        nodes[node->prev].next = node->next;
    }

    if (node->next != LLMB_NIL) {
        nodes[node->next].prev = node->prev;
    }

    *root = llmb_heap_meld(nodes, *root, below);
}


/* the one that comes later goes below the other */

static uint32_t
llmb_heap_meld(llmb_heap_node_t *nodes, uint32_t a, uint32_t b)
{
    uint32_t  below;

    if (a == LLMB_NIL || b == LLMB_NIL) {
        return a == LLMB_NIL ? b : a;
    }

    if (nodes[b].rank < nodes[a].rank
        || (nodes[b].rank == nodes[a].rank && nodes[b].order < nodes[a].order))
    {
        below = a;
        a = b;

    } else {
        below = b;
    }

    nodes[below].prev = a;
    nodes[below].next = nodes[a].child;

    if (nodes[a].child != LLMB_NIL) {
        nodes[nodes[a].child].prev = below;
    }

    nodes[a].child = below;
    nodes[a].prev = LLMB_NIL;
    nodes[a].next = LLMB_NIL;

    return a;
}


/* makes those in a row one: by twos from the left, then all from the right */

static uint32_t
llmb_heap_pair(llmb_heap_node_t *nodes, uint32_t first)
{
    uint32_t  a, b, next, pairs, root;

    pairs = LLMB_NIL;

    for (a = first; a != LLMB_NIL; a = next) {
        b = nodes[a].next;
        next = b == LLMB_NIL ? LLMB_NIL : nodes[b].next;

        nodes[a].next = LLMB_NIL;
        nodes[a].prev = LLMB_NIL;

        if (b != LLMB_NIL) {
            nodes[b].next = LLMB_NIL;
            nodes[b].prev = LLMB_NIL;
        }

        a = llmb_heap_meld(nodes, a, b);

        nodes[a].next = pairs;
        pairs = a;
    }

    root = LLMB_NIL;

    for (a = pairs; a != LLMB_NIL; a = next) {
        next = nodes[a].next;
        nodes[a].next = LLMB_NIL;
        root = llmb_heap_meld(nodes, root, a);
    }

    return root;
}
