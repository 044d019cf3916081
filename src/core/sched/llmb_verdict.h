
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is to be done with a call that came back: the table of failures.
 */


#ifndef _LLMB_VERDICT_H_INCLUDED_
#define _LLMB_VERDICT_H_INCLUDED_


#include "llmb_policy.h"


#pragma GCC visibility push(hidden)


typedef enum {
    LLMB_VERDICT_SPLIT = 0,       /* cut the answer */
    LLMB_VERDICT_DELIVER,         /* everybody gets the error: see
                                     llmb_verdict_status() */
    LLMB_VERDICT_PAUSE,           /* wait who can, the others get the answer */
    LLMB_VERDICT_AGAIN,           /* send the call once more */
    LLMB_VERDICT_HALVE,           /* send its halves */
    LLMB_VERDICT_ALONE,           /* send each member alone */
    LLMB_VERDICT_CUT,             /* cut it further: it was alone */
    LLMB_VERDICT_ABSENT           /* the same, and never again as a call: the
                                     path that calls go to is not there */
} llmb_verdict_e;


/* up to this many items are isolated one request at a time */

#define LLMB_VERDICT_SINGLY  8

/* so often is a call tried again that could not be sent at all */

#define LLMB_VERDICT_UNSENT  3


typedef struct {
    unsigned         status;      /* of the HTTP answer */
    unsigned         answered:1;  /* it is the upstream's, and complete; else
                                     the status is nginx's own (502, 504) */
    unsigned         split:1;     /* it can be cut */
    unsigned         idempotent:1;
    unsigned         fallback:1;  /* failures are isolated and retried */
    unsigned         moved:1;     /* it went to another path than its members
                                     came for */
    unsigned         alone:1;     /* there was one member from the beginning,
                                     whose answer it is */
    unsigned         internal:1;  /* nothing was sent: there was no socket, or
                                     no memory */
    unsigned         timed_out:1; /* an upstream was silent for too long,
                                     whatever others have said then */
    uint32_t         members;
    uint32_t         items;
    uint64_t         tokens;      /* as estimated */
    uint64_t         bytes;       /* of items */
    uint32_t         tries;       /* before this one, that have failed */
    uint32_t         unsent;      /* and those that could not be sent */
    uint64_t         spent;       /* ms in calls that failed, this one included,
                                     of the member that has spent most */
    uint64_t         timeout;     /* ms that an upstream may be silent; 0: it
                                     is not known, or there is none */
    llmb_mismatch_e  mismatch;    /* if an answer of 200 cannot be cut */
} llmb_outcome_t;


/*
 * Whoever is sent again may find that the upstream hangs, and wait for a whole
 * time-out.  So nothing is sent again after a time-out, nor after more than
 * half of one was spent: what is added to the time that a request would take
 * alone is never more than that half.
 */
llmb_verdict_e llmb_verdict(const llmb_outcome_t *outcome);

/*
 * The status for those who get the error of a call.  That something in it was
 * wrong is not said to those who may be innocent, unless errors are not looked
 * into at all.  Who was alone is not.
 */
unsigned llmb_verdict_status(const llmb_outcome_t *outcome);

/* the word for what went wrong; LLMB_REASON_NONE if nothing did */
llmb_reason_e llmb_verdict_reason(const llmb_outcome_t *outcome);

/* what the outcome tells of the format: see llmb_understood.h */
typedef enum {
    LLMB_FORMAT_UNKNOWN = 0,      /* nothing */
    LLMB_FORMAT_UNDERSTOOD,
    LLMB_FORMAT_MISUNDERSTOOD
} llmb_format_e;

llmb_format_e llmb_verdict_format(const llmb_outcome_t *outcome);

/* whether the outcome counts against the group's breaker */
unsigned llmb_verdict_failed(const llmb_outcome_t *outcome);

/*
 * The milliseconds of a Retry-After value (seconds) or, if "ms", of a
 * Retry-After-Ms one; a date or nonsense is "missing".  Never more than an
 * hour.
 */
uint64_t llmb_verdict_retry_after(llmb_str_t value, unsigned ms,
    uint64_t missing);


#pragma GCC visibility pop


#endif /* _LLMB_VERDICT_H_INCLUDED_ */
