
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The cost of a call, fixed + n * each, by least squares with forgetting over
 * calls that did not wait for others.  Deviations count relative to the cost,
 * as those of large calls are larger.
 *
 * Where the sizes are all the same there is no telling the two apart; then
 * "each" stays what it was, and "doubt" says how far off it may be.
 */


#include <string.h>

#include "llmb_learn_parts.h"


/* of a new group: nothing is known of the deviations */

#define LLMB_LEARN_NOISE   0.25

/* calls that the cost is the mean of */

#define LLMB_LEARN_MEMORY  48

/* calls that are left when the cost has changed */

#define LLMB_LEARN_KEEP    8.0

/* a call that is off by more than this factor counts as one that is not */

#define LLMB_LEARN_CLIP    4.0

/* so many lone calls in a row that are far off: the cost has changed */

#define LLMB_LEARN_RUN     4


static void llmb_learn_solve(llmb_learn_t *l);
static void llmb_learn_feed_one(llmb_learn_t *l, double items, double time);
static void llmb_learn_forget(llmb_learn_t *l);
static void llmb_learn_add(llmb_learn_t *l, const llmb_learn_window_t *w,
    double by);
static double llmb_learn_far(const llmb_learn_t *l);
static double llmb_learn_line(const llmb_learn_t *l, double items, int sign);


unsigned
llmb_learn_feed(llmb_learn_t *l, double items, double time)
{
    double   ratio, bound;
    int32_t  sign;

    if (l->calls > 0) {
        ratio = time / llmb_learn_fit(l, items);
        bound = llmb_learn_far(l);
        sign = ratio > 1 + bound ? 1 : ratio < 1 - bound ? -1 : 0;

        if (sign * l->run <= 0) {
            l->run = 0;
        }

        l->run += sign;

        if (l->run * sign >= LLMB_LEARN_RUN) {
            llmb_learn_forget(l);
            llmb_learn_feed_one(l, items, time);
            return 1;
        }
    }

    llmb_learn_feed_one(l, items, time);

    return 0;
}


static void
llmb_learn_feed_one(llmb_learn_t *l, double items, double time)
{
    double  fit, off, bound, weight, keep;

    if (l->calls == 0) {
        l->noise = (float) LLMB_LEARN_NOISE;
        fit = time;

    } else {
        fit = llmb_learn_fit(l, items);
        off = time > fit ? (time - fit) / fit : (fit - time) / fit;
        bound = llmb_learn_far(l);

        l->noise += (float) ((llmb_min(off, LLMB_LEARN_CLIP) - l->noise) / 16);

        time = llmb_min(time, fit * (1 + bound));
        time = llmb_max(time, fit / (1 + bound));
    }

    keep = 1.0 - 1.0 / LLMB_LEARN_MEMORY;
    weight = 1.0 / (fit * fit);

    if (l->apart && items > 1) {
        /* there are few of them, and they are what a probe is for */
        weight *= 4;
    }

    l->calls = (float) (l->calls * keep + 1);
    l->sum = l->sum * keep + weight;
    l->sum_n = l->sum_n * keep + weight * items;
    l->sum_nn = l->sum_nn * keep + weight * items * items;
    l->sum_t = l->sum_t * keep + weight * time;
    l->sum_nt = l->sum_nt * keep + weight * items * time;

    llmb_learn_solve(l);
}


/* the upstream is not what it was */

static void
llmb_learn_forget(llmb_learn_t *l)
{
    l->sum = 0;
    l->sum_n = 0;
    l->sum_nn = 0;
    l->sum_t = 0;
    l->sum_nt = 0;
    l->fixed = 0;
    l->each = 0;
    l->calls = 0;
    l->run = 0;
    l->sizes = 0;
}


/* a call that is off by more than this share is not one of many */

static double
llmb_learn_far(const llmb_learn_t *l)
{
    return llmb_max(3.0 * l->noise, 0.25);
}


void
llmb_learn_scale(llmb_learn_t *l, double by, const llmb_learn_window_t *w)
{
    double  keep;

    if (!l->sizes) {
        llmb_learn_forget(l);
        llmb_learn_add(l, w, 1.0);
        return;
    }

    /* the weights, too, are by cost */

    keep = l->calls > LLMB_LEARN_KEEP ? LLMB_LEARN_KEEP / l->calls : 1;

    l->calls = (float) (l->calls * keep);
    keep /= by * by;

    l->sum *= keep;
    l->sum_n *= keep;
    l->sum_nn *= keep;
    l->sum_t *= keep * by;
    l->sum_nt *= keep * by;

    l->fixed = (float) (l->fixed * by);
    l->each = (float) (l->each * by);
    l->run = 0;

    llmb_learn_solve(l);
}


