
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The part of call.h that is about answers; only that file includes it.
 */


#ifndef _CALL_ANSWER_H_INCLUDED_
#define _CALL_ANSWER_H_INCLUDED_


#include "beside.h"


static inline void
call_start(call_t *call)
{
    llmb_split_conf_t  conf;

    call_prepare(call);

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = call->rq[0].form;
    conf.items = call->merge.items;
    conf.per = call->rq[0].per;
    conf.unique = call->merge.unique;
    conf.members = call->members;
    conf.shared = call->members > 1;
    conf.base64 = call->rq[0].base64;
    conf.repair = call->repair;
    conf.strip = call->merge.token_ids;

    free(call->room);

    call->room = call_alloc(llmb_split_room(&conf));

    llmb_split_init(&call->split, &conf, call->room);
}


/* after LLMB_OK of llmb_split_read() */

static inline void
call_weigh(call_t *call, llmb_str_t answer)
{
    memcpy(call->shares, call->own, call->members * sizeof(llmb_share_t));

    llmb_counts_weigh(&call->split, answer.data, call->shares, call->members);
}


/* reads on to the end, and compares what stands beside the lists */

static inline llmb_rc_e
call_read_last(call_t *call, llmb_str_t answer)
{
    llmb_rc_e       rc;
    llmb_senders_t  senders;

    rc = llmb_split_read(&call->split, answer.data, answer.len, 1);

    if (rc != LLMB_OK) {
        return rc;
    }

    senders.form = call->rq[0].form;
    senders.payloads = call->payloads;
    senders.n = call->members;
    senders.known[0] = call->rq[0].model;
    senders.known[1] = call->rq[0].path;

    return beside_compare(&call->split, answer.data, &senders);
}


static inline llmb_rc_e
call_read(call_t *call, llmb_str_t answer)
{
    llmb_rc_e  rc;

    call_start(call);

    rc = call_read_last(call, answer);

    if (rc == LLMB_OK) {
        call_weigh(call, answer);
    }

    return rc;
}


static inline llmb_rc_e
call_write(call_t *call, llmb_str_t answer, uint32_t k, llmb_sink_t *out)
{
    return llmb_split_write(&call->split, answer.data, call->shares,
                            call->members, k, out);
}


#endif /* _CALL_ANSWER_H_INCLUDED_ */
