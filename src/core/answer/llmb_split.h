
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checks the answer to a call while it arrives and cuts it into the members'
 * own answers.  Values are copied byte for byte; only positions, the id and
 * the token counts are written anew, and what a client has to see otherwise
 * than the upstream wrote it (vectors in another encoding, ids of tokens that
 * only we asked for).
 */


#ifndef _LLMB_SPLIT_H_INCLUDED_
#define _LLMB_SPLIT_H_INCLUDED_


#include "llmb_answer.h"


#pragma GCC visibility push(hidden)


/*
 * The memory that a call of this kind wants for its split; and its start.
 * The memory is aligned for a pointer.
 */
size_t llmb_split_room(const llmb_split_conf_t *conf);
void llmb_split_init(llmb_split_t *sp, const llmb_split_conf_t *conf,
    void *memory);

/*
 * Reads on in the answer base[0 .. len), which may have grown and moved since
 * the last time; "last" tells that it is complete.
 *
 *   LLMB_AGAIN    fine so far, more bytes are needed; never if "last" is set
 *   LLMB_OK       the whole answer is there, valid JSON, with a list of
 *                 exactly n elements, whose indexes, if they have any, are
 *                 0 .. n - 1, each once; only now may it be cut
 *   LLMB_DECLINED conf.probe, and the first element is there, and has no
 *                 vector that is to be repaired.  Final.
 *   LLMB_INVALID  anything else, told as soon as it is certain.  Final.
 *
 * Where the form has a "single" other than LLMB_SINGLE_LIST, a bare element
 * is a list of one to a call of one item.
 *
 * sp->mismatch is then one of
 *
 *   JSON          malformed
 *   TRUNCATED     "last" is set and the text ends too early
 *   COUNT         fewer or more than n elements, in any of the lists, or it is
 *                 said so
 *   INDEX         an element has no index (nor goes by place), two, one that
 *                 is not a number of 0 to n - 1, or that of another element
 *   SHAPE         the list is missing, is not an array or is there twice, as
 *                 are "id", the usage or what leads to one of them; elements
 *                 are no arrays where they have to be, or the number of them
 *                 is not told where it ought to be; there is
 *                 something else than arrays and null where lists ought to
 *                 be; conf.shared, and something beside the lists that could
 *                 have an entry for each (see llmb_beside.h); a vector to be
 *                 repaired is not one; nested too deep
 */
llmb_rc_e llmb_split_read(llmb_split_t *sp, const uint8_t *base, size_t len,
    unsigned last);


#pragma GCC visibility pop


#endif /* _LLMB_SPLIT_H_INCLUDED_ */
