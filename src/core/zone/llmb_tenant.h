
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Tenants, as far as they share an upstream.
 */


#ifndef _LLMB_TENANT_H_INCLUDED_
#define _LLMB_TENANT_H_INCLUDED_


#include "llmb_named.h"


#pragma GCC visibility push(hidden)


/* of a group that is new; that shares its upstream; and that goes */
void llmb_tenant_attach(llmb_zone_t *z, uint32_t group);
void llmb_tenant_join(llmb_zone_t *z, uint32_t group);
void llmb_tenant_detach(llmb_zone_t *z, uint32_t group);


#pragma GCC visibility pop


#endif /* _LLMB_TENANT_H_INCLUDED_ */
