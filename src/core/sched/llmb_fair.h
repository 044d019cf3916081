
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who is next, if several share a group: start-time fair queueing (Goyal, Vin,
 * Cheng: Start-time Fair Queueing, SIGCOMM 1996).  A member is ranked by the
 * virtual time at which its turn comes; a flow that has just been served a lot
 * has its next turn later, so each gets its share in tokens, whatever the
 * others send.  One with a higher weight pays less for its tokens.  Nobody
 * starves: ranks are given once, and virtual time goes on.
 *
 * With one flow this is first come, first served.
 */


#ifndef _LLMB_FAIR_H_INCLUDED_
#define _LLMB_FAIR_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* the flows of a group that are told apart at one time */

#define LLMB_FAIR_FLOWS     16

#define LLMB_FAIR_PRIORITY  5         /* of 0 to 9, where none is given */


typedef struct {
    uint64_t         time;            /* virtual, in weighted tokens */
    uint64_t         finish[LLMB_FAIR_FLOWS];
    uint64_t         flows[LLMB_FAIR_FLOWS];
} llmb_fair_t;


/* what so many tokens cost, in virtual time */
uint64_t llmb_fair_price(unsigned priority, uint64_t tokens);

/*
 * The rank of a member that comes now, of so many tokens.  What a flow sends
 * with another priority is a flow of its own.
 */
uint64_t llmb_fair_rank(llmb_fair_t *f, uint64_t flow, unsigned priority,
    uint64_t tokens);

/* a member of this rank was served; "last": no other waits */
void llmb_fair_serve(llmb_fair_t *f, uint64_t rank, unsigned last);


#pragma GCC visibility pop


#endif /* _LLMB_FAIR_H_INCLUDED_ */
