
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The places of workers in a zone: each has one, shows once a second that it
 * is there, and looks after the others.
 */


#ifndef _NGX_HTTP_LLM_BATCH_PLACES_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_PLACES_H_INCLUDED_


/*
 * Takes a place in the zone for this process and cleans up after the one that
 * had it before.  Without a place everything is passed through; one is looked
 * for once a second.
 */
ngx_int_t ngx_http_llm_batch_zone_attach(ngx_http_llm_batch_zone_t *zone,
    ngx_cycle_t *cycle);

/* gives the place back */
void ngx_http_llm_batch_zone_detach(ngx_http_llm_batch_zone_t *zone);


#endif /* _NGX_HTTP_LLM_BATCH_PLACES_H_INCLUDED_ */
