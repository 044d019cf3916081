
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The canonical text is made in two passes.  The first, here, scans the text,
 * notes each object, each member and each value left out as a node, in the
 * order of the text, and puts the members of each object into order when it
 * ends.  The second follows the nodes and writes.  So the time is linear, but
 * for the sorting, however deep objects are nested.
 */


#include <string.h>

#include "llmb_json_skip.h"
#include "llmb_key.h"
#include "llmb_out.h"
#include "llmb_json_text.h"


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
    llmb_str_t          json;
    const llmb_span_t  *skip;     /* the next one, and behind the last */
    const llmb_span_t  *skip_end;
    uint32_t            left;     /* the node of the value that is left out */
    unsigned            whole;    /* and its name */
    llmb_key_node_t    *nodes;
    size_t              max;
    uint32_t            n;
    llmb_out_t          out;      /* its rc is that of both passes */
    llmb_json_t         scanner;
    llmb_key_open_t     open[LLMB_JSON_MAX_DEPTH];
} llmb_key_t;


static void llmb_key_index(llmb_key_t *k);
static void llmb_key_token(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_container(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_name(llmb_key_t *k, const llmb_json_token_t *tok);
static unsigned llmb_key_skips(llmb_key_t *k, size_t offset);
static void llmb_key_value_start(llmb_key_t *k, const llmb_json_token_t *tok);
static void llmb_key_value_end(llmb_key_t *k, const llmb_json_token_t *tok);
static uint32_t llmb_key_add(llmb_key_t *k, const llmb_json_token_t *tok);
static uint32_t llmb_key_sort(llmb_key_t *k, uint32_t list);
static uint32_t llmb_key_merge(llmb_key_t *k, uint32_t a, uint32_t b);
static int llmb_key_cmp(llmb_key_t *k, llmb_key_node_t *a,
    llmb_key_node_t *b);

static void llmb_key_write_value(llmb_key_t *k, uint32_t start, uint32_t end,
    uint32_t node);
static const uint8_t *llmb_key_stop(llmb_key_t *k, const uint8_t *last,
    uint32_t node);
static void llmb_key_write_object(llmb_key_t *k, uint32_t object);
static const uint8_t *llmb_key_write_string(llmb_key_t *k, const uint8_t *p);
static void llmb_key_write_char(llmb_key_t *k, uint32_t c);


llmb_rc_e
llmb_key_canonical(llmb_str_t json, const llmb_span_t *skip, unsigned nskip,
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
    k.whole = 0;
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

    if (llmb_key_skips(k, tok->start)) {
        k->whole = 1;
        return;
    }

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


static unsigned
llmb_key_skips(llmb_key_t *k, size_t offset)
{
    while (k->skip != k->skip_end && k->skip->end <= offset) {
        k->skip++;
    }

    return k->skip != k->skip_end && k->skip->start <= offset;
}


static void
llmb_key_value_start(llmb_key_t *k, const llmb_json_token_t *tok)
{
    llmb_key_open_t  *parent;

    if (tok->depth && !k->whole) {
        parent = &k->open[tok->depth - 1];

        if (parent->object != LLMB_KEY_NONE) {
            k->nodes[parent->member].value = (uint32_t) tok->start;
        }
    }

    if (!k->whole && !llmb_key_skips(k, tok->start)) {
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

    if (k->whole) {
        k->whole = 0;
        return;
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


static void
llmb_key_write_value(llmb_key_t *k, uint32_t start, uint32_t end,
    uint32_t node)
{
    const uint8_t  *p, *last, *run, *stop;

    p = k->json.data + start;
    last = k->json.data + end;
    stop = llmb_key_stop(k, last, node);

    while (p < last && k->out.rc == LLMB_OK) {

        if (p == stop) {
            p = k->json.data + k->nodes[node].end;

            if (k->nodes[node].behind == LLMB_KEY_NONE) {
                node++;

            } else {
                llmb_key_write_object(k, node);
                node = k->nodes[node].behind;
            }

            stop = llmb_key_stop(k, last, node);
            continue;
        }

        if (*p == '"') {
            p = llmb_key_write_string(k, p);
            continue;
        }

        /* numbers, names and what is between the elements of an array */

        for (run = p; p < stop && *p > ' ' && *p != '"'; p++) { /* void */ }

        llmb_out_bytes(&k->out, run, (size_t) (p - run));

        p = llmb_json_skip_spaces(p, last);
    }
}


/* where the node is, if it is in the value that ends at "last" */

static const uint8_t *
llmb_key_stop(llmb_key_t *k, const uint8_t *last, uint32_t node)
{
    const uint8_t  *start;

    if (node == k->n) {
        return last;
    }

    start = k->json.data + k->nodes[node].start;

    return llmb_min(start, last);
}


static void
llmb_key_write_object(llmb_key_t *k, uint32_t object)
{
    uint32_t          i;
    char              separator;
    llmb_key_node_t  *member;

    separator = '{';

    for (i = k->nodes[object].next; i != LLMB_KEY_NONE; i = member->next) {
        member = &k->nodes[i];

        llmb_out_char(&k->out, separator);
        llmb_key_write_string(k, k->json.data + member->start);
        llmb_out_char(&k->out, ':');
        llmb_key_write_value(k, member->value, member->value_end, i + 1);

        separator = ',';
    }

    if (separator == '{') {
        llmb_out_char(&k->out, separator);
    }

    llmb_out_char(&k->out, '}');
}


/* returns what is behind the string */

static const uint8_t *
llmb_key_write_string(llmb_key_t *k, const uint8_t *p)
{
    uint32_t        c;
    const uint8_t  *run, *end;

    run = p++;
    end = k->json.data + k->json.len;

    for ( ;; ) {
        p = llmb_json_skip_plain(p, end);

        if (*p == '"') {
            p++;
            break;
        }

        if (*p != '\\') {
            p++;
            continue;
        }

        llmb_out_bytes(&k->out, run, (size_t) (p - run));

        p = llmb_json_char(p, &c);
        run = p;

        llmb_key_write_char(k, c);
    }

    llmb_out_bytes(&k->out, run, (size_t) (p - run));

    return p;
}


/* a character that was written as an escape */

static void
llmb_key_write_char(llmb_key_t *k, uint32_t c)
{
    size_t              n;
    uint8_t             out[6];

    static const char   hex[] = "0123456789abcdef";
    static const char   names[] = "btn.fr";   /* 8 to 13 */

    if (c >= ' ' && c != '"' && c != '\\') {
        n = llmb_json_encode(c, out);

    } else {
        out[0] = '\\';
        n = 2;

        if (c >= ' ') {
            out[1] = (uint8_t) c;

        } else if (c >= '\b' && c <= '\r' && c != '\v') {
            out[1] = (uint8_t) names[c - '\b'];

        } else {
            memcpy(&out[1], "u00", 3);
            out[4] = (uint8_t) hex[c >> 4];
            out[5] = (uint8_t) hex[c & 0xf];
            n = 6;
        }
    }

    llmb_out_bytes(&k->out, out, n);
}