void
llmb_learn_feed_window(llmb_learn_t *l, const llmb_learn_window_t *w)
{
    double  keep, ratio, off;

    ratio = (double) w->ratio / w->calls;
    off = (double) w->square / w->calls - ratio * ratio;
    off = 0.8 * llmb_learn_root(off);
    off = llmb_min(off, LLMB_LEARN_CLIP);

    l->noise += (float) ((off - l->noise) * llmb_min(w->calls / 16.0, 1.0));

    keep = 1.0 - llmb_min(w->calls, LLMB_LEARN_MEMORY / 2)
                 / (double) LLMB_LEARN_MEMORY;

    l->calls = (float) (l->calls * keep);
    l->sum *= keep;
    l->sum_n *= keep;
    l->sum_nn *= keep;
    l->sum_t *= keep;
    l->sum_nt *= keep;

    llmb_learn_add(l, w, 1.0);
}


void
llmb_learn_shape(llmb_learn_t *l, const llmb_learn_window_t *w)
{
    double  calls, n, t, nn, each, at;

    calls = w->calls;
    n = w->items / calls;
    t = w->time / calls;
    nn = w->sum_nn / calls - n * n;

    if (l->sizes || nn < n * n / 20) {
        return;
    }

    each = (w->sum_nt / calls - n * t) / nn;
    each = llmb_min(each, t / n);
    each = llmb_max(each, 0.0);

    /* as if they had taken what those took that the cost is known of */

    at = l->sum_n / l->sum;
    at = t + (at - n) * each;

    llmb_learn_add(l, w, l->sum_t / l->sum / llmb_max(at, 1.0));
}


/* the calls of a window, as if they had taken so many times as long */

static void
llmb_learn_add(llmb_learn_t *l, const llmb_learn_window_t *w, double by)
{
    double  weight;

    weight = by * w->time / w->calls;
    weight = 1.0 / (weight * weight);

    l->calls += (float) w->calls;
    l->sum += weight * w->calls;
    l->sum_n += weight * w->items;
    l->sum_nn += weight * w->sum_nn;
    l->sum_t += weight * w->time * by;
    l->sum_nt += weight * w->sum_nt * by;

    llmb_learn_solve(l);
}


static void
llmb_learn_solve(llmb_learn_t *l)
{
    double  n, t, nn, nt, tie, held, each, noise, doubt;

    n = l->sum_n / l->sum;
    t = l->sum_t / l->sum;

    nn = l->sum_nn / l->sum - n * n;
    nt = l->sum_nt / l->sum - n * t;
    nn = llmb_max(nn, 0.0);

    if (nn > n * n / 50) {
        l->sizes = 1;
    }

    /* what was known holds "each" where the sizes say little */

    tie = n * n / 500;
    held = tie / (nn + tie);
    each = (nt + tie * l->each) / (nn + tie);

    each = llmb_min(each, t / n);
    each = llmb_max(each, 0.0);

    l->each = (float) each;
    l->fixed = (float) (t - n * each);

    /* noise is a mean deviation: 1.25 times that is a standard deviation */

    noise = 1.25 * l->noise;
    nn = llmb_max(nn * l->sum, n * n * l->sum / 100000);
    doubt = 2 * llmb_learn_root(noise * noise / nn) + held * t / n;

    l->doubt = (float) llmb_min(doubt, t / n);
}


double
llmb_learn_fit(const llmb_learn_t *l, double items)
{
    double  fit;

    fit = l->fixed + items * l->each;

    return llmb_max(fit, 1.0);
}


double
llmb_learn_least(const llmb_learn_t *l, double items)
{
    return llmb_learn_line(l, items, items > l->sum_n / l->sum ? -1 : 1);
}


double
llmb_learn_most(const llmb_learn_t *l, double items)
{
    return llmb_learn_line(l, items, items > l->sum_n / l->sum ? 1 : -1);
}


/* the line through the mean that is steeper by its doubt, or less steep */

static double
llmb_learn_line(const llmb_learn_t *l, double items, int sign)
{
    double  n, t, each;

    n = l->sum_n / l->sum;
    t = l->sum_t / l->sum;

    each = (double) l->each + sign * (double) l->doubt;
    each = llmb_max(each, 0.0);
    each = llmb_min(each, t / n);

    return llmb_max(t + (items - n) * each, 1.0);
}


double
llmb_learn_gain(const llmb_learn_t *l, double *doubt)
{
    double  n, t;

    n = l->sum_n / l->sum;
    t = l->sum_t / l->sum;

    *doubt = (1 + n) * l->doubt
             + 2.5 * l->noise * t / llmb_learn_root(l->calls);

    return l->fixed - l->each;
}


/* three steps of Newton from a guess by the exponent: 12 digits */

double
llmb_learn_root(double value)
{
    double    root;
    uint64_t  bits;

    if (value <= 0) {
        return 0;
    }

    memcpy(&bits, &value, sizeof(bits));
    bits = (bits >> 1) + 0x1ff7a3bea91d9b1bULL;
    memcpy(&root, &bits, sizeof(bits));

    root = (root + value / root) / 2;
    root = (root + value / root) / 2;

    return (root + value / root) / 2;
}
