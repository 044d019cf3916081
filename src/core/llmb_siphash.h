
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * SipHash-2-4 (Aumasson, Bernstein: SipHash: a fast short-input PRF, INDOCRYPT
 * 2012).  Who does not know the secret cannot make texts whose hashes are
 * equal, so a table by hash is as fast with a client's worst texts as with any.
 * Equal hashes are a reason to compare the texts, never to decide.
 */


#ifndef _LLMB_SIPHASH_H_INCLUDED_
#define _LLMB_SIPHASH_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


typedef struct {
    uint8_t          key[16];
} llmb_secret_t;


/* a hash of a text that comes in pieces */

typedef struct {
    uint64_t         v[4];
    uint64_t         word;        /* bytes that do not make a whole one yet */
    uint64_t         len;
} llmb_siphash_t;


void llmb_siphash_init(llmb_siphash_t *h, const llmb_secret_t *secret);
void llmb_siphash_update(llmb_siphash_t *h, const void *p, size_t len);
uint64_t llmb_siphash_final(llmb_siphash_t *h);

/* of a text in one piece */
uint64_t llmb_siphash(const llmb_secret_t *secret, llmb_str_t text);


#pragma GCC visibility pop


#endif /* _LLMB_SIPHASH_H_INCLUDED_ */
