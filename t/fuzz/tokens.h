
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the fuzz targets for JSON share: all tokens of a text, and numbers that
 * look random but depend on the input alone.
 */


#ifndef _TOKENS_H_INCLUDED_
#define _TOKENS_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include "llmb_json.h"


/* unlike assert(), in all builds */

#define check(condition)  ((condition) ? (void) 0 : abort())


typedef struct {
    llmb_json_t         js;
    llmb_rc_e           rc;
    size_t              n;
    size_t              size;
    llmb_json_token_t  *tok;
} tokens_t;


static inline void
tokens_start(tokens_t *t, unsigned report)
{
    memset(t, 0, sizeof(tokens_t));

    t->rc = LLMB_AGAIN;
    llmb_json_init(&t->js, report);
}


static inline void
tokens_feed(tokens_t *t, const uint8_t *base, size_t len, unsigned last)
{
    if (t->rc != LLMB_AGAIN) {
        return;
    }

    do {
        if (t->n == t->size) {
            t->size = 2 * t->size + 64;
            t->tok = realloc(t->tok, t->size * sizeof(llmb_json_token_t));
            check(t->tok != NULL);
        }

        t->rc = llmb_json_next(&t->js, base, len, last, &t->tok[t->n]);

        check(t->js.pos <= len);
        check(t->rc != LLMB_AGAIN || (t->js.pos == len && !last));

    } while (t->rc == LLMB_OK && t->tok[t->n++].type != LLMB_JSON_END);
}


static inline void
tokens_free(tokens_t *t)
{
    free(t->tok);
}


/* FNV-1a of the input, then xorshift */

static inline uint64_t
random_seed(const uint8_t *data, size_t size)
{
    uint64_t  seed = 0xcbf29ce484222325;

    while (size--) {
        seed = (seed ^ *data++) * 0x100000001b3;
    }

    return seed | 1;
}


static inline unsigned
random_below(uint64_t *seed, size_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return (unsigned) (*seed % n);
}


#endif /* _TOKENS_H_INCLUDED_ */
