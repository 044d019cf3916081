
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_health.h"


static void llmb_health_advance(llmb_health_t *h, uint64_t now);


void
llmb_health_request(llmb_health_t *h, uint64_t now)
{
    llmb_health_advance(h, now);

    h->requests[h->step % LLMB_HEALTH_STEPS]++;
}


uint32_t
llmb_health_allow(llmb_health_t *h, uint32_t percent, uint32_t wanted,
    uint64_t now)
{
    unsigned  i;
    uint64_t  requests, extra, allowed;

    llmb_health_advance(h, now);

    requests = 0;
    extra = 0;

    for (i = 0; i < LLMB_HEALTH_STEPS; i++) {
        requests += h->requests[i];
        extra += h->extra[i];
    }

    requests = llmb_max(requests, LLMB_HEALTH_FLOOR);
    allowed = requests * percent / 100;

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
    unsigned  i;
    uint64_t  step;

    step = now / LLMB_HEALTH_STEP_MS;

    if (step <= h->step) {
        return;
    }

    for (i = 0; i < LLMB_HEALTH_STEPS && h->step < step; i++) {
        h->step++;
        h->requests[h->step % LLMB_HEALTH_STEPS] = 0;
        h->extra[h->step % LLMB_HEALTH_STEPS] = 0;
    }

    h->step = step;
}
