
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How long a member is held that has a budget.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_slots.h"
#include "llmb_upstream.h"
#include "llmb_when.h"
#include "sched_table.h"


#define NOW  (T0 + 1000)


/* calls of n take 10 + 5 * n ms, which is known well */

static void
learn(void)
{
    uint32_t       n;
    llmb_sample_t  sample;

    for (n = 0; n < 600; n++) {
        sample.items = 1 + n % 30;
        sample.inflight = 1;
        sample.time = 10000 + sample.items * 5000;
        sample.end = LLMB_LEARN_GOOD;

        llmb_upstream_sample(z, group, &sample, (T0 + n) * 1000);
    }
}


/* joins with a budget, or none; returns when its timer fires */

static uint64_t
join_until(uint32_t worker, uint32_t budget, uint64_t now, uint32_t *i)
{
    *i = reserve(worker, 1);

    llmb_member(z, *i)->wait = 1000;
    llmb_member(z, *i)->budget = budget;

    llmb_sched_join(z, *i, now);
    assert_sound();

    return llmb_sched_wake(z, *i, now);
}


static void
a_budget_is_left_for_the_call(void **state)
{
    uint32_t  i, plugged;

    (void) state;

    plugged = plug();

    /* nothing is known of calls: little time is spent on waiting */

    i = reserve(0, 1);
    llmb_member(z, i)->budget = 80;
    llmb_sched_join(z, i, T0);
    assert_sound();

    assert_int_equal(llmb_member(z, i)->deadline, T0 + 10);

    i = reserve(0, 1);
    llmb_member(z, i)->budget = 5000;
    llmb_sched_join(z, i, T0);
    assert_int_equal(llmb_member(z, i)->deadline, T0 + WAIT);

    /* no waiting at all: it leaves with this pass */

    i = reserve(0, 1);
    llmb_member(z, i)->wait = 0;
    llmb_sched_join(z, i, T0);
    assert_sound();

    assert_int_equal(llmb_member(z, i)->deadline, T0);
    (void) expect(0, LLMB_MAIL_SEND, T0);

    unplug(plugged, T0);
    leave_all(T0);
}


/* one comes each 5 ms, to the other worker: what is left of 300 is halved */

static void
who_joins_later_takes_time_of_a_budget(void **state)
{
    uint32_t       n, i, first, last, plugged, window;
    uint64_t       now, wake, next;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();
    learn();

    g->policy.max_size = 1000;
    g->policy.max_wait = 1000;

    for (window = LLMB_WINDOW_SLOT; window <= LLMB_WINDOW_FIXED; window++) {
        g->policy.window = (llmb_window_e) window;

        wake = join_until(0, 300, NOW, &first);
        assert_int_equal(g->urgent, first);
        last = first;
        n = 1;

        for (now = NOW + 1; now < wake; now++) {

            if ((now - NOW) % 5 == 0) {
                next = join_until(1, n % 3 ? 0 : 900, now, &last);
                wake = llmb_min(wake, next);
                n++;
            }
        }

        /* the timer is that of the last, and all go with the first */

        llmb_sched_flush(z, group, 1, last, now);
        i = expect(1, LLMB_MAIL_SEND, now);

        assert_state(first, CLAIMED);
        assert_int_equal(llmb_call(z, i)->close, LLMB_CLOSE_DEADLINE);
        assert_int_equal(llmb_call(z, i)->members.n, n);
        assert_int_equal(g->urgent, LLMB_NIL);

        assert_true(now + 10 + 5 * n <= NOW + 300);
        assert_true(now + 10 + 5 * (n + 5) > NOW + 300);

        assert_int_equal(llmb_sched_send(z, i, 1) != LLMB_NIL, 1);

        while (llmb_call(z, i)->members.n) {
            answer(llmb_call(z, i)->members.head);
        }

        llmb_sched_end(z, i, 1, now);

        for (n = 0; n < 2; n++) {
            while (llmb_sched_mail(z, n, now, &i) != LLMB_MAIL_NONE) {
                llmb_sched_leave(z, i, now);
            }
        }
    }

    unplug(plugged, NOW);
    leave_all(NOW);
}


