
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_when.h"


static llmb_policy_t
policy(llmb_window_e window)
{
    llmb_policy_t  p = {
        .window = window,
        .concurrency = 2,
        .min_size = 3,
        .max_size = 10,
        .max_tokens = 1000,
        .max_bytes = 5000,
        .max_wait = 100
    };

    return p;
}


/* one request of one item that came at 1000 */

static llmb_load_t
load(void)
{
    llmb_load_t  l = {
        .requests = 1,
        .items = 1,
        .tokens = 10,
        .bytes = 20,
        .since = 1000,
        .deadline = 1100,
        .bound = 1100,
        .latest = UINT64_MAX
    };

    return l;
}


/* why it is sent now, if it is */

static llmb_close_e
closes(const llmb_policy_t *p, const llmb_load_t *l, uint64_t now)
{
    llmb_when_t  when = llmb_when_load(p, l, now);

    return when.at <= now ? when.why : LLMB_CLOSE_NONE;
}


static uint64_t
timer(const llmb_policy_t *p, uint64_t paused, uint64_t budget,
    unsigned patient, uint64_t now)
{
    llmb_load_t  l = load();

    l.paused = paused;
    l.budget = budget;
    l.patient = patient != 0;

    return llmb_when_next(p, &l, now);
}


static void
an_empty_group_is_not_sent(void **state)
{
    llmb_load_t    l = { 0 };
    llmb_policy_t  p = policy(LLMB_WINDOW_SLOT);

    (void) state;

    assert_int_equal(closes(&p, &l, 5000), LLMB_CLOSE_NONE);
}


static void
slot_sends_as_long_as_a_slot_is_free(void **state)
{
    llmb_load_t    l = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_SLOT);

    (void) state;

    assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_SLOT);

    l.inflight = 1;
    assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_SLOT);

    l.inflight = 2;
    assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1099), LLMB_CLOSE_NONE);
}


static void
nobody_waits_past_its_deadline_whatever_is_in_flight(void **state)
{
    unsigned       w;
    llmb_load_t    l = load();
    llmb_policy_t  p;

    (void) state;

    l.inflight = 100;
    l.paused = 9000;

    for (w = LLMB_WINDOW_SLOT; w <= LLMB_WINDOW_FIXED; w++) {
        p = policy((llmb_window_e) w);

        assert_int_equal(closes(&p, &l, 1099), LLMB_CLOSE_NONE);
        assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_DEADLINE);
        assert_int_equal(closes(&p, &l, 1101), LLMB_CLOSE_DEADLINE);
    }
}


/* slots that are learned are not outrun at the end of a longest hold */

static void
a_deadline_waits_for_a_slot_until_its_bound(void **state)
{
    llmb_load_t    l = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_SLOT);

    (void) state;

    l.bound = 1500;
    l.budget = 9000;
    l.crowded = 1;

    assert_int_equal(closes(&p, &l, 1499), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1500), LLMB_CLOSE_DEADLINE);
    assert_int_equal(llmb_when_next(&p, &l, 1000), 1100);
    assert_int_equal(llmb_when_next(&p, &l, 1100), 1500);
    assert_in_range(llmb_when_next(&p, &l, 1600), 0, 1600);

    l.crowded = 0;
    assert_int_equal(closes(&p, &l, 1099), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_DEADLINE);

    l.inflight = 2;
    assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_NONE);
}


/* but a full call does not wait for others */

static void
nothing_is_sent_before_the_gate(void **state)
{
    unsigned       w;
    llmb_load_t    l;
    llmb_policy_t  p;

    (void) state;

    for (w = LLMB_WINDOW_SLOT; w <= LLMB_WINDOW_RATE; w += LLMB_WINDOW_RATE) {
        p = policy((llmb_window_e) w);

        l = load();
        l.gate = 1030;

        assert_int_equal(closes(&p, &l, 1029), LLMB_CLOSE_NONE);
        assert_int_equal(llmb_when_next(&p, &l, 1000), 1030);
        assert_int_not_equal(closes(&p, &l, 1030), LLMB_CLOSE_NONE);

        l.gate = UINT64_MAX;
        assert_int_equal(closes(&p, &l, 1099), LLMB_CLOSE_NONE);
        assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_DEADLINE);
        assert_int_equal(llmb_when_next(&p, &l, 1000), 1100);

        l.items = p.max_size;
        assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_SIZE);
    }
}


