
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups by key.  One that nobody refers to keeps what it has learned while
 * there is room.
 */


#include <string.h>

#include "llmb_zone_parts.h"
#include "llmb_chunks.h"
#include "llmb_family.h"
#include "llmb_group.h"
#include "llmb_upstream.h"


static uint32_t llmb_group_find(llmb_zone_t *z, llmb_str_t key,
    uint64_t hash);
static unsigned llmb_key_equal(llmb_zone_t *z, const llmb_group_t *g,
    llmb_str_t key);


void
llmb_group_pin(llmb_zone_t *z, uint32_t i)
{
    llmb_group_t  *g;

    g = llmb_group(z, i);

    if (g->refs == 0) {
        llmb_list_remove(&z->idle_groups, llmb_idle_links(z), i);
    }

    g->refs++;
}


void
llmb_group_release(llmb_zone_t *z, uint32_t i)
{
    llmb_group_t  *g;

    g = llmb_group(z, i);
    g->refs--;

    if (g->refs == 0) {
        llmb_list_push(&z->idle_groups, llmb_idle_links(z), i);
    }
}


uint32_t
llmb_group_get(llmb_zone_t *z, llmb_str_t key, uint64_t hash, unsigned *fresh)
{
    uint32_t              i;
    llmb_chain_t          chain;
    llmb_group_t         *g;
    llmb_chunk_writer_t   w;

    *fresh = 0;

    i = llmb_group_find(z, key, hash);

    if (i != LLMB_NIL) {
        return i;
    }

    if (key.len == 0 || key.len > LLMB_KEY_MAX) {
        return LLMB_NIL;
    }

    if (z->free_groups.n == 0 && llmb_group_evict(z) == LLMB_NIL) {
        return LLMB_NIL;
    }

    memset(&chain, 0, sizeof(llmb_chain_t));

    if (llmb_chain_grow(z, &chain, llmb_chunks_needed(key.len)) != LLMB_OK) {
        llmb_chain_free(z, &chain);
        return LLMB_NIL;
    }

    z->nkeys += chain.n;

    i = llmb_list_pop(&z->free_groups, llmb_idle_links(z));
    g = llmb_group(z, i);

    memset(g, 0, sizeof(llmb_group_t));

    g->used = 1;
    g->hash = hash;
    g->key = chain;
    g->key_len = (uint32_t) key.len;
    llmb_list_init(&g->queue);
    llmb_list_init(&g->ages);
    g->ranks = LLMB_NIL;
    g->births = LLMB_NIL;
    g->urgent = LLMB_NIL;
    g->sweep = LLMB_NIL;
    g->family = LLMB_NIL;
    llmb_upstream_attach(z, i);

    g->chain = *llmb_bucket(z, hash);
    *llmb_bucket(z, hash) = i;

    llmb_list_push(&z->idle_groups, llmb_idle_links(z), i);

    w.zone = z;
    w.chunk = chain.first;
    w.pos = 0;

    (void) llmb_chunks_write(&w, key.data, key.len);

    *fresh = 1;

    return i;
}


static uint32_t
llmb_group_find(llmb_zone_t *z, llmb_str_t key, uint64_t hash)
{
    uint32_t       i;
    llmb_group_t  *g;

    for (i = *llmb_bucket(z, hash); i != LLMB_NIL; i = g->chain) {
        g = llmb_group(z, i);

        if (g->hash == hash && llmb_key_equal(z, g, key)) {
            return i;
        }
    }

    return LLMB_NIL;
}


/* frees the idle group that was used least recently */

uint32_t
llmb_group_evict(llmb_zone_t *z)
{
    uint32_t       i, *p;
    llmb_group_t  *g;

    i = llmb_list_pop(&z->idle_groups, llmb_idle_links(z));

    if (i == LLMB_NIL) {
        return LLMB_NIL;
    }

    g = llmb_group(z, i);

    for (p = llmb_bucket(z, g->hash); *p != i; p = &llmb_group(z, *p)->chain) {
        /* void */
    }

    *p = g->chain;

    llmb_upstream_detach(z, i);
    llmb_family_detach(z, i);

    z->nkeys -= g->key.n;
    llmb_chain_free(z, &g->key);

    g->used = 0;
    llmb_list_push(&z->free_groups, llmb_idle_links(z), i);

    return i;
}


static unsigned
llmb_key_equal(llmb_zone_t *z, const llmb_group_t *g, llmb_str_t key)
{
    size_t    n, left;
    uint32_t  chunk;

    if (g->key_len != key.len) {
        return 0;
    }

    left = key.len;

    for (chunk = g->key.first; left; chunk = llmb_next_chunk(z)[chunk]) {
        n = llmb_min(left, LLMB_CHUNK_SIZE);

        if (memcmp(llmb_at(z, uint8_t, chunks_at,
                           (size_t) chunk * LLMB_CHUNK_SIZE),
                   key.data + (key.len - left), n)
            != 0)
        {
            return 0;
        }

        left -= n;
    }

    return 1;
}


size_t
llmb_group_read_key(llmb_zone_t *z, uint32_t i, uint64_t hash, size_t from,
    uint8_t *out)
{
    size_t         n, len, skip;
    uint32_t       chunk;
    llmb_group_t  *g;

    g = llmb_group(z, i);

    if (!g->used || g->hash != hash || from >= g->key_len) {
        return 0;
    }

    chunk = g->key.first;

    for (skip = from; skip >= LLMB_CHUNK_SIZE; skip -= LLMB_CHUNK_SIZE) {
        chunk = llmb_next_chunk(z)[chunk];
    }

    len = llmb_min(g->key_len - from, LLMB_GROUP_STEP);
    from = 0;

    while (from < len) {
        n = llmb_min(len - from, LLMB_CHUNK_SIZE - skip);

        memcpy(out + from, llmb_at(z, uint8_t, chunks_at,
                                   (size_t) chunk * LLMB_CHUNK_SIZE + skip),
               n);

        from += n;
        skip = 0;
        chunk = llmb_next_chunk(z)[chunk];
    }

    return len;
}


llmb_rc_e
llmb_chain_grow(llmb_zone_t *z, llmb_chain_t *chain, uint32_t n)
{
    uint32_t  left, step;

    left = n > chain->n ? n - chain->n : 0;

    if (left == 0) {
        return LLMB_OK;
    }

    if (!z->settled || left > z->nfree + z->nkeys) {
        goto failed;
    }

    step = llmb_min(left, LLMB_CHUNKS_STEP);

    /* keys of idle groups give way */

    while (z->nfree < step) {
        if (llmb_group_evict(z) == LLMB_NIL) {
            goto failed;
        }
    }

    llmb_chain_extend(z, chain, step);

    return step == left ? LLMB_OK : LLMB_AGAIN;

failed:

    llmb_chain_free(z, chain);

    return LLMB_NOMEM;
}
