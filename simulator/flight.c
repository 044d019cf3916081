
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What is under way: calls, and requests by themselves.
 */


#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "llmb_returned.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_share.h"


/* the breaker and the allowance, as they are by default */

#define SIM_FALLBACK   50
#define SIM_FAILURES   5
#define SIM_COOLDOWN   10000

/* the name of the upstream */

#define SIM_PLACE      1


static void sim_return_call(sim_engine_t *e, uint32_t batch);
static void sim_outcome(sim_engine_t *e, uint32_t batch, llmb_outcome_t *out,
    llmb_facts_t *facts);


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
sim_batch_add(sim_engine_t *e, sim_batch_t *batch, uint32_t r, uint32_t items,
    uint64_t tokens)
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
    batch->items += items;
    batch->tokens += tokens;

    served = &run->served[r];
    served->sent = e->now;
    served->batch = (uint32_t) (batch - run->batches);
    served->how = batch->how;
    served->reason = batch->reason;
}


static void
sim_batch_go(sim_engine_t *e, sim_batch_t *batch)
{
    uint32_t  r;

    r = e->run->members[batch->first];

    batch->done = sim_server_call(&e->server, e->now,
                                  e->trace->requests[r].kind, batch->items,
                                  batch->tokens, &batch->status);

    sim_queue_push(&e->queue, SIM_RETURN, batch->done,
                   (uint32_t) (batch - e->run->batches));
}


void
sim_alone(sim_engine_t *e, uint32_t r, llmb_status_e how, llmb_reason_e reason)
{
    sim_batch_t          *batch;
    const sim_request_t  *rq;

    batch = sim_batch(e, SIM_NIL, 0);
    rq = &e->trace->requests[r];

    batch->how = how;
    batch->reason = reason;

    sim_batch_add(e, batch, r, rq->items, rq->tokens);
    sim_batch_go(e, batch);
}


void
sim_send(sim_engine_t *e, uint32_t node, uint32_t call)
{
    uint32_t        i;
    llmb_call_t    *c;
    llmb_zone_t    *z;
    sim_part_t     *p;
    sim_batch_t    *batch;
    llmb_result_t  *result;

    z = e->nodes[node].zone;
    i = llmb_sched_send(z, call, 0);

    if (i == LLMB_NIL) {
        return;
    }

    if (llmb_call_is_single(z, call) && !llmb_member(z, call)->part) {
        /* its client's own request carries it */
        llmb_sched_go(z, call);
    }

    result = &llmb_member(z, i)->result;

    c = llmb_call(z, call);

    e->last = &e->nodes[node];
    e->group = c->group;

    batch = sim_batch(e, call,
                      llmb_upstream_of(z, llmb_group(z, c->group))->inflight);
    batch->node = node;
    batch->how = (llmb_status_e) result->status;
    batch->reason = (llmb_reason_e) result->reason;
    batch->close = (llmb_close_e) c->close;

    for (i = c->members.head;
         i != LLMB_NIL;
         i = llmb_queue_links(z)[i].next)
    {
        p = &e->parts[e->nodes[node].part[i]];
        sim_batch_add(e, batch, p->request, p->items, p->tokens);
    }

    sim_batch_go(e, batch);
}


/* answers */

void
sim_refused(sim_engine_t *e, uint32_t part, const llmb_member_t *m)
{
    sim_part_t    *p;
    sim_served_t  *served;

    p = &e->parts[part];

    served = &e->run->served[p->request];
    served->sent = e->now;
    served->how = (llmb_status_e) m->result.status;
    served->reason = (llmb_reason_e) m->result.reason;

    sim_answered(e, part, 429);
    sim_leave(e, part);
}


/* its member goes, if nobody has withdrawn it */

void
sim_leave(sim_engine_t *e, uint32_t part)
{
    sim_part_t  *p;

    p = &e->parts[part];

    if (p->member != SIM_NIL) {
        llmb_sched_leave(e->nodes[p->node].zone, p->member, sim_clock(e));
        p->member = SIM_NIL;
    }
}


