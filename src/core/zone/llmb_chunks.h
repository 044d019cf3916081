
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The arena: chains of chunks, for texts of any length.
 */


#ifndef _LLMB_CHUNKS_H_INCLUDED_
#define _LLMB_CHUNKS_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


/* makes a chain longer by n chunks, which there have to be */
void llmb_chain_extend(llmb_zone_t *z, llmb_chain_t *chain, uint32_t n);

/* takes the same time for all lengths */
void llmb_chain_free(llmb_zone_t *z, llmb_chain_t *chain);

llmb_rc_e llmb_chunks_write(void *writer, const uint8_t *p, size_t len);

/* hands the first "len" bytes of a chain to a sink; LLMB_INVALID: no such */
llmb_rc_e llmb_chunks_read(llmb_zone_t *z, uint32_t first, size_t len,
    llmb_sink_t *out);


#pragma GCC visibility pop


#endif /* _LLMB_CHUNKS_H_INCLUDED_ */
