
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Golden cases, t/data/<adapter>/<case>/:
 *
 *   in.1.json, in.2.json ...    the clients' bodies
 *   merged.json                 the body of their call
 *   answer.json                 what the upstream answers
 *   out.1.json, out.2.json ...  what each client gets, or else
 *   mismatch                    what is wrong with the answer, or
 *   reason                      why in.1.json is not batched; nothing else
 *
 * One newline at the end of a file does not belong to the text.
 */


#ifndef _GOLDEN_H_INCLUDED_
#define _GOLDEN_H_INCLUDED_


#include "llmb_adapter.h"
#include "llmb_reasons.h"


#define GOLDEN_MAX_MEMBERS  9


typedef struct {
    const llmb_adapter_t  *adapter;
    char                  *name;      /* "<adapter>/<case>" */
    unsigned               members;
    unsigned               outs;
    llmb_str_t             in[GOLDEN_MAX_MEMBERS];
    llmb_str_t             out[GOLDEN_MAX_MEMBERS];
    llmb_str_t             merged;    /* data is NULL if it is not there */
    llmb_str_t             answer;
    llmb_reason_e          reason;
    llmb_mismatch_e        mismatch;
} golden_t;


/*
 * All cases of an adapter, in the order of their names; sets *n.  Exits with
 * a message if a case is not complete or has a file that means nothing.
 */
golden_t *golden_load(const llmb_adapter_t *adapter, unsigned *n);
void golden_free(golden_t *cases, unsigned n);


#endif /* _GOLDEN_H_INCLUDED_ */
