
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Makes a trace by chance.
 *
 *   poisson  requests that know nothing of each other
 *   bursts   bursts of "burst" requests on average, at ten times the rate,
 *            and quiet between them
 *   heavy    gaps and sizes with heavy tails: mostly small, now and then huge
 */


#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"


#define SIM_BURST_SPEED  10


static double sim_gap(const sim_generator_t *generator, double rate,
    uint64_t *seed, double *left);


void
sim_generate(sim_trace_t *trace, const sim_generator_t *generator, double rate)
{
    char            text[48];
    double          at, end, left, tokens;
    uint32_t        i;
    uint64_t        seed;
    const char    **models;
    sim_request_t  *request;

    static const char *const  names[] = { "", "poisson", "bursts", "heavy" };

    memset(trace, 0, sizeof(sim_trace_t));

    trace->source = names[generator->kind];
    trace->rate = rate;

    models = sim_realloc(NULL, generator->models, sizeof(char *));

    for (i = 0; i < generator->models; i++) {
        snprintf(text, sizeof(text), "model-%u", i + 1);
        models[i] = sim_strdup(text, strlen(text));
    }

    seed = generator->seed;
    end = generator->seconds * 1e6;
    left = 0;

    for (at = sim_gap(generator, rate, &seed, &left);
         at < end;
         at += sim_gap(generator, rate, &seed, &left))
    {
        request = sim_trace_add(trace);
        request->at = (uint64_t) at;

        snprintf(text, sizeof(text), "%u", trace->n);
        request->id = sim_strdup(text, strlen(text));

        request->model = models[(uint32_t) (sim_uniform(&seed)
                                            * generator->models)];

        tokens = generator->kind == SIM_GENERATE_HEAVY
                 ? sim_pareto(&seed, generator->tokens)
                 : sim_exponential(&seed, generator->tokens);

        request->tokens = (uint64_t) fmin(fmax(tokens, 1), 1e6);
        request->bytes = 4 * request->tokens;

        if (generator->budget_max) {
            request->budget = generator->budget_min
                              + (uint64_t) (sim_uniform(&seed)
                                            * (double) (generator->budget_max
                                               - generator->budget_min + 1));
        }
    }

    free(models);

    if (trace->n == 0) {
        sim_die(1, "no requests in %g s at %g requests/s", generator->seconds,
                rate);
    }
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
