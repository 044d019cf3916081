
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a group has learned about its failures: a breaker that keeps requests
 * apart while merging does not work, and an allowance that keeps isolation
 * from multiplying the load of an upstream in trouble.
 *
 * Where several share the group, the flows of llmb_fair.h, who sends what makes
 * calls fail would use up that allowance, and leave the others with the errors
 * of such calls.  So whoever is found guilty is charged for the search; when
 * that is more than its share of the allowance, its requests go apart until the
 * minute is over, and do no more harm than alone.
 */


#ifndef _LLMB_HEALTH_H_INCLUDED_
#define _LLMB_HEALTH_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


#define LLMB_HEALTH_STEPS    6        /* a minute, in steps of 10 s */
#define LLMB_HEALTH_STEP_MS  10000

/* a quiet group is treated as if it had this many requests in the minute */

#define LLMB_HEALTH_FLOOR    64

/* the flows of a group that are remembered at one time */

#define LLMB_HEALTH_FLOWS    32

/* extra calls that it takes, or so, to find the guilty one of a call */

#define LLMB_HEALTH_SEARCH   8


typedef struct {
    uint64_t         flow;
    uint16_t         requests;        /* lately; both fade in a minute */
    uint16_t         charged;         /* extra calls */
} llmb_health_flow_t;


typedef struct {
    uint64_t         step;            /* number of the newest step */
    uint32_t         requests[LLMB_HEALTH_STEPS];
    uint32_t         extra[LLMB_HEALTH_STEPS];

    uint32_t         failures;        /* consecutive failed calls */
    uint64_t         open_until;      /* ms */
    uint64_t         good;            /* ms; the latest answer without error */

    llmb_health_flow_t  flows[LLMB_HEALTH_FLOWS];
} llmb_health_t;


/* counts a request that was held; all times are in ms */
void llmb_health_request(llmb_health_t *h, uint64_t flow, uint64_t now);

/*
 * What a request of the flow, sent alone at "sent" after its call had failed,
 * was answered.  An error in what it sent is its own; so is one of the upstream
 * if others were served meanwhile.
 */
void llmb_health_alone(llmb_health_t *h, uint64_t flow, unsigned status,
    uint64_t sent, uint64_t now);

/*
 * Whether the flow has used up its share of the allowance.  Nor may flows share
 * calls that are not known, as long as all that are have done harm.
 */
unsigned llmb_health_apart(llmb_health_t *h, uint64_t flow, uint32_t percent,
    uint64_t now);

/* whether the flow has been charged for anything lately */
unsigned llmb_health_charged(const llmb_health_t *h, uint64_t flow);

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