void
sim_return(sim_engine_t *e, uint32_t i)
{
    sim_batch_t  *batch;

    batch = &e->run->batches[i];

    if (e->flight[i].call == SIM_NIL) {
        sim_serve(e, e->run->members[batch->first], batch->status);
        return;
    }

    sim_return_call(e, i);
    sim_post(e, e->run->batches[i].node);
}


/* with the location's defaults */

static void
sim_outcome(sim_engine_t *e, uint32_t i, llmb_outcome_t *out,
    llmb_facts_t *facts)
{
    const sim_batch_t  *batch;

    memset(out, 0, sizeof(llmb_outcome_t));
    memset(facts, 0, sizeof(llmb_facts_t));

    batch = &e->run->batches[i];

    out->status = batch->status;
    out->answered = 1;
    out->split = (batch->status == 200);
    out->idempotent = 1;
    out->fallback = 1;
    out->items = batch->items;
    out->tokens = batch->tokens;
    out->spent = (e->now - batch->sent) / 1000;

    facts->items = batch->items;
    facts->inflight = e->flight[i].inflight;
    facts->sent = batch->sent + (uint64_t) SIM_EPOCH * 1000;
    facts->usec = sim_clock_us(e);
    facts->began = e->trace->requests[e->run->members[batch->first]].at / 1000
                   + SIM_EPOCH;
    facts->retry = e->server.backend->retry;
    facts->fallback_limit = SIM_FALLBACK;
    facts->breaker_failures = SIM_FAILURES;
    facts->breaker_cooldown = SIM_COOLDOWN;
}


static void
sim_return_call(sim_engine_t *e, uint32_t batch)
{
    unsigned          status;
    uint32_t          i, n, next, call, part, *parts;
    sim_node_t       *node;
    llmb_zone_t      *z;
    llmb_facts_t      facts;
    llmb_outcome_t    out;
    llmb_returned_t   returned;

    node = &e->nodes[e->run->batches[batch].node];
    z = node->zone;
    call = e->flight[batch].call;
    status = e->run->batches[batch].status;

    sim_outcome(e, batch, &out, &facts);

    /* there is one upstream, as the first answer tells */

    llmb_sched_goes_to(z, llmb_call(z, call)->group, SIM_PLACE, facts.usec);

    llmb_returned(z, call, 0, &out, &facts, sim_clock(e), &returned);

    if (returned.verdict == LLMB_VERDICT_AGAIN
        || returned.verdict == LLMB_VERDICT_HALVE)
    {
        return;
    }

    if (llmb_call_is_own(llmb_call(z, call))) {
        part = node->part[call];

        sim_answered(e, part, status);
        sim_leave(e, part);
        return;
    }

    /* who is left gets what the upstream said */

    parts = sim_realloc(NULL, e->run->batches[batch].size, sizeof(uint32_t));

    n = 0;

    for (i = llmb_call(z, call)->members.head; i != LLMB_NIL; i = next) {
        next = llmb_queue_links(z)[i].next;

        if (llmb_member(z, i)->state == LLMB_MEMBER_CLAIMED) {
            parts[n++] = node->part[i];
            llmb_sched_answer(z, i, 0);
        }
    }

    llmb_sched_end(z, call, 0, sim_clock(e));

    for (i = 0; i < n; i++) {
        sim_answered(e, parts[i], status);
    }

    free(parts);
}


void
sim_learned(const sim_engine_t *e, sim_learned_t *learned)
{
    llmb_zone_t   *z;
    llmb_group_t  *g;

    if (e->group == LLMB_NIL) {
        return;
    }

    z = e->last->zone;
    g = llmb_group(z, e->group);

    learned->concurrency = llmb_group_slots(z, g);
    learned->cost = llmb_learn_cost(llmb_learn_of(z, g),
                                    &learned->fixed, &learned->each);
}
