
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A part that shares its call with nobody.
 */


#ifndef _NGX_HTTP_LLM_BATCH_PARTS_ALONE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_PARTS_ALONE_H_INCLUDED_


/* sends a part in a call of its own; the request may be gone afterwards */
void ngx_http_llm_batch_part_alone(ngx_http_llm_batch_part_t *part);

/* a call that a part has of its own came back: its answer, or more parts */
void ngx_http_llm_batch_part_returned(ngx_http_llm_batch_call_t *call);


#endif /* _NGX_HTTP_LLM_BATCH_PARTS_ALONE_H_INCLUDED_ */
