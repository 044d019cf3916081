
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What stands beside the lists in an answer to several clients.  All of them
 * are given it, so it may be about none of them: neither by its shape nor by
 * its words.
 */


#ifndef _LLMB_BESIDE_H_INCLUDED_
#define _LLMB_BESIDE_H_INCLUDED_


#include "llmb_answer.h"
#include "llmb_quote.h"


#pragma GCC visibility push(hidden)


/*
 * Whether the shape of an answer that has been read up to its end allows it:
 * LLMB_MISMATCH_NONE, or SHAPE where something could have an entry for each
 * item, or for each client:
 *
 *   an array; but empty ones, those that tell the shape of a tensor, and, in
 *   a usage and in "common", those of flat objects with words and numbers (in
 *   "common" of texts, too), if they have not as many entries;
 *   an object whose names are numbers;
 *   an object with as many members, all of one type; but where these have
 *   names of the API, or are counts in a usage;
 *   in a format that is declared, of which nobody knows more, an object with
 *   as many members, whatever they are.
 */
llmb_mismatch_e llmb_beside_check(const llmb_split_t *sp,
    const uint8_t *base);

/*
 * Whether the words beside the lists of an answer that has been read with
 * LLMB_OK allow it, too: LLMB_OK, or LLMB_INVALID with sp->mismatch SHAPE, if
 * they are those of one of the clients, or nobody can tell.  Words are names
 * that are none of the API, and texts but for those that tell the model and
 * the like; mostly there are none.
 *
 * The memory is as much as room() says, which may be 0; NULL if there is no
 * memory: then nothing can be told.
 */
size_t llmb_beside_room(const llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders);
llmb_rc_e llmb_beside_compare(llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders, void *memory);


#pragma GCC visibility pop


#endif /* _LLMB_BESIDE_H_INCLUDED_ */