static void
a_full_group_names_the_bound_it_has_reached(void **state)
{
    unsigned       w;
    llmb_load_t    l;
    llmb_policy_t  p;

    (void) state;

    for (w = LLMB_WINDOW_SLOT; w <= LLMB_WINDOW_FIXED; w++) {
        p = policy((llmb_window_e) w);

        l = load();
        l.items = 10;
        assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_SIZE);

        l = load();
        l.tokens = 1000;
        assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_TOKENS);

        l = load();
        l.bytes = 5000;
        assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_BYTES);

        /* not beyond the concurrency, and not during a pause */

        l.inflight = 2;
        assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_NONE);

        l.inflight = 0;
        l.paused = 1001;
        assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_NONE);
        assert_int_equal(closes(&p, &l, 1001), LLMB_CLOSE_BYTES);
    }
}


static void
fixed_waits_one_short_of_each_bound(void **state)
{
    llmb_load_t    l = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_FIXED);

    (void) state;

    l.items = 9;
    l.tokens = 999;
    l.bytes = 4999;

    assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1069), LLMB_CLOSE_NONE);
}


static void
fixed_sends_early_with_enough_items(void **state)
{
    llmb_load_t    l = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_FIXED);

    (void) state;

    l.items = 3;
    assert_int_equal(closes(&p, &l, 1069), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1070), LLMB_CLOSE_EARLY);

    l.items = 2;
    assert_int_equal(closes(&p, &l, 1070), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1099), LLMB_CLOSE_NONE);
}


static void
no_bound_on_tokens_is_no_bound(void **state)
{
    llmb_load_t    l = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_FIXED);

    (void) state;

    p.max_tokens = 0;
    l.tokens = UINT64_MAX;

    assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_NONE);
    assert_true(llmb_policy_fits(&p, &l, 1, UINT64_MAX, 1));
}


/* of that request */

static uint64_t
wake(const llmb_policy_t *p, uint64_t paused, uint64_t now)
{
    return timer(p, paused, 0, 0, now);
}


static void
the_timer_is_set_for_the_next_thing_that_time_brings(void **state)
{
    llmb_policy_t  slot = policy(LLMB_WINDOW_SLOT);
    llmb_policy_t  fixed = policy(LLMB_WINDOW_FIXED);

    (void) state;

    assert_int_equal(wake(&slot, 0, 1000), 1100);
    assert_int_equal(wake(&slot, 1000, 1000), 1100);
    assert_int_equal(wake(&slot, 1001, 1000), 1001);
    assert_int_equal(wake(&slot, 5000, 1000), 1100);

    assert_int_equal(wake(&fixed, 0, 1000), 1070);
    assert_int_equal(wake(&fixed, 0, 1069), 1070);
    assert_int_equal(wake(&fixed, 0, 1070), 1100);
    assert_int_equal(wake(&fixed, 1050, 1000), 1050);
    assert_int_equal(wake(&fixed, 1090, 1070), 1090);
}


