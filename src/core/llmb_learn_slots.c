
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How many calls at a time, by the delay that they cause each other.
 *
 * An upstream that works on P calls at a time answers the k-th that is in
 * flight after max(1, k / P) times its cost.  So k calls of which one takes
 * r times its cost are answered as k / r, and k - k / r of them wait there:
 * that is TCP Vegas, and the gradient of Netflix's concurrency-limits.  Slots
 * that only make calls wait are taken away, since what waits with us instead
 * becomes a larger call.
 *
 * All hangs on the cost being that of a call that does not wait.  Lone calls
 * never do.  Others are believed not to as long as there are no more of them
 * than were seen not to: "clear".  What is above is compared to what is
 * within.  A cost that is wrong nevertheless shows when there are fewer slots
 * (as with BBR, which looks for the true round trip so): calls that wait get
 * faster then, others do not.  Each time that slots are taken away for a
 * reason that is not certain is such a trial, and now and then there is one
 * for no reason.
 */


#include <string.h>

#include "llmb_learn_parts.h"


/* times the usual variance of calls that is too much for one window, and how
   often that may be in a row */

#define LLMB_LEARN_MIXED      6
#define LLMB_LEARN_MIXED_MAX  3

/* calls without a change before more slots are tried, at most */

#define LLMB_LEARN_PAUSE_MAX  64


static void llmb_learn_overload(llmb_learn_t *l, uint64_t sent, uint64_t now);
static void llmb_learn_above(llmb_learn_t *l, uint64_t now);
static void llmb_learn_clear(llmb_learn_t *l);
static void llmb_learn_within(llmb_learn_t *l, uint64_t now);
static void llmb_learn_take(llmb_learn_t *l);
static void llmb_learn_grow(llmb_learn_t *l);


unsigned
llmb_learn_slots(llmb_learn_t *l, const llmb_sample_t *sample, uint64_t now)
{
    uint64_t  sent;

    sent = now > sample->time ? now - sample->time : 0;

    if (sample->end == LLMB_LEARN_OVERLOAD) {
        llmb_learn_overload(l, sent, now);
        return 0;
    }

    if (l->calls == 0) {
        return 1;
    }

    /* calls that were sent before there were fewer slots waited for more */

    if (sent < l->changed) {
        return sample->inflight <= 1;
    }

    if (l->trial) {
        if (sample->inflight > 1 || l->slots == 1) {
            llmb_learn_window_add(l, &l->within, sample);
            llmb_learn_verdict(l, now);
        }

        return sample->inflight <= 1;
    }

    if (sample->inflight >= l->slots) {
        l->steady++;
        l->tried++;
    }

    if (sample->inflight > l->clear) {
        llmb_learn_window_add(l, &l->above, sample);
        llmb_learn_above(l, now);
        return sample->inflight <= 1;
    }

    if (sample->inflight > 1) {
        llmb_learn_window_add(l, &l->within, sample);
        llmb_learn_within(l, now);
    }

    if (!l->trial) {
        llmb_learn_grow(l);
    }

    return sample->inflight <= 1;
}


void
llmb_learn_slots_anew(llmb_learn_t *l, uint64_t now)
{
    l->trial = 0;
    l->astray = 0;
    l->step = 1;
    l->pause = LLMB_LEARN_PAUSE;

    llmb_learn_set(l, l->slots, now);

    l->clear = 1;
}


/* half of the slots, once for all calls that were in flight together */

static void
llmb_learn_overload(llmb_learn_t *l, uint64_t sent, uint64_t now)
{
    if (sent < l->changed) {
        return;
    }

    l->trial = 0;
    l->careful = 1;

    llmb_learn_set(l, l->slots / 2, now);
}


/* more calls than are known not to delay each other: do they? */

