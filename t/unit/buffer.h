
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A sink that keeps what is written to it, or fails when told to.
 */


#ifndef _BUFFER_H_INCLUDED_
#define _BUFFER_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include "llmb.h"


typedef struct {
    uint8_t   *data;
    size_t     len;
    size_t     size;
    unsigned   writes;
    unsigned   fail;              /* which write fails, from 1; 0: none */
    unsigned   late;              /* writes after the one that failed */
} buffer_t;


static inline llmb_rc_e
buffer_write(void *data, const uint8_t *p, size_t len)
{
    buffer_t  *b = data;

    b->writes++;

    if (b->fail && b->writes >= b->fail) {
        b->late += (b->writes > b->fail);
        return LLMB_NOMEM;
    }

    if (b->len + len > b->size) {
        b->size = 2 * (b->len + len);
        b->data = realloc(b->data, b->size);

        if (b->data == NULL) {
            abort();
        }
    }

    if (len) {
        memcpy(b->data + b->len, p, len);
    }

    b->len += len;

    return LLMB_OK;
}


static inline llmb_sink_t
buffer_sink(buffer_t *b)
{
    llmb_sink_t  sink;

    memset(b, 0, sizeof(buffer_t));

    sink.write = buffer_write;
    sink.data = b;

    return sink;
}


static inline unsigned
buffer_is(const buffer_t *b, llmb_str_t text)
{
    return b->len == text.len
           && (text.len == 0 || memcmp(b->data, text.data, text.len) == 0);
}


#endif /* _BUFFER_H_INCLUDED_ */
