
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How long others are waited for: a call of n items takes 190 + 10 * n ms, so
 * one alone 200, of which a tenth is 20, and an item more half of that.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_patience.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_queue.h"
#include "llmb_slots.h"
#include "llmb_upstream.h"
#include "sched_table.h"


#define NOW  (T0 + 100000)


static void
learn(unsigned apart)
{
    uint32_t       n;
    uint64_t       each;
    llmb_sample_t  sample;

    each = apart ? 190000 : 10000;

    memset(&sample, 0, sizeof(llmb_sample_t));

    for (n = 0; n < 600; n++) {
        sample.items = 1 + n % 30;
        sample.inflight = 1;
        sample.time = 200000 - each + sample.items * each;
        sample.end = LLMB_LEARN_GOOD;

        llmb_upstream_sample(z, group, &sample, (T0 + n) * 1000);
    }
}


/* of a group in which a request has had company with this probability */

static llmb_group_t *
known(uint32_t patience, float near)
{
    llmb_group_t  *g;

    g = llmb_group(z, group);

    g->policy.concurrency = 100;
    g->policy.max_size = 100;
    g->policy.max_wait = 1000;
    g->policy.patience = patience;
    g->near = near;
    g->next = 0;

    learn(0);

    return g;
}


static uint32_t
comes(uint8_t tolerance, uint32_t budget, unsigned part, uint64_t now)
{
    uint32_t  i;

    i = reserve(0, 1);

    llmb_member(z, i)->tolerance = tolerance;
    llmb_member(z, i)->wait = 10 * tolerance;
    llmb_member(z, i)->budget = budget;
    llmb_member(z, i)->part = part != 0;

    llmb_sched_join(z, i, now);
    assert_sound();

    return i;
}


/* it waits, until its timer fires at "until" */

static uint32_t
is_held(uint8_t tolerance, uint64_t now, uint64_t until)
{
    uint32_t  i;

    i = comes(tolerance, 0, 0, now);

    (void) expect(0, LLMB_MAIL_NONE, now);
    assert_int_equal(llmb_sched_wake(z, i, now), until);

    return i;
}


/* all of them leave now, in one call */

static void
all_leave(uint32_t n, llmb_close_e close, uint64_t now)
{
    uint32_t  call;

    llmb_sched_flush(z, group, 0, llmb_group(z, group)->queue.head, now);

    call = expect(0, LLMB_MAIL_SEND, now);
    assert_int_equal(llmb_call(z, call)->members.n, n);
    assert_int_equal(llmb_call(z, call)->close, close);
    assert_int_equal(queued(), 0);

    leave_all(now);
}


static void
others_are_waited_for(void **state)
{
    uint32_t  i;

    (void) state;

    (void) known(10, 1);

    i = is_held(100, NOW, NOW + 20);

    llmb_sched_flush(z, group, 0, i, NOW + 19);
    (void) expect(0, LLMB_MAIL_NONE, NOW + 19);

    all_leave(1, LLMB_CLOSE_SLOT, NOW + 20);
}


/* what it costs is part of what is spent */

static void
company_ends_it_sooner(void **state)
{
    (void) state;

    (void) known(10, 1);

    (void) is_held(100, NOW, NOW + 20);
    (void) is_held(100, NOW + 2, NOW + 10);

    /* with two others nothing is left of 20 ms */

    (void) comes(100, 0, 0, NOW + 3);
    all_leave(3, LLMB_CLOSE_SLOT, NOW + 3);
}


static void
a_full_call_waits_for_nobody(void **state)
{
    llmb_group_t  *g;

    (void) state;

    g = known(50, 1);
    g->policy.max_size = 2;

    (void) is_held(100, NOW, NOW + 100);
    (void) comes(100, 0, 0, NOW + 1);
    all_leave(2, LLMB_CLOSE_SIZE, NOW + 1);
}


/* nor is anybody held where nothing is known, or it is switched off */

static void
nobody_is_held_for_nothing(void **state)
{
    uint32_t       i, n;
    llmb_group_t  *g;

    (void) state;

    /* too few have had company */

    g = known(10, 0.09f);
    (void) comes(100, 0, 0, NOW);
    all_leave(1, LLMB_CLOSE_SLOT, NOW);

    /* that is the least, however much is to be spent */

    g = known(50, 0.09f);
    (void) comes(100, 0, 0, NOW + 1000000);
    all_leave(1, LLMB_CLOSE_SLOT, NOW + 1000000);

    g = known(0, 1);
    (void) comes(100, 0, 0, NOW);
    all_leave(1, LLMB_CLOSE_SLOT, NOW);

    g = known(10, 1);
    learn(1);
    i = comes(100, 0, 0, NOW);
    assert_int_equal(single(0, NOW), i);
    leave_all(NOW);

    /* a few calls are enough to know what one takes, but not three */

    for (n = 1; n < 5; n++) {
        llmb_learn_init(llmb_learn_of(z, g));
    llmb_slots_init(&llmb_upstream_of(z, g)->slots, 1, 100);

        for (i = 0; i < n; i++) {
            llmb_sample_t  sample = { .items = 1, .inflight = 1,
                                      .time = 200000 };

            llmb_upstream_sample(z, group, &sample, (NOW + i) * 1000);
        }

        g->near = 1;
        g->next = 0;
        (void) comes(100, 0, 0, NOW);
        assert_int_equal(queued(), 1);

        i = g->queue.head;

        if (n > 3) {
            assert_int_equal(llmb_sched_wake(z, i, NOW), NOW + 20);
            all_leave(1, LLMB_CLOSE_SLOT, NOW + 20);

        } else {
            all_leave(1, LLMB_CLOSE_SLOT, NOW);
        }
    }
}


