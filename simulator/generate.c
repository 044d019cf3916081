
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Makes requests by chance.
 *
 *   poisson  requests that know nothing of each other
 *   bursts   bursts of "burst" requests on average, at ten times the rate,
 *            and quiet between them
 *   heavy    gaps and sizes with heavy tails: mostly small, now and then huge
 *   clients  each asks again when it has its answer, after it has thought;
 *            engine.c knows when that is
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"


#define SIM_BURST_SPEED  10

/* items of one request, at most, as of the APIs */

#define SIM_MOST_ITEMS   2048


struct sim_maker_s {
    const sim_generator_t   *generator;
    const char             **models;
    double                  *popular;   /* the share of each key and of those
                                           before it; NULL: all alike */
};


static void sim_make_popular(sim_maker_t *maker);
static uint64_t sim_make_key(const sim_maker_t *maker, uint64_t *seed);
static double sim_gap(const sim_generator_t *generator, double rate,
    uint64_t *seed, double *left);


sim_maker_t *
sim_maker_create(const sim_generator_t *generator)
{
    char          text[48];
    uint32_t      i;
    sim_maker_t  *maker;

    maker = sim_realloc(NULL, 1, sizeof(sim_maker_t));

    maker->generator = generator;
    maker->models = sim_realloc(NULL, generator->models, sizeof(char *));
    maker->popular = NULL;

    for (i = 0; i < generator->models; i++) {
        snprintf(text, sizeof(text), "model-%u", i + 1);
        maker->models[i] = sim_strdup(text, strlen(text));
    }

    if (generator->zipf > 0) {
        sim_make_popular(maker);
    }

    return maker;
}


/* of key i, 1 / i^zipf in relation to all */

static void
sim_make_popular(sim_maker_t *maker)
{
    double    sum;
    uint32_t  i, n;

    n = maker->generator->keys;
    maker->popular = sim_realloc(NULL, n, sizeof(double));
    sum = 0;

    for (i = 0; i < n; i++) {
        sum += pow(i + 1, -maker->generator->zipf);
        maker->popular[i] = sum;
    }

    for (i = 0; i < n; i++) {
        maker->popular[i] /= sum;
    }
}


/* requests keep the names of models */

void
sim_maker_free(sim_maker_t *maker)
{
    free(maker->models);
    free(maker->popular);
    free(maker);
}


const sim_generator_t *
sim_maker_of(const sim_maker_t *maker)
{
    return maker->generator;
}


sim_request_t *
sim_make(sim_trace_t *trace, const sim_maker_t *maker, uint64_t *seed)
{
    double                  tokens;
    sim_request_t          *request;
    const sim_generator_t  *g;

    g = maker->generator;
    request = sim_trace_add(trace);

    request->id = NULL;
    request->kind = (uint32_t) (sim_uniform(seed) * g->models);
    request->model = maker->models[request->kind];

    tokens = g->kind == SIM_GENERATE_HEAVY
             ? sim_pareto(seed, g->tokens) : sim_exponential(seed, g->tokens);

    request->tokens = (uint64_t) fmin(fmax(tokens, 1), 1e6);

    if (g->budget_max) {
        request->budget = g->budget_min
                          + (uint64_t) (sim_uniform(seed)
                                        * (double) (g->budget_max
                                                    - g->budget_min + 1));
    }

    if (g->items > 1) {
        request->items = 1 + (uint32_t) fmin(sim_exponential(seed,
                                                             g->items - 1)
                                             + 0.5, SIM_MOST_ITEMS - 1);
        request->tokens *= request->items;
    }

    if (g->keys) {
        request->number = sim_make_key(maker, seed);

    } else if (g->unique) {
        request->number = trace->n;
    }

    request->bytes = 4 * request->tokens;

    return request;
}


static uint64_t
sim_make_key(const sim_maker_t *maker, uint64_t *seed)
{
    double    x;
    uint32_t  lo, hi, mid;

    x = sim_uniform(seed);

    if (maker->popular == NULL) {
        return 1 + (uint32_t) (x * maker->generator->keys);
    }

    lo = 0;
    hi = maker->generator->keys - 1;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;

        if (maker->popular[mid] > x) {
            hi = mid;

        } else {
            lo = mid + 1;
        }
    }

    return 1 + lo;
}


void
sim_generate(sim_trace_t *trace, sim_maker_t *maker, double load,
    uint64_t seed)
{
    double                  at, end, left;
    const sim_generator_t  *generator;

    static const char *const  names[] = { "", "poisson", "bursts", "heavy",
        "clients" };

    memset(trace, 0, sizeof(sim_trace_t));

    generator = maker->generator;

    trace->source = names[generator->kind];
    trace->load = load;
    trace->seed = seed;

    if (generator->kind == SIM_GENERATE_CLIENTS) {
        trace->maker = maker;
        return;
    }

    end = generator->seconds * 1e6;
    left = 0;

    for (at = sim_gap(generator, load, &seed, &left);
         at < end;
         at += sim_gap(generator, load, &seed, &left))
    {
        sim_make(trace, maker, &seed)->at = (uint64_t) at;
    }

    if (trace->n == 0) {
        sim_die(1, "no requests in %g s at %g requests/s", generator->seconds,
                load);
    }

    trace->span = trace->requests[trace->n - 1].at;
}


/* to the next request; "left" is what is left of a burst */

static double
sim_gap(const sim_generator_t *generator, double rate, uint64_t *seed,
    double *left)
{
    double  mean, quiet;

    mean = 1e6 / rate;

    switch (generator->kind) {

    case SIM_GENERATE_HEAVY:
        return sim_pareto(seed, mean);

    case SIM_GENERATE_BURSTS:

        if (*left >= 1) {
            *left -= 1;
            return sim_exponential(seed, mean / SIM_BURST_SPEED);
        }

        /* a burst and the quiet before it take what so many requests do */

        quiet = generator->burst * (mean - mean / SIM_BURST_SPEED)
                + mean / SIM_BURST_SPEED;
        *left = floor(sim_exponential(seed, 1)
                      * (generator->burst - 1) + 0.5);

        return sim_exponential(seed, quiet);

    default: /* SIM_GENERATE_POISSON */
        return sim_exponential(seed, mean);
    }
}
