
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The canonical text is made in two passes.  The first, here, scans the text,
 * notes each object, each member and each value left out as a node, in the
 * order of the text, and puts the members of each object into order when it
 * ends.  The second, in llmb_key_write.c, follows the nodes and writes.  So the
 * time is linear, but for the sorting, however deep objects are nested.
 */


#include <string.h>

#include "llmb_key_parts.h"


static void llmb_key_index(llmb_key_t *k);
static void llmb_key_token(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_container(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_name(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_value_start(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_value_end(llmb_key_t *k, const llmb_json_token_t *tok);
static uint32_t llmb_key_add(llmb_key_t *k, const llmb_json_token_t *tok);
static uint32_t llmb_key_sort(llmb_key_t *k, uint32_t list);
static uint32_t llmb_key_merge(llmb_key_t *k, uint32_t a, uint32_t b);
static int llmb_key_cmp(llmb_key_t *k, llmb_key_node_t *a,
    llmb_key_node_t *b);


llmb_rc_e
llmb_key_canonical(llmb_str_t json, const size_t *skip, unsigned nskip,
    llmb_arena_t scratch, llmb_sink_t *sink)
{
    size_t      padding;
    llmb_key_t  k;

    if (json.len >= LLMB_KEY_NONE) {
        return LLMB_LIMIT;
    }

    padding = (size_t) -(uintptr_t) scratch.pos % sizeof(uint32_t);
    padding = llmb_min(padding, (size_t) (scratch.end - scratch.pos));

    k.json = json;
    k.skip = skip;
    k.skip_end = nskip ? skip + nskip : skip;
    k.left = LLMB_KEY_NONE;
    k.nodes = (llmb_key_node_t *) (void *) (scratch.pos + padding);
    k.max = ((size_t) (scratch.end - scratch.pos) - padding)
            / sizeof(llmb_key_node_t);
    k.n = 0;
    llmb_out_init(&k.out, sink);

    llmb_key_index(&k);

    if (k.out.rc == LLMB_OK) {
        llmb_key_write_value(&k, 0, (uint32_t) json.len, 0);
    }

    return k.out.rc;
}


static void
llmb_key_index(llmb_key_t *k)
{
    llmb_rc_e          rc;
    llmb_json_token_t  tok;

    llmb_json_init(&k->scanner, LLMB_JSON_MAX_DEPTH);

    do {
        rc = llmb_json_next(&k->scanner, k->json.data, k->json.len, 1, &tok);

        if (rc != LLMB_OK) {
            k->out.rc = rc;
            return;
        }

        llmb_key_token(k, &tok);

    } while (k->out.rc == LLMB_OK && tok.type != LLMB_JSON_END);
}


static void
llmb_key_token(llmb_key_t *k, const llmb_json_token_t *tok)
{
    uint32_t  node;

    switch (tok->type) {

    case LLMB_JSON_OBJECT:
    case LLMB_JSON_ARRAY:
        llmb_key_container(k, tok);
        break;

    case LLMB_JSON_KEY:
        llmb_key_name(k, tok);
        break;

    case LLMB_JSON_OBJECT_END:
        node = k->open[tok->depth].object;

        if (node != LLMB_KEY_NONE) {
            k->nodes[node].end = (uint32_t) tok->end;
            k->nodes[node].next = llmb_key_sort(k, k->nodes[node].next);
            k->nodes[node].behind = k->n;
        }

        llmb_key_value_end(k, tok);
        break;

    case LLMB_JSON_ARRAY_END:
        llmb_key_value_end(k, tok);
        break;

    case LLMB_JSON_END:
        break;

    default: /* a scalar */
        llmb_key_value_start(k, tok);
        llmb_key_value_end(k, tok);
        break;
    }
}


static void
llmb_key_container(llmb_key_t *k, const llmb_json_token_t *tok)
{
    llmb_key_open_t  *open;

    llmb_key_value_start(k, tok);

    open = &k->open[tok->depth];
    open->object = LLMB_KEY_NONE;
    open->member = LLMB_KEY_NONE;

    if (tok->type == LLMB_JSON_OBJECT && k->left == LLMB_KEY_NONE) {
        open->object = llmb_key_add(k, tok);
    }
}


static void
llmb_key_name(llmb_key_t *k, const llmb_json_token_t *tok)
{
    uint32_t          node;
    llmb_key_open_t  *open;

    open = &k->open[tok->depth - 1];
    node = llmb_key_add(k, tok);

    if (node == LLMB_KEY_NONE) {
        return;
    }

    if (open->member == LLMB_KEY_NONE) {
        k->nodes[open->object].next = node;

    } else {
        k->nodes[open->member].next = node;
    }

    open->member = node;
}


static void
llmb_key_value_start(llmb_key_t *k, const llmb_json_token_t *tok)
{
    llmb_key_open_t  *parent;

    if (tok->depth) {
        parent = &k->open[tok->depth - 1];

        if (parent->object != LLMB_KEY_NONE) {
            k->nodes[parent->member].value = (uint32_t) tok->start;
        }
    }

    while (k->skip != k->skip_end && *k->skip < tok->start) {
        k->skip++;
    }

    if (k->skip == k->skip_end || *k->skip != tok->start) {
        return;
    }

    k->left = llmb_key_add(k, tok);

    /* nobody wants to know what is in it */

    k->scanner.report = tok->depth;
}


static void
llmb_key_value_end(llmb_key_t *k, const llmb_json_token_t *tok)
{
    llmb_key_open_t  *parent;

    if (k->left != LLMB_KEY_NONE) {
        k->nodes[k->left].end = (uint32_t) tok->end;
        k->left = LLMB_KEY_NONE;

        k->scanner.report = LLMB_JSON_MAX_DEPTH;
    }

    if (tok->depth == 0) {
        return;
    }

    parent = &k->open[tok->depth - 1];

    if (parent->object != LLMB_KEY_NONE) {
        k->nodes[parent->member].value_end = (uint32_t) tok->end;
    }
}


static uint32_t
llmb_key_add(llmb_key_t *k, const llmb_json_token_t *tok)
{
    llmb_key_node_t  *node;

    if (k->n == k->max) {
        k->out.rc = LLMB_NOMEM;
        return LLMB_KEY_NONE;
    }

    node = &k->nodes[k->n];

    memset(node, 0, sizeof(llmb_key_node_t));

    node->start = (uint32_t) tok->start;
    node->end = (uint32_t) tok->end;
    node->next = LLMB_KEY_NONE;
    node->behind = LLMB_KEY_NONE;

    return k->n++;
}


/*
 * Merge sort from below: lists[i] is empty or has 2^i members, which are
 * earlier in the text than those of all lists below it.  So equal names stay
 * in their order.
 */

static uint32_t
llmb_key_sort(llmb_key_t *k, uint32_t list)
{
    unsigned  i, n;
    uint32_t  node, lists[32];

    n = 0;

    while (list != LLMB_KEY_NONE) {
        node = list;
        list = k->nodes[node].next;
        k->nodes[node].next = LLMB_KEY_NONE;
        k->nodes[node].behind = k->nodes[node].start + 1;

        for (i = 0; i < n && lists[i] != LLMB_KEY_NONE; i++) {
            node = llmb_key_merge(k, lists[i], node);
            lists[i] = LLMB_KEY_NONE;
        }

        lists[i] = node;
        n = llmb_max(n, i + 1);
    }

    for (i = 0; i < n; i++) {
        list = llmb_key_merge(k, lists[i], list);
    }

    return list;
}


/*
 * All of a are earlier in the text than all of b.  Names may be long, and begin
 * alike, but none of their characters is compared twice (Ng, Kakehi: Merging
 * String Sequences by Longest Common Prefixes, IPSJ 2008): of each it is known
 * how much it has in common with the one before it, and of two that follow the
 * same one the first is the one that has more.
 */

static uint32_t
llmb_key_merge(llmb_key_t *k, uint32_t a, uint32_t b)
{
    int               rc;
    uint32_t          list, *last;
    llmb_key_node_t  *first, *second;

    last = &list;

    while (a != LLMB_KEY_NONE && b != LLMB_KEY_NONE) {
        first = &k->nodes[a];
        second = &k->nodes[b];

        rc = (first->common < second->common)
             - (first->common > second->common);

        if (rc == 0) {
            rc = llmb_key_cmp(k, first, second);
        }

        if (rc <= 0) {
            *last = a;
            last = &first->next;
            a = *last;

        } else {
            *last = b;
            last = &second->next;
            b = *last;
        }
    }

    *last = (a != LLMB_KEY_NONE) ? a : b;

    return list;
}


/* two that have as much in common with the one before; the last learns more */

static int
llmb_key_cmp(llmb_key_t *k, llmb_key_node_t *a, llmb_key_node_t *b)
{
    int                rc;
    uint32_t           n;
    llmb_json_chars_t  first, second;

    first.p = k->json.data + a->behind;
    first.end = k->json.data + a->end - 1;

    second.p = k->json.data + b->behind;
    second.end = k->json.data + b->end - 1;

    n = a->common;
    rc = llmb_json_chars_cmp(&first, &second, &n);

    if (rc <= 0) {
        b->common = n;
        b->behind = (uint32_t) (second.p - k->json.data);

    } else {
        a->common = n;
        a->behind = (uint32_t) (first.p - k->json.data);
    }

    return rc;
}
