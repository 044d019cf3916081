
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Chance that can be repeated: splitmix64.
 */


#include <math.h>

#include "sim.h"


/* the smaller, the more often there is something far away */

#define SIM_PARETO_SHAPE  1.5


double
sim_uniform(uint64_t *state)
{
    uint64_t  x;

    *state += 0x9e3779b97f4a7c15;

    x = *state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;

    return (double) (x >> 11) / 9007199254740992.0;
}


double
sim_exponential(uint64_t *state, double mean)
{
    return -log(1.0 - sim_uniform(state)) * mean;
}


/* has a mean, but no variance */

double
sim_pareto(uint64_t *state, double mean)
{
    double  least;

    least = mean * (SIM_PARETO_SHAPE - 1) / SIM_PARETO_SHAPE;

    return least / pow(1.0 - sim_uniform(state), 1 / SIM_PARETO_SHAPE);
}
