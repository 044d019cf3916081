
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Clocks of workers that differ: whose own is ahead looks too early for the
 * others, and must be told to look again.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_sched.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_pause.h"
#include "llmb_sched_queue.h"
#include "sched_table.h"


#define EARLY  (T0 + WAIT * 7 / 10)   /* of who came at T0, with "fixed" */


static int
setup_fixed(void **state)
{
    (void) setup(state);

    llmb_group(z, group)->policy.window = LLMB_WINDOW_FIXED;

    return 0;
}


/* the timer of the oldest fires, and nothing is sent yet */

static void
looks(uint32_t i, uint64_t now)
{
    assert_int_equal(llmb_sched_wake(z, i, now - 1), now);

    llmb_sched_flush(z, group, llmb_member(z, i)->worker, i, now);
    assert_state(i, QUEUED);
    assert_sound();
}


static void
who_makes_it_enough_has_a_timer_for_it(void **state)
{
    uint32_t  a, b;

    (void) state;

    a = join(0, 1, T0);
    looks(a, EARLY);

    b = join(1, 1, EARLY - 2);
    assert_int_equal(llmb_sched_wake(z, b, EARLY - 2), EARLY);

    llmb_sched_flush(z, group, 1, b, EARLY);
    (void) expect(1, LLMB_MAIL_SEND, EARLY);

    leave_all(EARLY);
}


/* his own time to look is when the oldest is gone */

static void
nor_does_he_forget_his_own(void **state)
{
    uint32_t  a, b;

    (void) state;

    a = join(0, 1, T0);
    b = join(1, 1, T0 + 10);
    assert_int_equal(llmb_sched_wake(z, b, T0 + 10), EARLY);
    assert_int_equal(llmb_sched_wake(z, b, EARLY), EARLY + 10);

    llmb_sched_leave(z, a, EARLY);
    leave_all(EARLY);
}


static void
a_slot_that_comes_free_too_early(void **state)
{
    uint32_t  a, b, plugged;

    (void) state;

    plugged = join(0, 4, T0);
    assert_int_equal(single(0, T0), plugged);

    a = join(1, 2, T0);
    looks(a, EARLY);

    unplug(plugged, EARLY - 2);
    assert_int_equal(single(1, EARLY), a);

    /* but not long before */

    llmb_sched_leave(z, a, EARLY);
    plugged = join(0, 4, EARLY);
    assert_int_equal(single(0, EARLY), plugged);

    b = join(1, 2, EARLY);
    unplug(plugged, EARLY + WAIT / 2);
    (void) expect(1, LLMB_MAIL_NONE, EARLY + WAIT / 2);
    assert_state(b, QUEUED);

    leave_all(EARLY + WAIT / 2);
}


static void
a_slot_that_comes_free_before_the_end_of_a_pause(void **state)
{
    uint32_t  a, plugged;

    (void) state;

    llmb_group(z, group)->policy.window = LLMB_WINDOW_SLOT;

    plugged = plug();
    a = join(1, 1, T0);

    assert_int_equal(llmb_sched_halt(z, group, 0, T0 + 20, T0), 1);
    assert_int_equal(expect(1, LLMB_MAIL_ARM, T0), a);
    looks(a, T0 + 20);

    unplug(plugged, T0 + 18);
    assert_int_equal(single(1, T0 + 20), a);

    leave_all(T0 + 20);
}


#define clocks_test(f)                                                        \
    cmocka_unit_test_setup_teardown(f, setup_fixed, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        clocks_test(who_makes_it_enough_has_a_timer_for_it),
        clocks_test(nor_does_he_forget_his_own),
        clocks_test(a_slot_that_comes_free_too_early),
        clocks_test(a_slot_that_comes_free_before_the_end_of_a_pause),
    };

    return cmocka_run_group_tests_name("clocks", tests, NULL, NULL);
}
