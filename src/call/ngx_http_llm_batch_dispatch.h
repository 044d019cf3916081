
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Sending a call: a request of its own, detached from every client, that runs
 * through the location of one of its members.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DISPATCH_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DISPATCH_H_INCLUDED_


/* sends a sealed call of the zone; it may turn out to be void by now */
void ngx_http_llm_batch_dispatch(ngx_http_llm_batch_zone_t *zone,
    uint32_t index);


#endif /* _NGX_HTTP_LLM_BATCH_DISPATCH_H_INCLUDED_ */
