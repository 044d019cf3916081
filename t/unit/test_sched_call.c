
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"
#include "sched_table.h"


/* sending */

static void
who_is_gone_is_dropped_before_the_call_is_sent(void **state)
{
    uint32_t  n, call, m[3];

    (void) state;

    for (n = 0; n < 3; n++) {
        m[n] = join(0, 1, T0);
    }

    call = expect(0, LLMB_MAIL_SEND, T0);

    llmb_sched_leave(z, m[0], T0);
    assert_int_equal(llmb_sched_live(z, call), 2);

    assert_int_equal(llmb_sched_send(z, call, 0), m[1]);
    assert_state(m[0], FREE);
    assert_int_equal(llmb_call(z, call)->items, 2);
    assert_int_equal(llmb_member(z, m[2])->result.index, 1);
    leave_all(T0);
}


static void
who_has_no_member_left_hands_the_call_over(void **state)
{
    uint32_t  call, plugged, m[3];

    (void) state;

    plugged = plug();
    m[0] = join(0, 1, T0);
    m[1] = join(1, 1, T0);
    m[2] = join(2, 1, T0);
    unplug(plugged, T0);

    call = expect(0, LLMB_MAIL_SEND, T0);
    llmb_sched_leave(z, m[0], T0);

    assert_int_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    assert_sound();
    assert_int_equal(expect(1, LLMB_MAIL_SEND, T0), call);
    assert_int_equal(llmb_sched_send(z, call, 1), m[1]);
    assert_int_equal(llmb_call(z, call)->worker, 1);
    leave_all(T0);
}


static void
the_last_one_left_goes_alone(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    m[0] = join(0, 1, T0);
    m[1] = join(0, 1, T0);
    call = expect(0, LLMB_MAIL_SEND, T0);

    llmb_sched_leave(z, m[0], T0);

    assert_int_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    assert_int_equal(single(0, T0), m[1]);
    assert_int_equal(llmb_member(z, m[1])->result.status, LLMB_STATUS_SINGLE);
    assert_int_equal(inflight(), 1);
    leave_all(T0);
}


static void
a_call_that_nobody_sends_is_rung_for_again(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    m[0] = join(0, 1, T0);
    m[1] = join(0, 1, T0);
    call = expect(0, LLMB_MAIL_SEND, T0);

    llmb_worker(z, 0)->bell = 0;
    z->bells = 0;

    llmb_sched_remind(z, call);
    assert_int_equal(llmb_worker(z, 0)->bell, 1);
    assert_int_equal(z->bells, 1);

    assert_int_equal(llmb_sched_send(z, call, 0), m[0]);

    llmb_worker(z, 0)->bell = 0;
    z->bells = 0;

    llmb_sched_remind(z, call);
    assert_int_equal(z->bells, 0);
    leave_all(T0);
}


/* failures */

static void
a_call_sent_again_is_the_same_call(void **state)
{
    uint32_t  call, m[4];
    uint64_t  number, until;

    (void) state;

    call = sent(2, 4, m);
    number = llmb_call(z, call)->number;

    llmb_sched_again(z, call, 0, LLMB_REASON_UPSTREAM_ERROR, T0);
    assert_sound();

    until = llmb_sched_later(z, 0);

    assert_in_range(until, T0 + LLMB_SCHED_BACKOFF,
                    T0 + 2 * LLMB_SCHED_BACKOFF);
    assert_true(llmb_worker(z, 0)->bell);
    (void) expect(0, LLMB_MAIL_NONE, until - 1);

    assert_int_equal(expect(0, LLMB_MAIL_SEND, until), call);
    assert_int_equal(llmb_sched_later(z, 0), UINT64_MAX);
    assert_int_equal(llmb_call(z, call)->tries, 1);
    assert_int_equal(llmb_call(z, call)->number, number);
    assert_int_not_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    leave_all(T0);
}


