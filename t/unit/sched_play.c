
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <stdlib.h>
#include <string.h>

#include "llmb_chunks.h"
#include "llmb_returned.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_upstream.h"
#include "sched_play.h"


static unsigned
play_byte(play_t *play)
{
    return play->p < play->end ? *play->p++ : 0;
}


static uint64_t
play_clock(play_t *play, uint32_t w)
{
    return play->now + w * PLAY_SKEW / (PLAY_WORKERS - 1);
}


/* the worker's process and all it knows are gone */

static void
play_forget(play_t *play, uint32_t w)
{
    uint32_t  i;

    for (i = 0; i < play->z->nmembers; i++) {
        if (play->members[i].worker == w) {
            play->members[i].phase = PLAY_NONE;
        }
    }

    for (i = 0; i < play->z->ncalls; i++) {
        if (play->calls[i].worker == w) {
            play->calls[i].held = 0;
        }
    }

    play->workers[w].rung = 0;
    play->workers[w].later = UINT64_MAX;
}


/* what happens before a worker does anything with the tables */

static void
play_lock(play_t *play, uint32_t w)
{
    play_worker_t  *pw = &play->workers[w];

    if (pw->dead) {
        (void) llmb_sched_reap(play->z, w, play_clock(play, w));
        pw->dead = 0;
    }

    if (pw->epoch != play->z->epoch) {
        play_forget(play, w);
        pw->epoch = play->z->epoch;
        llmb_zone_settle(play->z, w);
    }
}


static void
play_unlock(play_t *play)
{
    uint32_t        i;
    llmb_worker_t  *w;

    for (i = 0; i < PLAY_WORKERS; i++) {
        w = llmb_worker(play->z, i);

        if (w->bell) {
            w->bell = 0;
            play->z->bells--;
            play->workers[i].rung = !play->workers[i].dead;
        }
    }
}


static const char *
play_alloc(play_t *play, uint32_t w)
{
    uint32_t        i, group, len;
    unsigned        b;
    llmb_member_t  *m;

    b = play_byte(play);
    len = 1 + play_byte(play) * ((b & 0x44) == 0x44 ? 1200 : (b & 0x40) ? 40
                                                                      : 2);
    group = play_group(play, b);

    i = group == LLMB_NIL ? LLMB_NIL
                          : llmb_member_alloc(play->z, group, w, len);

    if (i == LLMB_NIL) {
        return NULL;
    }

    if (!play->z->settled) {
        sched_fail("member %u allocated although not settled", i);
    }

    if (play->members[i].phase != PLAY_NONE) {
        sched_fail("member %u allocated twice", i);
    }

    m = llmb_member(play->z, i);
    m->items = 1 + (b >> 3) % 4 * ((b & 0x80) ? 3 : 1);
    m->tokens = 2 * m->items;
    m->part = (b & 0x60) == 0x60;
    m->wait = (uint32_t) llmb_group(play->z, group)->policy.max_wait;
    m->tolerance = (uint8_t) (50 * (len % 5 % 3));
    m->solo = len % 64 == 21;
    m->budget = len % 3 ? 0 : 10 + len % 128;
    m->flow = b & 3;
    m->priority = (b >> 2) % 10;

    play->members[i].counted = 0;
    play->members[i].phase = PLAY_WRITING;
    play->members[i].worker = w;
    play->members[i].gen = m->gen;

    return NULL;
}


/* the n-th member of a worker in a phase, from any on */

static uint32_t
play_find(play_t *play, uint32_t w, play_phase_e phase)
{
    uint32_t  i, n, at;

    n = play->z->nmembers;
    at = play_byte(play) % n;

    for (i = 0; i < n; i++, at = (at + 1) % n) {
        if (play->members[at].phase != PLAY_NONE
            && play->members[at].worker == w
            && (phase == PLAY_NONE || play->members[at].phase == phase))
        {
            return at;
        }
    }

    return LLMB_NIL;
}


