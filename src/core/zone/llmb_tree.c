
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_tree.h"


static unsigned llmb_tree_before(const llmb_tree_node_t *nodes, uint32_t a,
    uint32_t b);
static void llmb_tree_repair(llmb_tree_node_t *nodes, uint32_t **path,
    unsigned n);
static uint32_t llmb_tree_balance(llmb_tree_node_t *nodes, uint32_t t);
static uint32_t llmb_tree_rotate(llmb_tree_node_t *nodes, uint32_t t,
    unsigned side);
static void llmb_tree_measure(llmb_tree_node_t *nodes, uint32_t t);
static uint32_t llmb_tree_height(const llmb_tree_node_t *nodes, uint32_t t);


void
llmb_tree_insert(uint32_t *root, llmb_tree_node_t *nodes, uint32_t i,
    uint64_t rank, uint64_t order)
{
    uint32_t  *p, *path[LLMB_TREE_MOST];
    unsigned   n;

    nodes[i].rank = rank;
    nodes[i].order = order;
    nodes[i].child[0] = LLMB_NIL;
    nodes[i].child[1] = LLMB_NIL;
    nodes[i].height = 1;

    n = 0;

    for (p = root; *p != LLMB_NIL; /* void */ ) {
        llmb_count_step();
        path[n++] = p;
        p = &nodes[*p].child[!llmb_tree_before(nodes, i, *p)];
    }

    *p = i;

    llmb_tree_repair(nodes, path, n);
}


void
llmb_tree_remove(uint32_t *root, llmb_tree_node_t *nodes, uint32_t i)
{
    uint32_t  *p, *place, *path[LLMB_TREE_MOST];
    uint32_t   heir;
    unsigned   n, at;

    n = 0;

    for (p = root; *p != i; /* void */ ) {
        llmb_count_step();
        path[n++] = p;
        p = &nodes[*p].child[!llmb_tree_before(nodes, i, *p)];
    }

    if (nodes[i].child[1] == LLMB_NIL) {
        *p = nodes[i].child[0];

    } else {
        /* the next one has its place */

        place = p;
        at = n;
        path[n++] = p;

        for (p = &nodes[i].child[1];
             nodes[*p].child[0] != LLMB_NIL;
             p = &nodes[*p].child[0])
        {
            llmb_count_step();
            path[n++] = p;
        }

        heir = *p;
        *p = nodes[heir].child[1];

        nodes[heir].child[0] = nodes[i].child[0];
        nodes[heir].child[1] = nodes[i].child[1];
        *place = heir;

        if (n > at + 1) {
            path[at + 1] = &nodes[heir].child[1];
        }
    }

    nodes[i].height = 0;

    llmb_tree_repair(nodes, path, n);
}


uint32_t
llmb_tree_first(uint32_t root, const llmb_tree_node_t *nodes)
{
    uint32_t  i;

    i = root;

    while (i != LLMB_NIL && nodes[i].child[0] != LLMB_NIL) {
        llmb_count_step();
        i = nodes[i].child[0];
    }

    return i;
}


uint32_t
llmb_tree_beyond(uint32_t root, const llmb_tree_node_t *nodes, uint64_t rank)
{
    uint32_t  i, found;

    found = LLMB_NIL;

    for (i = root; i != LLMB_NIL; /* void */ ) {
        llmb_count_step();

        if (nodes[i].rank > rank) {
            found = i;
            i = nodes[i].child[0];

        } else {
            i = nodes[i].child[1];
        }
    }

    return found;
}


static unsigned
llmb_tree_before(const llmb_tree_node_t *nodes, uint32_t a, uint32_t b)
{
    return nodes[a].rank == nodes[b].rank ? nodes[a].order < nodes[b].order
                                          : nodes[a].rank < nodes[b].rank;
}


/* from below to the root: no side of any is higher by two */

static void
llmb_tree_repair(llmb_tree_node_t *nodes, uint32_t **path, unsigned n)
{
    while (n--) {
        *path[n] = llmb_tree_balance(nodes, *path[n]);
    }
}


static uint32_t
llmb_tree_balance(llmb_tree_node_t *nodes, uint32_t t)
{
    uint32_t  high, low;
    unsigned  side;

    for (side = 0; side < 2; side++) {
        high = nodes[t].child[side];
        low = nodes[t].child[!side];

        if (llmb_tree_height(nodes, high) <= llmb_tree_height(nodes, low) + 1)
        {
            continue;
        }

        if (llmb_tree_height(nodes, nodes[high].child[side])
            < llmb_tree_height(nodes, nodes[high].child[!side]))
        {
            nodes[t].child[side] = llmb_tree_rotate(nodes, high, !side);
        }

        return llmb_tree_rotate(nodes, t, side);
    }

    llmb_tree_measure(nodes, t);

    return t;
}


/* what is below it on this side is above it afterwards, and returned */

static uint32_t
llmb_tree_rotate(llmb_tree_node_t *nodes, uint32_t t, unsigned side)
{
    uint32_t  top;

    top = nodes[t].child[side];

    nodes[t].child[side] = nodes[top].child[!side];
    nodes[top].child[!side] = t;

    llmb_tree_measure(nodes, t);
    llmb_tree_measure(nodes, top);

    return top;
}


static void
llmb_tree_measure(llmb_tree_node_t *nodes, uint32_t t)
{
    nodes[t].height = 1 + llmb_max(llmb_tree_height(nodes, nodes[t].child[0]),
                                   llmb_tree_height(nodes, nodes[t].child[1]));
}


static uint32_t
llmb_tree_height(const llmb_tree_node_t *nodes, uint32_t t)
{
    return t == LLMB_NIL ? 0 : nodes[t].height;
}
