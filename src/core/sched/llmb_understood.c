
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_understood.h"


static llmb_format_state_t *llmb_understood_get(llmb_understood_t *u,
    uint64_t name);


uint32_t
llmb_understood_result(llmb_understood_t *u, uint64_t name,
    unsigned understood, uint64_t now)
{
    llmb_format_state_t  *f;

    f = llmb_understood_get(u, name);
    f->heard = now;

    if (understood) {
        f->good = now;
        f->until = 0;
        f->pause = 0;
        f->failures = 0;
        return 0;
    }

    if (now < f->until || (f->good && now < f->good + LLMB_UNDERSTOOD_KNOWN)) {
        /* it had left before; or it is not the format */
        return 0;
    }

    f->failures++;

    if (f->failures < LLMB_UNDERSTOOD_FAILURES) {
        return 0;
    }

    /* one more is enough from now on */

    f->failures = LLMB_UNDERSTOOD_FAILURES - 1;

    f->pause = f->pause == 0 ? LLMB_UNDERSTOOD_FIRST
                             : llmb_min(f->pause * 2, LLMB_UNDERSTOOD_MOST);
    f->until = now + f->pause;

    return f->pause;
}


unsigned
llmb_understood_off(const llmb_understood_t *u, uint64_t name, uint64_t now)
{
    uint32_t  i;

    for (i = 0; i < LLMB_UNDERSTOOD_N; i++) {
        if (u->formats[i].name == name) {
            return now < u->formats[i].until;
        }

        if (u->formats[i].name == 0) {
            /* they are filled in order */
            break;
        }
    }

    return 0;
}


static llmb_format_state_t *
llmb_understood_get(llmb_understood_t *u, uint64_t name)
{
    uint32_t              i;
    llmb_format_state_t  *f, *oldest;

    oldest = u->formats;

    for (i = 0; i < LLMB_UNDERSTOOD_N; i++) {
        f = &u->formats[i];

        if (f->name == name) {
            return f;
        }

        if (f->heard < oldest->heard) {
            oldest = f;
        }
    }

    memset(oldest, 0, sizeof(llmb_format_state_t));
    oldest->name = name;

    return oldest;
}
