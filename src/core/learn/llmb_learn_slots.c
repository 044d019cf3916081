
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How many calls at a time: as many as the upstream may work on, by all that
 * is known (llmb_learn_cost.c).  Slots beyond that only make calls wait there,
 * while what waits with us becomes a larger call.
 *
 * A group begins with all slots, and loses those that are certainly too many.
 * Calls tell that by themselves while their number changes.  Where all slots
 * are taken all the time there have to be trials.  One with more slots tells
 * whether more are worked on; the next one is larger if so.  One with fewer
 * tells those that are worked on from those that wait: as with BBR, which looks
 * for the true round trip in this way.  Trials are made soon while their result
 * is not known, and less and less often if it is.
 */


#include "llmb_learn_parts.h"
#include "llmb_learn_slots.h"


/* calls before a trial: while nothing is known; with more slots, with fewer,
   at most */

#define LLMB_LEARN_SOON   8
#define LLMB_LEARN_MORE   64
#define LLMB_LEARN_FEWER  128

/* calls of a trial with more slots; with fewer ones, at most */

#define LLMB_LEARN_FEW    4
#define LLMB_LEARN_TRIAL  32


static void llmb_learn_set(llmb_learn_t *l, uint32_t slots, uint32_t back,
    uint64_t now);
static void llmb_learn_tried(llmb_learn_t *l, uint64_t now);
static void llmb_learn_try(llmb_learn_t *l, uint64_t now);


void
llmb_learn_slots(llmb_learn_t *l, const llmb_sample_t *sample, uint64_t now)
{
    uint32_t  most;

    /* only calls that were sent since the last change say anything about it */

    if (now >= l->changed + sample->time
        && (l->back || sample->inflight >= l->slots))
    {
        l->steady++;
    }

    if (l->back && l->back < l->slots && l->steady < LLMB_LEARN_FEW) {
        /* what was known of so many slots is not to end it at once */
        return;
    }

    most = llmb_max(l->most, l->min);

    if (most < l->slots) {

        if (l->back < l->slots) {
            l->more = llmb_min(l->more * 2, LLMB_LEARN_MORE);
        }

        l->step = 1;
        llmb_learn_set(l, most, 0, now);

        return;
    }

    if (l->slots == l->max) {
        l->careful = 0;
    }

    if (l->back) {
        llmb_learn_tried(l, now);

    } else {
        llmb_learn_try(l, now);
    }
}


void
llmb_learn_slots_anew(llmb_learn_t *l)
{
    l->step = 1;
    l->more = LLMB_LEARN_SOON;
    l->fewer = LLMB_LEARN_SOON;
}


/* half of the slots, once for all calls that were in flight together */

void
llmb_learn_overload(llmb_learn_t *l, const llmb_sample_t *sample, uint64_t now)
{
    if (now < l->changed + sample->time) {
        return;
    }

    l->careful = 1;
    l->step = 1;

    llmb_learn_set(l, l->slots / 2, 0, now);
}


/* "back" is what they were before a trial; 0: it is none */

static void
llmb_learn_set(llmb_learn_t *l, uint32_t slots, uint32_t back, uint64_t now)
{
    slots = llmb_min(llmb_max(slots, l->min), l->max);

    l->open &= slots >= l->slots;
    l->slots = slots;
    l->back = back;
    l->steady = 0;
    l->changed = now;
}


/* slots are not too many for certain: is that the end of a trial? */

static void
llmb_learn_tried(llmb_learn_t *l, uint64_t now)
{
    if (l->slots > l->back) {

        if (l->least >= l->back && !l->careful) {
            l->step = llmb_min(l->step * 2, l->slots);
        }

        l->more = LLMB_LEARN_SOON;
        llmb_learn_set(l, l->slots, 0, now);

    } else if (l->least > l->slots || l->steady >= LLMB_LEARN_TRIAL) {
        l->fewer = llmb_min(l->fewer * 2, LLMB_LEARN_FEWER);
        llmb_learn_set(l, llmb_min(l->back, l->most), 0, now);
    }
}


/* is it time for one? */

static void
llmb_learn_try(llmb_learn_t *l, uint64_t now)
{
    uint32_t  more, fewer;

    more = l->careful ? l->slots
           : l->most > l->slots ? LLMB_LEARN_SOON : l->more;

    fewer = l->least <= l->slots * 3 / 4 ? l->fewer : LLMB_LEARN_FEWER;

    if (l->slots < l->max && l->steady >= more) {
        llmb_learn_set(l, l->slots + l->step, l->slots, now);

    } else if (l->slots > l->min && l->steady >= fewer) {
        llmb_learn_set(l, l->slots * 3 / 4, l->slots, now);
    }
}