static void
calls_are_sent_again_at_different_times(void **state)
{
    uint32_t  i, n, call[4], m[8];
    uint64_t  last, until;

    (void) state;

    llmb_group(z, group)->policy.max_size = 8;
    call[0] = sent(1, 8, m);
    n = 1;

    while (n < 4) {
        for (i = n; i; i--) {
            llmb_sched_halve(z, call[i - 1], 0, LLMB_REASON_UPSTREAM_ERROR);
            assert_int_equal(expect(0, LLMB_MAIL_SEND, T0), call[i - 1]);
            call[n++] = expect(0, LLMB_MAIL_SEND, T0);
            (void) llmb_sched_send(z, call[i - 1], 0);
            (void) llmb_sched_send(z, call[n - 1], 0);
        }
    }

    for (i = 0; i < n; i++) {
        llmb_sched_again(z, call[i], 0, LLMB_REASON_UPSTREAM_ERROR, T0);
        assert_sound();
    }

    last = T0;

    for (i = 0; i < n; i++) {
        until = llmb_sched_later(z, 0);
        assert_true(until > last);

        (void) expect(0, LLMB_MAIL_SEND, until);
        last = until;
    }

    assert_int_equal(llmb_sched_later(z, 0), UINT64_MAX);
    assert_true(last - T0 <= 2 * LLMB_SCHED_BACKOFF);
    leave_all(T0);
}


static void
a_call_to_be_sent_later_is_lost_with_its_worker(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(2, 2, m);
    llmb_sched_again(z, call, 0, LLMB_REASON_UPSTREAM_ERROR, T0);

    (void) llmb_sched_reap(z, 0, T0);
    assert_sound();
    assert_int_equal(llmb_sched_later(z, 0), UINT64_MAX);

    assert_int_equal(single(1, T0), m[1]);
    leave_all(T0);
}


static void
what_was_spent_in_calls_that_failed_is_kept(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);
    assert_int_equal(llmb_sched_spent(z, call, 300), 300);

    llmb_sched_again(z, call, 0, LLMB_REASON_UPSTREAM_ERROR, T0);
    assert_int_equal(expect(0, LLMB_MAIL_SEND, T0 + 1000), call);
    (void) llmb_sched_send(z, call, 0);

    /* what it waited for its second try is of that */

    assert_in_range(llmb_sched_spent(z, call, 0), 300 + LLMB_SCHED_BACKOFF,
                    300 + 2 * LLMB_SCHED_BACKOFF);

    /* back in the queue it is with others */

    (void) llmb_sched_pause(z, call, 0, T0 + 1000);
    llmb_sched_end(z, call, 0, T0 + 1000);
    call = expect(0, LLMB_MAIL_SEND, T0 + 1000);
    assert_in_range(llmb_sched_spent(z, call, 0), 300 + LLMB_SCHED_BACKOFF,
                    300 + 2 * LLMB_SCHED_BACKOFF);
    assert_true(llmb_sched_spent(z, call, UINT64_MAX / 2) >= UINT32_MAX);
    leave_all(T0);
}


static void
a_call_sent_again_for_one_is_a_fallback(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    llmb_sched_leave(z, m[0], T0);
    llmb_sched_leave(z, m[2], T0);

    llmb_sched_again(z, call, 0, LLMB_REASON_UPSTREAM_ERROR, T0);
    assert_sound();

    assert_int_equal(single(0, T0), m[1]);
    assert_int_equal(llmb_member(z, m[1])->result.status,
                     LLMB_STATUS_FALLBACK);
    assert_int_equal(llmb_member(z, m[1])->result.reason,
                     LLMB_REASON_UPSTREAM_ERROR);
    leave_all(T0);
}


static void
halves_keep_the_order_and_all_members(void **state)
{
    uint32_t  call, other, m[4];

    (void) state;

    call = sent(2, 4, m);

    llmb_sched_halve(z, call, 0, LLMB_REASON_UPSTREAM_ERROR);
    assert_sound();
    assert_int_equal(inflight(), 2);

    assert_int_equal(expect(0, LLMB_MAIL_SEND, T0), call);
    other = expect(0, LLMB_MAIL_SEND, T0);

    assert_int_equal(llmb_call(z, call)->members.head, m[0]);
    assert_int_equal(llmb_call(z, call)->members.tail, m[1]);
    assert_int_equal(llmb_call(z, other)->members.head, m[2]);
    assert_int_equal(llmb_call(z, other)->members.tail, m[3]);
    assert_int_not_equal(llmb_call(z, call)->number,
                         llmb_call(z, other)->number);
    leave_all(T0);
}


