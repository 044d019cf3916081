
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What upstreams say about calls that are too large.
 */


#ifndef _LLMB_VERDICT_LEARN_H_INCLUDED_
#define _LLMB_VERDICT_LEARN_H_INCLUDED_


#include "llmb_verdict.h"


#pragma GCC visibility push(hidden)


/*
 * Learns from an answer that complains about the size of the call, by its
 * status or in the words of the body: of items, of tokens, or of bytes.  The
 * bound becomes the number that the upstream names, if it names one below what
 * was sent, else half of that.  It only ever falls, but never so far that
 * merging would end, and never below the "proven" items of a call that was
 * taken: an error may have other causes, and quote a client's text.
 *
 * Returns whether a bound has become smaller.
 */
unsigned llmb_verdict_learn(const llmb_outcome_t *outcome, llmb_str_t body,
    uint32_t proven, llmb_learned_t *learned);


#pragma GCC visibility pop


#endif /* _LLMB_VERDICT_LEARN_H_INCLUDED_ */
