
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What keeps requests of one name apart, for the status page and the log.
 */


#ifndef _NGX_HTTP_LLM_BATCH_DIFFER_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_DIFFER_H_INCLUDED_


/*
 * The group of this entry has just been made: finds out where its key differs
 * from that of the one before it, of the same name, and tells the log if there
 * are many.  Without the lock.
 */
void ngx_http_llm_batch_differ(ngx_http_llm_batch_ctx_t *ctx,
    ngx_http_llm_batch_entry_t *entry);


#endif /* _NGX_HTTP_LLM_BATCH_DIFFER_H_INCLUDED_ */
