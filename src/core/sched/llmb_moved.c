
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_moved.h"


unsigned
llmb_moved_off(llmb_moved_t *moved, uint64_t now)
{
    if (llmb_moved_is_off(moved) && now >= moved->until) {
        moved->state = LLMB_MOVED_DUE;
    }

    return llmb_moved_is_off(moved);
}


unsigned
llmb_moved_is_off(const llmb_moved_t *moved)
{
    return moved->state == LLMB_MOVED_DOUBTED
           || moved->state == LLMB_MOVED_GONE
           || moved->state == LLMB_MOVED_TRIED;
}


void
llmb_moved_sent(llmb_moved_t *moved, uint64_t now)
{
    if (moved->state == LLMB_MOVED_DUE) {
        moved->state = LLMB_MOVED_TRIED;
        moved->until = now + LLMB_MOVED_DOUBT;
    }
}


void
llmb_moved_found(llmb_moved_t *moved)
{
    moved->state = LLMB_MOVED_HERE;
}


void
llmb_moved_missed(llmb_moved_t *moved, uint64_t usec, uint64_t now)
{
    if (moved->state == LLMB_MOVED_DOUBTED || moved->state == LLMB_MOVED_GONE)
    {
        /* another call that was under way */
        return;
    }

    moved->state = LLMB_MOVED_DOUBTED;
    moved->since = usec;
    moved->until = now + LLMB_MOVED_DOUBT;
}


unsigned
llmb_moved_alone(llmb_moved_t *moved, unsigned status, uint64_t sent,
    uint64_t now)
{
    if (moved->state != LLMB_MOVED_DOUBTED || sent < moved->since) {
        return 0;
    }

    if (status == 404 || status == 405) {
        moved->state = LLMB_MOVED_HERE;
        return 0;
    }

    if (status < 200 || status >= 300) {
        return 0;
    }

    moved->state = LLMB_MOVED_GONE;
    moved->until = now + LLMB_MOVED_ABSENT;

    return 1;
}
