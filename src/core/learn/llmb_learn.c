
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_learn_cost.h"
#include "llmb_slots.h"


/* calls before anything is made of what one costs */

#define LLMB_LEARN_GUESS      3

/* calls before merging may be given up */

#define LLMB_LEARN_SURE       24

/* calls that wait as long as so many take alone */

#define LLMB_LEARN_CROWD      8

/* ms between two probes, the first and the longest, and the share of one */

#define LLMB_LEARN_PROBE      4000
#define LLMB_LEARN_PROBE_MAX  10000
#define LLMB_LEARN_PROBE_PART 3

/* calls of several items that a probe needs */

#define LLMB_LEARN_PROBED     16


static void llmb_learn_spread(llmb_learn_t *l, const llmb_sample_t *sample);
static void llmb_learn_decide(llmb_learn_t *l, uint32_t items,
    uint64_t now);


void
llmb_learn_init(llmb_learn_t *l)
{
    memset(l, 0, sizeof(llmb_learn_t));
}


void
llmb_learn_sample(llmb_learn_t *l, llmb_slots_t *slots,
    const llmb_sample_t *sample, const llmb_others_t *others, uint64_t now)
{
    llmb_sample_t  s;

    static const llmb_others_t  alone = { 0, 1, 0 };

    if (sample->end == LLMB_LEARN_OTHER) {
        return;
    }

    s = *sample;
    s.end = s.end == LLMB_LEARN_LIMITED ? LLMB_LEARN_OVERLOAD : s.end;
    s.items = llmb_max(s.items, 1);
    s.inflight = llmb_max(s.inflight, 1);
    s.time = llmb_max(s.time, 1);

    if (s.end == LLMB_LEARN_OVERLOAD) {
        llmb_slots_overload(slots, &s, now);
        return;
    }

    if (others == NULL) {
        others = &alone;
    }

    if (llmb_learn_feed(l, &s, others->cost)) {
        /* that was another upstream */
        l->behind = 0;
        l->apart = 0;
        llmb_slots_anew(slots);
    }

    llmb_slots_sample(slots, l, &s, others, now);
    llmb_learn_spread(l, &s);
    llmb_learn_decide(l, s.items, now);
}


/* RFC 6298, but for the cost, which is known better, and shares of it */

static void
llmb_learn_spread(llmb_learn_t *l, const llmb_sample_t *sample)
{
    double  time, cost, off;

    if (l->calls == 0) {
        return;
    }

    time = (double) sample->time;
    cost = llmb_learn_fit(l, sample->items);

    if (l->spread == 0) {
        l->spread = 0.5;
    }

    off = time / (cost + l->behind) - 1;
    off = off < 0 ? -off : off;
    off = llmb_min(off, 4.0);
    l->spread += (float) ((off - l->spread) / (off > l->spread ? 4 : 64));

    l->behind += (float) ((time - cost - l->behind) / 8);
    l->behind = llmb_max(l->behind, 0.0f);
}


/*
 * Whether merging helps: only what is certain changes our mind.  Requests that
 * go apart take no turns, so where many calls wait at the upstream, they would
 * make a queue there that is never worked off, should merging help after all.
 */

static void
llmb_learn_decide(llmb_learn_t *l, uint32_t items, uint64_t now)
{
    double  gain, doubt;

    if (items > 1) {
        l->merged++;
    }

    if (!l->sizes || l->calls < LLMB_LEARN_SURE) {
        return;
    }

    if (l->behind > LLMB_LEARN_CROWD * llmb_learn_fit(l, 1)) {
        l->apart = 0;
        return;
    }

    gain = llmb_learn_gain(l, &doubt);

    if (!l->apart && gain + 1.25 * doubt < 0) {
        l->apart = 1;
        l->probe = LLMB_LEARN_PROBE;
        l->probed = now;
        l->merged = LLMB_LEARN_PROBED;

    } else if (l->apart && gain - doubt / 2 > 0) {
        l->apart = 0;
    }
}


unsigned
llmb_learn_merges(llmb_learn_t *l, uint64_t now)
{
    uint64_t  time;

    if (!l->apart) {
        return 1;
    }

    time = now > l->probed ? (now - l->probed) / 1000 : 0;

    if (time >= l->probe) {
        l->probed = now;
        l->probe = llmb_min(l->probe * 2, LLMB_LEARN_PROBE_MAX);
        l->merged = 0;
        return 1;
    }

    return time < l->probe / LLMB_LEARN_PROBE_PART
           && l->merged < LLMB_LEARN_PROBED;
}


unsigned
llmb_learn_apart(const llmb_learn_t *l)
{
    return l->apart;
}


unsigned
llmb_learn_cost(const llmb_learn_t *l, double *fixed, double *each)
{
    if (!l->sizes) {
        return 0;
    }

    *fixed = l->fixed;
    *each = l->each;

    return 1;
}


unsigned
llmb_learn_guess(const llmb_learn_t *l, double *fixed, double *each)
{
    if (l->calls < LLMB_LEARN_GUESS) {
        return 0;
    }

    *fixed = l->fixed;
    *each = l->each;

    return 1;
}


uint64_t
llmb_learn_time(const llmb_learn_t *l, uint32_t items)
{
    double  time;

    time = (double) llmb_learn_expected(l, items);
    time *= 1 + 4 * l->spread;

    return time < 1e15 ? (uint64_t) time : (uint64_t) 1e15;
}


uint64_t
llmb_learn_expected(const llmb_learn_t *l, uint32_t items)
{
    double  time;

    if (l->calls == 0) {
        return 0;
    }

    time = llmb_learn_most(l, llmb_max(items, 1)) + l->behind;

    return time < 1e15 ? (uint64_t) time : (uint64_t) 1e15;
}


uint64_t
llmb_learn_service(const llmb_learn_t *l, uint32_t items)
{
    double  time;

    if (l->calls == 0) {
        return 0;
    }

    time = llmb_learn_fit(l, llmb_max(items, 1));

    return time < 1e15 ? (uint64_t) time : (uint64_t) 1e15;
}


uint32_t
llmb_learn_knee(const llmb_learn_t *l)
{
    double  each, knee;

    if (!l->sizes) {
        return 0;
    }

    each = l->each - l->doubt;

    if (each <= 0) {
        return UINT32_MAX;
    }

    knee = 4 * l->fixed / each;

    return knee < 1 ? 1 : knee < UINT32_MAX ? (uint32_t) knee : UINT32_MAX;
}