static uint32_t
play_find_call(play_t *play, uint32_t w, unsigned held)
{
    uint32_t  i;

    for (i = 0; i < play->z->ncalls; i++) {
        if (play->calls[i].held == held && play->calls[i].worker == w
            && !llmb_call_is_own(llmb_call(play->z, i)))
        {
            return i;
        }
    }

    return LLMB_NIL;
}


static void
play_join(play_t *play, uint32_t w)
{
    uint32_t  i;
    uint64_t  now;

    i = play_find(play, w, PLAY_WRITING);

    if (i == LLMB_NIL) {
        return;
    }

    now = play_clock(play, w);

    switch (llmb_member_grow(play->z, i)) {

    case LLMB_AGAIN:
        /* others have the lock in between */
        return;

    case LLMB_OK:
        llmb_sched_join(play->z, i, now);

        play->members[i].phase = PLAY_HELD;
        play->members[i].timer = llmb_sched_wake(play->z, i, now);
        return;

    default:
        llmb_sched_leave(play->z, i, now);
        play->members[i].phase = PLAY_NONE;
    }
}


/* ms: also longer ones than anybody but a part may wait */

static uint64_t
play_pause(play_t *play)
{
    unsigned  b;

    b = play_byte(play);

    return b < 160 ? b / 2 : b < 250 ? 20 * b : 1000 * b;
}


/* what came of a call, or of one that went alone: whatever may be */

static void
play_outcome(play_t *play, uint32_t w, uint32_t items, llmb_outcome_t *out,
    llmb_facts_t *facts)
{
    unsigned  b;

    static const unsigned  statuses[] = {
        200, 200, 200, 200, 400, 404, 413, 429, 429, 429, 500, 502, 504, 302
    };

    memset(out, 0, sizeof(llmb_outcome_t));
    memset(facts, 0, sizeof(llmb_facts_t));

    b = play_byte(play);

    out->status = statuses[b % (sizeof(statuses) / sizeof(statuses[0]))];
    out->answered = (b & 0x10) != 0 || out->status < 500;
    out->split = out->status == 200 && (b & 0x60) != 0x60;
    out->mismatch = out->status == 200 && !out->split
                    ? LLMB_MISMATCH_COUNT : LLMB_MISMATCH_NONE;
    out->idempotent = (b & 0x80) != 0;

    b = play_byte(play);

    out->fallback = (b & 7) != 0;
    out->moved = (b & 8) != 0;
    out->internal = (b & 0xf0) == 0xf0;
    out->items = items;
    out->tokens = 2 * items;
    out->bytes = 10 * items;

    facts->items = items;
    facts->inflight = 1;
    facts->usec = play_clock(play, w) * 1000;
    facts->sent = facts->usec - (1000 + b % 16 * 1000 * items);
    facts->began = play_clock(play, w);
    facts->retry = out->status == 429 && (b & 0x30) ? play_pause(play) : 0;
    facts->fallback_limit = b & 0x40 ? 50 : 500;
    facts->breaker_failures = 5;
    facts->breaker_cooldown = 100;
}


/* its worker has no more use for it; a call of it alone may be over */

static void
play_end(play_t *play, uint32_t w, uint32_t i)
{
    llmb_sched_leave(play->z, i, play_clock(play, w));

    play->members[i].phase = PLAY_NONE;

    if (llmb_call(play->z, i)->state == LLMB_CALL_FREE) {
        play->calls[i].held = 0;
    }
}


static void
play_leave(play_t *play, uint32_t w, play_phase_e phase)
{
    uint32_t         i;
    llmb_facts_t     facts;
    llmb_outcome_t   out;
    llmb_returned_t  returned;

    i = play_find(play, w, phase);

    if (i == LLMB_NIL) {
        return;
    }

    if (phase == PLAY_GONE) {
        play_outcome(play, w, llmb_member(play->z, i)->items, &out, &facts);

        llmb_returned(play->z, i, w, &out, &facts, play_clock(play, w),
                      &returned);
    }

    play_end(play, w, i);
}


