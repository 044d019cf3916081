
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


/* all are free */
void llmb_upstreams_clear(llmb_zone_t *z);
void llmb_tenants_clear(llmb_zone_t *z);

/* a group that is new, and one that goes; one cannot fail for the other */
void llmb_upstream_attach(llmb_zone_t *z, uint32_t group);
void llmb_upstream_detach(llmb_zone_t *z, uint32_t group);

/* a group comes to its upstream, finds out where that is, and goes */
void llmb_tenant_attach(llmb_zone_t *z, uint32_t group);
void llmb_tenant_name(llmb_zone_t *z, uint32_t group);
void llmb_tenant_detach(llmb_zone_t *z, uint32_t group);

/* a record refers to the group, or does so no more */
void llmb_group_pin(llmb_zone_t *z, uint32_t i);
void llmb_group_release(llmb_zone_t *z, uint32_t i);

/* frees the idle group that was used least recently; LLMB_NIL: there is none */
uint32_t llmb_group_evict(llmb_zone_t *z);


#pragma GCC visibility pop


#endif /* _LLMB_ZONE_PARTS_H_INCLUDED_ */
