
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
        llmb_health_request(h, now);
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
    };

    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
