
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The cost of a call, and how many calls at a time an upstream works on.
 *
 * A call of n items costs fixed + n * each.  An upstream that works on P calls
 * at a time takes the k-th that is in flight after k - P others are done, one
 * every P-th of what they cost: so it takes
 *
 *     fixed * (1 + q) + each * (n + q * m),    q = max(0, k - P) / P,
 *
 * m the items of the others.  For each P this is a line, which is fitted by
 * least squares with forgetting, and the P whose line is closest to what calls
 * took is the best.  Where calls of other kinds go to the same upstream, each
 * counts for as many of this kind as it takes times longer.  So nothing has to
 * be known of which calls waited.  But as long as the same number of calls is
 * in flight all the time, one P will do as well as another: it is for
 * llmb_slots.c to make a difference.
 *
 * Deviations count as shares of what a call took, so calls that are very late,
 * as some always are, do not count more than others.  Where the sizes are all
 * the same there is no telling "fixed" from "each"; then "each" stays what it
 * was, and "doubt" says how far off it may be.
 */


#include <string.h>

#include "llmb_learn_cost.h"


/* calls that all is the mean of */

#define LLMB_LEARN_MEMORY   100

/* calls that a new group has had, as it were, and their deviation */

#define LLMB_LEARN_PRIOR    8
#define LLMB_LEARN_NOISE    0.15

/* squared deviations, beyond those of the best line, that rule another out */

#define LLMB_LEARN_CERTAIN  5

/* and twice as many if there were only so many calls */

#define LLMB_LEARN_UNSURE   4.0

/*
 * A call that has to wait finds the one that is next to be done half done if
 * it comes at any time, and just begun if it takes the slot of another: so
 * much of it is done on average.
 */
#define LLMB_LEARN_DONE     0.25

/* a call that is faster by more than this factor is as one by this factor */

#define LLMB_LEARN_FAST     2

/*
 * The upstream is not what it was if the mean of the last calls is off by so
 * many standard deviations.  One call counts for three of them at most, so that
 * takes six in a row.  Where calls deviate by more than "noisy" this may be
 * just because it has changed.
 */
#define LLMB_LEARN_LAST     8
#define LLMB_LEARN_CLIP     3.0
#define LLMB_LEARN_OFF      1.6
#define LLMB_LEARN_NOISY    0.25f


/* the numbers of calls at a time that are told apart; the last is any */

static const uint32_t  llmb_learn_parallel[LLMB_LEARN_FITS] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    20, 26, 36, 52, 80, 128, 256, 1 << 24
};


static unsigned llmb_learn_strange(llmb_learn_t *l,
    const llmb_sample_t *sample, double expected);
static void llmb_learn_forget(llmb_learn_t *l);
static void llmb_learn_add(llmb_learn_t *l, const llmb_sample_t *sample,
    double others, double time);
static void llmb_learn_terms(const llmb_learn_t *l,
    const llmb_sample_t *sample, double waits, double time,
    llmb_learn_fit_t *terms);
static inline void llmb_learn_sum(llmb_learn_fit_t *f, float keep,
    const llmb_learn_fit_t *terms);
static double llmb_learn_waits(const llmb_sample_t *sample, double parallel);
static void llmb_learn_solve(llmb_learn_t *l);
static double llmb_learn_line(const llmb_learn_t *l,
    const llmb_learn_fit_t *f, double *fixed, double *each);
static void llmb_learn_range(llmb_learn_t *l, const double *error);
static void llmb_learn_doubt(llmb_learn_t *l);
static double llmb_learn_root(double value);


unsigned
llmb_learn_feed(llmb_learn_t *l, const llmb_sample_t *sample, double others)
{
    double    time, waits, expected;
    unsigned  forgot;

    time = (double) sample->time;
    forgot = 0;

    if (l->calls > 0) {
        waits = llmb_learn_waits(sample, llmb_learn_parallel[l->best])
                * others;

        expected = llmb_learn_fit(l, sample->items)
                   + waits * llmb_learn_fit(l, l->size);

        if (llmb_learn_strange(l, sample, expected)) {
            llmb_learn_forget(l);
            forgot = 1;

        } else if (l->calls > LLMB_LEARN_LAST) {
            time = llmb_max(time, expected / LLMB_LEARN_FAST);
        }

    } else {
        l->size = (float) sample->items;
    }

    llmb_learn_add(l, sample, others, time);

    l->size += ((float) sample->items - l->size) / 4;

    llmb_learn_solve(l);

    return forgot;
}


