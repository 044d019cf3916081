
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Ways to call code under test that leave it no way out: input that ends at a
 * page which cannot be read, input cut at every place, memory that is too
 * small by every number of bytes.
 */


#ifndef _GUARD_H_INCLUDED_
#define _GUARD_H_INCLUDED_


#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "llmb.h"


#define GUARD_SLOTS  4


/* bytes that end right before a page without access; slot 0 .. 3 */

static inline uint8_t *
guard(unsigned slot, const void *data, size_t len)
{
    size_t           page, size;
    uint8_t         *p;

    static uint8_t  *ends[GUARD_SLOTS];
    static size_t    sizes[GUARD_SLOTS];

    page = (size_t) sysconf(_SC_PAGESIZE);

    if (sizes[slot] < len || sizes[slot] == 0) {

        if (sizes[slot]) {
            munmap(ends[slot] - sizes[slot], sizes[slot] + page);
        }

        size = (len / page + 1) * page;

        p = mmap(NULL, size + page, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED || mprotect(p + size, page, PROT_NONE) != 0) {
            abort();
        }

        ends[slot] = p + size;
        sizes[slot] = size;
    }

    p = ends[slot] - len;

    /* what an earlier call left is not to be taken for input */

    memset(ends[slot] - sizes[slot], 0x5a, sizes[slot]);

    if (data && len) {
        memcpy(p, data, len);
    }

    return p;
}


#define GUARD(text)  guard(0, (text).data, (text).len)


/*
 * One that reads a growing buffer.  pos() tells how much of it need not be
 * there any more; NULL if all must.
 */

typedef struct {
    void    *data;
    void   (*start)(void *data);
    void   (*feed)(void *data, const uint8_t *base, size_t len, unsigned last);
    size_t (*pos)(void *data);
    void   (*finish)(void *data);
} feeder_t;


static inline void
every_split_feed(llmb_str_t input, size_t len, unsigned last,
    const feeder_t *feeder)
{
    uint8_t          *base;

    static unsigned   slot;

    /* the buffer moves each time */

    slot = !slot;
    base = guard(slot, input.data, len);

    if (feeder->pos) {
        memset(base, 0xff, feeder->pos(feeder->data));
    }

    feeder->feed(feeder->data, base, len, last);
}


/* all partitions into two, then byte by byte */

static inline void
every_split(llmb_str_t input, const feeder_t *feeder)
{
    size_t  i;

    for (i = 0; i <= input.len; i++) {
        feeder->start(feeder->data);
        every_split_feed(input, i, 0, feeder);
        every_split_feed(input, input.len, 1, feeder);
        feeder->finish(feeder->data);
    }

    feeder->start(feeder->data);

    for (i = 0; i <= input.len; i++) {
        every_split_feed(input, i, 0, feeder);
    }

    every_split_feed(input, input.len, 1, feeder);
    feeder->finish(feeder->data);
}


#define EVERY_SPLIT(input, feeder)  every_split(input, feeder)


/*
 * Calls fn with 0, 1, 2 ... bytes until it has enough; returns how many that
 * was, and sets *rc to what it returned then.
 */

static inline size_t
every_oom(llmb_rc_e (*fn)(void *data, llmb_arena_t scratch), void *data,
    llmb_rc_e *rc)
{
    size_t        size;
    llmb_arena_t  scratch;

    for (size = 0; /* void */ ; size++) {
        scratch.pos = guard(2, NULL, size);
        scratch.end = scratch.pos + size;

        *rc = fn(data, scratch);

        if (*rc != LLMB_NOMEM) {
            return size;
        }
    }
}


#define EVERY_OOM(fn, data, rc)  every_oom(fn, data, rc)


#endif /* _GUARD_H_INCLUDED_ */
