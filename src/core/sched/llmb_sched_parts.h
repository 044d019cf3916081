
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of the scheduler share.
 */


#ifndef _LLMB_SCHED_PARTS_H_INCLUDED_
#define _LLMB_SCHED_PARTS_H_INCLUDED_


#include "llmb_zone.h"


#pragma GCC visibility push(hidden)


/* ms that a member with a budget leaves earlier, for timers and delivery */

#define LLMB_SCHED_MARGIN    5

/* ms between two calls of a group whose upstream wants none */

#define LLMB_SCHED_PROBE     1000

/*
 * ms between a call that failed and its second try; up to twice that, so that
 * many do not come at once.  By then nginx knows which of the connections that
 * it keeps were closed, and an upstream that restarts may be there.
 */

#define LLMB_SCHED_BACKOFF   50

/* ms for which the parts of a request that was cut wait out a rate limit */

#define LLMB_SCHED_PATIENCE  60000


/* ms after which nobody waits any more for a worker that was not seen */

#define LLMB_SCHED_LOST      3000


/* what a call is to find out */

typedef enum {
    LLMB_PROBE_NONE = 0,
    LLMB_PROBE_PAUSE,             /* whether a pause may end before its time */
    LLMB_PROBE_TRIAL              /* whether it was long enough */
} llmb_probe_e;


/* members of a queue that are looked at in one step, beside those of a call */

#define LLMB_SCHED_STEP  64

/* what is sent next */

typedef struct {
    uint32_t      n;              /* members, in the order of the queue */
    uint32_t      must;           /* and this one, if not LLMB_NIL */
    unsigned      found:1;        /* one of them is the worker's */
    uint64_t      paused;         /* until then: a probe, of those only who
                                     cannot wait so long; or 0 */
    llmb_close_e  close;
} llmb_batch_t;


#pragma GCC visibility pop


#endif /* _LLMB_SCHED_PARTS_H_INCLUDED_ */