static void
halves_go_to_who_has_a_member_of_them(void **state)
{
    uint32_t  call, other, plugged, m[4];

    (void) state;

    plugged = plug();
    m[0] = join(0, 1, T0);
    m[1] = join(0, 1, T0);
    m[2] = join(1, 1, T0);
    m[3] = join(1, 1, T0);
    unplug(plugged, T0);

    call = expect(0, LLMB_MAIL_SEND, T0);
    (void) llmb_sched_send(z, call, 0);
    llmb_sched_halve(z, call, 0, LLMB_REASON_UPSTREAM_ERROR);
    assert_sound();

    assert_int_equal(expect(0, LLMB_MAIL_SEND, T0), call);
    other = expect(1, LLMB_MAIL_SEND, T0);
    assert_int_equal(llmb_call(z, other)->members.head, m[2]);
    leave_all(T0);
}


static void
halves_of_one_go_alone(void **state)
{
    uint32_t  n, call, m[3];

    (void) state;

    call = sent(1, 3, m);
    llmb_sched_leave(z, m[2], T0);

    llmb_sched_halve(z, call, 0, LLMB_REASON_UPSTREAM_ERROR);
    assert_sound();

    for (n = 0; n < 2; n++) {
        assert_int_equal(single(0, T0), m[n]);
        assert_int_equal(llmb_member(z, m[n])->result.reason,
                         LLMB_REASON_UPSTREAM_ERROR);
    }

    assert_int_equal(inflight(), 2);
    leave_all(T0);
}


static void
a_call_without_members_has_no_halves(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);
    llmb_sched_leave(z, m[0], T0);
    llmb_sched_leave(z, m[1], T0);

    llmb_sched_halve(z, call, 0, LLMB_REASON_UPSTREAM_ERROR);
    assert_drained();
    assert_int_equal(inflight(), 0);
}


static void
without_a_record_for_the_other_half_all_go_alone(void **state)
{
    uint32_t  n, call, m[4];

    (void) state;

    call = sent(1, 4, m);

    while (llmb_call_alloc(z, group) != LLMB_NIL) {
        /* void */
    }

    llmb_sched_halve(z, call, 0, LLMB_REASON_UPSTREAM_ERROR);

    for (n = 0; n < 4; n++) {
        assert_sealed(m[n]);
    }

    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_FREE);
    assert_int_equal(inflight(), 4);
}


/* pauses */

static void
members_that_can_wait_go_back_in_order(void **state)
{
    uint32_t       i, n, call, late, m[4];
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    call = sent(1, 4, m);
    late = join(1, 1, T0 + 1);
    llmb_sched_leave(z, m[3], T0 + 1);

    (void) llmb_sched_pause(z, call, T0 + 50, T0 + 2);
    assert_sound();

    assert_int_equal(g->queue.n, 4);
    assert_int_equal(g->paused, T0 + 50);

    for (n = 0, i = g->queue.head; n < 3; n++) {
        assert_int_equal(i, m[n]);
        assert_state(i, QUEUED);
        assert_int_equal(llmb_member(z, i)->result.status, LLMB_STATUS_NONE);
        i = llmb_queue_links(z)[i].next;
    }

    assert_int_equal(i, late);

    /* the one that is gone goes with the call */

    llmb_sched_end(z, call, 0, T0 + 2);
    assert_sound();
    assert_state(m[3], FREE);
    assert_int_equal(inflight(), 0);

    for (n = 0; n < 3; n++) {
        assert_int_equal(expect(0, LLMB_MAIL_ARM, T0 + 2), m[n]);
        assert_int_equal(llmb_sched_wake(z, m[n], T0 + 2), T0 + 50);
    }

    /* and at the end of the pause they go */

    llmb_sched_flush(z, group, 0, m[0], T0 + 50);
    call = expect(0, LLMB_MAIL_SEND, T0 + 50);
    assert_int_equal(llmb_call(z, call)->members.n, 4);
    assert_int_equal(llmb_member(z, m[0])->result.wait, 50);
    leave_all(T0);
}


static void
members_that_cannot_wait_stay_in_the_call(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);

    (void) llmb_sched_pause(z, call, T0 + WAIT, T0 + 2);
    assert_sound();
    assert_int_equal(llmb_call(z, call)->members.n, 2);

    answer(m[0]);
    answer(m[1]);
    llmb_sched_end(z, call, 0, T0 + 2);
    leave_all(T0);
}


static void
a_longer_pause_counts_for_those_that_come_back_later(void **state)
{
    uint32_t       call, m[2];
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    call = sent(1, 2, m);
    g->paused = T0 + 5000;

    (void) llmb_sched_pause(z, call, T0 + 10, T0 + 2);
    assert_sound();

    assert_int_equal(g->paused, T0 + 5000);
    assert_int_equal(llmb_call(z, call)->members.n, 2);
    leave_all(T0);
}


