
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What an upstream says about a call as a whole, to all of its clients, goes
 * to each of them only if it has no words of another.
 */


#ifndef _NGX_HTTP_LLM_BATCH_QUOTE_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_QUOTE_H_INCLUDED_


/*
 * Compares what stands beside the lists of an answer to several members with
 * what they have sent; an answer that may quote one of them is a mismatch.
 * Takes time: to be called without the lock.
 */
void ngx_http_llm_batch_compare(ngx_http_llm_batch_call_t *call);

/*
 * Takes out of an error that the members of a call are all to be given, and of
 * its text, call->error, what may be about another one: if it may quote, the
 * text is one of ours, and of the headers those about limits are left; for a
 * status that is about the input there is no text at all (local).
 */
void ngx_http_llm_batch_neutralize(ngx_http_llm_batch_call_t *call,
    ngx_http_llm_batch_answer_t *answer);


#endif /* _NGX_HTTP_LLM_BATCH_QUOTE_H_INCLUDED_ */
