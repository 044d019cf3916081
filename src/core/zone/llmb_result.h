
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a member is told about the call that served it.
 */


#ifndef _LLMB_RESULT_H_INCLUDED_
#define _LLMB_RESULT_H_INCLUDED_


#include "llmb.h"


typedef struct {
    uint64_t         call;        /* number of the call */
    uint32_t         size;        /* items in it */
    uint32_t         index;       /* position of the member's first item */
    uint64_t         tokens;
    uint64_t         cost;        /* 10^-9 USD; 0 if nobody has told yet */
    uint64_t         saved;       /* the same, not spent because of others */
    uint32_t         wait;        /* ms in the queue */
    uint32_t         upstream;    /* ms until the answer was complete */
    uint8_t          exact;       /* tokens are the upstream's */
    uint8_t          close;       /* llmb_close_e */
    uint8_t          status;      /* llmb_status_e */
    uint8_t          reason;      /* llmb_reason_e */
    uint8_t          alone;       /* the same: why, if it is */
} llmb_result_t;


#endif /* _LLMB_RESULT_H_INCLUDED_ */