static void
a_part_waits_for_a_slot_when_it_is_due(void **state)
{
    unsigned       w;
    llmb_load_t    l = load();
    llmb_policy_t  p;

    (void) state;

    l.patient = 1;

    for (w = LLMB_WINDOW_SLOT; w <= LLMB_WINDOW_FIXED; w++) {
        p = policy((llmb_window_e) w);

        l.inflight = 2;
        assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_NONE);

        l.inflight = 1;
        assert_int_not_equal(closes(&p, &l, 1100),
                             LLMB_CLOSE_NONE);

        l.paused = 1101;
        assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_NONE);
        assert_int_equal(timer(&p, 1101, 0, 1, 1100),
                         1101);

        /* no timer knows when a slot will be free, but clocks differ */

        l.paused = 0;
        assert_int_equal(timer(&p, 0, 0, 1, 1099), 1100);
        assert_int_equal(timer(&p, 0, 0, 1, 1100), 1105);
        assert_true(timer(&p, 0, 0, 1, 1105)
                    == UINT64_MAX);
    }
}


static void
a_budget_of_calls_lets_a_second_through_at_once(void **state)
{
    unsigned       n;
    uint64_t       next;
    llmb_load_t    l = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_RATE);

    (void) state;

    p.interval = 20000;           /* 50 a second */
    next = 0;

    for (n = 0; n < 50; n++) {
        assert_true(llmb_policy_budget(&p, next) <= 1000);
        llmb_policy_spend(&p, &next, 1000);
    }

    assert_int_equal(llmb_policy_budget(&p, next), 1020);

    l.budget = 1020;
    assert_int_equal(closes(&p, &l, 1019), LLMB_CLOSE_NONE);
    assert_int_equal(closes(&p, &l, 1020), LLMB_CLOSE_RATE);
    assert_int_equal(timer(&p, 0, 1020, 0, 1000), 1020);

    /* nobody waits past its deadline for it, nor beyond what is in flight */

    l.budget = 5000;
    assert_int_equal(closes(&p, &l, 1100), LLMB_CLOSE_DEADLINE);
    assert_int_equal(timer(&p, 0, 5000, 0, 1000), 1100);

    l.budget = 0;
    l.inflight = 2;
    assert_int_equal(closes(&p, &l, 1000), LLMB_CLOSE_NONE);

    /* then one after another, and the budget is kept exactly */

    for (n = 0; n < 500; n++) {
        llmb_policy_spend(&p, &next, llmb_policy_budget(&p, next));
    }

    assert_int_equal(llmb_policy_budget(&p, next), 1020 + 500 * 20);

    /* fewer than one in a second: never two at once */

    p.interval = 3000000;
    next = 0;
    llmb_policy_spend(&p, &next, 1000);
    assert_int_equal(llmb_policy_budget(&p, next), 4000);
}


static void
a_budget_that_was_overspent_is_not_owed_for_ever(void **state)
{
    unsigned       n;
    uint64_t       next;
    llmb_policy_t  p = policy(LLMB_WINDOW_RATE);

    (void) state;

    p.interval = 200000;          /* 5 a second */
    next = 0;

    /* at deadlines, ten times that for an hour */

    for (n = 0; n < 180000; n++) {
        llmb_policy_spend(&p, &next, 1000000 + 20 * n);
    }

    assert_in_range(llmb_policy_budget(&p, next), 1000000 + 3600000 + 50000,
                    1000000 + 3600000 + 61000);

    /* whatever was there before */

    next = UINT64_MAX - 1000;
    llmb_policy_spend(&p, &next, 1000);
    assert_true(llmb_policy_budget(&p, next) <= 62000);
}


static void
what_was_learned_narrows_the_bounds(void **state)
{
    llmb_policy_t   p = policy(LLMB_WINDOW_SLOT);
    llmb_learned_t  nothing = { 0 };
    llmb_learned_t  much = { .items = 11, .tokens = 1001, .bytes = 5001 };
    llmb_learned_t  little = { .items = 4, .tokens = 500, .bytes = 3000 };

    (void) state;

    llmb_policy_learn(&p, &nothing);
    llmb_policy_learn(&p, &much);

    assert_int_equal(p.max_size, 10);
    assert_int_equal(p.max_tokens, 1000);
    assert_int_equal(p.max_bytes, 5000);

    llmb_policy_learn(&p, &little);

    assert_int_equal(p.max_size, 4);
    assert_int_equal(p.max_tokens, 500);
    assert_int_equal(p.max_bytes, 3000);

    p.max_tokens = 0;
    llmb_policy_learn(&p, &much);
    assert_int_equal(p.max_tokens, 1001);
}