static void
llmb_learn_above(llmb_learn_t *l, uint64_t now)
{
    uint32_t              slots;
    llmb_learn_window_t  *w;

    w = &l->above;

    if (w->calls >= (l->calls < 2 * LLMB_LEARN_WINDOW ? 4 : 2)
        && llmb_learn_waits(l, w, llmb_learn_most))
    {
        l->step = 1;
        l->pause = llmb_min(l->pause * 2, LLMB_LEARN_PAUSE_MAX);

        if (l->astray || l->calls < LLMB_LEARN_WINDOW) {
            llmb_learn_trial(l, w, 0.5, now);
            return;
        }

        slots = (uint32_t) (llmb_learn_served(l, w, llmb_learn_most) + 0.5);
        slots = llmb_min(slots, l->slots - 1);

        llmb_learn_set(l, llmb_max(slots, l->clear), now);
        return;
    }

    if (w->calls < llmb_max(l->clear, LLMB_LEARN_ENOUGH)) {
        return;
    }

    if (llmb_learn_waiting(l, w, llmb_learn_least) > LLMB_LEARN_QUEUE) {
        /* it looks so, but noise or sizes that are new may be the reason */

        if (w->calls < LLMB_LEARN_ALL) {
            if (w->calls % LLMB_LEARN_WINDOW == 0) {
                llmb_learn_shape(l, w);
            }

            return;
        }

        l->astray = 1;
        llmb_learn_trial(l, w, LLMB_LEARN_LESS, now);
        return;
    }

    llmb_learn_clear(l);
}


/* no, they do not */

static void
llmb_learn_clear(llmb_learn_t *l)
{
    uint32_t              slots;
    llmb_learn_window_t  *w;

    w = &l->above;

    l->astray = 0;
    slots = (uint32_t) (llmb_learn_served(l, w, llmb_learn_fit) + 0.3);
    l->clear = llmb_max(l->clear + 1, slots);
    memset(w, 0, sizeof(llmb_learn_window_t));

    if (l->clear >= l->slots) {
        l->clear = l->slots;
        l->step = l->careful ? 1 : l->step * 2;
        l->step = llmb_min(l->step, l->slots);
        l->pause = l->careful ? l->slots : LLMB_LEARN_ENOUGH;
        l->steady = 0;
    }
}


/* calls that should not delay each other: has anything changed? */

static void
llmb_learn_within(llmb_learn_t *l, uint64_t now)
{
    double                ratio, error;
    llmb_learn_window_t  *w;

    w = &l->within;

    if (w->calls < LLMB_LEARN_WINDOW) {
        return;
    }

    ratio = llmb_learn_ratio(l, w, llmb_learn_least);

    if (llmb_learn_waits(l, w, llmb_learn_most)) {
        llmb_learn_trial(l, w, ratio > 2 ? 0.5 : LLMB_LEARN_LESS, now);
        return;
    }

    error = ratio * llmb_learn_root(llmb_learn_variance(l, w));

    if (ratio < LLMB_LEARN_FAST && ratio + LLMB_LEARN_CERTAIN * error < 0.9) {
        l->astray = 1;
        llmb_learn_trial(l, w, LLMB_LEARN_LESS, now);
        return;
    }

    if (l->tried >= l->every
        && llmb_learn_inflight(w) > 0.8 * l->slots)
    {
        l->astray = 1;
        llmb_learn_trial(l, w, LLMB_LEARN_LESS, now);
        return;
    }

    if (w->calls >= LLMB_LEARN_WITHIN) {
        llmb_learn_take(l);
    }
}


/* no, so that is what calls cost; unless some were quite unlike the others */

static void
llmb_learn_take(llmb_learn_t *l)
{
    double                variance;
    llmb_learn_window_t  *w;

    w = &l->within;
    variance = llmb_learn_variance(l, w) * w->calls;

    if (l->mixed < LLMB_LEARN_MIXED_MAX
        && variance > LLMB_LEARN_MIXED * l->noise * l->noise + 0.01)
    {
        l->mixed++;

    } else {
        l->mixed = 0;
        llmb_learn_feed_window(l, w);
    }

    memset(w, 0, sizeof(llmb_learn_window_t));
}


void
llmb_learn_set(llmb_learn_t *l, uint32_t slots, uint64_t now)
{
    slots = llmb_max(slots, l->min);
    l->open &= slots >= l->slots;

    if (slots <= l->slots) {
        l->changed = now;
    }

    l->slots = llmb_min(slots, l->max);
    l->clear = llmb_min(l->clear, l->slots);
    l->steady = 0;

    memset(&l->within, 0, sizeof(llmb_learn_window_t));
    memset(&l->above, 0, sizeof(llmb_learn_window_t));
}


/* all slots are used, and no call waits for another */

static void
llmb_learn_grow(llmb_learn_t *l)
{
    if (l->clear < l->slots || l->slots >= l->max
        || l->steady < l->pause)
    {
        if (l->slots >= l->max) {
            l->careful = 0;
        }

        return;
    }

    l->slots = llmb_min(l->slots + l->step, l->max);
    l->steady = 0;

    memset(&l->above, 0, sizeof(llmb_learn_window_t));
}
