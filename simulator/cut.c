
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A request that is more than a call may have is cut, as the module does, by
 * the function that does it there: for that it gets a body, whose items are
 * arrays of as many tokens as they have.
 */


#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"


/* tokens of a body; those of one that has more are told in larger units */

#define SIM_BODY  1000000


static void sim_cut_write(sim_cut_t *cut, const sim_request_t *rq);
static unsigned sim_cut_next(const sim_cut_t *cut,
    const llmb_policy_t *policy, llmb_cutter_t *cutter, llmb_piece_t *piece);
static void sim_cut_end(sim_engine_t *e, uint32_t r);


llmb_reason_e
sim_cut(sim_engine_t *e, uint32_t node, uint32_t r,
    const llmb_policy_t *policy)
{
    uint32_t              n;
    sim_cut_t            *cut;
    llmb_piece_t          piece;
    llmb_cutter_t         cutter;
    const sim_request_t  *rq;

    rq = &e->trace->requests[r];

    if (e->settings->split == 0 || rq->items == 1) {
        return policy->most_items && rq->items > policy->most_items
               ? LLMB_REASON_ITEM : LLMB_REASON_TOKENS;
    }

    cut = sim_realloc(NULL, 1, sizeof(sim_cut_t));
    memset(cut, 0, sizeof(sim_cut_t));

    cut->node = node;
    cut->left = rq->items;

    sim_cut_write(cut, rq);

    cutter = cut->cutter;
    e->cuts[r] = cut;

    for (n = 0; sim_cut_next(cut, policy, &cutter, &piece); n++) {

        if (n == e->settings->split) {
            sim_cut_end(e, r);
            return LLMB_REASON_PARTS;
        }
    }

    sim_fill(e, r);

    return LLMB_REASON_NONE;
}


static void
sim_cut_write(sim_cut_t *cut, const sim_request_t *rq)
{
    char           *p;
    uint32_t        i;
    uint64_t        n, tokens;
    llmb_str_t      body;
    llmb_reason_e   reason;

    static const llmb_str_t  path = llmb_string("/v1/embeddings");
    static const llmb_str_t  name = llmb_string("openai_embeddings");

    cut->unit = 1 + rq->tokens / SIM_BODY;

    /* each item has at least one, and the last of its commas is a bracket */

    cut->text = sim_realloc(NULL, 4 * (size_t) rq->items
                                  + 2 * (size_t) SIM_BODY + 64, 1);

    p = cut->text + sprintf(cut->text, "{\"input\":");

    for (i = 0; i < rq->items; i++) {
        *p++ = i ? ',' : '[';
        *p++ = '[';

        tokens = sim_share_of(rq->tokens, i + 1, rq->items)
                 - sim_share_of(rq->tokens, i, rq->items);

        for (n = llmb_max(tokens / cut->unit, 1); n; n--) {
            *p++ = '1';
            *p++ = n > 1 ? ',' : ']';
        }
    }

    *p++ = ']';
    *p++ = '}';

    body.data = (const uint8_t *) cut->text;
    body.len = (size_t) (p - cut->text);

    if (llmb_request_read(&cut->body, llmb_adapter_by_name(name), path, body,
                          &reason) != LLMB_OK
        || cut->body.items != rq->items || !cut->body.divisible)
    {
        sim_die(1, "a request of %u items cannot be cut: please report this",
                rq->items);
    }

    llmb_piece_cut(&cut->cutter, &cut->body, 0);
}


static unsigned
sim_cut_next(const sim_cut_t *cut, const llmb_policy_t *policy,
    llmb_cutter_t *cutter, llmb_piece_t *piece)
{
    llmb_limits_t  limits;

    limits.items = policy->most_items;
    limits.tokens = policy->max_tokens
                    ? llmb_max(policy->max_tokens / cut->unit, 1) : 0;
    limits.bytes = 0;

    return llmb_piece_next(cutter, &cut->body, cut->body.items, &limits,
                           piece);
}


void
sim_fill(sim_engine_t *e, uint32_t r)
{
    uint32_t        group;
    sim_cut_t      *cut;
    llmb_zone_t    *z;
    llmb_piece_t    piece;
    llmb_policy_t   policy;
    llmb_cutter_t   cutter;
    llmb_reason_e   reason;

    cut = e->cuts[r];

    while (cut && cut->nlive < SIM_WINDOW) {
        z = e->nodes[cut->node].zone;
        group = sim_group(e, cut->node, r);
        reason = LLMB_REASON_ZONE_FULL;

        if (group != LLMB_NIL) {
            policy = llmb_group_policy(llmb_group(z, group));
            cutter = cut->cutter;

            if (!sim_cut_next(cut, &policy, &cutter, &piece)) {
                return;
            }

            reason = sim_join(e, cut->node, group, r, piece.first,
                              piece.items);
        }

        if (reason == LLMB_REASON_NONE) {
            cut->cutter = cutter;
            cut->live[cut->nlive++] = e->nparts - 1;
            continue;
        }

        /* others of it may make room, or else all of it goes its own way */

        if (cut->nlive == 0) {
            sim_cut_end(e, r);
            sim_alone(e, r, LLMB_STATUS_FALLBACK, reason);
        }

        return;
    }
}


void
sim_answered(sim_engine_t *e, uint32_t part, unsigned status)
{
    uint32_t      i, r;
    sim_cut_t    *cut;
    sim_part_t   *p;

    p = &e->parts[part];
    r = p->request;
    cut = e->cuts[r];

    if (p->member == SIM_NIL) {
        /* another part of its request has failed */
        return;
    }

    if (cut && status == 200) {

        for (i = 0; cut->live[i] != part; i++) { /* void */ }

        cut->live[i] = cut->live[--cut->nlive];
        cut->left -= p->items;

        if (cut->left) {
            sim_queue_push(&e->queue, SIM_WORK, e->now, r);
            return;
        }
    }

    if (cut) {
        sim_cut_end(e, r);
    }

    sim_serve(e, r, status);
}


/* parts that are still there are withdrawn */

static void
sim_cut_end(sim_engine_t *e, uint32_t r)
{
    uint32_t     i;
    sim_cut_t   *cut;
    sim_part_t  *p;

    cut = e->cuts[r];
    e->cuts[r] = NULL;

    for (i = 0; i < cut->nlive; i++) {
        p = &e->parts[cut->live[i]];

        llmb_sched_leave(e->nodes[p->node].zone, p->member, sim_clock(e));
        p->member = SIM_NIL;
    }

    sim_post(e, cut->node);

    free(cut->text);
    free(cut);
}
