
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Whose turn it is when not all go the usual way: urgent ones, a budget of
 * calls that is used up, and groups that do not merge.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sched_table.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_queue.h"


static uint32_t
join_flow(uint32_t flow, uint32_t wait, uint64_t now)
{
    uint32_t  i = reserve(0, 1);

    llmb_member(z, i)->flow = flow;
    llmb_member(z, i)->wait = wait;
    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


static void
who_is_urgent_does_not_take_the_turns_of_others(void **state)
{
    unsigned  n;
    uint32_t  a, b, plugged;

    (void) state;

    plugged = plug();

    for (n = 0; n < 20; n++) {
        (void) join_flow(1, WAIT, T0);
    }

    /* the last one of its flow leaves at once */

    a = join_flow(1, 0, T0);
    (void) expect(0, LLMB_MAIL_SEND, T0);
    assert_state(a, CLAIMED);
    assert_int_equal(queued(), 17);

    b = join_flow(2, WAIT, T0);
    assert_true(place(b) <= 1);

    unplug(plugged, T0);
    leave_all(T0);
}


/* all that are in the queue and whose turn is not later */

static unsigned
before(uint32_t member)
{
    uint32_t  i;
    unsigned  n;

    n = 0;

    for (i = 0; i < z->nmembers; i++) {
        if (i != member && llmb_member(z, i)->state == LLMB_MEMBER_QUEUED
            && llmb_member(z, i)->rank <= llmb_member(z, member)->rank)
        {
            n++;
        }
    }

    return n;
}


/* whoever else comes and goes: places are used again, turns are forgotten */

static void
each_joins_where_its_turn_is(void **state)
{
    unsigned  n;
    uint32_t  i, k, flows, held[40];

    (void) state;

    (void) plug();

    for (flows = 1; flows < 40; flows += 6) {
        for (k = 0; k < 40; k++) {
            held[k] = join_flow(k % flows, 1000000, T0);
        }

        for (n = 0; n < 1000; n++) {
            k = (uint32_t) rand() % 40;
            llmb_sched_leave(z, held[k], T0);

            i = reserve(0, 1);
            held[k] = i;

            llmb_member(z, i)->flow = (uint32_t) rand() % flows;
            llmb_member(z, i)->tokens = (uint32_t) rand() % 200;
            llmb_member(z, i)->wait = 1000000;
            llmb_sched_join(z, i, T0);

            assert_int_equal(place(i), before(i));
            assert_sound();
        }

        for (k = 0; k < 40; k++) {
            llmb_sched_leave(z, held[k], T0);
        }
    }
}


static void
parts_have_their_turn_among_any_number_of_others(void **state)
{
    unsigned  n;
    uint32_t  i, part, plugged, others[WAIT];

    (void) state;

    plugged = plug();

    for (n = 0; n < 6; n++) {
        part = reserve(0, 4);
        llmb_member(z, part)->part = 1;
        llmb_member(z, part)->flow = 1;
        llmb_sched_join(z, part, T0);
    }

    /* all others are new, wait to the end, and then leave over the slots */

    for (n = 0; n < 20 * WAIT; n++) {

        if (n >= WAIT) {
            i = others[n % WAIT];
            llmb_sched_flush(z, group, 0, i, T0 + n);
            assert_sealed(i);
            llmb_sched_leave(z, i, T0 + n);
        }

        if (llmb_member(z, part)->state != LLMB_MEMBER_QUEUED) {
            break;
        }

        i = reserve(0, 4);
        llmb_member(z, i)->flow = n + 2;
        llmb_sched_join(z, i, T0 + n);
        others[n % WAIT] = i;
    }

    assert_in_range(n, WAIT, 10 * WAIT);
    assert_sound();

    unplug(plugged, T0 + n);
    leave_all(T0 + n);
}


static void
somebody_watches_for_the_next_call_of_a_budget(void **state)
{
    unsigned       n;
    uint32_t       i, plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    g->policy.window = LLMB_WINDOW_RATE;
    g->policy.interval = 500000;      /* two a second, which may come at once */

    plugged = plug();

    for (n = 0; n < 6; n++) {
        i = join_flow(1, 5000, T0);
        assert_int_equal(llmb_sched_wake(z, i, T0), T0 + 5000);
    }

    /* no call is left for those that are left */

    unplug(plugged, T0 + 10);
    (void) expect(0, LLMB_MAIL_SEND, T0 + 10);
    assert_int_equal(queued(), 2);

    i = expect(0, LLMB_MAIL_ARM, T0 + 10);
    assert_in_range(llmb_sched_wake(z, i, T0 + 10), T0 + 400, T0 + 510);

    leave_all(T0 + 10);
}


/* it was learned that calls do not get cheaper, and no probe is due */

static void
gives_up_merging(void)
{
    llmb_learn_t  *l = llmb_learn_of(z, llmb_group(z, group));

    l->apart = 1;
    l->probed = T0 * 1000;
    l->probe = 1000000;
    l->merged = 1000;
}


static void
where_merging_does_not_help_nobody_waits(void **state)
{
    uint32_t  a, plugged;

    (void) state;

    plugged = plug();
    gives_up_merging();

    a = join_flow(1, WAIT, T0);
    assert_int_equal(single(0, T0), a);

    unplug(plugged, T0);
    leave_all(T0);
}


static void
what_is_about_calls_is_merged_all_the_same(void **state)
{
    uint32_t       a, plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();
    gives_up_merging();

    /* calls are counted, or to be few */

    g->policy.window = LLMB_WINDOW_RATE;
    g->policy.interval = 1000;
    a = join_flow(1, WAIT, T0);
    assert_state(a, QUEUED);

    g->policy.window = LLMB_WINDOW_FIXED;
    a = join_flow(1, WAIT, T0);
    assert_state(a, QUEUED);

    /* the upstream has asked for a pause */

    g->policy.window = LLMB_WINDOW_SLOT;
    g->paused = T0 + 10;
    a = join_flow(1, WAIT, T0);
    assert_state(a, QUEUED);

    unplug(plugged, T0);
    leave_all(T0 + 10);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(who_is_urgent_does_not_take_the_turns_of_others),
        sched_test(each_joins_where_its_turn_is),
        sched_test(parts_have_their_turn_among_any_number_of_others),
        sched_test(somebody_watches_for_the_next_call_of_a_budget),
        sched_test(where_merging_does_not_help_nobody_waits),
        sched_test(what_is_about_calls_is_merged_all_the_same),
    };

    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