/* whoever is next is found, and has the time that is now its own */

static void
who_is_due_first_may_leave(void **state)
{
    uint32_t       a, b, c, d, plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();
    learn();

    g->policy.max_size = 1000;

    (void) join_until(0, 500, NOW, &a);
    (void) join_until(0, 200, NOW, &b);
    (void) join_until(0, 300, NOW, &c);

    assert_int_equal(g->urgent, b);
    assert_in_range(join_until(0, 0, NOW, &d), NOW + 140, NOW + 165);

    llmb_sched_leave(z, b, NOW);
    assert_sound();

    assert_in_range(llmb_sched_wake(z, d, NOW), NOW + 245, NOW + 270);
    assert_int_equal(g->urgent, c);

    /* and if it cannot be answered in time any more, whoever comes then */

    assert_in_range(llmb_sched_wake(z, d, NOW + 290), NOW + 440, NOW + 470);
    assert_int_equal(g->urgent, a);

    unplug(plugged, NOW);
    leave_all(NOW);
}


/* even if whoever was due first is late by then, and another one is found */

static void
to_ask_changes_nothing(void **state)
{
    uint32_t       a, b, plugged;
    uint64_t       now;
    llmb_zone_t   *before;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();
    learn();

    g->policy.max_size = 1000;

    (void) join_until(0, 500, NOW, &a);
    (void) join_until(0, 200, NOW, &b);

    before = aligned_alloc(16, ZONE_SIZE);
    assert_non_null(before);
    memcpy(before, z, ZONE_SIZE);

    for (now = NOW; now < NOW + 600; now += 7) {
        g->unsure = now & 1;
        llmb_group(before, group)->unsure = now & 1;

        (void) llmb_when(z, g, now);
        (void) llmb_when_free(z, g, now);
        (void) llmb_when_near(z, g, now);
        (void) llmb_when_early(z, g, now);
        (void) llmb_when_timer(z, llmb_member(z, a), now);

        assert_memory_equal(z, before, ZONE_SIZE);
    }

    assert_int_equal(g->urgent, b);

    free(before);
    g->unsure = 1;
    unplug(plugged, NOW);
    leave_all(NOW);
}


/* its worker is asked, if the one that notices has nobody in the call */

static void
who_is_due_goes_first_of_many(void **state)
{
    uint32_t       i, n, first, call, plugged;
    uint64_t       wake, next;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    plugged = plug();
    learn();

    /* the last of its flow: others have their turn before it */

    wake = NOW + 1000;

    for (n = 0; n < 4; n++) {
        first = reserve(2, 1);
        llmb_member(z, first)->flow = 1;
        llmb_member(z, first)->wait = 1000;
        llmb_member(z, first)->budget = n < 3 ? 0 : 200;
        llmb_sched_join(z, first, NOW);
    }

    for (n = 0; n < 6; n++) {
        next = join_until(1, 0, NOW, &i);
        wake = llmb_min(wake, next);
    }

    assert_true(llmb_member(z, first)->rank
                > llmb_member(z, g->queue.head)->rank);

    /* a call of four is all that it will be in */

    assert_in_range(wake, NOW + 155, NOW + 170);
    llmb_sched_flush(z, group, 0, LLMB_NIL, wake);

    call = expect(2, LLMB_MAIL_SEND, wake);
    assert_state(first, CLAIMED);
    assert_int_equal(llmb_call(z, call)->members.n, 4);
    assert_int_equal(queued(), 6);

    unplug(plugged, NOW);
    leave_all(NOW);
}


/* of a slot that is busy nobody knows how long; of company, what it costs */

