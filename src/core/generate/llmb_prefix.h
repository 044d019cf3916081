
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What of a conversation a server may have computed before: the model, the
 * tools, the system's text, and the messages up to the last mark of a cache
 * ("cache_control"), or, where there is none, up to the last one of the user.
 *
 * Two prefixes that mean the same have the same hash: white space, the order
 * of members and escapes do not matter, the text of numbers does.  It is
 * SipHash-2-4 throughout; that of an object is made of the sum of those of its
 * members, so nothing has to be sorted, and no memory is needed.
 */


#ifndef _LLMB_PREFIX_H_INCLUDED_
#define _LLMB_PREFIX_H_INCLUDED_


#include "llmb_generate.h"
#include "llmb_siphash.h"


#pragma GCC visibility push(hidden)


typedef struct {
    uint64_t         hash;        /* the same on all machines */
    uint64_t         bytes;       /* of its text, as it stands in the body */
    unsigned         marked:1;    /* it ends with a mark */
} llmb_prefix_t;


/*
 * Of a body that llmb_generate_read() has read; "model" is a plain text.
 * LLMB_DECLINED: there is nothing but the model.
 */
llmb_rc_e llmb_prefix_find(llmb_prefix_t *prefix, const llmb_chat_t *chat,
    llmb_str_t model, const llmb_secret_t *secret);

/* the hash of a valid JSON text */
uint64_t llmb_prefix_value(llmb_str_t json, const llmb_secret_t *secret);


#pragma GCC visibility pop


#endif /* _LLMB_PREFIX_H_INCLUDED_ */
