
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * When a group is sent.
 *
 *   slot   as soon as fewer than "concurrency" calls are in flight; these slots
 *          are taken one after another, see llmb_policy_pace()
 *   fixed  full, or max_wait after the oldest came, or already with min_size
 *          items at 70 % of it, and not more than "concurrency" at a time
 *   rate   as slot, but not more than so many calls in a second
 *
 * In all of them, nobody waits past its deadline if there is a slot, nor past
 * its bound, which is the same but for slots that are learned, whatever is in
 * flight, but for the parts of a request that was cut: they are sent in the
 * upstream's own time, since all of them at once would be the flood that the
 * limits are there to prevent.
 */


#ifndef _LLMB_POLICY_H_INCLUDED_
#define _LLMB_POLICY_H_INCLUDED_


#include "llmb_reasons.h"


#pragma GCC visibility push(hidden)


/* ms by which the clocks of workers may differ */

#define LLMB_POLICY_SKEW  5


typedef enum {
    LLMB_WINDOW_SLOT = 0,
    LLMB_WINDOW_FIXED,
    LLMB_WINDOW_RATE
} llmb_window_e;


typedef struct {
    llmb_window_e    window;
    uint32_t         concurrency; /* at most */
    uint32_t         learned;     /* concurrency is learned */
    uint64_t         interval;    /* us between two calls, with "rate" */
    uint32_t         min_size;    /* items */
    uint32_t         max_size;    /* items gathered into a call */
    uint64_t         max_tokens;  /* in a call; 0: no bound */
    uint64_t         max_bytes;   /* of items gathered into a call */
    uint32_t         most_items;  /* that the upstream takes in a call, so that
                                     a client may send them as one; 0: that is
                                     not known */
    uint64_t         most_bytes;  /* the same of bytes */
    uint64_t         max_wait;    /* ms */
    uint32_t         patience;    /* percent of a call; see llmb_patience.h */
    uint32_t         spend;       /* whoever has a budget waits for its end */
} llmb_policy_t;


/* how long a member waits so that others can share its call */

typedef enum {
    LLMB_PATIENCE_NONE = 0,
    LLMB_PATIENCE_HALF,
    LLMB_PATIENCE_WHOLE,
    LLMB_PATIENCE_BUDGET          /* as long as that allows */
} llmb_patience_e;

#define LLMB_PATIENCES  4


typedef struct {
    uint64_t         since;       /* of the oldest; ms */
    uint32_t         n;           /* who wait */
} llmb_patient_t;


/* what an upstream was found to take in a call; 0: anything so far */

typedef struct {
    uint32_t         items;
    uint64_t         tokens;
    uint64_t         bytes;       /* of items */
} llmb_learned_t;


/* what waits in a group; the times, in ms, are those of the oldest */

typedef struct {
    uint32_t         requests;
    uint32_t         items;
    uint64_t         tokens;
    uint64_t         bytes;
    uint32_t         inflight;    /* calls */
    uint64_t         since;
    uint64_t         deadline;
    uint64_t         bound;
    uint32_t         oldest;      /* whose these are */
    uint32_t         urgent;      /* whose answer is due first, and */
    uint64_t         latest;      /* when it has to leave; or UINT64_MAX */
    uint64_t         paused;      /* nothing but deadlines until then */
    uint64_t         budget;      /* ms; no call before, but a full one in
                                     the window "slot" */
    uint64_t         gate;        /* ms; nor before that, but a full one */
    uint64_t         quota;       /* ms; no call before */
    unsigned         crowded:1;   /* others have the slots of the upstream */
    unsigned         patient:1;   /* the oldest may wait for a slot */
} llmb_load_t;


/* narrows all bounds of a call by what was learned */
void llmb_policy_learn(llmb_policy_t *policy, const llmb_learned_t *learned);

/* widens what is proven by a call that was taken; tells what is within */
void llmb_policy_prove(llmb_learned_t *proven, uint32_t items,
    uint64_t tokens, uint64_t bytes);
unsigned llmb_policy_proven(const llmb_learned_t *proven, uint32_t items,
    uint64_t tokens, uint64_t bytes);


/*
 * Whether a call of one client is within what the upstream takes.  It may have
 * more than is gathered of several.
 */
unsigned llmb_policy_takes(const llmb_policy_t *policy, uint32_t items,
    uint64_t tokens, uint64_t bytes);

/*
 * A budget of calls as a leaky bucket (the generic cell rate algorithm of ITU-T
 * I.371): *next is the time, in us, at which the bucket is empty again.
 * spend() takes a call out of it; budget() is the time, in ms, from which there
 * is room for one more.  As many calls as the rate allows in a second may come
 * at once, at least one, so nobody waits while the arrivals are below the rate.
 * Calls that were sent at a deadline are made up for by fewer ones, but not for
 * longer than a minute.
 */
void llmb_policy_spend(const llmb_policy_t *policy, uint64_t *next,
    uint64_t now);
uint64_t llmb_policy_budget(const llmb_policy_t *policy, uint64_t next);

/*
 * The time, in us, from a call that is sent in the window "slot" to the next;
 * 0: at once.  Calls that are sent together come back together, so all slots
 * would be taken by the few requests that come just then, and those that come
 * later would wait for the whole time of a call.  So the slots are used evenly
 * over the "time", in us, that a call takes, if more than one request comes
 * from one to the next at "rate" per second.  "slots" is the group's share of
 * those that it has in common with others.  As long as no call has returned,
 * and "time" is 0, half of them are taken at once, by the "inflight" calls of
 * all, and what has passed "since" the first was sent is the least that a call
 * takes.
 */
uint64_t llmb_policy_pace(double slots, uint32_t inflight, double rate,
    uint64_t time, uint64_t since);

/*
 * Whether a call of "items", "tokens" and "bytes" may take one more member of
 * the given size.  The first always fits.
 */
unsigned llmb_policy_fits(const llmb_policy_t *policy, const llmb_load_t *call,
    uint32_t items, uint64_t tokens, uint64_t bytes);


#pragma GCC visibility pop


#endif /* _LLMB_POLICY_H_INCLUDED_ */
