
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Fewer slots, to see whether calls get faster.  Those that waited for each
 * other at the upstream do, in proportion: of k calls that were answered in r
 * times what they take now, k / r were worked on at a time.  Others do not,
 * and what they take is the cost.
 */


#include "llmb_learn_parts.h"


/* calls between two trials without a reason, at most and at least */

#define LLMB_LEARN_TRIAL_MAX  1024
#define LLMB_LEARN_TRIAL_MIN  32

/* calls that waited so much, as a multiple of their cost, did so for sure */

#define LLMB_LEARN_PLAIN      1.5

/* more items come if those in flight grow by this */

#define LLMB_LEARN_MORE       1.3


static void llmb_learn_again(llmb_learn_t *l, const llmb_learn_window_t *w,
    uint64_t now);
static void llmb_learn_same(llmb_learn_t *l, const llmb_learn_window_t *w,
    uint64_t now);
static void llmb_learn_faster(llmb_learn_t *l, const llmb_learn_window_t *w,
    double served, uint64_t now);
static void llmb_learn_settle(llmb_learn_t *l, const llmb_learn_window_t *w);


void
llmb_learn_trial(llmb_learn_t *l, const llmb_learn_window_t *w, double share,
    uint64_t now)
{
    uint32_t  back, slots, level;

    back = l->slots;
    level = (uint32_t) (llmb_learn_inflight(w) + 0.5);
    level = llmb_min(level, l->slots);
    slots = (uint32_t) (level * share + 0.5);
    slots = llmb_max(llmb_min(slots, level - 1), l->min);

    l->before = *w;
    l->back = back;

    if (slots >= level) {
        /* nothing to try */
        l->trial = 0;
        l->astray = 0;
        l->clear = 1;
        llmb_learn_set(l, l->slots, now);
        return;
    }

    l->trial = 1;
    l->tried = 0;
    llmb_learn_set(l, slots, now);
}


void
llmb_learn_verdict(llmb_learn_t *l, uint64_t now)
{
    double                ratio, most, error, level, was, waited;
    llmb_learn_window_t  *before, w;

    w = l->within;
    before = &l->before;

    if (w.calls < LLMB_LEARN_ENOUGH) {
        return;
    }

    if (l->astray && w.calls % LLMB_LEARN_ENOUGH == 0) {
        llmb_learn_shape(l, &w);
    }

    level = llmb_learn_inflight(&w);
    was = llmb_learn_inflight(before);

    ratio = llmb_learn_ratio(l, &w, llmb_learn_least)
            / llmb_learn_ratio(l, before, llmb_learn_least);
    most = llmb_learn_ratio(l, &w, llmb_learn_most)
           / llmb_learn_ratio(l, before, llmb_learn_most);

    if (was * (1 - most) > LLMB_LEARN_QUEUE
        && was * (1 - ratio) < LLMB_LEARN_QUEUE
        && l->slots > l->min
        && llmb_learn_size(&w) * level
           > LLMB_LEARN_MORE * llmb_learn_size(before) * was)
    {
        /* more items came meanwhile, and what they cost is not known yet */

        if (l->astray
            || llmb_learn_ratio(l, before, llmb_learn_least) < LLMB_LEARN_PLAIN)
        {
            llmb_learn_again(l, &w, now);

        } else {
            llmb_learn_trial(l, &w, LLMB_LEARN_LESS, now);
        }

        return;
    }

    ratio = l->astray ? ratio : most;
    error = 2 * was * ratio
            * llmb_learn_root(llmb_learn_variance(l, &w)
                              + llmb_learn_variance(l, before));

    waited = was * (1 - ratio);

    if (w.calls < LLMB_LEARN_ALL
        && waited > LLMB_LEARN_QUEUE - error
        && waited < LLMB_LEARN_QUEUE + error)
    {
        return;
    }

    if (waited > llmb_max(error, LLMB_LEARN_QUEUE)) {
        llmb_learn_faster(l, &w, was - waited, now);

    } else {
        llmb_learn_same(l, &w, now);
    }
}


/* the slots are given back, and the trial is made the other way round */

static void
llmb_learn_again(llmb_learn_t *l, const llmb_learn_window_t *w, uint64_t now)
{
    uint32_t  slots;

    slots = l->slots;

    l->trial = 0;
    l->astray = 1;

    llmb_learn_settle(l, w);
    llmb_learn_set(l, l->back, now);

    l->clear = slots;
}


/* calls did not get faster, so that is what they take, all that there were */

static void
llmb_learn_same(llmb_learn_t *l, const llmb_learn_window_t *w, uint64_t now)
{
    double    ratio;
    uint32_t  slots;

    slots = (uint32_t) (llmb_learn_inflight(&l->before) + 0.5);
    ratio = llmb_learn_ratio(l, w, llmb_learn_fit);

    l->trial = 0;
    l->astray = 0;

    /* a cost that is all new is looked at again soon */

    l->every = ratio < LLMB_LEARN_FAST
               ? LLMB_LEARN_TRIAL_MIN
               : llmb_min(l->every * 2, LLMB_LEARN_TRIAL_MAX);

    llmb_learn_settle(l, w);
    llmb_learn_set(l, l->back, now);

    l->clear = llmb_max(llmb_min(slots, l->back), 1);
    l->step = llmb_max(l->slots / 2, 1);
    l->pause = LLMB_LEARN_PAUSE;
}


/* calls got faster: so many are worked on at a time, or fewer */

static void
llmb_learn_faster(llmb_learn_t *l, const llmb_learn_window_t *w,
    double served, uint64_t now)
{
    uint32_t  slots;

    slots = l->slots;
    l->every = LLMB_LEARN_TRIAL;

    if (served <= slots + 1
        && slots > l->min
        && (l->astray
            || llmb_learn_waiting(l, w, llmb_learn_least) > LLMB_LEARN_QUEUE))
    {
        llmb_learn_trial(l, w, LLMB_LEARN_LESS, now);
        return;
    }

    if (l->astray) {
        llmb_learn_settle(l, w);
    }

    l->trial = 0;
    l->astray = 0;
    l->step = 1;
    l->pause = LLMB_LEARN_PAUSE;

    if (served > slots + 1) {
        llmb_learn_set(l, (uint32_t) (served + 0.5), now);

    } else {
        llmb_learn_set(l, slots, now);
    }

    l->clear = slots;
}


/* the cost is that of the calls of a window; lone ones have told it already */

static void
llmb_learn_settle(llmb_learn_t *l, const llmb_learn_window_t *w)
{
    if (l->slots > 1) {
        llmb_learn_scale(l, llmb_learn_ratio(l, w, llmb_learn_fit), w);
    }
}
