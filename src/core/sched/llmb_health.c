
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_health.h"


static uint64_t llmb_health_allowed(const llmb_health_t *h, uint32_t percent);
static llmb_health_flow_t *llmb_health_find(llmb_health_t *h, uint64_t flow);
static llmb_health_flow_t *llmb_health_least(llmb_health_t *h);
static void llmb_health_charge(llmb_health_t *h, uint64_t flow);
static void llmb_health_advance(llmb_health_t *h, uint64_t now);


void
llmb_health_request(llmb_health_t *h, uint64_t flow, uint64_t now)
{
    llmb_health_flow_t  *f;

    llmb_health_advance(h, now);

    h->requests[h->step % LLMB_HEALTH_STEPS]++;

    f = llmb_health_find(h, flow);

    if (f == NULL) {
        f = llmb_health_least(h);

        if (f->charged) {
            return;
        }

        f->flow = flow;
        f->requests = 0;
    }

    f->requests = (uint16_t) llmb_min(f->requests + 1, UINT16_MAX);
}


static llmb_health_flow_t *
llmb_health_find(llmb_health_t *h, uint64_t flow)
{
    unsigned  i;

    for (i = 0; i < LLMB_HEALTH_FLOWS; i++) {

        if (h->flows[i].flow == flow
            && (h->flows[i].requests || h->flows[i].charged))
        {
            return &h->flows[i];
        }
    }

    return NULL;
}


/* whose place is given to another one */

static llmb_health_flow_t *
llmb_health_least(llmb_health_t *h)
{
    unsigned             i;
    llmb_health_flow_t  *f, *least;

    least = h->flows;

    for (i = 1; i < LLMB_HEALTH_FLOWS; i++) {
        f = &h->flows[i];

        if (f->charged < least->charged
            || (f->charged == least->charged
                && f->requests < least->requests))
        {
            least = f;
        }
    }

    return least;
}


void
llmb_health_alone(llmb_health_t *h, uint64_t flow, unsigned status,
    uint64_t sent, uint64_t now)
{
    llmb_health_advance(h, now);

    if (status >= 200 && status < 300) {
        h->good = now;

    } else if (status == 400 || status == 413 || status == 422
               || (status >= 500 && h->good && h->good >= sent))
    {
        llmb_health_charge(h, flow);
    }
}


static void
llmb_health_charge(llmb_health_t *h, uint64_t flow)
{
    llmb_health_flow_t  *f;

    f = llmb_health_find(h, flow);

    if (f == NULL) {
        f = llmb_health_least(h);

        f->flow = flow;
        f->requests = 0;
        f->charged = 0;
    }

    f->charged = (uint16_t) llmb_min(f->charged + LLMB_HEALTH_SEARCH,
                                     UINT16_MAX);
}


unsigned
llmb_health_charged(const llmb_health_t *h, uint64_t flow)
{
    unsigned  i;

    for (i = 0; i < LLMB_HEALTH_FLOWS; i++) {
        if (h->flows[i].flow == flow) {
            return h->flows[i].charged != 0;
        }
    }

    return 0;
}


unsigned
llmb_health_apart(llmb_health_t *h, uint64_t flow, uint32_t percent,
    uint64_t now)
{
    unsigned             i, flows;
    llmb_health_flow_t  *f;

    llmb_health_advance(h, now);

    f = llmb_health_find(h, flow);

    if (f == NULL) {
        return llmb_health_least(h)->charged != 0;
    }

    if (f->charged == 0) {
        return 0;
    }

    flows = 0;

    for (i = 0; i < LLMB_HEALTH_FLOWS; i++) {
        flows += (h->flows[i].requests || h->flows[i].charged);
    }

    return f->charged > llmb_health_allowed(h, percent) / flows;
}


static uint64_t
llmb_health_allowed(const llmb_health_t *h, uint32_t percent)
{
    unsigned  i;
    uint64_t  requests;

    requests = 0;

    for (i = 0; i < LLMB_HEALTH_STEPS; i++) {
        requests += h->requests[i];
    }

    return llmb_max(requests, LLMB_HEALTH_FLOOR) * percent / 100;
}


uint32_t
llmb_health_allow(llmb_health_t *h, uint32_t percent, uint32_t wanted,
    uint64_t now)
{
    unsigned  i;
    uint64_t  extra, allowed;

    llmb_health_advance(h, now);

    extra = 0;

    for (i = 0; i < LLMB_HEALTH_STEPS; i++) {
        extra += h->extra[i];
    }

    allowed = llmb_health_allowed(h, percent);

    if (extra >= allowed) {
        return 0;
    }

    wanted = (uint32_t) llmb_min((uint64_t) wanted, allowed - extra);
    h->extra[h->step % LLMB_HEALTH_STEPS] += wanted;

    return wanted;
}


void
llmb_health_result(llmb_health_t *h, unsigned failed, uint32_t limit,
    uint64_t cooldown, uint64_t now)
{
    if (!failed) {
        h->failures = 0;
        h->good = now;
        return;
    }

    h->failures++;

    if (limit && h->failures >= limit) {
        /* one more failure after the cooldown is enough to open again */
        h->failures = limit - 1;
        h->open_until = now + cooldown;
    }
}


unsigned
llmb_health_open(const llmb_health_t *h, uint64_t now)
{
    return now < h->open_until;
}


static void
llmb_health_advance(llmb_health_t *h, uint64_t now)
{
    unsigned             i;
    uint64_t             step;
    llmb_health_flow_t  *f;

    step = now / LLMB_HEALTH_STEP_MS;

    if (step <= h->step) {
        return;
    }

    for (f = h->flows; f < h->flows + LLMB_HEALTH_FLOWS; f++) {

        for (i = 0; i < 2 * LLMB_HEALTH_STEPS && i < step - h->step; i++) {
            f->requests -= (uint16_t) ((f->requests + LLMB_HEALTH_STEPS - 1)
                                       / LLMB_HEALTH_STEPS);
            f->charged -= (uint16_t) ((f->charged + LLMB_HEALTH_STEPS - 1)
                                      / LLMB_HEALTH_STEPS);
        }

        if (i == 2 * LLMB_HEALTH_STEPS) {
            f->requests = 0;
            f->charged = 0;
        }
    }

    for (i = 0; i < LLMB_HEALTH_STEPS && h->step < step; i++) {
        h->step++;
        h->requests[h->step % LLMB_HEALTH_STEPS] = 0;
        h->extra[h->step % LLMB_HEALTH_STEPS] = 0;
    }

    h->step = step;
}
