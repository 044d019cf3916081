
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How many calls at a time: as many as the upstream may work on, by all that
 * is known (llmb_learn_cost.c).
 */


#ifndef _LLMB_LEARN_SLOTS_H_INCLUDED_
#define _LLMB_LEARN_SLOTS_H_INCLUDED_


#include "llmb_learn_parts.h"


#pragma GCC visibility push(hidden)


/* what follows for the slots; and from a call that was too much */
void llmb_learn_slots(llmb_learn_t *l, const llmb_sample_t *sample,
    uint64_t now);
void llmb_learn_overload(llmb_learn_t *l, const llmb_sample_t *sample,
    uint64_t now);

/* nothing is known, so trials are due */
void llmb_learn_slots_anew(llmb_learn_t *l);


#pragma GCC visibility pop


#endif /* _LLMB_LEARN_SLOTS_H_INCLUDED_ */
