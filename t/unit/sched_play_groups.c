
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The groups of the game: of all windows, with and without what is learned.
 */


#include <string.h>

#include "sched_play.h"
#include "llmb_group.h"
#include "llmb_upstream.h"


/* the odd ones share an upstream, with a concurrency that is learned */

static const llmb_window_e  play_windows[PLAY_GROUPS] = {
    LLMB_WINDOW_SLOT, LLMB_WINDOW_FIXED, LLMB_WINDOW_SLOT, LLMB_WINDOW_SLOT,
    LLMB_WINDOW_RATE, LLMB_WINDOW_SLOT, LLMB_WINDOW_FIXED, LLMB_WINDOW_SLOT,
    LLMB_WINDOW_SLOT, LLMB_WINDOW_RATE
};


/* of every other group it is known what its calls take: 2 ms and 3 an item */

static void
play_know(play_t *play, uint32_t group, unsigned n)
{
    uint32_t       i;
    llmb_sample_t  sample;

    llmb_upstream_init(play->z, group);

    for (i = 0; n / 2 % 2 && i < 300; i++) {
        sample.items = 1 + i % 8;
        sample.inflight = 1;
        sample.time = 2000 + sample.items * 3000;
        sample.end = LLMB_LEARN_GOOD;

        llmb_upstream_sample(play->z, group, &sample, i * 1000);
    }
}


uint32_t
play_group(play_t *play, unsigned n)
{
    char            key[32];
    uint32_t        i;
    unsigned        fresh;
    llmb_str_t      str;
    llmb_group_t   *g;
    llmb_policy_t  *p;

    n %= PLAY_GROUPS;

    memset(key, (int) ('a' + n), sizeof(key));
    str.data = (uint8_t *) key;
    str.len = sizeof(key);

    /* some share a hash */

    i = llmb_group_get(play->z, str, n / 2, &fresh);

    if (i == LLMB_NIL || !fresh) {
        return i;
    }

    g = llmb_group(play->z, i);
    p = &g->policy;
    play->probes[i] = 0;

    p->window = play_windows[n];
    p->concurrency = 1 + n % 3;
    p->interval = 5000;
    p->min_size = 2;
    p->max_size = 4 + n;
    p->max_tokens = (n & 2) ? 20 : 0;
    p->max_bytes = (n & 4) ? 4000 : 100000;
    p->max_wait = n == 5 ? 0 : 100;
    p->patience = n % 3 * 40;
    p->spend = n % 4 == 2;

    g->tenant = n / 4;
    p->learned = n & 1;
    play_know(play, i, n);

    return i;
}
