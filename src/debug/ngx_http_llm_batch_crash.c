
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * For t/chaos_crash.t, which takes the names of the points from the sources.
 */


#include "ngx_http_llm_batch.h"


#if (LLMB_CRASH_POINTS)

static ngx_uint_t ngx_http_llm_batch_crash_here(const char *name);


void
ngx_http_llm_batch_crash(const char *name)
{
    if (ngx_http_llm_batch_crash_here(name)) {
        (void) kill(ngx_getpid(), SIGKILL);
    }
}


/* all but what a reset has to rely on: the sizes, and who is there */

void
ngx_http_llm_batch_tear(ngx_http_llm_batch_zone_t *zone, const char *name)
{
    llmb_zone_t  *z;

    z = zone->tables;

    if (ngx_http_llm_batch_crash_here(name)) {
        ngx_memset(llmb_member(z, 0), 0xa5, z->chunks_at - z->members_at);
        z->free_chunk = 0xa5a5a5a5;
        (void) kill(ngx_getpid(), SIGKILL);
    }
}


static ngx_uint_t
ngx_http_llm_batch_crash_here(const char *name)
{
    int      fd;
    char     buf[64];
    ssize_t  n;

    static const char  *file;

    if (file == NULL) {
        file = getenv("LLMB_CRASH_FILE");
        file = file ? file : "";
    }

    fd = file[0] ? open(file, O_RDONLY) : -1;

    if (fd == -1) {
        return 0;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';

    return ngx_strcmp(buf, name) == 0 && unlink(file) == 0;
}

#endif