static void
a_lender_that_overtook_does_not_lead_after_a_pause(void **state)
{
    uint32_t       n, call, old, lender, plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();

    for (n = 0; n < 3; n++) {
        (void) join(0, 1, T0);
    }

    old = join(0, 1, T0 + 1);
    llmb_member(z, old)->deadline = T0 + 200;
    llmb_member(z, old)->bound = T0 + 200;
    lender = join(1, 1, T0 + 60);

    /* worker 1 sends the three oldest and its own */

    llmb_sched_flush(z, group, 1, lender, T0 + 160);
    call = expect(1, LLMB_MAIL_SEND, T0 + 160);
    assert_int_equal(llmb_call(z, call)->members.tail, lender);
    assert_state(old, QUEUED);
    (void) llmb_sched_send(z, call, 1);

    llmb_member(z, lender)->deadline = T0 + 300;
    llmb_member(z, lender)->bound = T0 + 300;
    (void) llmb_sched_pause(z, call, T0 + 161, T0 + 160);
    assert_sound();

    assert_int_equal(g->queue.head, old);
    assert_int_equal(g->queue.tail, lender);

    /* so at its deadline the old one goes */

    llmb_sched_flush(z, group, 0, old, T0 + 201);
    assert_sound();
    assert_state(old, CLAIMED);
    unplug(plugged, T0 + 201);
    leave_all(T0 + 201);
}


static void
somebody_watches_for_the_end_of_a_pause(void **state)
{
    uint32_t  i, call, a, b, c, first, m[2];

    (void) state;

    call = sent(1, 2, m);
    a = join(1, 1, T0 + 1);
    b = join(2, 1, T0 + 1);
    c = join(1, 1, T0 + 2);

    (void) llmb_sched_pause(z, call, T0 + WAIT, T0 + 3);
    answer(m[0]);
    answer(m[1]);
    llmb_sched_end(z, call, 0, T0 + 3);

    /* those who came before knew of no pause */

    assert_int_equal(expect(1, LLMB_MAIL_ARM, T0 + 3), a);
    (void) expect(2, LLMB_MAIL_NONE, T0 + 3);

    llmb_sched_leave(z, a, T0 + 4);
    assert_sound();
    assert_int_equal(expect(2, LLMB_MAIL_ARM, T0 + 4), b);

    llmb_sched_drain(z, b, T0 + 5);
    assert_sound();
    (void) expect(2, LLMB_MAIL_SEND, T0 + 5);
    assert_state(c, CLAIMED);

    llmb_group(z, group)->paused = T0 + WAIT;
    first = join(0, 1, T0 + 6);
    i = join(1, 4, T0 + 7);

    /* one goes, as a worker quits, the next one watches */

    llmb_sched_drain(z, first, T0 + 8);
    assert_sound();
    assert_int_equal(expect(1, LLMB_MAIL_ARM, T0 + 8), i);

    /* and it dies */

    (void) join(2, 1, T0 + 8);
    (void) llmb_sched_reap(z, 1, T0 + 50);
    assert_sound();
    assert_int_equal(llmb_mail_links(z)[llmb_group(z, group)->queue.head]
                     .linked, 1);
    leave_all(T0 + 50);
}


/* outcomes */

static void
an_answer_for_nobody_is_freed(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);
    llmb_sched_leave(z, m[0], T0);
    assert_state(m[0], ABANDONED);

    answer(m[0]);
    assert_state(m[0], FREE);

    answer(m[1]);
    assert_int_equal(llmb_member(z, m[1])->text.n, 2);
    assert_int_equal(llmb_member(z, m[1])->len, 3000);
    assert_int_equal(llmb_zone_used(z), 2 * LLMB_CHUNK_SIZE);

    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);
}


static void
an_answer_without_a_text_needs_no_room(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);

    llmb_sched_answer(z, m[0], 0);
    assert_sound();
    assert_int_equal(llmb_member(z, m[0])->text.n, 0);
    llmb_sched_answer(z, m[1], 0);
    assert_sound();

    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);
}


static void
an_answer_smaller_than_its_room_loses_nothing(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);

    assert_int_equal(llmb_member_room(z, m[0], 5 * LLMB_CHUNK_SIZE), LLMB_OK);
    llmb_sched_answer(z, m[0], 10);
    assert_sound();

    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);
}


