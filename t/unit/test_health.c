
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_health.h"


#define MINUTE  (LLMB_HEALTH_STEPS * LLMB_HEALTH_STEP_MS)


static void
requests(llmb_health_t *h, unsigned n, uint64_t now)
{
    while (n--) {
        llmb_health_request(h, 1, now);
    }
}


static void
a_quiet_group_has_an_allowance_too(void **state)
{
    llmb_health_t  h = { 0 };

    (void) state;

    assert_int_equal(llmb_health_allow(&h, 50, 100, 0),
                     LLMB_HEALTH_FLOOR / 2);
    assert_int_equal(llmb_health_allow(&h, 50, 1, 0), 0);
}


static void
the_allowance_is_a_share_of_the_requests(void **state)
{
    llmb_health_t  h = { 0 };

    (void) state;

    requests(&h, 1000, 5000);

    assert_int_equal(llmb_health_allow(&h, 10, 60, 5000), 60);
    assert_int_equal(llmb_health_allow(&h, 10, 60, 5000), 40);
    assert_int_equal(llmb_health_allow(&h, 10, 60, 5000), 0);
    assert_int_equal(llmb_health_allow(&h, 20, 60, 5000), 60);
}


static void
nothing_is_allowed_at_no_percent(void **state)
{
    llmb_health_t  h = { 0 };

    (void) state;

    requests(&h, 1000, 0);

    assert_int_equal(llmb_health_allow(&h, 0, 1, 0), 0);
}


static void
a_lower_percentage_than_was_used_allows_nothing(void **state)
{
    llmb_health_t  h = { 0 };

    (void) state;

    assert_int_equal(llmb_health_allow(&h, 100, 64, 0), 64);
    assert_int_equal(llmb_health_allow(&h, 50, 64, 0), 0);
}


static void
a_minute_is_remembered_and_no_more(void **state)
{
    unsigned       i;
    llmb_health_t  h;

    (void) state;

    for (i = 1; i <= LLMB_HEALTH_STEPS; i++) {
        h = (llmb_health_t) { 0 };

        requests(&h, 1000, 700000);
        (void) llmb_health_allow(&h, 100, 1000, 700000);

        assert_int_equal(llmb_health_allow(&h, 100, 9999,
                                           700000 + i * LLMB_HEALTH_STEP_MS),
                         i < LLMB_HEALTH_STEPS ? 0 : LLMB_HEALTH_FLOOR);
    }
}


static void
each_step_leaves_the_minute_in_its_turn(void **state)
{
    unsigned       i;
    llmb_health_t  h = { 0 };

    (void) state;

    for (i = 0; i < LLMB_HEALTH_STEPS; i++) {
        requests(&h, 100, i * LLMB_HEALTH_STEP_MS);
    }

    assert_int_equal(llmb_health_allow(&h, 100, 9999, MINUTE - 1), 600);

    h = (llmb_health_t) { 0 };

    for (i = 0; i < LLMB_HEALTH_STEPS; i++) {
        requests(&h, 100, i * LLMB_HEALTH_STEP_MS);
    }

    assert_int_equal(llmb_health_allow(&h, 100, 9999, MINUTE), 500);
}


static void
a_long_silence_is_forgotten_at_once(void **state)
{
    llmb_health_t  h = { 0 };

    (void) state;

    requests(&h, 1000, 0);
    requests(&h, 1, 1000 * (uint64_t) MINUTE);

    assert_int_equal(llmb_health_allow(&h, 100, 9999,
                                       1000 * (uint64_t) MINUTE),
                     LLMB_HEALTH_FLOOR);
}


static void
a_clock_that_lags_behind_counts_into_the_newest_step(void **state)
{
    llmb_health_t  h = { 0 };

    (void) state;

    requests(&h, 100, 50000);
    requests(&h, 100, 49999);

    assert_int_equal(h.step, 5);
    assert_int_equal(h.requests[5], 200);
}


static void
failures_in_a_row_open_the_breaker(void **state)
{
    unsigned       i;
    llmb_health_t  h = { 0 };

    (void) state;

    for (i = 0; i < 4; i++) {
        llmb_health_result(&h, 1, 5, 10000, 1000);
        assert_false(llmb_health_open(&h, 1000));
    }

    llmb_health_result(&h, 1, 5, 10000, 1000);

    assert_true(llmb_health_open(&h, 1000));
    assert_true(llmb_health_open(&h, 10999));
    assert_false(llmb_health_open(&h, 11000));
}


