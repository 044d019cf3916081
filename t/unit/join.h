
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The answers to all parts of a request, as one: with steps of any size, and
 * writes that fail.
 */


#ifndef _JOIN_H_INCLUDED_
#define _JOIN_H_INCLUDED_


#include "buffer.h"
#include "llmb_join.h"


#define JOIN_LISTS  (1 + LLMB_MAX_LISTS)


/* an answer that was read with LLMB_OK */

typedef struct {
    llmb_split_t        split;
    const uint8_t      *base;
} join_part_t;


typedef struct {
    size_t              step;         /* bytes for each llmb_join_write() */
    unsigned            fail;         /* which write fails, from 1; 0: none */
    unsigned            writes;
    unsigned            late;         /* writes after the one that failed */
    buffer_t            lists[JOIN_LISTS];
    buffer_t            out;
    buffer_t           *to;
} join_play_t;


static inline llmb_rc_e
join_write(void *data, const uint8_t *p, size_t len)
{
    join_play_t  *play = data;

    play->writes++;

    if (play->fail && play->writes >= play->fail) {
        play->late += (play->writes > play->fail);
        return LLMB_NOMEM;
    }

    return buffer_write(play->to, p, len);
}


static inline llmb_rc_e
join_insert(void *data, unsigned i)
{
    join_play_t  *play = data;

    return join_write(play, play->lists[i].data, play->lists[i].len);
}


static inline llmb_rc_e
join_part(join_play_t *play, llmb_join_t *join, const join_part_t *part,
    uint8_t *frame, llmb_sink_t *sink)
{
    unsigned   i;
    uint32_t   next, before;
    llmb_rc_e  rc;

    rc = llmb_join_add(join, &part->split, part->base, frame);

    for (i = 0; i < join->nlists && rc == LLMB_OK; i++) {
        play->to = &play->lists[i];
        next = 0;

        do {
            before = next;
            rc = llmb_join_write(join, i, &part->split, part->base, &next,
                                 play->step, sink);

            if (rc == LLMB_AGAIN && next == before) {
                abort();
            }
        } while (rc == LLMB_AGAIN);
    }

    return rc;
}


/* play->out is what they are together; step and fail are given */

static inline llmb_rc_e
join_parts(join_play_t *play, const join_part_t *parts, uint32_t n)
{
    unsigned      i;
    uint8_t      *frame;
    uint32_t      k;
    llmb_rc_e     rc;
    llmb_join_t   join;
    llmb_sink_t   sink;

    play->writes = 0;
    play->late = 0;
    memset(play->lists, 0, sizeof(play->lists));
    memset(&play->out, 0, sizeof(buffer_t));

    sink.write = join_write;
    sink.data = play;

    /* not a byte more than it says */

    frame = malloc(llmb_join_frame_size(&parts[0].split) + 1);

    if (frame == NULL) {
        abort();
    }

    rc = llmb_join_init(&join, parts[0].split.conf.form);

    for (k = 0; k < n && rc == LLMB_OK; k++) {
        rc = join_part(play, &join, &parts[k], k ? NULL : frame, &sink);
    }

    if (rc == LLMB_OK) {
        play->to = &play->out;
        rc = llmb_join_end(&join, &sink, join_insert, play);
    }

    for (i = 0; i < JOIN_LISTS; i++) {
        free(play->lists[i].data);
    }

    free(frame);

    return rc;
}


#endif /* _JOIN_H_INCLUDED_ */