static const char *
play_mail_member(play_t *play, uint32_t w, uint32_t i, llmb_mail_e mail)
{
    llmb_member_t  *m;
    play_member_t  *pm;

    m = llmb_member(play->z, i);
    pm = &play->members[i];

    if (pm->phase != PLAY_HELD || pm->worker != w || pm->gen != m->gen) {
        sched_fail("mail %d for member %u in phase %d", mail, i, pm->phase);
    }

    switch (mail) {

    case LLMB_MAIL_REFUSE:
    case LLMB_MAIL_ANSWER:
        pm->phase = PLAY_ANSWER;
        break;

    default: /* LLMB_MAIL_ARM */
        pm->timer = llmb_sched_wake(play->z, i, play_clock(play, w));
    }

    return NULL;
}


static const char *
play_mail(play_t *play, uint32_t w, unsigned *more)
{
    uint32_t        i, j, n;
    llmb_call_t    *c;
    llmb_mail_e     mail;
    llmb_member_t  *m;

    mail = llmb_sched_mail(play->z, w, play_clock(play, w), &i);
    *more = (mail != LLMB_MAIL_NONE);

    if (mail == LLMB_MAIL_NONE) {
        play->workers[w].rung = 0;
        play->workers[w].later = llmb_sched_later(play->z, w);
        return NULL;
    }

    /* it goes on until there is none */
    play->workers[w].rung = 1;

    if (mail != LLMB_MAIL_SEND) {
        return play_mail_member(play, w, i, mail);
    }

    c = llmb_call(play->z, i);

    if (c->state != LLMB_CALL_SEALED || c->worker != w || play->calls[i].held)
    {
        sched_fail("call %u in mail, state %u", i, c->state);
    }

    play->calls[i].held = 1;
    play->calls[i].worker = w;
    play->calls[i].gen = c->gen;

    if (c->probe != LLMB_PROBE_PAUSE || c->tries
        || c->reason != LLMB_REASON_NONE)
    {
        return NULL;
    }

    n = 0;

    for (j = c->members.head;
         j != LLMB_NIL;
         j = llmb_queue_links(play->z)[j].next)
    {
        n += play->members[j].counted;
        play->members[j].counted = 1;
    }

    /* it may be handed from worker to worker */

    m = llmb_member(play->z, c->members.head);

    return n ? NULL : play_check_probe(play, c->group, c->close,
                                       m->since + m->result.wait);
}


static const char *
play_send(play_t *play, uint32_t w)
{
    uint32_t        call, lender;
    llmb_member_t  *m;

    call = play_find_call(play, w, 1);

    if (call == LLMB_NIL) {
        return NULL;
    }

    lender = llmb_sched_send(play->z, call, w);

    if (lender == LLMB_NIL) {
        play->calls[call].held = 0;
        return NULL;
    }

    m = llmb_member(play->z, lender);

    if (m->state != LLMB_MEMBER_CLAIMED || m->worker != w || m->call != call) {
        sched_fail("call %u: lender %u, state %u", call, lender, m->state);
    }

    play->calls[call].held = 2;

    if (!llmb_call_is_single(play->z, call)) {
        play->merged += llmb_sched_live(play->z, call);

    } else if (!m->part || llmb_call(play->z, call)->direct) {
        llmb_sched_go(play->z, call);
        play->members[call].phase = PLAY_GONE;
    }

    return NULL;
}


static const char *
play_answer(play_t *play, uint32_t call, unsigned b)
{
    uint32_t             i, len;
    llmb_rc_e            rc;
    llmb_chunk_writer_t  writer;

    static uint8_t       text[0x80 * 40];

    i = llmb_call(play->z, call)->members.head;

    if (i == LLMB_NIL) {
        return NULL;
    }

    len = (b & 0x7f) * 40;

    if (llmb_member_room(play->z, i, len) == LLMB_NOMEM) {
        llmb_sched_release(play->z, i, LLMB_REASON_INTERNAL);
        return NULL;
    }

    if (b & 0x80) {
        /* it may be less than there is room for */
        len = (len + 1) / 2;
    }

    writer.zone = play->z;
    writer.chunk = len ? llmb_member(play->z, i)->room.first : LLMB_NIL;
    writer.pos = 0;
    rc = llmb_chunks_write(&writer, text, len);

    if (rc != LLMB_OK) {
        sched_fail("room for member %u: %d", i, rc);
    }

    llmb_sched_answer(play->z, i, len);

    return NULL;
}


