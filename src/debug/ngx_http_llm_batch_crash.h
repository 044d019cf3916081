
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Points at which a test can have a worker die.  They are there only in
 * builds with LLMB_CRASH_POINTS.
 */


#ifndef _NGX_HTTP_LLM_BATCH_CRASH_H_INCLUDED_
#define _NGX_HTTP_LLM_BATCH_CRASH_H_INCLUDED_


#if (LLMB_CRASH_POINTS)

/*
 * Kills this process if the file that the environment names in
 * LLMB_CRASH_FILE holds this very name.  The file is removed first, so one
 * process dies, once.
 */
void ngx_http_llm_batch_crash(const char *name);

/* as well, and leaves the tables as if it died while writing to them */
void ngx_http_llm_batch_tear(ngx_http_llm_batch_zone_t *zone,
    const char *name);

#define LLMB_CRASH(name)       ngx_http_llm_batch_crash(name)
#define LLMB_TEAR(zone, name)  ngx_http_llm_batch_tear(zone, name)

#else

#define LLMB_CRASH(name)
#define LLMB_TEAR(zone, name)

#endif


#endif /* _NGX_HTTP_LLM_BATCH_CRASH_H_INCLUDED_ */
