
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Members whose answer is in the zone, or who are told to come back.
 */


#ifndef _NGX_HTTP_LLM_BATCH_FETCH_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_FETCH_H_INCLUDED_


/* fetches the answer that another worker has left in the zone, and sends it */
void ngx_http_llm_batch_fetch(ngx_http_llm_batch_part_t *part);

/* a member could not wait for the end of a pause: answers it 429 */
void ngx_http_llm_batch_refused(ngx_http_llm_batch_part_t *part);


#endif /* _NGX_HTTP_LLM_BATCH_FETCH_H_INCLUDED_ */
