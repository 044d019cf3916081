
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a worker has to do, by its mail.  Requests and calls meet here, and
 * nowhere else.
 */


#ifndef _NGX_HTTP_LLM_BATCH_ACTIONS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_ACTIONS_H_INCLUDED_


/* the zone's events "mail", when there may be some, and "later" */
void ngx_http_llm_batch_actions_init(ngx_http_llm_batch_zone_t *zone);


#endif /* _NGX_HTTP_LLM_BATCH_ACTIONS_H_INCLUDED_ */