static void
a_success_starts_the_count_again(void **state)
{
    unsigned       i;
    llmb_health_t  h = { 0 };

    (void) state;

    for (i = 0; i < 20; i++) {
        llmb_health_result(&h, i % 5 != 4, 5, 10000, 1000);
    }

    assert_false(llmb_health_open(&h, 1000));
}


static void
after_the_cooldown_one_failure_is_enough(void **state)
{
    unsigned       i;
    llmb_health_t  h = { 0 };

    (void) state;

    for (i = 0; i < 5; i++) {
        llmb_health_result(&h, 1, 5, 10000, 1000);
    }

    llmb_health_result(&h, 1, 5, 10000, 20000);
    assert_true(llmb_health_open(&h, 29999));

    /* and one success closes it for good */

    llmb_health_result(&h, 0, 5, 10000, 40000);
    llmb_health_result(&h, 1, 5, 10000, 40000);
    assert_false(llmb_health_open(&h, 40000));
}


static void
no_limit_never_opens_the_breaker(void **state)
{
    unsigned       i;
    llmb_health_t  h = { 0 };

    (void) state;

    for (i = 0; i < 100; i++) {
        llmb_health_result(&h, 1, 0, 10000, 1000);
        assert_false(llmb_health_open(&h, 1000));
    }
}


/* flows */

static void
who_is_found_guilty_goes_apart(void **state)
{
    unsigned       i, n;
    llmb_health_t  h = { 0 };

    (void) state;

    /* of two flows each has half of 64 requests' 50 % */

    for (i = 0; i < 4; i++) {
        llmb_health_request(&h, 1, 1000);
        llmb_health_request(&h, 2, 1000);
    }

    for (n = 1; n <= 2; n++) {
        llmb_health_alone(&h, 1, 400, 1000, 1000);
        assert_false(llmb_health_apart(&h, 1, 50, 1000));
    }

    assert_true(llmb_health_charged(&h, 1));
    assert_false(llmb_health_charged(&h, 2));

    llmb_health_alone(&h, 1, 422, 1000, 1000);
    assert_true(llmb_health_apart(&h, 1, 50, 1000));
    assert_false(llmb_health_apart(&h, 2, 50, 1000));

    /* a larger share would do */

    assert_false(llmb_health_apart(&h, 1, 100, 1000));

    /* it comes back, and in two minutes it is as new */

    assert_false(llmb_health_apart(&h, 1, 50, 1000 + MINUTE));
    assert_false(llmb_health_charged(&h, 1)
                 && llmb_health_apart(&h, 1, 0, 1000 + 2 * MINUTE));
    assert_false(llmb_health_charged(&h, 1));
}


static void
alone_a_group_has_all_of_the_allowance(void **state)
{
    unsigned       n;
    llmb_health_t  h = { 0 };

    (void) state;

    requests(&h, 64, 1000);

    for (n = 0; n < LLMB_HEALTH_FLOOR / 2; n += LLMB_HEALTH_SEARCH) {
        llmb_health_alone(&h, 1, 413, 1000, 1000);
        assert_false(llmb_health_apart(&h, 1, 50, 1000));
    }

    llmb_health_alone(&h, 1, 413, 1000, 1000);
    assert_true(llmb_health_apart(&h, 1, 50, 1000));
}


static void
an_upstream_in_trouble_is_nobodys_fault(void **state)
{
    unsigned       status;
    llmb_health_t  h = { 0 };

    (void) state;

    requests(&h, 1, 1000);

    for (status = 500; status < 600; status++) {
        llmb_health_alone(&h, 1, status, 1000, 2000);
    }

    for (status = 200; status < 500; status++) {
        if (status != 400 && status != 413 && status != 422) {
            llmb_health_alone(&h, 1, status, 1000, 2000);
        }
    }

    assert_false(llmb_health_charged(&h, 1));

    /* but if others were served meanwhile, it is what was sent */

    llmb_health_alone(&h, 1, 500, 2001, 3000);
    assert_false(llmb_health_charged(&h, 1));

    llmb_health_result(&h, 0, 5, 10000, 2500);
    llmb_health_alone(&h, 1, 500, 2001, 3000);
    assert_true(llmb_health_charged(&h, 1));
}


