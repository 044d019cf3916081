
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
 *   reason                      why in.1.json is not batched
 *
 * and, if they are needed:
 *
 *   path                        the path of the clients' URI; without it, the
 *                               adapter's first ending with "m" for each "*"
 *   call_path                   that of the call, if it is another
 *   options                     words: "dedup" (equal items are sent once),
 *                               "repair" (vectors are encoded as asked for),
 *                               "token_ids" (the call asks for them), "key"
 *                               (members have all in common that they need)
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
    unsigned               dedup:1;
    unsigned               repair:1;
    unsigned               token_ids:1;
    unsigned               key:1;
    llmb_str_t             path;
    llmb_str_t             call_path; /* data is NULL if it is not there */
    unsigned               members;
    unsigned               outs;
    llmb_str_t             in[GOLDEN_MAX_MEMBERS];
    llmb_str_t             out[GOLDEN_MAX_MEMBERS];
    llmb_str_t             merged;    /* the same */
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

/* a path with this ending, "m" standing for each "*"; to be freed */
llmb_str_t golden_path(llmb_str_t ending);


#endif /* _GOLDEN_H_INCLUDED_ */
