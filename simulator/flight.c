
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is under way: calls, and requests by themselves.
 */


#include <string.h>

#include "engine.h"
#include "llmb_returned.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"


/* the breaker and the allowance, as they are by default */

#define SIM_FALLBACK   50
#define SIM_FAILURES   5
#define SIM_COOLDOWN   10000


static void sim_return_call(sim_engine_t *e, sim_batch_t *batch,
    uint32_t call);
static void sim_outcome(sim_engine_t *e, const sim_batch_t *batch,
    llmb_outcome_t *out, llmb_facts_t *facts);


/* what is sent */

static sim_batch_t *
sim_batch(sim_engine_t *e, uint32_t call, uint32_t inflight)
{
    sim_run_t    *run;
    sim_batch_t  *batch;

    run = e->run;

    if (run->nbatches == run->room) {
        run->room = 2 * run->room + 256;
        run->batches = sim_realloc(run->batches, run->room,
                                   sizeof(sim_batch_t));
        e->flight = sim_realloc(e->flight, run->room, sizeof(sim_flight_t));
    }

    e->flight[run->nbatches].call = call;
    e->flight[run->nbatches].inflight = inflight;

    batch = &run->batches[run->nbatches++];
    memset(batch, 0, sizeof(sim_batch_t));

    batch->sent = e->now;
    batch->first = run->nmembers;

    return batch;
}


static void
sim_batch_add(sim_engine_t *e, sim_batch_t *batch, uint32_t r)
{
    sim_run_t     *run;
    sim_served_t  *served;

    run = e->run;

    if (run->nmembers == run->member_room) {
        run->member_room = 2 * run->member_room + 1024;
        run->members = sim_realloc(run->members, run->member_room,
                                   sizeof(uint32_t));
    }

    run->members[run->nmembers++] = r;

    batch->size++;
    batch->tokens += e->trace->requests[r].tokens;

    served = &run->served[r];
    served->sent = e->now;
    served->batch = (uint32_t) (batch - run->batches);
    served->how = batch->how;
    served->reason = batch->reason;
}


static void
sim_batch_go(sim_engine_t *e, sim_batch_t *batch)
{
    batch->done = sim_server_call(&e->server, e->now, batch->size,
                                  batch->tokens, &batch->status);

    sim_queue_push(&e->queue, SIM_RETURN, batch->done,
                   (uint32_t) (batch - e->run->batches));
}


void
sim_alone(sim_engine_t *e, uint32_t r, llmb_status_e how, llmb_reason_e reason)
{
    sim_batch_t  *batch;

    batch = sim_batch(e, SIM_NIL, 0);

    batch->how = how;
    batch->reason = reason;

    sim_batch_add(e, batch, r);
    sim_batch_go(e, batch);
}


void
sim_send(sim_engine_t *e, uint32_t call)
{
    uint32_t        i;
    llmb_call_t    *c;
    sim_batch_t    *batch;
    llmb_result_t  *result;

    i = llmb_sched_send(e->zone, call, 0);

    if (i == LLMB_NIL) {
        return;
    }

    if (llmb_call_is_single(e->zone, call)) {
        /* its client's own request carries it */
        llmb_sched_go(e->zone, call);
    }

    result = &llmb_member(e->zone, i)->result;

    c = llmb_call(e->zone, call);

    e->group = c->group;

    batch = sim_batch(e, call, llmb_group(e->zone, c->group)->inflight);
    batch->how = (llmb_status_e) result->status;
    batch->reason = (llmb_reason_e) result->reason;
    batch->close = (llmb_close_e) c->close;

    for (i = c->members.head;
         i != LLMB_NIL;
         i = llmb_queue_links(e->zone)[i].next)
    {
        sim_batch_add(e, batch, e->request[i]);
    }

    sim_batch_go(e, batch);
}


/* answers */

static void
sim_serve(sim_engine_t *e, uint32_t r, unsigned status)
{
    sim_served_t  *served;

    served = &e->run->served[r];

    if (served->served) {
        sim_die(1, "request \"%s\" was served twice: please report this",
                e->trace->requests[r].id);
    }

    served->served = 1;
    served->done = e->now;
    served->status = status;

    e->left--;
}


void
sim_refused(sim_engine_t *e, uint32_t r, const llmb_member_t *m)
{
    sim_served_t  *served;

    served = &e->run->served[r];
    served->sent = e->now;
    served->how = (llmb_status_e) m->result.status;
    served->reason = (llmb_reason_e) m->result.reason;

    sim_serve(e, r, 429);
}


void
sim_return(sim_engine_t *e, uint32_t i)
{
    sim_batch_t  *batch;

    batch = &e->run->batches[i];

    if (e->flight[i].call == SIM_NIL) {
        sim_serve(e, e->run->members[batch->first], batch->status);

    } else {
        sim_return_call(e, batch, e->flight[i].call);
    }

    sim_post(e);
}


/* with the location's defaults */

static void
sim_outcome(sim_engine_t *e, const sim_batch_t *batch, llmb_outcome_t *out,
    llmb_facts_t *facts)
{
    memset(out, 0, sizeof(llmb_outcome_t));
    memset(facts, 0, sizeof(llmb_facts_t));

    out->status = batch->status;
    out->answered = 1;
    out->split = (batch->status == 200);
    out->idempotent = 1;
    out->fallback = 1;
    out->items = batch->size;
    out->tokens = batch->tokens;
    out->spent = (e->now - batch->sent) / 1000;

    facts->items = batch->size;
    facts->inflight = e->flight[batch - e->run->batches].inflight;
    facts->sent = batch->sent + (uint64_t) SIM_EPOCH * 1000;
    facts->usec = sim_clock_us(e);
    facts->retry = e->server.backend->retry;
    facts->fallback_limit = SIM_FALLBACK;
    facts->breaker_failures = SIM_FAILURES;
    facts->breaker_cooldown = SIM_COOLDOWN;
}


void
sim_learned(const sim_engine_t *e, sim_learned_t *learned)
{
    llmb_group_t  *g;

    if (e->group == LLMB_NIL) {
        return;
    }

    g = llmb_group(e->zone, e->group);

    learned->concurrency = llmb_group_slots(e->zone, g);
    learned->cost = llmb_learn_cost(&llmb_upstream_of(e->zone, g)->learn,
                                    &learned->fixed, &learned->each);
}


static void
sim_return_call(sim_engine_t *e, sim_batch_t *batch, uint32_t call)
{
    uint32_t         i, r;
    llmb_facts_t     facts;
    llmb_outcome_t   out;
    llmb_returned_t  returned;

    sim_outcome(e, batch, &out, &facts);

    llmb_returned(e->zone, call, 0, &out, &facts, sim_clock(e), &returned);

    if (returned.verdict == LLMB_VERDICT_AGAIN
        || returned.verdict == LLMB_VERDICT_HALVE)
    {
        return;
    }

    if (llmb_call_is_own(llmb_call(e->zone, call))) {
        r = e->request[call];

        sim_serve(e, r, batch->status);

        llmb_sched_leave(e->zone, call, sim_clock(e));
        e->member[r] = SIM_NIL;
        return;
    }

    /* who is left gets what the upstream said */

    while ((i = llmb_call(e->zone, call)->members.head) != LLMB_NIL) {
        sim_serve(e, e->request[i], batch->status);
        llmb_sched_answer(e->zone, i, 0);
    }

    llmb_sched_end(e->zone, call, 0, sim_clock(e));
}
