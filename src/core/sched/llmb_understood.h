
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Whether the answers to calls of several requests are understood.  A server
 * may not speak the format that its path is known for: each call of several
 * would then cost one more call for each of its members, again and again, and
 * with each new key anew.  So what is kept here is about a location, a format
 * and a model, whatever the key.
 */


#ifndef _LLMB_UNDERSTOOD_H_INCLUDED_
#define _LLMB_UNDERSTOOD_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* of how many that is kept; the one heard of least lately is replaced */

#define LLMB_UNDERSTOOD_N         64

/* failures in a row after which no calls of several are made */

#define LLMB_UNDERSTOOD_FAILURES  3

/* ms for which they are not: at first, and at most; each time twice as long */

#define LLMB_UNDERSTOOD_FIRST     10000
#define LLMB_UNDERSTOOD_MOST      3600000

/*
 * ms after an answer that was understood for which failures do not count: they
 * have other reasons, such as what one client asks for, which is left to the
 * breaker of its group
 */

#define LLMB_UNDERSTOOD_KNOWN     600000


typedef struct {
    uint64_t         name;        /* what it is about; 0: nothing */
    uint64_t         heard;       /* ms; the latest answer */
    uint64_t         good;        /* ms; the latest that was understood, or 0 */
    uint64_t         until;       /* ms; no calls of several before */
    uint32_t         pause;       /* ms; the latest, or 0 */
    uint32_t         failures;    /* in a row */
} llmb_format_state_t;


typedef struct {
    llmb_format_state_t  formats[LLMB_UNDERSTOOD_N];
} llmb_understood_t;


/*
 * The answer to a call of several was understood, or not.  Returns for how
 * many ms no more are made from now on, or 0; times are in ms.
 */
uint32_t llmb_understood_result(llmb_understood_t *u, uint64_t name,
    unsigned understood, uint64_t now);

/* whether no calls of several are made */
unsigned llmb_understood_off(const llmb_understood_t *u, uint64_t name,
    uint64_t now);


#pragma GCC visibility pop


#endif /* _LLMB_UNDERSTOOD_H_INCLUDED_ */
