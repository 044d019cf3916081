
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * For t/chaos_crash.t, which takes the names of the points from the sources.
 */


#include "ngx_http_llm_batch.h"


#if (LLMB_CRASH_POINTS)

void
ngx_http_llm_batch_crash(const char *name)
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
        return;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);

    if (n <= 0) {
        return;
    }

    buf[n] = '\0';

    if (ngx_strcmp(buf, name) == 0 && unlink(file) == 0) {
        (void) kill(ngx_getpid(), SIGKILL);
    }
}

#endif
