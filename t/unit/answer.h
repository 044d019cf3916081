
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * An answer on its own: read, weighed and cut, without any requests.
 */


#ifndef _ANSWER_H_INCLUDED_
#define _ANSWER_H_INCLUDED_


#include <stdio.h>

#include "adapters/llmb_adapters.h"
#include "buffer.h"
#include "llmb_counts.h"
#include "llmb_split.h"
#include "llmb_split_write.h"


#define ANSWER_MEMBERS  8


/* a share that has not been weighed yet */

#ifndef SHARE
#define SHARE(f, i, t)  { .first = (f), .items = (i), .tokens = (t) }
#endif


typedef struct {
    llmb_split_conf_t   conf;
    llmb_split_t        split;
    void               *room;
    const uint8_t      *base;
    size_t              len;
} answer_t;


static inline void
answer_start(answer_t *a, const llmb_split_conf_t *conf)
{
    a->conf = *conf;

    if (a->conf.per == 0) {
        a->conf.per = 1;
    }

    a->room = malloc(llmb_split_room(&a->conf));

    if (a->room == NULL) {
        abort();
    }

    /* nothing of it may be taken for granted */

    memset(a->room, 0xff, llmb_split_room(&a->conf));

    llmb_split_init(&a->split, &a->conf, a->room);
}


static inline llmb_rc_e
answer_read(answer_t *a, const llmb_split_conf_t *conf, const char *text)
{
    answer_start(a, conf);

    a->base = (const uint8_t *) text;
    a->len = strlen(text);

    return llmb_split_read(&a->split, a->base, a->len, 1);
}


/* reads an answer that has to be fine, in the first form of the adapter */

static inline void
answer_of(answer_t *a, const llmb_adapter_t *adapter, uint32_t items,
    const char *text)
{
    llmb_split_conf_t  conf;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = adapter->forms[0];
    conf.items = items;

    if (answer_read(a, &conf, text) != LLMB_OK) {
        fprintf(stderr, "mismatch %u: %s\n", a->split.mismatch, text);
        abort();
    }
}


static inline void
answer_free(answer_t *a)
{
    free(a->room);
}


/* what member k gets, as a string; to be freed */

static inline char *
answer_cut(const answer_t *a, const llmb_share_t *shares, uint32_t members,
    uint32_t k)
{
    buffer_t     b;
    llmb_sink_t  sink = buffer_sink(&b);

    if (llmb_split_write(&a->split, a->base, shares, members, k, &sink)
        != LLMB_OK)
    {
        fprintf(stderr, "not written\n");
        abort();
    }

    if (b.len > llmb_split_write_bound(&a->split, &shares[k])) {
        fprintf(stderr, "%zu bytes, more than %zu\n", b.len,
                llmb_split_write_bound(&a->split, &shares[k]));
        abort();
    }

    (void) buffer_write(&b, (const uint8_t *) "", 1);

    return (char *) b.data;
}


#endif /* _ANSWER_H_INCLUDED_ */
