
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_siphash.h"


static void llmb_siphash_word(llmb_siphash_t *h, uint64_t word);
static inline void llmb_siphash_round(llmb_siphash_t *h);
static inline uint64_t llmb_siphash_load(const uint8_t *p);

#define llmb_rotate(x, n)  ((x) << (n) | (x) >> (64 - (n)))


void
llmb_siphash_init(llmb_siphash_t *h, const llmb_secret_t *secret)
{
    uint64_t  k0, k1;

    k0 = llmb_siphash_load(secret->key);
    k1 = llmb_siphash_load(secret->key + 8);

    h->v[0] = k0 ^ 0x736f6d6570736575;
    h->v[1] = k1 ^ 0x646f72616e646f6d;
    h->v[2] = k0 ^ 0x6c7967656e657261;
    h->v[3] = k1 ^ 0x7465646279746573;

    h->word = 0;
    h->len = 0;
}


void
llmb_siphash_update(llmb_siphash_t *h, const void *data, size_t len)
{
    unsigned        n;
    uint64_t        word;
    const uint8_t  *p, *end;
    llmb_siphash_t  s;

    p = data;
    end = p + len;

    /* the rest of a word that has begun, byte by byte */

    for (n = h->len % 8; n && p < end; n = (n + 1) % 8) {
        h->word |= (uint64_t) *p++ << (8 * n);

        if (n == 7) {
            llmb_siphash_word(h, h->word);
            h->word = 0;
        }
    }

    /* the state is in registers here */

    s = *h;

    for ( /* void */ ; end - p >= 8; p += 8) {
        word = llmb_siphash_load(p);

        s.v[3] ^= word;
        llmb_siphash_round(&s);
        llmb_siphash_round(&s);
        s.v[0] ^= word;
    }

    *h = s;

    for ( /* void */ ; p < end; n++) {
        h->word |= (uint64_t) *p++ << (8 * n);
    }

    h->len += len;
}


uint64_t
llmb_siphash_final(llmb_siphash_t *h)
{
    llmb_siphash_word(h, h->word | h->len << 56);

    h->v[2] ^= 0xff;

    llmb_siphash_round(h);
    llmb_siphash_round(h);
    llmb_siphash_round(h);
    llmb_siphash_round(h);

    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}


uint64_t
llmb_siphash(const llmb_secret_t *secret, llmb_str_t text)
{
    llmb_siphash_t  h;

    llmb_siphash_init(&h, secret);
    llmb_siphash_update(&h, text.data, text.len);

    return llmb_siphash_final(&h);
}


static void
llmb_siphash_word(llmb_siphash_t *h, uint64_t word)
{
    h->v[3] ^= word;

    llmb_siphash_round(h);
    llmb_siphash_round(h);

    h->v[0] ^= word;
}


static inline void
llmb_siphash_round(llmb_siphash_t *h)
{
    uint64_t  a, b, c, d;

    a = h->v[0] + h->v[1];
    c = h->v[2] + h->v[3];
    b = llmb_rotate(h->v[1], 13) ^ a;
    d = llmb_rotate(h->v[3], 16) ^ c;
    a = llmb_rotate(a, 32);

    c += b;
    a += d;

    h->v[0] = a;
    h->v[1] = llmb_rotate(b, 17) ^ c;
    h->v[2] = llmb_rotate(c, 32);
    h->v[3] = llmb_rotate(d, 21) ^ a;
}


/* least byte first, on all machines */

static inline uint64_t
llmb_siphash_load(const uint8_t *p)
{
    uint64_t  word;

    memcpy(&word, p, sizeof(uint64_t));

#if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
    return word;
#else
    return __builtin_bswap64(word);
#endif
}
