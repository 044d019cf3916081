
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
#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "sched_play.h"
#include "sched_table.h"


/* joining */

static void
a_lone_request_goes_at_the_end_of_the_pass(void **state)
{
    uint32_t        i;
    llmb_member_t  *m;

    (void) state;

    i = join(1, 2, T0);

    assert_state(i, QUEUED);
    assert_int_equal(llmb_worker(z, 1)->bell, 1);

    assert_int_equal(single(1, T0 + 1), i);
    (void) expect(1, LLMB_MAIL_NONE, T0 + 1);

    m = llmb_member(z, i);
    assert_int_equal(m->result.status, LLMB_STATUS_SINGLE);
    assert_int_equal(m->result.close, LLMB_CLOSE_SLOT);
    assert_int_equal(m->result.size, 2);
    assert_int_equal(m->result.wait, 1);
    assert_int_equal(inflight(), 1);

    assert_state(i, CLAIMED);
    assert_true(llmb_call_is_own(llmb_call(z, i)));
    assert_int_equal(llmb_zone_used(z), 0);

    llmb_sched_leave(z, i, T0 + 5);
    assert_drained();
}


static void
requests_of_one_pass_leave_together_in_order(void **state)
{
    uint32_t      i, n, call, m[3];
    llmb_call_t  *c;

    (void) state;

    for (n = 0; n < 3; n++) {
        m[n] = join(0, 1, T0);
    }

    call = expect(0, LLMB_MAIL_SEND, T0);
    (void) expect(0, LLMB_MAIL_NONE, T0);

    c = llmb_call(z, call);
    assert_int_equal(c->members.n, 3);
    assert_int_equal(c->close, LLMB_CLOSE_SLOT);
    assert_int_equal(inflight(), 1);

    assert_int_not_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    assert_int_equal(c->items, 3);

    for (n = 0, i = c->members.head; n < 3; n++) {
        assert_int_equal(i, m[n]);
        assert_int_equal(llmb_member(z, i)->result.index, n);
        assert_int_equal(llmb_member(z, i)->result.size, 3);
        assert_int_equal(llmb_member(z, i)->result.call, c->number);
        assert_int_equal(llmb_member(z, i)->result.status,
                         LLMB_STATUS_MERGED);
        i = llmb_queue_links(z)[i].next;
    }

    for (n = 0; n < 3; n++) {
        answer(m[n]);
    }

    llmb_sched_end(z, call, 0, T0 + 9);

    for (n = 0; n < 3; n++) {
        assert_int_equal(expect(0, LLMB_MAIL_ANSWER, T0 + 9), m[n]);
        llmb_sched_leave(z, m[n], T0 + 9);
    }

    assert_drained();
}


static void
with_no_slot_free_requests_gather(void **state)
{
    uint32_t  plugged, call;

    (void) state;

    plugged = plug();

    (void) join(0, 1, T0);
    (void) join(1, 1, T0 + 1);
    (void) join(2, 1, T0 + 2);

    (void) expect(1, LLMB_MAIL_NONE, T0 + 3);
    assert_int_equal(queued(), 3);

    unplug(plugged, T0 + 9);

    call = expect(0, LLMB_MAIL_SEND, T0 + 9);
    assert_int_equal(llmb_call(z, call)->members.n, 3);
    leave_all(T0 + 9);
}


static void
a_call_holds_no_more_than_its_limits(void **state)
{
    uint32_t       plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    g->policy.concurrency = 10;
    plugged = plug();
    g->policy.concurrency = 1;

    (void) join(0, 3, T0);
    (void) join(0, 1, T0);
    (void) join(0, 1, T0);
    (void) join(0, 3, T0);

    g->policy.concurrency = 10;
    unplug(plugged, T0);

    assert_int_equal(llmb_call(z, expect(0, LLMB_MAIL_SEND, T0))->members.n,
                     2);
    assert_int_equal(llmb_call(z, expect(0, LLMB_MAIL_SEND, T0))->members.n,
                     2);
    assert_int_equal(inflight(), 2);
    leave_all(T0);
}


static void
an_item_too_large_goes_alone(void **state)
{
    uint32_t  plugged, large;

    (void) state;

    plugged = plug();
    large = join(1, 50, T0);
    (void) join(0, 1, T0);

    unplug(plugged, T0);

    assert_int_equal(single(1, T0), large);
    assert_int_equal(queued(), 1);
    leave_all(T0);
}