static void
what_is_not_known_ends_no_hold_for_a_slot(void **state)
{
    uint32_t        i, plugged;
    llmb_group_t   *g = llmb_group(z, group);
    llmb_sample_t   sample;

    (void) state;

    plugged = plug();

    g->policy.max_size = 1000;

    sample.items = 1;
    sample.inflight = 1;
    sample.time = 20000;
    sample.end = LLMB_LEARN_GOOD;

    for (i = 0; i < 400; i++) {
        llmb_upstream_sample(z, group, &sample, (T0 + i) * 1000);
    }

    (void) join_until(0, 100, NOW, &i);
    assert_in_range(join_until(0, 0, NOW, &i), NOW + 100, NOW + 1000);

    g->policy.window = LLMB_WINDOW_FIXED;
    g->policy.max_wait = 1000;

    assert_in_range(join_until(0, 0, NOW, &i), NOW + 20, NOW + 40);

    unplug(plugged, NOW);
    leave_all(NOW);
}


/*
 * The end of a longest hold is no reason to send more calls than the upstream
 * works on; a budget is, and so are half a second, or slots that are given.
 */

static void
slots_that_are_learned_are_not_outrun(void **state)
{
    uint32_t       i, plugged;
    llmb_group_t  *g = llmb_group(z, group);

    (void) state;

    g->next = 0;
    (void) plug();

    i = reserve(0, 1);
    llmb_member(z, i)->wait = 5;
    llmb_sched_join(z, i, T0);
    llmb_sched_flush(z, group, 0, i, T0 + 5);
    assert_state(i, CLAIMED);
    leave_all(T0 + 5);

    g->policy.learned = 1;
    llmb_learn_init(llmb_learn_of(z, g));
    llmb_slots_init(&llmb_upstream_of(z, g)->slots, 1, 1);

    g->next = 0;
    plugged = plug();

    i = reserve(0, 1);
    llmb_member(z, i)->wait = 5;
    llmb_sched_join(z, i, T0);
    assert_int_equal(llmb_sched_wake(z, i, T0 + 5), T0 + 500);

    llmb_sched_flush(z, group, 0, i, T0 + 499);
    assert_sound();
    assert_state(i, QUEUED);

    /* a slot is free */

    unplug(plugged, T0 + 499);
    assert_state(i, CLAIMED);
    leave_all(T0 + 499);

    g->next = 0;
    (void) plug();

    i = reserve(0, 1);
    llmb_member(z, i)->wait = 5;
    llmb_sched_join(z, i, T0);
    llmb_sched_flush(z, group, 0, i, T0 + 500);
    assert_state(i, CLAIMED);
    leave_all(T0 + 500);

    /* nothing is known: an eighth of a budget */

    g->next = 0;
    (void) plug();

    i = reserve(0, 1);
    llmb_member(z, i)->budget = 400;
    llmb_member(z, i)->wait = 5;
    llmb_sched_join(z, i, T0);
    assert_int_equal(llmb_sched_wake(z, i, T0 + 5), T0 + 50);
    llmb_sched_flush(z, group, 0, i, T0 + 50);
    assert_state(i, CLAIMED);
    leave_all(T0 + 50);

    /* nor does a tolerance have to know */

    g->next = 0;
    (void) plug();

    i = reserve(0, 1);
    llmb_member(z, i)->tolerance = 50;
    llmb_member(z, i)->wait = 5;
    llmb_sched_join(z, i, T0);
    llmb_sched_flush(z, group, 0, i, T0 + 5);
    assert_state(i, CLAIMED);
    leave_all(T0 + 5);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(a_budget_is_left_for_the_call),
        sched_test(who_joins_later_takes_time_of_a_budget),
        sched_test(who_is_due_first_may_leave),
        sched_test(to_ask_changes_nothing),
        sched_test(who_is_due_goes_first_of_many),
        sched_test(what_is_not_known_ends_no_hold_for_a_slot),
        sched_test(slots_that_are_learned_are_not_outrun)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
