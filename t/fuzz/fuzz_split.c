
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A hostile upstream.  Whatever it answers, an answer that is accepted holds
 * what every member needs, no member sees a byte of the elements of another,
 * and what is cut and put together again is what came.
 *
 * The input: which form; the number of items; how many items each member has,
 * as the bits of a byte (a new member begins where one is set); their weight;
 * the size of the pieces in which the answer comes; the options below; the
 * positions of items that are sent once; the answer.
 */


#include "split_check.h"


#define HEADER  7


/* piece by piece, and nothing where the text was before */

static llmb_rc_e
read_in_pieces(call_t *c, llmb_str_t answer, size_t step)
{
    size_t      len;
    uint8_t    *piece;
    llmb_rc_e   rc;

    call_start(c);

    step = llmb_max(step, answer.len / 64 + 1);

    for (len = 0; len < answer.len; len += step) {
        piece = malloc(len ? len : 1);
        memcpy(piece, answer.data, len);

        rc = llmb_split_read(&c->split, piece, len, 0);
        free(piece);

        if (rc != LLMB_AGAIN) {
            require(rc == LLMB_INVALID);
            return rc;
        }
    }

    return llmb_split_read(&c->split, answer.data, answer.len, 1);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    call_t          *c;
    llmb_rc_e        rc;
    llmb_str_t       answer;
    llmb_mismatch_e  mismatch;

    if (size < HEADER) {
        return 0;
    }

    answer.data = data + HEADER;
    answer.len = size - HEADER;

    c = call_create(data);
    c->answer = answer;

    call_start(c);

    (void) llmb_split_read(&c->split, answer.data, answer.len, 1);
    mismatch = c->split.mismatch;

    rc = read_in_pieces(c, answer, data[4]);

    require(rc == LLMB_OK || rc == LLMB_INVALID);
    require((rc == LLMB_OK) == (mismatch == LLMB_MISMATCH_NONE));
    require(c->split.mismatch == mismatch);

    if (rc == LLMB_OK) {
        check_spans(c);
        check_members(c);
        check_joint(c);
    }

    call_destroy(c);

    return 0;
}
