
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The second pass of the canonical text: writes what the nodes tell.
 */


#include <string.h>

#include "llmb_json_skip.h"
#include "llmb_key_parts.h"


static const uint8_t *llmb_key_stop(llmb_key_t *k, const uint8_t *last,
    uint32_t node);
static void llmb_key_write_object(llmb_key_t *k, uint32_t object);
static const uint8_t *llmb_key_write_string(llmb_key_t *k, const uint8_t *p);
static void llmb_key_write_char(llmb_key_t *k, uint32_t c);


void
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
