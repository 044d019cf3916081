
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
#include "sched_table.h"


/* leaving */

static void
a_client_may_leave_at_any_time(void **state)
{
    uint32_t  a, b, call, m[2];

    (void) state;

    a = reserve(0, 1);
    llmb_sched_leave(z, a, T0);
    assert_drained();

    a = join(0, 1, T0);
    llmb_sched_leave(z, a, T0);
    assert_drained();

    a = join(0, 1, T0);
    (void) single(0, T0);
    b = join(1, 1, T0);
    llmb_sched_leave(z, a, T0);
    assert_sound();
    (void) single(1, T0);
    llmb_sched_leave(z, b, T0);
    assert_drained();

    call = sent(2, 2, m);
    llmb_sched_leave(z, m[1], T0);
    assert_state(m[1], ABANDONED);
    answer(m[0]);
    llmb_sched_leave(z, m[0], T0);
    assert_sound();
    llmb_sched_end(z, call, 0, T0);
    assert_drained();
}


/* death */

static void
a_worker_may_die_with_members_in_every_state(void **state)
{
    uint32_t  call, writing, queue, alone, answered, released, m[4];

    (void) state;

    call = sent(2, 4, m);

    writing = reserve(1, 1);
    queue = join(1, 1, T0);
    answered = m[1];
    released = m[3];
    answer(answered);
    llmb_sched_release(z, released, LLMB_REASON_MISMATCH);
    alone = join(1, 4, T0);
    llmb_sched_drain(z, alone, T0);
    assert_sound();

    assert_int_equal(llmb_sched_reap(z, 1, T0), 0);
    assert_sound();

    assert_state(writing, FREE);
    assert_state(queue, FREE);
    assert_state(answered, FREE);
    assert_state(released, FREE);
    assert_state(alone, FREE);
    assert_int_equal(inflight(), 1);

    /* nothing of it is left, so dying again changes nothing */

    assert_int_equal(llmb_sched_reap(z, 1, T0), 0);
    assert_sound();

    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);
}


static void
a_dead_workers_claimed_members_stay_until_the_call_is_over(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(2, 2, m);
    (void) llmb_sched_reap(z, 1, T0);
    assert_sound();

    assert_state(m[1], ABANDONED);
    assert_int_equal(llmb_sched_live(z, call), 1);
    answer(m[1]);
    assert_state(m[1], FREE);
    leave_all(T0);
}


static void
the_calls_of_a_dead_worker_let_their_members_go(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(2, 4, m);

    /* it died while it was copying an answer */

    assert_int_equal(llmb_member_room(z, m[1], 5000), LLMB_OK);

    assert_int_equal(llmb_sched_reap(z, 0, T0), 2);
    assert_sound();

    assert_state(m[0], FREE);
    assert_state(m[2], FREE);
    assert_int_equal(single(1, T0), m[1]);
    assert_int_equal(single(1, T0), m[3]);
    assert_int_equal(llmb_member(z, m[1])->result.reason,
                     LLMB_REASON_WORKER_LOST);
    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_FREE);
    assert_int_equal(inflight(), 2);
    leave_all(T0);
}


static void
a_call_in_the_mail_of_a_dead_worker_is_not_lost(void **state)
{
    uint32_t  plugged, b;

    (void) state;

    plugged = plug();
    (void) join(0, 1, T0);
    b = join(1, 1, T0);
    unplug(plugged, T0);
    assert_int_equal(llmb_worker(z, 0)->calls.n, 1);

    assert_int_equal(llmb_sched_reap(z, 0, T0), 1);
    assert_sound();
    assert_int_equal(llmb_worker(z, 0)->calls.n, 0);
    assert_int_equal(single(1, T0), b);
    leave_all(T0);
}


static void
a_dead_worker_that_was_asked_is_replaced(void **state)
{
    uint32_t  b, plugged;

    (void) state;

    plugged = plug();
    (void) join(1, 1, T0);
    b = join(2, 1, T0);
    unplug(plugged, T0);

    (void) llmb_sched_reap(z, 1, T0);
    assert_sound();
    assert_int_equal(single(2, T0), b);
    leave_all(T0);
}


static void
the_slots_of_a_dead_worker_are_free_again(void **state)
{
    uint32_t  b;

    (void) state;

    (void) plug();
    b = join(1, 1, T0);

    (void) llmb_sched_reap(z, 0, T0);
    assert_sound();
    assert_int_equal(single(1, T0), b);
    leave_all(T0);
}


static void
the_bell_of_a_dead_worker_is_not_counted(void **state)
{
    (void) state;

    (void) join(1, 1, T0);
    assert_int_equal(z->bells, 1);

    (void) llmb_sched_reap(z, 1, T0);
    assert_int_equal(z->bells, 0);
    assert_drained();
}


static void
two_workers_may_die_together(void **state)
{
    uint32_t  m[4];

    (void) state;

    (void) sent(3, 4, m);

    (void) llmb_sched_reap(z, 0, T0);
    assert_sound();
    (void) llmb_sched_reap(z, 1, T0);
    assert_sound();

    assert_int_equal(single(2, T0), m[2]);
    leave_all(T0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(a_client_may_leave_at_any_time),

        sched_test(a_worker_may_die_with_members_in_every_state),
        sched_test(a_dead_workers_claimed_members_stay_until_the_call_is_over),
        sched_test(the_calls_of_a_dead_worker_let_their_members_go),
        sched_test(a_call_in_the_mail_of_a_dead_worker_is_not_lost),
        sched_test(a_dead_worker_that_was_asked_is_replaced),
        sched_test(the_slots_of_a_dead_worker_are_free_again),
        sched_test(the_bell_of_a_dead_worker_is_not_counted),
        sched_test(two_workers_may_die_together),
    };

    return cmocka_run_group_tests_name("sched_leave", tests, NULL, NULL);
}