static void
what_was_learned_bounds_a_call_and_fills_it(void **state)
{
    uint32_t       a, plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();
    g->learned.items = 2;
    g->policy.window = LLMB_WINDOW_FIXED;
    g->policy.concurrency = 3;

    (void) join(0, 1, T0);
    (void) expect(0, LLMB_MAIL_NONE, T0);

    /* two are all it takes: no use in waiting for more */

    (void) join(0, 1, T0);
    a = expect(0, LLMB_MAIL_SEND, T0);

    assert_int_equal(llmb_call(z, a)->members.n, 2);
    assert_int_equal(llmb_call(z, a)->close, LLMB_CLOSE_SIZE);
    unplug(plugged, T0);
    leave_all(T0);
}


static void
a_limit_on_tokens_is_in_those_of_the_upstream(void **state)
{
    unsigned       n;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    g->policy.max_tokens = 40;
    assert_int_equal(llmb_group_policy(g).max_tokens, 40);

    for (n = 0; n < 200; n++) {
        llmb_calibrate_learn(&g->calibration, 5, 10);
    }

    assert_int_equal(llmb_group_policy(g).max_tokens, 20);

    g->learned.tokens = 30;
    assert_int_equal(llmb_group_policy(g).max_tokens, 15);
}


static void
without_a_call_record_members_go_alone(void **state)
{
    uint32_t  n, plugged;

    (void) state;

    plugged = plug();

    for (n = 0; n < 3; n++) {
        (void) join(0, 1, T0);
    }

    while (llmb_call_alloc(z, group) != LLMB_NIL) {
        /* void */
    }

    llmb_group(z, group)->policy.concurrency = 2;
    llmb_sched_leave(z, plugged, T0);

    (void) llmb_sched_mail(z, 0, T0, &n);
    assert_sealed(n);
    (void) llmb_sched_mail(z, 0, T0, &n);
    assert_sealed(n);
    assert_int_equal(inflight(), 2);
    assert_int_equal(queued(), 1);
}


/* deadlines and timers */

static void
the_timer_of_a_member_is_its_deadline(void **state)
{
    uint32_t  i;

    (void) state;

    (void) plug();
    i = join(1, 1, T0 + 5);

    assert_int_equal(llmb_sched_wake(z, i, T0 + 5), T0 + 5 + WAIT);
    leave_all(T0);
}


static void
at_its_deadline_a_member_takes_all_along_that_fit(void **state)
{
    uint32_t  n, call, last;

    (void) state;

    (void) plug();

    for (n = 0; n < 6; n++) {
        (void) join(0, 1, T0);
    }

    last = join(1, 1, T0 + 50);

    llmb_sched_flush(z, group, 1, last, T0 + 99);
    assert_int_equal(queued(), 7);

    /* the workers of the oldest do not answer: no reason to wait for them */

    llmb_sched_flush(z, group, 1, last, T0 + 150);
    assert_sound();

    call = expect(1, LLMB_MAIL_SEND, T0 + 150);
    assert_int_equal(llmb_call(z, call)->members.n, 4);
    assert_int_equal(llmb_call(z, call)->members.tail, last);
    assert_int_equal(llmb_call(z, call)->close, LLMB_CLOSE_DEADLINE);
    assert_int_equal(llmb_member(z, last)->result.wait, 100);
    leave_all(T0);
}


static void
a_lender_that_fits_with_nobody_goes_alone_at_its_deadline(void **state)
{
    uint32_t  n, large;

    (void) state;

    (void) plug();

    for (n = 0; n < 3; n++) {
        (void) join(0, 1, T0);
    }

    large = join(1, 4, T0 + 10);

    /* the deadline of the oldest: its own worker is asked for it */

    llmb_sched_flush(z, group, 1, large, T0 + 100);
    assert_sound();
    assert_int_equal(queued(), 4);
    assert_int_equal(llmb_worker(z, 0)->bell, 1);
    (void) expect(1, LLMB_MAIL_NONE, T0 + 100);

    llmb_sched_flush(z, group, 1, large, T0 + 110);
    assert_sound();
    assert_int_equal(single(1, T0 + 110), large);
    assert_int_equal(queued(), 3);

    /* nor did it break up the others */

    n = expect(0, LLMB_MAIL_SEND, T0 + 110);
    assert_int_equal(llmb_call(z, n)->members.n, 3);
    leave_all(T0);
}


static void
one_deadline_frees_every_member_that_is_due(void **state)
{
    uint32_t  n, i;

    (void) state;

    (void) plug();

    for (n = 0; n < 3; n++) {
        (void) join(0, 2, T0);
        (void) join(1, 2, T0);
    }

    i = join(2, 2, T0);

    /* worker 2 lends to more than the call that it is in itself */

    llmb_sched_flush(z, group, 2, i, T0 + 100);
    assert_sound();
    assert_state(i, CLAIMED);
    assert_int_equal(queued(), 5);
    assert_int_equal(llmb_worker(z, 1)->bell + llmb_worker(z, 0)->bell, 2);
    leave_all(T0);
}


