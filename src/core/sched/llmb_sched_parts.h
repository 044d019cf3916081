
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of the scheduler share.
 */


#ifndef _LLMB_SCHED_PARTS_H_INCLUDED_
#define _LLMB_SCHED_PARTS_H_INCLUDED_


#include "llmb_sched.h"


#pragma GCC visibility push(hidden)


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
