
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files about the zone's memory share.
 */


#ifndef _LLMB_ZONE_PARTS_H_INCLUDED_
#define _LLMB_ZONE_PARTS_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


#define llmb_next_chunk(z)  llmb_at(z, uint32_t, next_chunk_at, 0)
#define llmb_bucket(z, h)                                                     \
    llmb_at(z, uint32_t, buckets_at, (h) & ((z)->nbuckets - 1))


#pragma GCC visibility pop


#endif /* _LLMB_ZONE_PARTS_H_INCLUDED_ */
