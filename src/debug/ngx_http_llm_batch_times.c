
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Counts of times by section, which is the address that lock() returns to, in
 * buckets of which 16 double the time.  One process has one lock at a time.
 */


#include "ngx_http_llm_batch.h"


#if (LLMB_LOCK_TIMES)

#include <dlfcn.h>


#define NGX_HTTP_LLM_BATCH_SECTIONS  64
#define NGX_HTTP_LLM_BATCH_BUCKETS   512

/* buckets in a line of the log */

#define NGX_HTTP_LLM_BATCH_LINE      60


typedef struct {
    void       *address;
    ngx_uint_t  held[NGX_HTTP_LLM_BATCH_BUCKETS];
    ngx_uint_t  waited[NGX_HTTP_LLM_BATCH_BUCKETS];
} ngx_http_llm_batch_section_t;


static uint64_t ngx_http_llm_batch_times_now(void);
static ngx_uint_t ngx_http_llm_batch_times_bucket(uint64_t ns);
static void ngx_http_llm_batch_times_line(ngx_log_t *log, const char *what,
    ngx_http_llm_batch_section_t *section, ngx_uint_t *buckets);


static ngx_http_llm_batch_section_t
    ngx_http_llm_batch_sections[NGX_HTTP_LLM_BATCH_SECTIONS];
static ngx_http_llm_batch_section_t  *ngx_http_llm_batch_section;
static uint64_t                       ngx_http_llm_batch_asked;
static uint64_t                       ngx_http_llm_batch_had;


void
ngx_http_llm_batch_times_ask(void *address)
{
    ngx_uint_t                     i;
    ngx_http_llm_batch_section_t  *s;

    s = ngx_http_llm_batch_sections;

    for (i = 0; i < NGX_HTTP_LLM_BATCH_SECTIONS - 1; i++) {
        if (s[i].address == address || s[i].address == NULL) {
            break;
        }
    }

    s[i].address = address;

    ngx_http_llm_batch_section = &s[i];
    ngx_http_llm_batch_asked = ngx_http_llm_batch_times_now();
}


void
ngx_http_llm_batch_times_have(void)
{
    ngx_uint_t  i;

    ngx_http_llm_batch_had = ngx_http_llm_batch_times_now();

    i = ngx_http_llm_batch_times_bucket(ngx_http_llm_batch_had
                                        - ngx_http_llm_batch_asked);
    ngx_http_llm_batch_section->waited[i]++;
}


void
ngx_http_llm_batch_times_give(void)
{
    ngx_uint_t  i;

    i = ngx_http_llm_batch_times_bucket(ngx_http_llm_batch_times_now()
                                        - ngx_http_llm_batch_had);
    ngx_http_llm_batch_section->held[i]++;
}


static uint64_t
ngx_http_llm_batch_times_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* the number of the highest bit, and the four below it */

static ngx_uint_t
ngx_http_llm_batch_times_bucket(uint64_t ns)
{
    ngx_uint_t  shift;

    for (shift = 0; ns >> shift >= 32; shift++) { /* void */ }

    return ngx_min(shift * 16 + (ns >> shift), NGX_HTTP_LLM_BATCH_BUCKETS - 1);
}


void
ngx_http_llm_batch_times_tell(ngx_log_t *log)
{
    ngx_uint_t                     i;
    ngx_http_llm_batch_section_t  *s;

    s = ngx_http_llm_batch_sections;

    for (i = 0; i < NGX_HTTP_LLM_BATCH_SECTIONS && s[i].address; i++) {
        ngx_http_llm_batch_times_line(log, "held", &s[i], s[i].held);
        ngx_http_llm_batch_times_line(log, "waited", &s[i], s[i].waited);
    }

    ngx_memzero(s, sizeof(ngx_http_llm_batch_sections));
}


/* for addr2line: the address of the call, from the start of the module */

static void
ngx_http_llm_batch_times_line(ngx_log_t *log, const char *what,
    ngx_http_llm_batch_section_t *section, ngx_uint_t *buckets)
{
    u_char     *p, *at, line[NGX_HTTP_LLM_BATCH_LINE * 24 + 64];
    Dl_info     info;
    ngx_uint_t  i, n, shift;

    at = section->address;

    if (dladdr(section->address, &info)) {
        at -= (uintptr_t) info.dli_fbase;
    }

    n = 0;
    p = line;

    for (i = 0; i < NGX_HTTP_LLM_BATCH_BUCKETS; i++) {

        if (n == 0) {
            p = ngx_sprintf(line, "llm_batch lock %s %p", what, at - 1);
        }

        if (buckets[i]) {
            shift = i < 32 ? 0 : i / 16 - 1;
            p = ngx_sprintf(p, " %uL:%ui",
                            (uint64_t) (i - shift * 16) << shift, buckets[i]);
            n++;
        }

        if (n == NGX_HTTP_LLM_BATCH_LINE
            || (n && i == NGX_HTTP_LLM_BATCH_BUCKETS - 1))
        {
            ngx_log_error(NGX_LOG_WARN, log, 0, "%*s", (size_t) (p - line),
                          line);
            n = 0;
        }
    }
}

#endif