/* the upstream is not what it was */

static unsigned
llmb_learn_strange(llmb_learn_t *l, const llmb_sample_t *sample,
    double expected)
{
    double  off;

    off = (double) sample->time / expected - 1;
    off /= llmb_min(l->noise, LLMB_LEARN_NOISY);
    off = llmb_min(off, LLMB_LEARN_CLIP);
    off = llmb_max(off, -LLMB_LEARN_CLIP);

    l->off += (float) (off - l->off) / LLMB_LEARN_LAST;

    return l->off > LLMB_LEARN_OFF || l->off < -LLMB_LEARN_OFF;
}


static void
llmb_learn_forget(llmb_learn_t *l)
{
    memset(l->fits, 0, sizeof(l->fits));

    l->each = 0;
    l->calls = 0;
    l->off = 0;
    l->sizes = 0;
}


static void
llmb_learn_add(llmb_learn_t *l, const llmb_sample_t *sample, double others,
    double time)
{
    float             keep;
    double            waits;
    uint32_t          i;
    llmb_learn_fit_t  alone, waited, *f;

    keep = 1 - 1.0f / LLMB_LEARN_MEMORY;
    l->calls = l->calls * keep + 1;

    llmb_learn_terms(l, sample, 0, time, &alone);

    for (i = 0; i < LLMB_LEARN_FITS; i++) {
        f = &l->fits[i];

        waits = llmb_learn_waits(sample, llmb_learn_parallel[i]) * others;

        if (waits == 0) {
            break;
        }

        llmb_learn_terms(l, sample, waits, time, &waited);
        llmb_learn_sum(f, keep, &waited);
    }

    /* it waits the less the more are worked on at a time */

    for ( /* void */ ; i < LLMB_LEARN_FITS; i++) {
        llmb_learn_sum(&l->fits[i], keep, &alone);
    }
}


/* as a call of n items that took so much and did not wait */

static void
llmb_learn_terms(const llmb_learn_t *l, const llmb_sample_t *sample,
    double waits, double time, llmb_learn_fit_t *terms)
{
    double  n, cost, weight;

    n = (sample->items + waits * (double) l->size) / (1 + waits);
    cost = time / (1 + waits);
    weight = 1 / (cost * cost);

    terms->sum = (float) weight;
    terms->sum_n = (float) (weight * n);
    terms->sum_nn = (float) (weight * n * n);
    terms->sum_t = (float) (weight * cost);
    terms->sum_nt = (float) (weight * cost * n);
}


static inline void
llmb_learn_sum(llmb_learn_fit_t *f, float keep, const llmb_learn_fit_t *terms)
{
    f->sum = f->sum * keep + terms->sum;
    f->sum_n = f->sum_n * keep + terms->sum_n;
    f->sum_nn = f->sum_nn * keep + terms->sum_nn;
    f->sum_t = f->sum_t * keep + terms->sum_t;
    f->sum_nt = f->sum_nt * keep + terms->sum_nt;
}


/* how many others a call waits for, each of which takes all that there is */

static double
llmb_learn_waits(const llmb_sample_t *sample, double parallel)
{
    double  waits;

    waits = sample->inflight - parallel - LLMB_LEARN_DONE;

    return llmb_max(waits, 0) / parallel;
}


static void
llmb_learn_solve(llmb_learn_t *l)
{
    double             fixed, each, error[LLMB_LEARN_FITS];
    uint32_t           i;
    llmb_learn_fit_t  *f;

    error[0] = llmb_learn_line(l, &l->fits[0], &fixed, &each);

    for (i = 1; i < LLMB_LEARN_FITS; i++) {
        f = &l->fits[i];

        /* from where no call waited, all are the same */

        error[i] = memcmp(f, f - 1, sizeof(llmb_learn_fit_t)) == 0
                   ? error[i - 1]
                   : llmb_learn_line(l, f, &fixed, &each);
    }

    /* the most, where there is no difference */

    l->best = LLMB_LEARN_FITS - 1;

    for (i = LLMB_LEARN_FITS - 1; i > 0; i--) {
        if (error[i - 1] < error[l->best]) {
            l->best = i - 1;
        }
    }

    llmb_learn_range(l, error);

    (void) llmb_learn_line(l, &l->fits[l->best], &fixed, &each);

    l->fixed = (float) fixed;
    l->each = (float) each;

    llmb_learn_doubt(l);
}