static void
room_that_is_not_used_is_given_back(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);

    (void) llmb_member_room(z, m[0], 5000);
    (void) llmb_member_room(z, m[1], 5000);
    (void) llmb_member_room(z, m[2], 5000);
    llmb_sched_leave(z, m[2], T0);

    llmb_sched_release(z, m[0], LLMB_REASON_INTERNAL);
    assert_sound();
    assert_int_equal(llmb_member(z, m[0])->room.n, 0);

    (void) llmb_sched_pause(z, call, T0 + 1, T0);
    assert_sound();
    assert_int_equal(llmb_member(z, m[1])->room.n, 0);

    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);
}


static void
members_left_at_the_end_of_a_call_go_alone(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(1, 4, m);
    answer(m[1]);
    llmb_sched_leave(z, m[2], T0);
    llmb_sched_release(z, m[3], LLMB_REASON_MISMATCH);

    llmb_sched_end(z, call, 0, T0);
    assert_sound();

    assert_sealed(m[0]);
    assert_int_equal(llmb_call(z, m[0])->reason, LLMB_REASON_INTERNAL);
    assert_state(m[1], ANSWERED);
    assert_state(m[2], FREE);
    assert_sealed(m[3]);
    assert_int_equal(llmb_call(z, m[3])->reason, LLMB_REASON_MISMATCH);
    assert_int_equal(inflight(), 2);
    leave_all(T0);
}


/* as a request of ours had no answer for it, its client's own is left */

static void
a_call_of_one_without_an_answer_is_not_over(void **state)
{
    uint32_t  i;

    (void) state;

    i = join(0, 1, T0);

    assert_int_equal(expect(0, LLMB_MAIL_SEND, T0), i);
    assert_int_equal(llmb_sched_send(z, i, 0), i);
    assert_int_equal(llmb_call(z, i)->carrier, LLMB_CARRIER_OURS);

    llmb_sched_end(z, i, 0, T0);

    assert_sound();
    assert_sealed(i);
    assert_true(llmb_call(z, i)->direct);
    assert_int_equal(inflight(), 1);

    assert_int_equal(single(0, T0), i);
    leave_all(T0);
}


static void
the_end_of_a_call_sends_the_next(void **state)
{
    uint32_t  call, next, m[2];

    (void) state;

    call = sent(1, 2, m);
    (void) join(0, 1, T0 + 1);
    (void) join(0, 1, T0 + 1);

    answer(m[0]);
    answer(m[1]);
    llmb_sched_end(z, call, 0, T0 + 2);

    next = expect(0, LLMB_MAIL_SEND, T0 + 2);
    assert_int_equal(llmb_call(z, next)->members.n, 2);
    leave_all(T0 + 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(who_is_gone_is_dropped_before_the_call_is_sent),
        sched_test(who_has_no_member_left_hands_the_call_over),
        sched_test(the_last_one_left_goes_alone),
        sched_test(a_call_that_nobody_sends_is_rung_for_again),

        sched_test(a_call_sent_again_is_the_same_call),
        sched_test(calls_are_sent_again_at_different_times),
        sched_test(a_call_to_be_sent_later_is_lost_with_its_worker),
        sched_test(what_was_spent_in_calls_that_failed_is_kept),
        sched_test(a_call_sent_again_for_one_is_a_fallback),
        sched_test(halves_keep_the_order_and_all_members),
        sched_test(halves_go_to_who_has_a_member_of_them),
        sched_test(halves_of_one_go_alone),
        sched_test(a_call_without_members_has_no_halves),
        sched_test(without_a_record_for_the_other_half_all_go_alone),

        sched_test(members_that_can_wait_go_back_in_order),
        sched_test(members_that_cannot_wait_stay_in_the_call),
        sched_test(a_longer_pause_counts_for_those_that_come_back_later),
        sched_test(a_lender_that_overtook_does_not_lead_after_a_pause),
        sched_test(somebody_watches_for_the_end_of_a_pause),

        sched_test(an_answer_for_nobody_is_freed),
        sched_test(an_answer_without_a_text_needs_no_room),
        sched_test(an_answer_smaller_than_its_room_loses_nothing),
        sched_test(room_that_is_not_used_is_given_back),
        sched_test(members_left_at_the_end_of_a_call_go_alone),
        sched_test(a_call_of_one_without_an_answer_is_not_over),
        sched_test(the_end_of_a_call_sends_the_next),
    };

    return cmocka_run_group_tests_name("sched_call", tests, NULL, NULL);
}
