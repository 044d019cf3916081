
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The calls in a second that an upstream takes from whoever sends a group's, as
 * far as its 429 tell: a provider that counts calls would else be asked again
 * and again for more than it gives, and each answer of 429 is a pause.
 *
 * The first 429 finds the rate of calls that it has answered up to then, in the
 * best of the last two seconds; of a few calls, of which that says nothing, a
 * later 429 finds the rate since the first one.  From then on a tenth less than
 * that is sent, for a minute, then more and more, until all is forgotten, or
 * another 429 comes: then it is a fifth less, but not below a quarter of what
 * was found first, as some upstreams answer 429 for other reasons, too; and it
 * is kept for twice as long, but not above eight minutes, as each of those is a
 * pause for somebody.  After a long Retry-After, as of a limit by the minute,
 * the rate is that of the whole time since the last 429, the pause included.
 * Times are in us of one monotonic clock.
 */


#ifndef _LLMB_QUOTA_H_INCLUDED_
#define _LLMB_QUOTA_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* zeroed: nothing is known */

typedef struct {
    uint64_t         second;      /* when the present one began */
    uint32_t         calls;       /* answered in it */
    uint32_t         before;      /* and in the one before it */
    uint32_t         all;         /* and since */
    uint64_t         since;       /* the 429 from which on all are counted */
    float            interval;    /* between two calls; 0: any */
    float            first;       /* the one that was found first */
    uint64_t         limited;     /* when the last 429 came */
    uint64_t         kept;        /* for how long it is not raised after that */
    uint64_t         raised;      /* when there was made room for more */
    uint64_t         next;        /* the bucket is empty again */
} llmb_quota_t;


/* a call was answered; or with 429, sent then, and "retry" ms to wait */
void llmb_quota_answered(llmb_quota_t *q, uint64_t now);
void llmb_quota_exceeded(llmb_quota_t *q, uint64_t sent, uint64_t retry,
    uint64_t now);

/* a call is sent; "until" is the time before which there is no room for it */
void llmb_quota_spend(llmb_quota_t *q, uint64_t now);
uint64_t llmb_quota_until(const llmb_quota_t *q, uint64_t now);

/* calls in a second; 0: any number */
double llmb_quota_rate(const llmb_quota_t *q, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_QUOTA_H_INCLUDED_ */
