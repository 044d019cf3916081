
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How many calls at a time: as many as the upstream may work on, by all that
 * is known (llmb_learn_cost.c).  Slots beyond that only make calls wait there,
 * while what waits with us becomes a larger call.
 *
 * Kinds of calls differ in what they cost, but not in this: so what is known is
 * that of the kind of which most is known, and narrowed by what any other one
 * is certain of.  If one is certain of more than another, the upstream is but a
 * door, and behind it they do not share anything.  Then it is the one with more
 * that counts: the other one's calls may wait there, but nobody waits here for
 * what does not concern it.
 *
 * An upstream begins with all slots, and loses those that are certainly too
 * many.  Calls tell that by themselves while their number changes.  Where all
 * slots are taken all the time there have to be trials.  One with more slots
 * tells whether more are worked on; the next one is larger if so.  One with
 * fewer tells those that are worked on from those that wait: as with BBR, which
 * looks for the true round trip in this way.  Trials are made soon while their
 * result is not known, and less and less often if it is.
 */


#include <string.h>

#include "llmb_slots.h"


/* calls before a trial: while nothing is known; with more slots, with fewer,
   at most */

#define LLMB_SLOTS_SOON   8
#define LLMB_SLOTS_MORE   64
#define LLMB_SLOTS_FEWER  128

/* and so many times as many while others want slots, for whose calls those of
   a trial would be in the way */

#define LLMB_SLOTS_CROWDED 8

/* calls from which a kind is known enough to doubt another one */

#define LLMB_SLOTS_TRUST   16

/* the share of what is known from calls that is forgotten with each */

#define LLMB_SLOTS_FORGET  0.01f

/* calls of a trial with more slots; with fewer ones, at most */

#define LLMB_SLOTS_FEW    4
#define LLMB_SLOTS_TRIAL  32


static void llmb_slots_know(llmb_slots_t *s, const llmb_learn_t *l,
    uint32_t kind);
static void llmb_slots_set(llmb_slots_t *s, uint32_t slots, uint32_t back,
    uint64_t now);
static void llmb_slots_tried(llmb_slots_t *s, uint64_t now);
static void llmb_slots_try(llmb_slots_t *s, unsigned wait, uint64_t now);


void
llmb_slots_init(llmb_slots_t *s, uint32_t min, uint32_t max)
{
    memset(s, 0, sizeof(llmb_slots_t));

    s->min = llmb_max(min, 1);
    s->max = llmb_max(max, s->min);
    s->slots = s->max;
    s->open = 1;

    llmb_slots_anew(s);
}


void
llmb_slots_bounds(llmb_slots_t *s, uint32_t min, uint32_t max,
    uint32_t inflight)
{
    uint32_t  slots;

    slots = s->open ? llmb_max(s->slots, inflight) : s->slots;

    s->min = min;
    s->max = max;
    s->slots = llmb_max(llmb_min(slots, max), min);
    s->back = 0;
}


void
llmb_slots_sample(llmb_slots_t *s, const llmb_learn_t *l,
    const llmb_sample_t *sample, const llmb_others_t *others, uint64_t now)
{
    uint32_t  most;

    llmb_slots_know(s, l, others->kind);

    /* only calls that were sent since the last change say anything about it */

    if (now >= s->changed + sample->time
        && (s->back || sample->inflight >= s->slots))
    {
        s->steady++;
    }

    if (s->back && s->back < s->slots && s->steady < LLMB_SLOTS_FEW) {
        /* what was known of so many slots is not to end it at once */
        return;
    }

    most = llmb_max(s->most, s->min);

    if (most < s->slots) {

        if (s->back < s->slots) {
            s->more = llmb_min(s->more * 2, LLMB_SLOTS_MORE);
        }

        s->step = 1;
        llmb_slots_set(s, most, 0, now);

        return;
    }

    if (s->slots == s->max) {
        s->careful = 0;
    }

    if (s->back) {
        llmb_slots_tried(s, now);

    } else {
        llmb_slots_try(s, others->wait, now);
    }
}


static void
llmb_slots_know(llmb_slots_t *s, const llmb_learn_t *l, uint32_t kind)
{
    uint32_t  least, most;

    least = llmb_max(l->least, s->least);
    most = llmb_min(l->most, s->most);

    s->trust -= s->trust * LLMB_SLOTS_FORGET;

    if (kind == s->kind || s->trust < LLMB_SLOTS_TRUST) {
        s->least = l->least;
        s->most = l->most;
        s->trust = l->calls;
        s->kind = kind;

    } else if (least > most) {

        if (least == s->least) {
            return;
        }

        s->least = l->least;
        s->most = l->most;
        s->trust = l->calls;
        s->kind = kind;

    } else {
        s->least = least;
        s->most = most;

        if (l->calls >= s->trust) {
            s->trust = l->calls;
            s->kind = kind;
        }
    }
}


void
llmb_slots_anew(llmb_slots_t *s)
{
    s->step = 1;
    s->more = LLMB_SLOTS_SOON;
    s->fewer = LLMB_SLOTS_SOON;
    s->trust = 0;
}


/* half of the slots, once for all calls that were in flight together */

void
llmb_slots_overload(llmb_slots_t *s, const llmb_sample_t *sample, uint64_t now)
{
    if (now < s->changed + sample->time) {
        return;
    }

    s->careful = 1;
    s->step = 1;

    llmb_slots_set(s, s->slots / 2, 0, now);
}


/* "back" is what they were before a trial; 0: it is none */

static void
llmb_slots_set(llmb_slots_t *s, uint32_t slots, uint32_t back, uint64_t now)
{
    slots = llmb_min(llmb_max(slots, s->min), s->max);

    s->open &= slots >= s->slots;
    s->slots = slots;
    s->back = back;
    s->steady = 0;
    s->changed = now;
}


/* slots are not too many for certain: is that the end of a trial? */

static void
llmb_slots_tried(llmb_slots_t *s, uint64_t now)
{
    if (s->slots > s->back) {

        if (s->least >= s->back && !s->careful) {
            s->step = llmb_min(s->step * 2, s->slots);
        }

        s->more = LLMB_SLOTS_SOON;
        llmb_slots_set(s, s->slots, 0, now);

    } else if (s->least > s->slots || s->steady >= LLMB_SLOTS_TRIAL) {
        s->fewer = llmb_min(s->fewer * 2, LLMB_SLOTS_FEWER);
        llmb_slots_set(s, llmb_min(s->back, s->most), 0, now);
    }
}


/* is it time for one? */

static void
llmb_slots_try(llmb_slots_t *s, unsigned wait, uint64_t now)
{
    uint32_t  more, fewer;

    more = s->careful ? s->slots
           : llmb_min(s->most, s->max) > s->slots ? LLMB_SLOTS_SOON
           : wait ? s->more * LLMB_SLOTS_CROWDED : s->more;

    fewer = s->least <= s->slots * 3 / 4 ? s->fewer : LLMB_SLOTS_FEWER;

    if (s->slots < s->max && s->steady >= more) {
        llmb_slots_set(s, s->slots + s->step, s->slots, now);

    } else if (s->slots > s->min && s->steady >= fewer) {
        llmb_slots_set(s, s->slots * 3 / 4, s->slots, now);
    }
}


uint32_t
llmb_slots_now(const llmb_slots_t *s)
{
    return s->slots;
}
