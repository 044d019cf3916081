
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How long the lock is waited for and held, for "make bench-lock".  It is there
 * only in builds with LLMB_LOCK_TIMES.
 */


#ifndef _NGX_HTTP_LLM_BATCH_TIMES_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_TIMES_H_INCLUDED_


#if (LLMB_LOCK_TIMES)

/* the lock is asked for, by whoever returns to this address; had; given back */
void ngx_http_llm_batch_times_ask(void *section);
void ngx_http_llm_batch_times_have(void);
void ngx_http_llm_batch_times_give(void);

/* writes all times so far to the log, for bench/lock to read */
void ngx_http_llm_batch_times_tell(ngx_log_t *log);

#define LLMB_LOCK_ASK()      ngx_http_llm_batch_times_ask(                    \
                                 __builtin_return_address(0))
#define LLMB_LOCK_HAVE()     ngx_http_llm_batch_times_have()
#define LLMB_LOCK_GIVE()     ngx_http_llm_batch_times_give()
#define LLMB_LOCK_TELL(log)  ngx_http_llm_batch_times_tell(log)

#else

#define LLMB_LOCK_ASK()
#define LLMB_LOCK_HAVE()
#define LLMB_LOCK_GIVE()
#define LLMB_LOCK_TELL(log)

#endif


#endif /* _NGX_HTTP_LLM_BATCH_TIMES_H_INCLUDED_ */