/* as many as have company, and who comes long after it begins anew soon */

static void
company_is_counted(void **state)
{
    unsigned       n;
    uint64_t       now;
    llmb_group_t  *g;

    (void) state;

    g = known(10, 0);
    llmb_arrivals_add(&g->arrivals, NOW * 1000);
    now = NOW;

    for (n = 0; n < 200; n++) {
        now += n % 2 ? 19 : 21;
        llmb_patience_sees(z, g, now);
        llmb_arrivals_add(&g->arrivals, now * 1000);
    }

    assert_in_range((int) (g->near * 100), 45, 55);

    g->near = 1;

    for (n = 0; g->near >= 0.1f; n++) {
        now += 801;
        llmb_patience_sees(z, g, now);
        llmb_arrivals_add(&g->arrivals, now * 1000);
    }

    assert_in_range(n, 10, 20);
}


static void
a_tolerance_scales_it(void **state)
{
    uint32_t  i;

    (void) state;

    (void) known(10, 1);

    i = is_held(50, NOW, NOW + 10);
    llmb_sched_leave(z, i, NOW);

    /* of two it is the end that comes first, with company taken into account */

    (void) is_held(100, NOW, NOW + 20);
    (void) comes(50, 0, 0, NOW + 1);
    all_leave(2, LLMB_CLOSE_SLOT, NOW + 1);
}


static void
who_has_none_takes_all_along(void **state)
{
    (void) state;

    (void) known(50, 1);

    (void) is_held(100, NOW, NOW + 100);
    (void) comes(0, 0, 0, NOW + 1);
    all_leave(2, LLMB_CLOSE_SLOT, NOW + 1);

    /* a part would wait for its like */

    (void) is_held(100, NOW, NOW + 100);
    (void) comes(100, 0, 1, NOW + 1);
    all_leave(2, LLMB_CLOSE_SLOT, NOW + 1);
}


/* the oldest has gone: the next one has its own time */

static void
another_is_the_oldest(void **state)
{
    uint32_t  a, b;

    (void) state;

    (void) known(50, 1);

    a = is_held(100, NOW, NOW + 100);
    b = is_held(100, NOW + 30, NOW + 90);

    llmb_sched_leave(z, a, NOW + 40);
    assert_sound();

    assert_int_equal(llmb_sched_wake(z, b, NOW + 90), NOW + 130);

    llmb_sched_flush(z, group, 0, b, NOW + 129);
    assert_int_equal(queued(), 1);
    all_leave(1, LLMB_CLOSE_SLOT, NOW + 130);
}


/* 1000 ms, of which a call of one takes 200 and the margin is 5 */

static void
a_budget_is_spent_if_it_may_be(void **state)
{
    uint32_t       i;
    llmb_group_t  *g;

    (void) state;

    g = known(10, 0);

    i = comes(100, 1000, 0, NOW);
    all_leave(1, LLMB_CLOSE_SLOT, NOW);

    g->policy.spend = 1;

    i = comes(100, 1000, 0, NOW);
    (void) expect(0, LLMB_MAIL_NONE, NOW);
    assert_in_range(llmb_sched_wake(z, i, NOW), NOW + 700, NOW + 795);
    (void) comes(100, 2000, 0, NOW + 1);
    (void) expect(0, LLMB_MAIL_NONE, NOW + 1);

    all_leave(2, LLMB_CLOSE_DEADLINE, NOW + 795);

    /* one that has none is held as if all were like it */

    g->near = 1;
    g->next = 0;
    (void) comes(100, 1000, 0, NOW);
    (void) expect(0, LLMB_MAIL_NONE, NOW);
    (void) comes(100, 0, 0, NOW + 5);
    (void) expect(0, LLMB_MAIL_NONE, NOW + 14);
    all_leave(2, LLMB_CLOSE_SLOT, NOW + 15);
}


/* who can wait leaves with those that have a window of their own */

static void
fixed_windows_have_none(void **state)
{
    llmb_group_t  *g;

    (void) state;

    g = known(50, 1);
    g->policy.window = LLMB_WINDOW_FIXED;

    (void) is_held(100, NOW, NOW + 700);
    (void) comes(100, 0, 0, NOW + 1);
    all_leave(2, LLMB_CLOSE_EARLY, NOW + 700);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(others_are_waited_for),
        sched_test(company_ends_it_sooner),
        sched_test(a_full_call_waits_for_nobody),
        sched_test(nobody_is_held_for_nothing),
        sched_test(company_is_counted),
        sched_test(a_tolerance_scales_it),
        sched_test(who_has_none_takes_all_along),
        sched_test(another_is_the_oldest),
        sched_test(a_budget_is_spent_if_it_may_be),
        sched_test(fixed_windows_have_none),
    };

    return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
