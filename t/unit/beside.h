
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Compares what stands beside the lists of an answer, with memory of exactly
 * the size that is asked for.
 */


#ifndef _BESIDE_H_INCLUDED_
#define _BESIDE_H_INCLUDED_


#include <stdlib.h>

#include "llmb_beside.h"


static inline llmb_rc_e
beside_compare(llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders)
{
    void       *memory;
    size_t      size;
    llmb_rc_e   rc;

    size = llmb_beside_room(sp, base, senders);
    memory = size ? malloc(size) : NULL;

    rc = llmb_beside_compare(sp, base, senders, memory);

    free(memory);

    return rc;
}


#endif /* _BESIDE_H_INCLUDED_ */
