
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What the files of the scanner share.
 */


#ifndef _LLMB_JSON_PARTS_H_INCLUDED_
#define _LLMB_JSON_PARTS_H_INCLUDED_


#include "llmb_json.h"


#pragma GCC visibility push(hidden)


/* js->state */

enum {
    /* between tokens, where white space may come */
    sw_value = 0,
    sw_first_value,
    sw_first_key,
    sw_key,
    sw_colon,
    sw_next,
    sw_done,

    /* within a string */
    sw_string,
    sw_escape,
    sw_hex,
    sw_low_backslash,
    sw_low_u,
    sw_utf8,

    /* within a number */
    sw_minus,
    sw_zero,
    sw_int,
    sw_point,
    sw_frac,
    sw_e,
    sw_e_sign,
    sw_exp,

    sw_literal,

    sw_invalid,
    sw_limit
};


#pragma GCC visibility pop


#endif /* _LLMB_JSON_PARTS_H_INCLUDED_ */
