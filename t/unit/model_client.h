
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Clients of all APIs: requests of all shapes that may be in a call.
 */


#ifndef _MODEL_CLIENT_H_INCLUDED_
#define _MODEL_CLIENT_H_INCLUDED_


#include "llmb_adapter.h"


typedef struct {
    llmb_str_t  path;             /* constant */
    llmb_str_t  body;             /* to be freed */
} model_request_t;


/*
 * A request in this format; exits if that is not known.  All but the items
 * varies little, so that many have one key; members come in any order.
 */
model_request_t model_request(const llmb_adapter_t *adapter, uint64_t *seed);


#endif /* _MODEL_CLIENT_H_INCLUDED_ */
