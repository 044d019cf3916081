
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What becomes of a call that came back, and what it teaches: the one place
 * where that is decided, whoever has carried the call.
 *
 * A call of several requests is carried by a request of ours.  One of a single
 * member is carried by its client's own request, which has its response by
 * then; or by one of ours, if it is, or may have to be, cut.
 */


#ifndef _LLMB_RETURNED_H_INCLUDED_
#define _LLMB_RETURNED_H_INCLUDED_


#include "llmb_sched.h"
#include "llmb_verdict.h"


#pragma GCC visibility push(hidden)


/* what the carrier knows, beside the outcome; zeros: nothing */

typedef struct {
    unsigned         divisible:1; /* what went alone can be cut further */
    unsigned         ids_asked:1; /* ids of tokens were asked for by us, */
    unsigned         ids_given:1; /* and are in the response */
    unsigned         retry_ms:1;  /* the pause was named in ms */

    uint32_t         items;       /* that were sent, without copies */
    uint32_t         inflight;    /* calls to the upstream then, with this */
    uint64_t         sent;        /* us */
    uint64_t         usec;        /* now */
    uint64_t         began;       /* ms; the request of a part came then */
    uint64_t         retry;       /* ms that the upstream wants no calls for */
    uint64_t         estimated;   /* tokens of what was sent, and what the */
    uint64_t         counted;     /* upstream has counted; or both 0 */
    llmb_str_t       words;       /* the beginning of an error's text */

    /* of the location */
    uint32_t         fallback_limit;    /* percent */
    uint32_t         breaker_failures;
    uint64_t         breaker_cooldown;  /* ms */
} llmb_facts_t;


typedef struct {
    llmb_verdict_e   verdict;     /* what is left to do; see below */
    llmb_reason_e    reason;      /* what went wrong, for those that get it */
    uint64_t         pause;       /* ms of one that has begun, or 0 */
    uint32_t         format_off;  /* ms for which the format is not tried, from
                                     now on; or 0 */
    unsigned         absent:1;    /* the path of calls is known not to be there
                                     since now */
} llmb_returned_t;


/*
 * A SENT call came back to its worker.  Completes the outcome with what the
 * zone knows: members, tries, unsent, spent; and puts its tokens into the
 * upstream's.
 * All is learned that it tells, of the upstream, of limits, of the format and
 * of who is to be trusted; then the verdict is carried out:
 *
 *   AGAIN, HALVE         nothing: the call is in the mail of whoever sends it
 *                        next, or what was alone waits, or goes otherwise
 *   SPLIT                its members are still CLAIMED: each is to be given
 *                        its slice
 *   CUT                  its only member leaves, to be cut
 *   any other one        members that are sent alone, wait or were refused have
 *                        left; those that are still CLAIMED are to be given
 *                        the error
 *
 * but for the first two, the call is to be ended when that is done.  One that
 * was carried by its client's own request is DELIVER, and ends as its member
 * leaves.  "now" is in ms.
 */
void llmb_returned(llmb_zone_t *z, uint32_t call, uint32_t worker,
    llmb_outcome_t *outcome, const llmb_facts_t *facts, uint64_t now,
    llmb_returned_t *returned);


#pragma GCC visibility pop


#endif /* _LLMB_RETURNED_H_INCLUDED_ */
