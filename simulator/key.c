
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Who may share a call: the key that a trace has, or else model and task, and
 * one of the keys by chance.
 */


#include <stdio.h>
#include <string.h>

#include "llmb_siphash.h"
#include "load.h"


/* whoever knows a key here may know it */

static const llmb_secret_t  sim_secret;


llmb_str_t
sim_key(const sim_request_t *rq, char *buf, size_t size)
{
    size_t      len;
    llmb_str_t  key;

    len = rq->key
          ? (size_t) snprintf(buf, size, "%s", rq->key)
          : (size_t) snprintf(buf, size, "%s%c%s%c%llu", rq->model, 0,
                              rq->task, 0, (unsigned long long) rq->number);

    key.data = (const uint8_t *) buf;
    key.len = llmb_min(len, size - 1);

    return key;
}


uint64_t
sim_key_hash(const sim_request_t *rq)
{
    char  buf[SIM_KEY_SIZE];

    return llmb_siphash(&sim_secret, sim_key(rq, buf, sizeof(buf)));
}


uint64_t
sim_model_hash(const sim_request_t *rq)
{
    llmb_str_t  model;

    model.data = (const uint8_t *) rq->model;
    model.len = strlen(rq->model);

    return llmb_siphash(&sim_secret, model);
}