/* who is left gets the answer; one that was alone takes it and leaves */

static const char *
play_serve(play_t *play, uint32_t w, uint32_t call)
{
    if (llmb_call_is_single(play->z, call)) {

        if (llmb_member(play->z, call)->state == LLMB_MEMBER_CLAIMED) {
            play_end(play, w, call);
        }

        return NULL;
    }

    while (llmb_call(play->z, call)->members.n) {
        sched_try(play_answer(play, call, 0));
    }

    return NULL;
}


/* the verdict is carried out */

static const char *
play_returned(play_t *play, uint32_t w, uint32_t call)
{
    llmb_facts_t     facts;
    llmb_outcome_t   out;
    llmb_returned_t  returned;

    play_outcome(play, w, llmb_call(play->z, call)->items, &out, &facts);

    facts.divisible = llmb_call_is_single(play->z, call);

    llmb_returned(play->z, call, w, &out, &facts, play_clock(play, w),
                  &returned);

    if (returned.verdict != LLMB_VERDICT_AGAIN
        && returned.verdict != LLMB_VERDICT_HALVE)
    {
        sched_try(play_serve(play, w, call));

        llmb_sched_end(play->z, call, w, play_clock(play, w));
    }

    play->calls[call].held = 0;

    return NULL;
}


static const char *
play_result(play_t *play, uint32_t w)
{
    uint32_t      call;
    uint64_t      now;
    unsigned      b;
    llmb_zone_t  *z;

    z = play->z;
    now = play_clock(play, w);
    call = play_find_call(play, w, 2);

    if (call == LLMB_NIL) {
        return NULL;
    }

    b = play_byte(play);

    if (llmb_call_is_single(z, call) && b % 8 < 6) {
        return play_returned(play, w, call);
    }

    switch (b % 8) {

    case 3:
        /* a copy that goes on outside of the lock */

        if (llmb_call(z, call)->members.n) {
            (void) llmb_member_room(z, llmb_call(z, call)->members.head, b);
        }

        return NULL;

    case 4:
        return play_answer(play, call, play_byte(play));

    case 5:
        if (llmb_call(z, call)->members.n) {
            llmb_sched_release(z, llmb_call(z, call)->members.head,
                               LLMB_REASON_MISMATCH);
        }

        if (llmb_call(z, call)->state != LLMB_CALL_SENT) {
            play->calls[call].held = 0;
        }

        return NULL;

    case 6:
        llmb_sched_end(z, call, w, now);
        break;

    default:
        return play_returned(play, w, call);
    }

    play->calls[call].held = 0;

    return NULL;
}


static const char *
play_timer(play_t *play, uint32_t w, uint32_t i)
{
    uint64_t        now;
    llmb_member_t  *m;

    m = llmb_member(play->z, i);
    now = play_clock(play, w);

    if (play->members[i].phase != PLAY_HELD
        || m->state != LLMB_MEMBER_QUEUED || now < play->members[i].timer)
    {
        return NULL;
    }

    llmb_sched_flush(play->z, m->group, w, i, now);

    if (m->state != LLMB_MEMBER_QUEUED) {
        return NULL;
    }

    if (now >= m->bound && !m->part) {
        sched_fail("member %u waits past its deadline", i);
    }

    play->members[i].timer = llmb_sched_wake(play->z, i, now);

    if (play->members[i].timer <= now) {
        sched_fail("timer of member %u fires over and over", i);
    }

    return NULL;
}


static const char *
play_drain(play_t *play, uint32_t w)
{
    uint32_t  i;

    i = play_find(play, w, PLAY_HELD);

    if (i == LLMB_NIL || llmb_member(play->z, i)->state != LLMB_MEMBER_QUEUED)
    {
        return NULL;
    }

    llmb_sched_drain(play->z, i, play_clock(play, w));

    if (llmb_member(play->z, i)->state == LLMB_MEMBER_QUEUED) {
        sched_fail("member %u not drained", i);
    }

    return NULL;
}


