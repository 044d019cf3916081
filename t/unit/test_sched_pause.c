
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * While an upstream wants no calls: who waits, who is told to come back, and
 * who finds out whether it takes calls again.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_sched_parts.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"
#include "sched_table.h"


#define PAUSE  5000


/* one that may be held for so long */

static uint32_t
join_wait(uint32_t worker, uint32_t wait, uint64_t now)
{
    uint32_t  i = reserve(worker, 1);

    llmb_member(z, i)->wait = wait;
    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


static void
assert_refused(uint32_t i, uint32_t rest, uint64_t now)
{
    assert_state(i, ANSWERED);
    assert_int_equal(llmb_member(z, i)->refused, rest);
    assert_int_equal(llmb_member(z, i)->result.status, LLMB_STATUS_FAILED);
    assert_int_equal(llmb_member(z, i)->result.reason,
                     LLMB_REASON_UPSTREAM_ERROR);
    assert_int_equal(expect(llmb_member(z, i)->worker, LLMB_MAIL_REFUSE, now),
                     i);
    llmb_sched_leave(z, i, now);
    assert_sound();
}


/* a call was answered 429: from T0 on, for PAUSE */

static void
pause_begins(void)
{
    uint32_t  call, m[2];

    call = sent(1, 2, m);

    assert_int_equal(llmb_sched_pause(z, call, T0 + PAUSE, T0), 1);
    answer(m[0]);
    answer(m[1]);
    llmb_sched_end(z, call, 0, T0);
    assert_sound();

    assert_int_equal(expect(0, LLMB_MAIL_ANSWER, T0), m[0]);
    assert_int_equal(expect(0, LLMB_MAIL_ANSWER, T0), m[1]);
    llmb_sched_leave(z, m[0], T0);
    llmb_sched_leave(z, m[1], T0);
    assert_int_equal(inflight(), 0);
}


static void
who_cannot_wait_is_refused_and_who_can_waits(void **state)
{
    uint32_t       a, b, window;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    pause_begins();

    for (window = LLMB_WINDOW_SLOT; window <= LLMB_WINDOW_RATE; window++) {
        g->policy.window = (llmb_window_e) window;
        g->policy.interval = 1000;

        a = join(1, 1, T0 + 10);
        b = join_wait(1, PAUSE, T0 + 10);

        assert_refused(a, PAUSE - 10, T0 + 10);
        assert_state(b, QUEUED);
        assert_int_equal(inflight(), 0);
        llmb_sched_leave(z, b, T0 + 10);
    }

    /* to the last ms, and not longer */

    g->probe = T0 + PAUSE;
    a = join(1, 1, T0 + PAUSE - WAIT);
    assert_refused(a, WAIT, T0 + PAUSE - WAIT);
    a = join(1, 1, T0 + PAUSE - WAIT + 1);
    assert_state(a, QUEUED);

    leave_all(T0 + PAUSE - WAIT + 1);
}


static void
who_waits_already_is_refused_when_a_pause_begins(void **state)
{
    uint32_t  a, b, c, call, m[2];

    (void) state;

    call = sent(1, 2, m);
    a = join(1, 1, T0);
    b = join_wait(1, 500, T0);
    c = join_wait(2, PAUSE, T0);

    assert_int_equal(llmb_sched_pause(z, call, T0 + 400, T0 + 5), 1);
    assert_refused(a, 395, T0 + 5);
    assert_state(b, QUEUED);

    /* and when it gets longer */

    assert_int_equal(llmb_sched_halt(z, group, 0, T0 + 600, T0 + 7), 0);
    assert_int_equal(llmb_group(z, group)->paused, T0 + 600);
    assert_refused(b, 593, T0 + 7);
    assert_state(c, QUEUED);

    leave_all(T0 + 7);
}


static void
once_a_second_those_who_cannot_wait_leave_together(void **state)
{
    uint32_t  n, call, waits, a[4];
    uint64_t  now;

    (void) state;

    pause_begins();
    waits = join_wait(2, 2 * PAUSE, T0);

    a[0] = join(1, 1, T0 + LLMB_SCHED_PROBE - 1);
    assert_refused(a[0], PAUSE - LLMB_SCHED_PROBE + 1,
                   T0 + LLMB_SCHED_PROBE - 1);

    for (now = T0 + LLMB_SCHED_PROBE; now < T0 + 4 * LLMB_SCHED_PROBE;
         now += LLMB_SCHED_PROBE)
    {
        for (n = 0; n < 3; n++) {
            a[n] = join(1, 1, now);
            assert_state(a[n], QUEUED);
        }

        call = expect(1, LLMB_MAIL_SEND, now);
        assert_int_equal(llmb_call(z, call)->members.n, 3);
        assert_int_equal(llmb_call(z, call)->probe, 1);
        assert_state(waits, QUEUED);

        a[3] = join(1, 1, now + LLMB_SCHED_PROBE - 1);
        assert_state(a[3], ANSWERED);
        assert_int_equal(expect(1, LLMB_MAIL_REFUSE, now), a[3]);

        assert_int_not_equal(llmb_sched_send(z, call, 1), LLMB_NIL);

        for (n = 0; n < 3; n++) {
            answer(a[n]);
        }

        llmb_sched_end(z, call, 1, now + 5);
        assert_sound();

        for (n = 0; n < 3; n++) {
            assert_int_equal(expect(1, LLMB_MAIL_ANSWER, now), a[n]);
        }
    }

    leave_all(T0 + PAUSE);
}


static void
those_of_other_workers_go_along_or_are_refused(void **state)
{
    uint32_t  n, call, m[6];
    uint64_t  now = T0 + LLMB_SCHED_PROBE;

    (void) state;

    pause_begins();

    for (n = 0; n < 6; n++) {
        m[n] = join(n % 2, 1, now);
    }

    /* a call of four; nobody stays behind to wait in vain */

    call = expect(1, LLMB_MAIL_SEND, now);
    assert_int_equal(llmb_call(z, call)->members.n, 4);
    assert_int_equal(queued(), 0);

    for (n = 0; n < 6; n++) {
        if (llmb_member(z, m[n])->state != LLMB_MEMBER_CLAIMED) {
            assert_refused(m[n], PAUSE - LLMB_SCHED_PROBE, now);
        }
    }

    leave_all(now);
}


static void
a_probe_that_is_taken_ends_the_pause(void **state)
{
    uint32_t  a, waits, call;
    uint64_t  now = T0 + LLMB_SCHED_PROBE;

    (void) state;

    pause_begins();
    waits = join_wait(2, 2 * PAUSE, T0);
    (void) join_wait(2, 2 * PAUSE, T0);
    (void) expect(2, LLMB_MAIL_NONE, T0);

    a = join(1, 1, now);
    assert_int_equal(single(1, now), a);
    assert_int_equal(llmb_call(z, a)->probe, 1);

    (void) expect(2, LLMB_MAIL_ARM, now);
    llmb_sched_resume(z, group, LLMB_PROBE_PAUSE, now + 5);
    llmb_sched_leave(z, a, now + 5);
    assert_sound();

    call = expect(2, LLMB_MAIL_SEND, now + 5);
    assert_int_equal(llmb_call(z, call)->members.n, 2);
    assert_int_equal(llmb_call(z, call)->probe, 0);
    assert_state(waits, CLAIMED);

    leave_all(now + 5);
}


static void
what_is_said_to_a_probe_is_how_long_the_pause_is(void **state)
{
    uint32_t       a;
    uint64_t       now = T0 + LLMB_SCHED_PROBE;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    pause_begins();

    a = join(1, 1, now);
    assert_int_equal(single(1, now), a);

    /* what is older does not make it shorter */

    (void) llmb_sched_halt(z, group, 0, now + 20, now + 4);
    assert_int_equal(g->paused, T0 + PAUSE);

    (void) llmb_sched_halt(z, group, llmb_call(z, a)->probe, now + 2000,
                           now + 5);
    llmb_sched_leave(z, a, now + 5);
    assert_int_equal(g->paused, now + 2000);

    /* and there is a second until the next one */

    a = join(1, 1, now + 5 + LLMB_SCHED_PROBE - 1);
    assert_refused(a, 996, now + 5 + LLMB_SCHED_PROBE - 1);
    a = join(1, 1, now + 5 + LLMB_SCHED_PROBE);
    assert_int_equal(single(1, now + 5 + LLMB_SCHED_PROBE),
                     a);
    leave_all(now + 5 + LLMB_SCHED_PROBE);
}


static void
after_a_pause_one_call_goes_first(void **state)
{
    uint32_t       n, call, due;
    uint64_t       now = T0 + PAUSE;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    g->policy.concurrency = 8;
    pause_begins();

    for (n = 0; n < 12; n++) {
        (void) join_wait(1, 2 * PAUSE, T0 + 10);
    }

    llmb_sched_flush(z, group, 1, g->queue.head, now);
    assert_sound();
    call = expect(1, LLMB_MAIL_SEND, now);
    assert_int_equal(llmb_call(z, call)->members.n, 4);
    assert_int_equal(llmb_call(z, call)->probe, LLMB_PROBE_TRIAL);
    assert_int_equal(inflight(), 1);
    assert_int_equal(queued(), 8);

    /* somebody sees to the others, if it takes long */

    n = expect(1, LLMB_MAIL_ARM, now);
    assert_int_equal(llmb_sched_wake(z, n, now), now + LLMB_SCHED_PROBE);

    /* who is due goes all the same */

    due = join(2, 4, now);
    llmb_sched_flush(z, group, 2, due, now + WAIT - 1);
    assert_state(due, QUEUED);
    llmb_sched_flush(z, group, 2, due, now + WAIT);
    assert_sound();
    assert_sealed(due);

    /* and all, once it is taken */

    llmb_sched_resume(z, group, LLMB_PROBE_TRIAL, now + WAIT);
    llmb_sched_flush(z, group, 1, g->queue.head, now + WAIT);
    assert_sound();
    assert_int_equal(queued(), 0);
    assert_int_equal(inflight(), 4);
    leave_all(now + WAIT);
}


static void
after_a_pause_nobody_waits_for_long(void **state)
{
    uint32_t       n;
    uint64_t       now = T0 + PAUSE;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    g->policy.concurrency = 8;
    pause_begins();

    for (n = 0; n < 12; n++) {
        (void) join_wait(1, 2 * PAUSE, T0 + 10);
    }

    llmb_sched_flush(z, group, 1, g->queue.head, now);
    assert_int_equal(queued(), 8);
    now += LLMB_SCHED_PROBE;
    llmb_sched_flush(z, group, 1, g->queue.head, now);
    assert_int_equal(queued(), 0);
    assert_int_equal(inflight(), 3);
    leave_all(now);

    /* a pause that nobody has waited for is forgotten */

    (void) llmb_sched_halt(z, group, 0, now + 10, now);
    now += 10 + LLMB_SCHED_PROBE;
    (void) join(1, 1, now);
    (void) single(1, now);
    (void) join(1, 1, now);
    (void) single(1, now);
    leave_all(now);
}


/* a trial may take longer than it is waited for; it is old news then */

static void
a_late_trial_ends_no_other_pause(void **state)
{
    uint32_t       a;
    uint64_t       now = T0 + PAUSE;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    pause_begins();

    a = join(1, 1, now);
    assert_int_equal(single(1, now), a);
    assert_int_equal(llmb_call(z, a)->probe, LLMB_PROBE_TRIAL);

    now += LLMB_SCHED_PROBE;
    assert_int_equal(llmb_sched_halt(z, group, 0, now + PAUSE, now), 1);

    llmb_sched_resume(z, group, LLMB_PROBE_TRIAL, now + 10);
    assert_int_equal(g->paused, now + PAUSE);

    (void) llmb_sched_halt(z, group, LLMB_PROBE_TRIAL, now + 100, now + 10);
    assert_int_equal(g->paused, now + PAUSE);

    (void) llmb_sched_halt(z, group, LLMB_PROBE_PAUSE, now + 100, now + 10);
    assert_int_equal(g->paused, now + 100);

    leave_all(now + 10);
}


static void
nothing_is_sent_again_in_a_pause(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    llmb_member(z, m[1])->deadline = T0 + 2 * PAUSE;
    llmb_sched_leave(z, m[2], T0);

    assert_int_equal(llmb_sched_yield(z, call, T0), 0);

    (void) llmb_sched_halt(z, group, 0, T0 + PAUSE, T0);
    assert_int_equal(llmb_sched_yield(z, call, T0), 1);
    assert_sound();

    assert_int_equal(llmb_call(z, call)->members.n, 0);
    llmb_sched_end(z, call, 0, T0);
    assert_sound();

    assert_state(m[1], QUEUED);
    assert_state(m[2], FREE);
    assert_int_equal(expect(0, LLMB_MAIL_ARM, T0), m[1]);
    assert_refused(m[0], PAUSE, T0);

    leave_all(T0);
}


static void
parts_wait_for_a_minute_and_are_no_probes(void **state)
{
    uint32_t       a, b;
    uint64_t       now = T0 + LLMB_SCHED_PROBE;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    pause_begins();

    a = reserve(1, 1);
    llmb_member(z, a)->part = 1;
    llmb_sched_join(z, a, now);
    assert_state(a, QUEUED);
    llmb_sched_flush(z, group, 1, a, now + 2 * WAIT);
    assert_state(a, QUEUED);

    /* others of its request would be refused, and take it along */

    (void) llmb_sched_halt(z, group, 0, now + LLMB_SCHED_PATIENCE, now);
    assert_refused(a, LLMB_SCHED_PATIENCE, now);

    now = g->probe;
    b = reserve(1, 1);
    llmb_member(z, b)->part = 1;
    llmb_sched_join(z, b, now - 1500);
    assert_int_equal(llmb_member(z, b)->refused, LLMB_SCHED_PATIENCE + 500);
    llmb_sched_leave(z, b, now);

    g->paused = now + LLMB_SCHED_PATIENCE;
    b = reserve(1, 1);
    llmb_member(z, b)->part = 1;
    llmb_sched_join(z, b, now);
    assert_int_equal(expect(1, LLMB_MAIL_REFUSE, now), b);
    assert_int_equal(llmb_member(z, b)->refused, LLMB_SCHED_PATIENCE);

    leave_all(now);
}


static void
a_worker_that_quits_sends_all_the_same(void **state)
{
    uint32_t  a, b, call;

    (void) state;

    pause_begins();
    a = join_wait(1, 2 * PAUSE, T0);
    b = join_wait(1, 2 * PAUSE, T0);

    llmb_sched_drain(z, a, T0 + 10);
    llmb_sched_drain(z, b, T0 + 10);
    assert_sound();

    call = expect(1, LLMB_MAIL_SEND, T0 + 10);
    assert_int_equal(llmb_call(z, call)->members.n, 2);
    leave_all(T0 + 10);
}


static void
a_probe_whose_worker_has_died_keeps_nobody_waiting(void **state)
{
    uint32_t  a, b;
    uint64_t  now = T0 + LLMB_SCHED_PROBE;

    (void) state;

    pause_begins();
    b = join_wait(2, 2 * PAUSE, T0);
    a = join(1, 1, now);
    assert_state(a, QUEUED);

    (void) llmb_sched_reap(z, 1, now);
    assert_sound();
    assert_int_equal(expect(2, LLMB_MAIL_ARM, now), b);

    /* the next one is no later for it */

    a = join(0, 1, now + 1);
    assert_int_equal(single(0, now + 1), a);
    leave_all(now + 1);
}


/* whoever chooses how many wait must not choose how long the lock is held */

static void
many_are_refused_in_steps(void **state)
{
    uint32_t  i, n, steps, plugged, waits, left, before;

    (void) state;

    plugged = plug();
    waits = 0;

    for (n = 0; n < 5 * LLMB_SCHED_STEP / 2; n++) {
        i = reserve(n % 2, 1);

        if (n % 3 == 0) {
            llmb_member(z, i)->wait = 100000;
            waits++;
        }

        llmb_sched_join(z, i, T0);
    }

    (void) llmb_sched_halt(z, group, LLMB_PROBE_NONE, T0 + 50000, T0);
    assert_sound();

    /* how many are gone after each step */

    left = queued();
    assert_in_range(left, n - LLMB_SCHED_STEP, n - 1);

    for (steps = 0; queued() != waits && steps < 10000; steps++) {
        before = queued();
        (void) llmb_sched_mail(z, steps % 2, T0, &i);
        assert_sound();
        assert_in_range(before - queued(), 0, LLMB_SCHED_STEP + 1);
    }

    assert_int_equal(queued(), waits);
    assert_false(llmb_group(z, group)->stranded);

    unplug(plugged, T0);
    leave_all(T0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(who_cannot_wait_is_refused_and_who_can_waits),
        sched_test(who_waits_already_is_refused_when_a_pause_begins),
        sched_test(once_a_second_those_who_cannot_wait_leave_together),
        sched_test(those_of_other_workers_go_along_or_are_refused),
        sched_test(a_probe_that_is_taken_ends_the_pause),
        sched_test(what_is_said_to_a_probe_is_how_long_the_pause_is),
        sched_test(after_a_pause_one_call_goes_first),
        sched_test(after_a_pause_nobody_waits_for_long),
        sched_test(a_late_trial_ends_no_other_pause),
        sched_test(nothing_is_sent_again_in_a_pause),
        sched_test(parts_wait_for_a_minute_and_are_no_probes),
        sched_test(a_worker_that_quits_sends_all_the_same),
        sched_test(a_probe_whose_worker_has_died_keeps_nobody_waiting),
        sched_test(many_are_refused_in_steps),
    };

    return cmocka_run_group_tests_name("pause", tests, NULL, NULL);
}