static void
flows_without_end_do_not_displace_the_known_ones(void **state)
{
    unsigned       i;
    uint32_t       flow;
    llmb_health_t  h = { 0 };

    (void) state;

    for (i = 0; i < 10; i++) {
        llmb_health_request(&h, 1, 1000);
    }

    llmb_health_alone(&h, 2, 400, 1000, 1000);

    for (flow = 100; flow < 100 + 10 * LLMB_HEALTH_FLOWS; flow++) {
        llmb_health_request(&h, flow, 1000);
    }

    assert_true(llmb_health_charged(&h, 2));
    assert_false(llmb_health_apart(&h, 1, 50, 1000));
    assert_false(llmb_health_apart(&h, 9, 50, 1000));

    /* when all that are known have done harm, who is new is not trusted */

    for (flow = 100; flow < 100 + 10 * LLMB_HEALTH_FLOWS; flow++) {
        llmb_health_alone(&h, flow, 400, 1000, 1000);
    }

    assert_true(llmb_health_apart(&h, 9, 50, 1000));
    assert_false(llmb_health_apart(&h, 9, 50, 1000 + 2 * MINUTE));
}


/*
 * 30 send what makes each call fail, 20 do not; calls are of ten of them by
 * chance.  Returns how many of a thousand of the others' requests got an error.
 */

static unsigned
crowd(llmb_health_t *h, uint64_t *now)
{
    unsigned  i, k, n, bad, wrong, total, allowed;
    uint32_t  flow, seed, members[10];

    seed = 1;
    wrong = 0;
    total = 0;

    for (n = 0; n < 3000; n++) {
        *now += 10;
        bad = 0;

        for (i = 0, k = 0; i < 10; i++) {
            seed = seed * 1664525 + 1013904223;
            flow = 1 + (seed >> 16) % 50;
            total += flow > 30;

            if (!llmb_health_apart(h, flow, 50, *now)) {
                llmb_health_request(h, flow, *now);
                members[k++] = flow;
                bad |= flow <= 30;
            }
        }

        if (!bad) {
            continue;
        }

        allowed = llmb_health_allow(h, 50, k, *now);

        for (i = 0; i < k; i++) {

            if (i >= allowed) {
                wrong += members[i] > 30;

            } else {
                llmb_health_alone(h, members[i], members[i] > 30 ? 200 : 400,
                                  *now, *now);
            }
        }
    }

    return wrong * 1000 / total;
}


static void
a_crowd_that_does_harm_does_it_to_few(void **state)
{
    uint64_t       now;
    llmb_health_t  h = { 0 };

    (void) state;

    now = 1000;
    assert_true(crowd(&h, &now) < 20);
    assert_true(crowd(&h, &now) < 10);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_quiet_group_has_an_allowance_too),
        cmocka_unit_test(the_allowance_is_a_share_of_the_requests),
        cmocka_unit_test(nothing_is_allowed_at_no_percent),
        cmocka_unit_test(a_lower_percentage_than_was_used_allows_nothing),
        cmocka_unit_test(a_minute_is_remembered_and_no_more),
        cmocka_unit_test(each_step_leaves_the_minute_in_its_turn),
        cmocka_unit_test(a_long_silence_is_forgotten_at_once),
        cmocka_unit_test(a_clock_that_lags_behind_counts_into_the_newest_step),
        cmocka_unit_test(failures_in_a_row_open_the_breaker),
        cmocka_unit_test(a_success_starts_the_count_again),
        cmocka_unit_test(after_the_cooldown_one_failure_is_enough),
        cmocka_unit_test(no_limit_never_opens_the_breaker),
        cmocka_unit_test(who_is_found_guilty_goes_apart),
        cmocka_unit_test(alone_a_group_has_all_of_the_allowance),
        cmocka_unit_test(an_upstream_in_trouble_is_nobodys_fault),
        cmocka_unit_test(flows_without_end_do_not_displace_the_known_ones),
        cmocka_unit_test(a_crowd_that_does_harm_does_it_to_few),
    };

    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