/* dies with the lock, half way through some change */

static const char *
play_tear(play_t *play, uint32_t w)
{
    uint32_t      i;
    llmb_zone_t  *z;

    z = play->z;
    i = play_byte(play) % z->nmembers;

    memset(&llmb_queue_links(z)[i], 0xa5, sizeof(llmb_link_t));
    memset(&llmb_mail_links(z)[i], 0x5a, sizeof(llmb_link_t));
    memset(&z->free_calls, 0xa5, sizeof(llmb_list_t));
    llmb_member(z, i)->state = LLMB_MEMBER_ANSWERED;
    z->nfree -= i;
    z->bells = i;

    llmb_zone_reset(z);
    memset(play->probes, 0, z->ngroups * sizeof(uint64_t));

    play_forget(play, w);
    play->workers[w].dead = 1;
    play->resets++;

    return NULL;
}


static const char *
play_learn(play_t *play, uint32_t w)
{
    uint32_t  i;

    i = play_group(play, play_byte(play));

    if (i != LLMB_NIL) {
        llmb_group(play->z, i)->learned.items = play_byte(play) % 5;
        llmb_sched_flush(play->z, i, w, LLMB_NIL, play_clock(play, w));
        llmb_sched_attend(play->z, i, play_clock(play, w));
    }

    return NULL;
}


/* slots become fewer or more, whatever the reason */

static void
play_slots(play_t *play, uint32_t w)
{
    uint32_t       i, n;
    uint64_t       now;
    llmb_sample_t  sample;

    n = play_byte(play) % PLAY_GROUPS;
    i = play_group(play, n);
    now = play_clock(play, w) * 1000;

    if (i != LLMB_NIL) {
        sample.items = 1 + play_byte(play) % 4;
        sample.inflight = llmb_upstream_of(play->z,
                                           llmb_group(play->z, i))->inflight;
        sample.time = play_byte(play) * 1000;
        sample.end = (llmb_learn_end_e) (play_byte(play) % 4);

        /* the odd ones go to one upstream, the others each to its own */

        llmb_sched_goes_to(play->z, i, (n & 1) ? 1 : n + 1, now);

        if (sample.inflight % 2) {
            return;
        }

        llmb_upstream_sample(play->z, i, &sample, now);
        llmb_sched_flush(play->z, i, w, LLMB_NIL, play_clock(play, w));
        llmb_sched_attend(play->z, i, play_clock(play, w));
    }
}


static const char *
play_fire(play_t *play, uint32_t w)
{
    uint32_t  i;

    i = play_find(play, w, PLAY_HELD);

    return i == LLMB_NIL ? NULL : play_timer(play, w, i);
}


static const char *
play_rare_move(play_t *play, uint32_t w, unsigned move)
{
    switch (move) {

    case 46:
    case 47:
        play_leave(play, w, PLAY_NONE);
        return NULL;

    case 48:
    case 49:
        play_leave(play, w, PLAY_ANSWER);
        return NULL;

    case 50:
    case 51:
        play_leave(play, w, PLAY_GONE);
        return NULL;

    case 52:
    case 53:
        play->now += play_byte(play) / 4;
        return NULL;

    case 58:
        return play_drain(play, w);

    case 59:
        play_join(play, w);
        return NULL;

    case 60:
        return play_learn(play, w);

    case 62:
        play_slots(play, w);
        return NULL;

    case 61:
        return play_byte(play) < 16 ? play_tear(play, w) : NULL;

    case 63:
        play->now += 120;
        return NULL;

    default:
        return play_fire(play, w);
    }
}


