
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a group has learned about its failures: a breaker that keeps requests
 * apart while merging does not work, and an allowance that keeps isolation
 * from multiplying the load of an upstream in trouble.
 */


#ifndef _LLMB_HEALTH_H_INCLUDED_
#define _LLMB_HEALTH_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


#define LLMB_HEALTH_STEPS    6        /* a minute, in steps of 10 s */
#define LLMB_HEALTH_STEP_MS  10000

/* a quiet group is treated as if it had this many requests in the minute */

#define LLMB_HEALTH_FLOOR    64


typedef struct {
    uint64_t         step;            /* number of the newest step */
    uint32_t         requests[LLMB_HEALTH_STEPS];
    uint32_t         extra[LLMB_HEALTH_STEPS];

    uint32_t         failures;        /* consecutive failed calls */
    uint64_t         open_until;      /* ms */
} llmb_health_t;


/* counts a request that was held; all times are in ms */
void llmb_health_request(llmb_health_t *h, uint64_t now);

/*
 * Takes up to "wanted" extra calls out of the allowance, which is "percent"
 * of the requests of the last minute; returns how many were granted.
 */
uint32_t llmb_health_allow(llmb_health_t *h, uint32_t percent,
    uint32_t wanted, uint64_t now);

/*
 * Counts the outcome of a merged call; "limit" failures in a row open the
 * breaker for "cooldown" ms, after which one more failure opens it again.
 * A limit of 0 never opens it.
 */
void llmb_health_result(llmb_health_t *h, unsigned failed, uint32_t limit,
    uint64_t cooldown, uint64_t now);

/* whether the breaker is open */
unsigned llmb_health_open(const llmb_health_t *h, uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_HEALTH_H_INCLUDED_ */
