
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_calibrate.h"


#define ONE  LLMB_CALIBRATE_ONE


/* within a percent */

#define assert_near(value, expected)                                          \
    assert_in_range(value, (expected) - (expected) / 100,                     \
                    (expected) + (expected) / 100)


static void
learn(llmb_calibration_t *c, unsigned n, uint64_t estimate, uint64_t actual)
{
    while (n--) {
        llmb_calibrate_learn(c, estimate, actual);
    }
}


static void
without_experience_nothing_changes(void **state)
{
    llmb_calibration_t  c = { 0, 0 };

    (void) state;

    assert_int_equal(llmb_calibrate_ratio(&c), ONE);
    assert_int_equal(llmb_calibrate(&c, 0), 0);
    assert_int_equal(llmb_calibrate(&c, 7), 7);
    assert_int_equal(llmb_calibrate(&c, UINT64_MAX), UINT64_MAX);
    assert_int_equal(llmb_calibrate_limit(&c, 0), 0);
    assert_int_equal(llmb_calibrate_limit(&c, 300000), 300000);

    learn(&c, 9, 0, 5);
    learn(&c, 9, 5, 0);

    assert_int_equal(llmb_calibrate_ratio(&c), ONE);
}


static void
the_ratio_becomes_that_of_the_upstream(void **state)
{
    unsigned            i;
    llmb_calibration_t  c;

    static const uint64_t  cases[][3] = {
        { 100, 100, ONE },
        { 100, 150, ONE * 3 / 2 },
        { 3, 4, ONE * 4 / 3 },
        { 1, 2, ONE * 2 },
        { 90000, 30000, ONE / 3 },
        { 5000000000, 6000000000, ONE * 6 / 5 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c.estimate = 0;
        c.actual = 0;

        learn(&c, 100, cases[i][0], cases[i][1]);

        assert_near(llmb_calibrate_ratio(&c), cases[i][2]);
        assert_near(llmb_calibrate(&c, 100000),
                    100000 * cases[i][1] / cases[i][0]);
        assert_near(llmb_calibrate_limit(&c, 100000),
                    100000 * cases[i][0] / cases[i][1]);
    }
}


static void
one_call_is_no_proof(void **state)
{
    llmb_calibration_t  c = { 0, 0 };

    (void) state;

    learn(&c, 1, 100, 200);
    assert_in_range(llmb_calibrate_ratio(&c), ONE * 11 / 10, ONE * 13 / 10);

    learn(&c, 9, 100, 200);
    assert_in_range(llmb_calibrate_ratio(&c), ONE * 16 / 10, ONE * 19 / 10);
}


static void
the_ratio_has_bounds(void **state)
{
    llmb_calibration_t  c = { 0, 0 };

    (void) state;

    learn(&c, 1000, 100, UINT64_MAX);

    assert_near(llmb_calibrate_ratio(&c), 4 * ONE);
    assert_in_range(llmb_calibrate_ratio(&c), 0, 4 * ONE);
    assert_near(llmb_calibrate_limit(&c, 1000), 250);

    learn(&c, 1000, 100, 1);

    assert_near(llmb_calibrate_ratio(&c), ONE / 4);
    assert_in_range(llmb_calibrate_ratio(&c), ONE / 4, ONE);

    /* neither becomes nothing */

    assert_int_equal(llmb_calibrate(&c, 1), 1);

    learn(&c, 1000, 100, 400);

    assert_int_equal(llmb_calibrate_limit(&c, 1), 1);
}


static void
it_follows_another_model(void **state)
{
    unsigned            n;
    llmb_calibration_t  c = { 0, 0 };

    (void) state;

    learn(&c, 1000, 500, 500);

    for (n = 0; llmb_calibrate_ratio(&c) < ONE * 19 / 10; n++) {
        learn(&c, 1, 500, 1000);
    }

    assert_in_range(n, 16, 64);
}


static void
long_texts_matter_more_than_short_ones(void **state)
{
    unsigned            i;
    llmb_calibration_t  c = { 0, 0 };

    (void) state;

    /* two tokens are added to each text */

    for (i = 0; i < 100; i++) {
        learn(&c, 1, 2, 4);
        learn(&c, 1, 1000, 1002);
    }

    assert_near(llmb_calibrate_ratio(&c), ONE);
}


/* nothing wraps, whatever is counted */

static void
huge_numbers_are_sane(void **state)
{
    unsigned            i;
    llmb_calibration_t  c = { 0, 0 };

    (void) state;

    for (i = 0; i < 1000; i++) {
        learn(&c, 1, UINT64_MAX, UINT64_MAX);
        assert_near(llmb_calibrate_ratio(&c), ONE);
    }

    learn(&c, 1000, UINT64_MAX / ((uint64_t) 1 << 32), UINT64_MAX);
    assert_near(llmb_calibrate_ratio(&c), 4 * ONE);
    assert_true(llmb_calibrate(&c, UINT64_MAX) > UINT32_MAX);
    assert_true(llmb_calibrate_limit(&c, UINT64_MAX) > UINT32_MAX);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(without_experience_nothing_changes),
        cmocka_unit_test(the_ratio_becomes_that_of_the_upstream),
        cmocka_unit_test(one_call_is_no_proof),
        cmocka_unit_test(the_ratio_has_bounds),
        cmocka_unit_test(it_follows_another_model),
        cmocka_unit_test(long_texts_matter_more_than_short_ones),
        cmocka_unit_test(huge_numbers_are_sane)
    };

    return cmocka_run_group_tests_name("calibrate", tests, NULL, NULL);
}