static void
what_was_taken_is_proven(void **state)
{
    llmb_learned_t  proven = { 0 };

    (void) state;

    assert_false(llmb_policy_proven(&proven, 1, 0, 0));

    llmb_policy_prove(&proven, 4, 500, 300);
    llmb_policy_prove(&proven, 2, 700, 100);

    assert_true(llmb_policy_proven(&proven, 4, 700, 300));
    assert_false(llmb_policy_proven(&proven, 5, 700, 300));
    assert_false(llmb_policy_proven(&proven, 4, 701, 300));
    assert_false(llmb_policy_proven(&proven, 4, 700, 301));
}


static void
the_timer_comes_before_time_alone_closes_the_group(void **state)
{
    uint64_t       now, at;
    unsigned       w, n;
    llmb_load_t    l;
    llmb_policy_t  p;

    (void) state;

    for (w = LLMB_WINDOW_SLOT; w <= LLMB_WINDOW_FIXED; w++) {
        p = policy((llmb_window_e) w);

        for (n = 0; n < 4 * 12; n++) {
            l = load();
            l.items = 1 + n % 4;
            l.paused = 990 + 10 * (n / 4);

            for (now = 1000; now < l.deadline; now++) {

                if (closes(&p, &l, now) != LLMB_CLOSE_NONE) {
                    break;
                }

                at = llmb_when_next(&p, &l, now);
                assert_true(at > now);
                assert_int_equal(closes(&p, &l, at - 1),
                                 LLMB_CLOSE_NONE);
            }
        }
    }
}


/* it is told beforehand, and not too late */

static void
it_is_sent_from_the_moment_that_was_told(void **state)
{
    uint64_t       now, at;
    unsigned       w, n;
    llmb_load_t    l;
    llmb_policy_t  p;

    (void) state;

    for (w = LLMB_WINDOW_SLOT; w <= LLMB_WINDOW_RATE; w++) {
        p = policy((llmb_window_e) w);

        for (n = 0; n < 4 * 3 * 4 * 5 * 2; n++) {
            l = load();
            l.items = 1 + 3 * (n % 4);
            l.inflight = n / 4 % 3;
            l.paused = 990 + 40 * (n / 12 % 4);
            l.budget = 990 + 30 * (n / 48 % 5);
            l.patient = n / 240 % 2;
            l.latest = n % 7 ? UINT64_MAX : 1000 + 10 * (n % 11);

            at = llmb_when_load(&p, &l, 1000).at;

            for (now = 1000; now < llmb_min(at, 1300); now++) {
                assert_int_equal(closes(&p, &l, now), LLMB_CLOSE_NONE);
                assert_true(llmb_when_load(&p, &l, now).at == at);
                assert_true(llmb_when_next(&p, &l, now) <= at);
            }

            if (at != UINT64_MAX) {
                assert_int_not_equal(closes(&p, &l, llmb_max(at, 1000)),
                                     LLMB_CLOSE_NONE);
            }
        }
    }
}


static void
the_first_member_fits_whatever_its_size(void **state)
{
    llmb_load_t    call = { 0 };
    llmb_policy_t  p = policy(LLMB_WINDOW_SLOT);

    (void) state;

    assert_true(llmb_policy_fits(&p, &call, 11, 2000, 9000));
}


static void
a_call_takes_members_up_to_each_bound(void **state)
{
    llmb_load_t    call;
    llmb_policy_t  p = policy(LLMB_WINDOW_SLOT);

    (void) state;

    call = load();

    assert_true(llmb_policy_fits(&p, &call, 9, 1, 1));
    assert_false(llmb_policy_fits(&p, &call, 10, 1, 1));

    assert_true(llmb_policy_fits(&p, &call, 1, 990, 1));
    assert_false(llmb_policy_fits(&p, &call, 1, 991, 1));

    assert_true(llmb_policy_fits(&p, &call, 1, 1, 4980));
    assert_false(llmb_policy_fits(&p, &call, 1, 1, 4981));
}


