
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Settings that are worth a try: patience, windows of fixed times that are
 * shares of what a call takes, a budget of calls if the upstream has one, and
 * sizes of calls.
 */


#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "suggest.h"


/* of a limit of calls, what is asked for */

#define SIM_BELOW  0.9


static void sim_try(sim_options_t *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void sim_try_size(sim_options_t *o, uint32_t size);


/* the first is nothing */

void
sim_candidates_suggest(sim_options_t *o)
{
    uint32_t  i, j, size, sizes[3];

    sizes[0] = o->settings.max_size;
    sizes[1] = 32;
    sizes[2] = 64;

    sim_try(o, "none");

    for (i = 0; i < 3; i++) {
        size = o->backend.most ? llmb_min(sizes[i], o->backend.most)
                               : sizes[i];
        sizes[i] = size;

        for (j = 0; sizes[j] != size; j++) { /* void */ }

        if (j == i) {
            sim_try_size(o, size);
        }
    }
}


static void
sim_try_size(sim_options_t *o, uint32_t size)
{
    size_t    i;
    double    wait;
    uint64_t  last;

    static const unsigned  percent[] = { 5, 10, 20, 50 };

    sim_try(o, "slot patience=off max_size=%u", size);

    for (i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
        sim_try(o, "slot patience=%u%% max_size=%u", percent[i], size);
    }

    last = 0;

    for (i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
        wait = fmin(fmax(round(sim_lone(o) * percent[i] / 100), 1), 3600000);

        if ((uint64_t) wait != last) {
            last = (uint64_t) wait;
            sim_try(o, "window=fixed max_wait=%.0fms max_size=%u", wait, size);
        }
    }

    if (o->backend.limit > 0) {
        sim_try(o, "window=rate=%.3gr/s max_size=%u",
                fmax(o->backend.limit * SIM_BELOW, 0.01), size);
    }
}


/* the first is nothing; then patience, then fixed windows, each by its time */

void
sim_candidates_frontier(sim_options_t *o)
{
    size_t    i;
    double    wait;
    uint64_t  last;

    static const unsigned  patience[] = { 5, 10, 20, 30, 50 };
    static const unsigned  waits[] = { 2, 5, 10, 20, 30, 50 };

    sim_try(o, "none");
    sim_try(o, "slot patience=off");

    for (i = 0; i < sizeof(patience) / sizeof(patience[0]); i++) {
        sim_try(o, "slot patience=%u%%", patience[i]);
    }

    last = 0;

    for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        wait = fmin(fmax(round(sim_lone(o) * waits[i] / 100), 1), 3600000);

        if ((uint64_t) wait != last) {
            last = (uint64_t) wait;
            sim_try(o, "fixed max_wait=%.0fms min_size=%u", wait,
                    o->settings.max_size);
        }
    }
}


static void
sim_try(sim_options_t *o, const char *format, ...)
{
    char             words[128];
    va_list          args;
    sim_settings_t  *settings;

    va_start(args, format);
    (void) vsnprintf(words, sizeof(words), format, args);
    va_end(args);

    settings = &o->compared[o->ncompared++];
    *settings = o->settings;

    sim_settings_words(settings, sim_strdup(words, strlen(words)));
}


double
sim_lone(const sim_options_t *options)
{
    const sim_cost_t  *cost;

    cost = &options->backend.costs[0];

    return (cost->fixed + cost->each
            + cost->token * options->generator.tokens) / 1000;
}