static void
the_lender_stays_one_after_another_call_was_sealed(void **state)
{
    uint32_t       a, b, last;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    (void) plug();

    a = join(1, 2, T0);
    (void) join(0, 2, T0);
    b = join(0, 2, T0);
    (void) join(0, 2, T0);
    last = join(1, 2, T0);

    llmb_sched_flush(z, group, 1, last, T0 + 100);
    assert_sound();

    assert_state(a, CLAIMED);
    assert_state(last, CLAIMED);
    assert_int_equal(g->queue.n, 3);

    /* it has nobody among the others: their worker is asked */

    (void) expect(0, LLMB_MAIL_SEND, T0 + 100);
    assert_state(b, CLAIMED);
    assert_int_equal(g->queue.n, 0);
    leave_all(T0);
}


/* of a request that was cut */

static uint32_t
join_part(uint32_t worker, uint32_t items, uint64_t now)
{
    uint32_t  i = reserve(worker, items);

    llmb_member(z, i)->part = 1;
    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


static void
parts_wait_for_a_slot_as_long_as_it_takes(void **state)
{
    uint32_t  a, b, plugged;

    (void) state;

    plugged = plug();

    a = join_part(0, 4, T0);
    b = join_part(0, 4, T0);

    llmb_sched_flush(z, group, 0, a, T0 + 100 * WAIT);
    assert_sound();
    assert_state(a, QUEUED);

    unplug(plugged, T0 + 100 * WAIT);
    assert_int_equal(single(0, T0 + 100 * WAIT), a);
    assert_state(b, QUEUED);
    leave_all(T0 + 100 * WAIT);
}


/* of one of several that share the group */

static uint32_t
join_flow(uint32_t flow, unsigned priority, uint64_t now)
{
    uint32_t  i = reserve(0, 1);

    llmb_member(z, i)->flow = flow;
    llmb_member(z, i)->priority = (uint8_t) priority;

    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


static void
those_that_share_a_group_take_turns(void **state)
{
    unsigned  n;
    uint32_t  a, b, plugged;

    (void) state;

    plugged = plug();

    for (n = 0; n < 20; n++) {
        (void) join_flow(1, LLMB_FAIR_PRIORITY, T0);
    }

    a = join_flow(2, LLMB_FAIR_PRIORITY, T0 + 1);
    b = join_flow(2, LLMB_FAIR_PRIORITY, T0 + 2);

    assert_true(place(a) <= 2);
    assert_true(place(b) <= 4);

    /* a higher priority has more turns, but not all */

    a = join_flow(3, 9, T0 + 2);
    b = join_flow(3, 9, T0 + 2);
    assert_true(place(b) <= 4);

    for (n = 0; n < 20; n++) {
        b = join_flow(3, 9, T0 + 2);
    }

    assert_true(place(b) > 22);
    assert_int_equal(llmb_group(z, group)->queue.n, 44);

    /* the oldest is still known */

    assert_int_equal(llmb_group(z, group)->ages.tail, b);

    unplug(plugged, T0);
    leave_all(T0);
    (void) a;
}


static void
what_was_used_alone_is_not_held_against_anybody(void **state)
{
    unsigned  n;
    uint32_t  a, b, plugged;

    (void) state;

    for (n = 0; n < 100; n++) {
        a = join_flow(1, LLMB_FAIR_PRIORITY, T0);
        llmb_sched_flush(z, group, 0, a, T0);
        llmb_sched_leave(z, a, T0);
    }

    plugged = plug();

    a = join_flow(1, LLMB_FAIR_PRIORITY, T0);
    b = join_flow(2, LLMB_FAIR_PRIORITY, T0);
    assert_int_equal(llmb_group(z, group)->queue.head, a);

    unplug(plugged, T0);
    leave_all(T0);
    (void) b;
}


static void
a_deadline_behind_parts_is_kept(void **state)
{
    uint32_t  a, b, c, call, plugged;

    (void) state;

    plugged = plug();

    a = join_part(0, 4, T0);
    b = join(0, 1, T0 + 2 * WAIT);
    c = join(1, 1, T0 + 2 * WAIT);

    llmb_sched_flush(z, group, 1, c, T0 + 3 * WAIT - 1);
    assert_state(c, QUEUED);

    /* those behind the part leave together */

    llmb_sched_flush(z, group, 0, b, T0 + 3 * WAIT);
    assert_sound();

    call = expect(0, LLMB_MAIL_SEND, T0 + 3 * WAIT);
    assert_int_equal(llmb_call(z, call)->close, LLMB_CLOSE_DEADLINE);

    assert_state(a, QUEUED);
    assert_state(b, CLAIMED);
    assert_state(c, CLAIMED);

    unplug(plugged, T0 + 3 * WAIT);
    leave_all(T0 + 3 * WAIT);
}


static void
a_call_that_is_over_makes_way_for_a_part(void **state)
{
    uint32_t  a, b, first, second;

    (void) state;

    first = plug();
    second = join(1, 1, T0);
    llmb_sched_flush(z, group, 1, second, T0 + WAIT);
    assert_int_equal(inflight(), 2);

    a = join_part(0, 4, T0);
    b = join_part(0, 4, T0);

    /* one is over, but no slot is free, as long as others hold two */

    unplug(first, T0 + 2 * WAIT);

    assert_int_equal(inflight(), 2);
    assert_int_equal(single(0, T0 + 2 * WAIT), a);
    assert_state(b, QUEUED);

    (void) single(1, T0 + 2 * WAIT);
    leave_all(T0 + 2 * WAIT);
}


static void
clocks_that_differ_keep_the_order_of_ages(void **state)
{
    uint32_t  a, b, plugged;

    (void) state;

    plugged = plug();

    a = join(0, 1, T0 + 3);
    b = join(1, 1, T0);

    /* whoever reaches the deadline of the second takes the first along */

    assert_int_equal(llmb_group(z, group)->ages.head, b);
    assert_int_equal(llmb_group(z, group)->ages.tail, a);

    llmb_sched_leave(z, plugged, T0 + 1);
    (void) expect(0, LLMB_MAIL_SEND, T0 + 1);

    assert_int_equal(llmb_member(z, a)->result.wait, 0);
    assert_int_equal(llmb_member(z, b)->result.wait, 1);
    leave_all(T0);

    a = join(0, 1, T0 + 3);
    llmb_sched_drain(z, a, T0);
    assert_int_equal(llmb_member(z, a)->result.wait, 0);
    leave_all(T0);
}


/* who is asked, and that somebody is */

static void
without_a_lender_the_worker_of_the_oldest_is_asked(void **state)
{
    uint32_t  a, plugged, call;

    (void) state;

    plugged = plug();
    a = join(1, 1, T0);
    (void) join(2, 1, T0);

    unplug(plugged, T0);

    assert_int_equal(llmb_worker(z, 1)->bell, 1);
    assert_int_equal(llmb_worker(z, 2)->bell, 0);
    assert_state(a, QUEUED);

    call = expect(1, LLMB_MAIL_SEND, T0);
    assert_int_equal(llmb_call(z, call)->members.n, 2);
    leave_all(T0);
}


static void
when_the_one_that_was_asked_leaves_another_is(void **state)
{
    uint32_t  a, b, plugged;

    (void) state;

    plugged = plug();
    a = join(1, 1, T0);
    b = join(2, 1, T0);
    unplug(plugged, T0);

    llmb_sched_leave(z, a, T0);
    assert_sound();

    assert_int_equal(single(2, T0), b);
    leave_all(T0);
}


static void
when_the_one_that_was_asked_is_drained_another_is(void **state)
{
    uint32_t  a, b, plugged;

    (void) state;

    plugged = plug();
    a = join(1, 4, T0);
    b = join(2, 1, T0);
    unplug(plugged, T0);
    llmb_group(z, group)->policy.concurrency = 2;

    llmb_sched_drain(z, a, T0);
    assert_sound();

    assert_int_equal(single(2, T0), b);
    leave_all(T0);
}


static void
who_still_waits_sets_its_timer(void **state)
{
    uint32_t  a, b;

    (void) state;

    a = join(1, 4, T0);
    b = join(0, 1, T0);

    /* the older one takes the slot, and does not fit with the other */

    assert_int_equal(expect(0, LLMB_MAIL_ARM, T0), b);
    assert_int_equal(single(1, T0), a);
    leave_all(T0);
}


static void
a_slot_freed_by_a_call_that_nobody_wants_is_used(void **state)
{
    uint32_t  i, call, waiting, m[2];

    (void) state;

    m[0] = join(0, 1, T0);
    m[1] = join(0, 1, T0);
    call = expect(0, LLMB_MAIL_SEND, T0);
    waiting = join(1, 1, T0);

    llmb_sched_leave(z, m[0], T0);
    llmb_sched_leave(z, m[1], T0);

    assert_state(m[0], ABANDONED);
    assert_int_equal(llmb_sched_live(z, call), 0);
    assert_int_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    assert_sound();

    assert_int_equal(inflight(), 0);
    assert_int_equal(single(1, T0), waiting);
    (void) i;
    leave_all(T0);
}


/* draining */

static void
a_draining_worker_sends_its_members_and_those_before(void **state)
{
    uint32_t  a, b, c, call;

    (void) state;

    (void) plug();
    a = join(1, 1, T0);
    b = join(2, 1, T0);
    c = join(1, 1, T0);

    llmb_sched_drain(z, b, T0 + 1);
    assert_sound();
    assert_state(a, CLAIMED);
    assert_state(b, CLAIMED);
    assert_state(c, CLAIMED);

    call = expect(2, LLMB_MAIL_SEND, T0 + 1);
    assert_int_equal(llmb_call(z, call)->close, LLMB_CLOSE_DRAIN);
    leave_all(T0);
}


static void
a_drained_member_that_fits_with_nobody_goes_alone(void **state)
{
    uint32_t  a, b;

    (void) state;

    (void) plug();
    a = join(1, 1, T0);
    b = join(2, 4, T0);

    llmb_sched_drain(z, b, T0 + 1);
    assert_sound();
    assert_state(a, QUEUED);
    assert_sealed(b);
    assert_int_equal(llmb_member(z, b)->result.close, LLMB_CLOSE_DRAIN);

    llmb_sched_drain(z, a, T0 + 1);
    assert_sealed(a);

    /* done already */

    llmb_sched_drain(z, a, T0 + 1);
    assert_sound();
    leave_all(T0);
}


/* all of it */

static unsigned
next_random(unsigned *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;

    return *x;
}


static void
play(unsigned seed, size_t size)
{
    size_t       i;
    unsigned     x, moves, merged;
    uint8_t     *bytes;
    const char  *problem;

    bytes = malloc(size);
    assert_non_null(bytes);

    x = seed * 2654435761u + 1;

    for (i = 0; i < size; i++) {
        bytes[i] = (uint8_t) (next_random(&x) >> 8);
    }

    problem = sched_play(bytes, size, &moves, &merged);
    free(bytes);

    if (problem) {
        fail_msg("seed %u, move %u: %s", seed, moves, problem);
    }
}


static void
any_moves_of_any_workers_keep_it_sound(void **state)
{
    unsigned  seed;

    (void) state;

    for (seed = 1; seed <= 150; seed++) {
        play(seed, 2000);
    }

    for (seed = 1; seed <= 500; seed++) {
        play(1000000 + seed, 40);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(a_lone_request_goes_at_the_end_of_the_pass),
        sched_test(requests_of_one_pass_leave_together_in_order),
        sched_test(with_no_slot_free_requests_gather),
        sched_test(a_call_holds_no_more_than_its_limits),
        sched_test(an_item_too_large_goes_alone),
        sched_test(what_was_learned_bounds_a_call_and_fills_it),
        sched_test(a_limit_on_tokens_is_in_those_of_the_upstream),
        sched_test(without_a_call_record_members_go_alone),

        sched_test(the_timer_of_a_member_is_its_deadline),
        sched_test(at_its_deadline_a_member_takes_all_along_that_fit),
        sched_test(a_lender_that_fits_with_nobody_goes_alone_at_its_deadline),
        sched_test(one_deadline_frees_every_member_that_is_due),
        sched_test(the_lender_stays_one_after_another_call_was_sealed),
        sched_test(parts_wait_for_a_slot_as_long_as_it_takes),
        sched_test(those_that_share_a_group_take_turns),
        sched_test(what_was_used_alone_is_not_held_against_anybody),
        sched_test(a_deadline_behind_parts_is_kept),
        sched_test(a_call_that_is_over_makes_way_for_a_part),
        sched_test(clocks_that_differ_keep_the_order_of_ages),

        sched_test(without_a_lender_the_worker_of_the_oldest_is_asked),
        sched_test(when_the_one_that_was_asked_leaves_another_is),
        sched_test(when_the_one_that_was_asked_is_drained_another_is),
        sched_test(who_still_waits_sets_its_timer),
        sched_test(a_slot_freed_by_a_call_that_nobody_wants_is_used),

        sched_test(a_draining_worker_sends_its_members_and_those_before),
        sched_test(a_drained_member_that_fits_with_nobody_goes_alone),

        cmocka_unit_test(any_moves_of_any_workers_keep_it_sound),
    };

    return cmocka_run_group_tests_name("sched", tests, NULL, NULL);
}
