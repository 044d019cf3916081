
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Calls that are looked at together: what they took, by what they cost, and
 * how far that may be due to chance.
 */


#include "llmb_learn_parts.h"


static double llmb_learn_mean(const llmb_learn_window_t *w);


void
llmb_learn_window_add(const llmb_learn_t *l, llmb_learn_window_t *w,
    const llmb_sample_t *sample)
{
    double  ratio;

    ratio = (double) sample->time / llmb_learn_fit(l, sample->items);

    w->time += (float) sample->time;
    w->ratio += (float) ratio;
    w->square += (float) (ratio * ratio);
    w->sum_nn += (float) sample->items * (float) sample->items;
    w->sum_nt += (float) sample->items * (float) sample->time;
    w->items += sample->items;
    w->inflight += sample->inflight;
    w->calls++;
}


double
llmb_learn_inflight(const llmb_learn_window_t *w)
{
    return (double) w->inflight / w->calls;
}


double
llmb_learn_size(const llmb_learn_window_t *w)
{
    return (double) w->items / w->calls;
}


static double
llmb_learn_mean(const llmb_learn_window_t *w)
{
    return (double) w->time / w->calls;
}


double
llmb_learn_ratio(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost)
{
    return llmb_learn_mean(w) / cost(l, llmb_learn_size(w));
}


double
llmb_learn_served(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost)
{
    double  ratio;

    ratio = llmb_learn_ratio(l, w, cost);

    return llmb_learn_inflight(w) / llmb_max(ratio, 1.0);
}


double
llmb_learn_waiting(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost)
{
    return llmb_learn_inflight(w) - llmb_learn_served(l, w, cost);
}


unsigned
llmb_learn_waits(const llmb_learn_t *l, const llmb_learn_window_t *w,
    llmb_learn_cost_pt cost)
{
    double  ratio, error, noise;

    if (llmb_learn_waiting(l, w, cost) <= LLMB_LEARN_QUEUE) {
        return 0;
    }

    ratio = llmb_learn_ratio(l, w, cost);
    error = ratio * ratio * llmb_learn_variance(l, w);

    noise = 1.25 * l->noise;
    error = llmb_learn_root(error + noise * noise / l->calls);

    return ratio - 1 > LLMB_LEARN_CERTAIN * error;
}


double
llmb_learn_variance(const llmb_learn_t *l, const llmb_learn_window_t *w)
{
    double  mean, noise, variance;

    mean = (double) w->ratio / w->calls;
    noise = 1.25 * l->noise;
    variance = (double) w->square / w->calls / (mean * mean) - 1;

    return llmb_max(variance, noise * noise) / w->calls;
}
