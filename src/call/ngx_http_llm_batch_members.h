
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Gives the members of a call their answers, some at a time.
 */


#ifndef _NGX_HTTP_LLM_BATCH_MEMBERS_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_MEMBERS_H_INCLUDED_


/*
 * Gives each member that still waits for the call its part of the answer, or
 * the error, as call->outcome says.  NGX_AGAIN: some of them, and it is to be
 * called again when the event loop has had its turn.
 */
ngx_int_t ngx_http_llm_batch_answer_members(ngx_http_llm_batch_call_t *call);


#endif /* _NGX_HTTP_LLM_BATCH_MEMBERS_H_INCLUDED_ */
