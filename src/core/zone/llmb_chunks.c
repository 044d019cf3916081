
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The arena: chains of chunks, for texts of any length.
 */


#include <string.h>

#include "llmb_zone_parts.h"
#include "llmb_chunks.h"
#include "llmb_group.h"


void
llmb_chain_extend(llmb_zone_t *z, llmb_chain_t *chain, uint32_t n)
{
    uint32_t   i, first, last;
    uint32_t  *next;

    next = llmb_next_chunk(z);
    first = z->free_chunk;
    last = first;

    for (i = 1; i < n; i++) {
        last = next[last];
    }

    z->free_chunk = next[last];
    z->nfree -= n;
    next[last] = LLMB_NIL;

    if (chain->n) {
        next[chain->last] = first;

    } else {
        chain->first = first;
    }

    chain->last = last;
    chain->n += n;
}


void
llmb_chain_free(llmb_zone_t *z, llmb_chain_t *chain)
{
    if (chain->n == 0) {
        return;
    }

    llmb_next_chunk(z)[chain->last] = z->free_chunk;

    z->free_chunk = chain->first;
    z->nfree += chain->n;

    chain->n = 0;
}


llmb_rc_e
llmb_chunks_write(void *writer, const uint8_t *p, size_t len)
{
    size_t                n;
    llmb_chunk_writer_t  *w = writer;

    while (len) {
        if (w->pos == LLMB_CHUNK_SIZE) {
            w->chunk = llmb_next_chunk(w->zone)[w->chunk];
            w->pos = 0;
        }

        if (w->chunk == LLMB_NIL) {
            return LLMB_LIMIT;
        }

        n = llmb_min(len, LLMB_CHUNK_SIZE - w->pos);

        memcpy(llmb_at(w->zone, uint8_t, chunks_at,
                       (size_t) w->chunk * LLMB_CHUNK_SIZE + w->pos),
               p, n);

        w->pos += (uint32_t) n;
        p += n;
        len -= n;
    }

    return LLMB_OK;
}


llmb_rc_e
llmb_chunks_read(llmb_zone_t *z, uint32_t first, size_t len, llmb_sink_t *out)
{
    size_t     n;
    uint32_t   chunk;
    llmb_rc_e  rc;

    for (chunk = first; len; chunk = llmb_next_chunk(z)[chunk]) {

        if (chunk == LLMB_NIL) {
            /* the tables were reset meanwhile */
            return LLMB_INVALID;
        }

        n = llmb_min(len, LLMB_CHUNK_SIZE);

        rc = out->write(out->data,
                        llmb_at(z, uint8_t, chunks_at,
                                (size_t) chunk * LLMB_CHUNK_SIZE),
                        n);

        if (rc != LLMB_OK) {
            return rc;
        }

        len -= n;
    }

    return LLMB_OK;
}