/* of one client, which may be more than is gathered of several */

static void
an_upstream_takes_what_is_within_its_own_bounds(void **state)
{
    llmb_policy_t   p = policy(LLMB_WINDOW_SLOT);
    llmb_learned_t  learned = { 0, 0, 0 };

    (void) state;

    p.max_size = 10;
    p.max_bytes = 1000;
    p.max_tokens = 0;

    assert_true(llmb_policy_takes(&p, UINT32_MAX, UINT64_MAX, UINT64_MAX));

    p.most_items = 100;
    p.most_bytes = 5000;
    p.max_tokens = 700;

    assert_true(llmb_policy_takes(&p, 100, 700, 5000));
    assert_false(llmb_policy_takes(&p, 101, 700, 5000));
    assert_false(llmb_policy_takes(&p, 100, 701, 5000));
    assert_false(llmb_policy_takes(&p, 100, 700, 5001));

    learned.items = 200;
    learned.bytes = 6000;
    llmb_policy_learn(&p, &learned);
    assert_true(llmb_policy_takes(&p, 100, 700, 5000));
    assert_false(llmb_policy_takes(&p, 101, 1, 1));

    learned.items = 50;
    learned.bytes = 2000;
    llmb_policy_learn(&p, &learned);
    assert_true(llmb_policy_takes(&p, 50, 1, 2000));
    assert_false(llmb_policy_takes(&p, 51, 1, 1));
    assert_false(llmb_policy_takes(&p, 1, 1, 2001));

    /* nothing was known before */

    p.most_items = 0;
    p.most_bytes = 0;
    llmb_policy_learn(&p, &learned);
    assert_int_equal(p.most_items, 50);
    assert_int_equal(p.most_bytes, 2000);
}


static void
sizes_near_the_end_of_the_type_do_not_wrap(void **state)
{
    llmb_load_t    call = load();
    llmb_policy_t  p = policy(LLMB_WINDOW_SLOT);

    (void) state;

    assert_false(llmb_policy_fits(&p, &call, UINT32_MAX, 1, 1));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_empty_group_is_not_sent),
        cmocka_unit_test(slot_sends_as_long_as_a_slot_is_free),
        cmocka_unit_test(nobody_waits_past_its_deadline_whatever_is_in_flight),
        cmocka_unit_test(a_deadline_waits_for_a_slot_until_its_bound),
        cmocka_unit_test(nothing_is_sent_before_the_gate),
        cmocka_unit_test(a_full_group_names_the_bound_it_has_reached),
        cmocka_unit_test(fixed_waits_one_short_of_each_bound),
        cmocka_unit_test(fixed_sends_early_with_enough_items),
        cmocka_unit_test(no_bound_on_tokens_is_no_bound),
        cmocka_unit_test(the_timer_is_set_for_the_next_thing_that_time_brings),
        cmocka_unit_test(a_part_waits_for_a_slot_when_it_is_due),
        cmocka_unit_test(a_budget_of_calls_lets_a_second_through_at_once),
        cmocka_unit_test(a_budget_that_was_overspent_is_not_owed_for_ever),
        cmocka_unit_test(what_was_learned_narrows_the_bounds),
        cmocka_unit_test(what_was_taken_is_proven),
        cmocka_unit_test(the_timer_comes_before_time_alone_closes_the_group),
        cmocka_unit_test(it_is_sent_from_the_moment_that_was_told),
        cmocka_unit_test(the_first_member_fits_whatever_its_size),
        cmocka_unit_test(a_call_takes_members_up_to_each_bound),
        cmocka_unit_test(an_upstream_takes_what_is_within_its_own_bounds),
        cmocka_unit_test(sizes_near_the_end_of_the_type_do_not_wrap),
    };

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