/* the line of a fit, and the sum of the squared deviations from it */

static double
llmb_learn_line(const llmb_learn_t *l, const llmb_learn_fit_t *f,
    double *fixed, double *each)
{
    double  n, t, nn, nt, tie, a, b, error;

    n = f->sum_n / f->sum;
    t = f->sum_t / f->sum;

    nn = f->sum_nn / f->sum - n * n;
    nt = f->sum_nt / f->sum - n * t;
    nn = llmb_max(nn, 0.0);

    /* what was known holds "each" where the sizes say little */

    tie = n * n / 500;
    b = (nt + tie * l->each) / (nn + tie);

    b = llmb_min(b, t / n);
    b = llmb_max(b, 0.0);
    a = t - n * b;

    *fixed = a;
    *each = b;

    error = l->calls - 2 * a * f->sum_t - 2 * b * f->sum_nt
            + a * a * f->sum + 2 * a * b * f->sum_n + b * b * f->sum_nn;

    return llmb_max(error, 0.0);
}


/* from the first to the last that is not much worse than the best */

static void
llmb_learn_range(llmb_learn_t *l, const double *error)
{
    double    variance, bound;
    uint32_t  i;

    variance = error[l->best]
               + LLMB_LEARN_PRIOR * LLMB_LEARN_NOISE * LLMB_LEARN_NOISE;
    variance /= l->calls + LLMB_LEARN_PRIOR;

    l->noise = (float) llmb_learn_root(variance);

    /* of a few calls, the variance is itself not certain */

    bound = 1 + LLMB_LEARN_UNSURE / l->calls;
    bound = error[l->best] + LLMB_LEARN_CERTAIN * variance * bound;

    for (i = 0; error[i] > bound; i++) { /* void */ }

    l->least = llmb_learn_parallel[i];

    for (i = LLMB_LEARN_FITS - 1; error[i] > bound; i--) { /* void */ }

    l->most = llmb_learn_parallel[i];
}


static void
llmb_learn_doubt(llmb_learn_t *l)
{
    double             n, t, nn, tie, doubt;
    llmb_learn_fit_t  *f;

    f = &l->fits[l->best];

    n = f->sum_n / f->sum;
    t = f->sum_t / f->sum;
    nn = f->sum_nn / f->sum - n * n;
    nn = llmb_max(nn, n * n / 100000);

    if (nn > n * n / 50) {
        l->sizes = 1;
    }

    tie = n * n / 500;

    doubt = 2 * l->noise / llmb_learn_root(nn * f->sum)
            + tie / (nn + tie) * t / n;

    l->doubt = (float) llmb_min(doubt, t / n);
}


double
llmb_learn_fit(const llmb_learn_t *l, double items)
{
    double  fit;

    fit = l->fixed + items * l->each;

    return llmb_max(fit, 1.0);
}


/* the line through the mean that is steeper by its doubt, or less steep */

double
llmb_learn_most(const llmb_learn_t *l, double items)
{
    double                   n, t, each;
    const llmb_learn_fit_t  *f;

    f = &l->fits[l->best];

    n = f->sum_n / f->sum;
    t = f->sum_t / f->sum;

    each = items > n ? l->each + l->doubt : l->each - l->doubt;
    each = llmb_max(each, 0.0);
    each = llmb_min(each, t / n);

    return llmb_max(t + (items - n) * each, 1.0);
}


double
llmb_learn_gain(const llmb_learn_t *l, double *doubt)
{
    double                   n, t;
    const llmb_learn_fit_t  *f;

    f = &l->fits[l->best];

    n = f->sum_n / f->sum;
    t = f->sum_t / f->sum;

    *doubt = (1 + n) * l->doubt
             + 2 * l->noise * t / llmb_learn_root(l->calls);

    return l->fixed - l->each;
}


/* three steps of Newton from a guess by the exponent: 12 digits */

static double
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