static const char *
play_move(play_t *play)
{
    uint32_t  w;
    unsigned  move, more;

    move = play_byte(play);
    w = move % PLAY_WORKERS;
    move /= PLAY_WORKERS;

    if (move == 62) {
        play_forget(play, w);
        play->workers[w].dead = 1;
        return NULL;
    }

    play_lock(play, w);

    if (move < 12) {
        sched_try(play_alloc(play, w));
        play_join(play, w);
        return NULL;
    }

    if (move < 14) {
        return play_alloc(play, w);
    }

    if (move < 26) {
        return play_mail(play, w, &more);
    }

    if (move < 34) {
        return play_send(play, w);
    }

    if (move < 46) {
        return play_result(play, w);
    }

    return play_rare_move(play, w, move);
}


/* every worker does what it has to do, once */

static const char *
play_round(play_t *play, uint32_t w)
{
    uint32_t  i;
    unsigned  more;

    play_lock(play, w);

    do {
        sched_try(play_mail(play, w, &more));
    } while (more);

    while (play_find_call(play, w, 1) != LLMB_NIL) {
        sched_try(play_send(play, w));
    }

    for (i = 0; i < play->z->ncalls; i++) {
        if (play->calls[i].held == 2 && play->calls[i].worker == w
            && !llmb_call_is_own(llmb_call(play->z, i)))
        {
            if (llmb_call_is_single(play->z, i)) {
                sched_try(play_serve(play, w, i));
                llmb_sched_end(play->z, i, w, play_clock(play, w));
                play->calls[i].held = 0;
                continue;
            }

            sched_try(play_answer(play, i, 1));

            if (llmb_call(play->z, i)->members.n == 0) {
                llmb_sched_end(play->z, i, w, play_clock(play, w));
                play->calls[i].held = 0;
            }
        }
    }

    for (i = 0; i < play->z->nmembers; i++) {

        if (play->members[i].phase == PLAY_NONE
            || play->members[i].worker != w)
        {
            continue;
        }

        switch (play->members[i].phase) {

        case PLAY_HELD:
            sched_try(play_timer(play, w, i));
            break;

        default:
            play_end(play, w, i);
        }
    }

    play_unlock(play);

    return play_check(play);
}


static const char *
play_finish(play_t *play)
{
    uint32_t  w, rounds;

    for (rounds = 0; rounds < 500; rounds++) {

        for (w = 0; w < PLAY_WORKERS; w++) {
            sched_try(play_round(play, w));
        }

        if (play->z->free_members.n == play->z->nmembers
            && play->z->calls == 0)
        {
            return sched_check_drained(play->z);
        }

        /* a pause may be long */
        play->now += rounds < 50 ? 10 : 200;
    }

    sched_fail("%u members and %u calls are never done",
               play->z->nmembers - play->z->free_members.n,
               play->z->calls);
}


const char *
sched_play(const uint8_t *data, size_t size, unsigned *moves, unsigned *merged)
{
    size_t        bytes;
    play_t        play;
    uint32_t      i;
    const char   *problem;

    memset(&play, 0, sizeof(play_t));

    *moves = 0;
    *merged = 0;

    bytes = 240 * 1024;
    play.z = aligned_alloc(16, bytes);
    play.p = data;
    play.end = data + size;
    play.now = 1000000;

    if (play.z == NULL
        || llmb_zone_init(play.z, bytes, PLAY_WORKERS) != LLMB_OK)
    {
        abort();
    }

    play.members = calloc(play.z->nmembers, sizeof(play_member_t));
    play.calls = calloc(play.z->ncalls, sizeof(play_call_t));
    play.probes = calloc(play.z->ngroups, sizeof(uint64_t));

    if (play.members == NULL || play.calls == NULL || play.probes == NULL) {
        abort();
    }

    for (i = 0; i < PLAY_WORKERS; i++) {
        llmb_worker(play.z, i)->pid = 1 + i;
        play.workers[i].later = UINT64_MAX;
    }

    problem = NULL;

    while (problem == NULL && play.p < play.end) {
        problem = play_move(&play);

        if (problem == NULL) {
            play_unlock(&play);
            problem = play_check(&play);
        }

        (*moves)++;
    }

    if (problem == NULL) {
        problem = play_finish(&play);
    }

    *merged = play.merged;

    free(play.members);
    free(play.calls);
    free(play.probes);
    free(play.z);

    return problem;
}
