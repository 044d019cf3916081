
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_understood.h"


#define T0  1000000


static uint32_t
fails(llmb_understood_t *u, uint64_t name, uint64_t now)
{
    return llmb_understood_result(u, name, 0, now);
}


static void
a_format_that_is_never_understood_is_left_alone(void **state)
{
    unsigned           n;
    llmb_understood_t  u = { 0 };

    (void) state;

    for (n = 1; n < LLMB_UNDERSTOOD_FAILURES; n++) {
        assert_int_equal(fails(&u, 7, T0), 0);
        assert_false(llmb_understood_off(&u, 7, T0));
    }

    assert_int_equal(fails(&u, 7, T0), LLMB_UNDERSTOOD_FIRST);
    assert_true(llmb_understood_off(&u, 7, T0));
    assert_true(llmb_understood_off(&u, 7, T0 + LLMB_UNDERSTOOD_FIRST - 1));
    assert_false(llmb_understood_off(&u, 7, T0 + LLMB_UNDERSTOOD_FIRST));

    /* another one is not concerned */

    assert_false(llmb_understood_off(&u, 8, T0));
}


static void
pauses_grow_up_to_an_hour(void **state)
{
    unsigned           n;
    uint64_t           now, pause;
    llmb_understood_t  u = { 0 };

    (void) state;

    now = T0;

    for (n = 1; n < LLMB_UNDERSTOOD_FAILURES; n++) {
        (void) fails(&u, 7, now);
    }

    for (pause = LLMB_UNDERSTOOD_FIRST, n = 0; n < 30; n++) {
        assert_int_equal(fails(&u, 7, now), pause);

        /* calls that had left before say nothing new */

        assert_int_equal(fails(&u, 7, now + pause - 1), 0);

        now += pause;
        assert_false(llmb_understood_off(&u, 7, now));

        pause = llmb_min(2 * pause, LLMB_UNDERSTOOD_MOST);
    }

    assert_int_equal(pause, LLMB_UNDERSTOOD_MOST);
}


static void
an_answer_that_is_understood_ends_it(void **state)
{
    unsigned           n;
    llmb_understood_t  u = { 0 };

    (void) state;

    for (n = 0; n < LLMB_UNDERSTOOD_FAILURES; n++) {
        (void) fails(&u, 7, T0);
    }

    assert_int_equal(llmb_understood_result(&u, 7, 1, T0 + 1), 0);
    assert_false(llmb_understood_off(&u, 7, T0 + 1));
}


static void
one_that_is_known_to_work_is_not_given_up(void **state)
{
    unsigned           n;
    uint64_t           later;
    llmb_understood_t  u = { 0 };

    (void) state;

    (void) llmb_understood_result(&u, 7, 1, T0);

    for (n = 0; n < 1000; n++) {
        assert_int_equal(fails(&u, 7, T0 + n), 0);
    }

    assert_false(llmb_understood_off(&u, 7, T0 + 1000));

    /* but the server may be another one after a while, and all begins anew */

    later = T0 + LLMB_UNDERSTOOD_KNOWN;

    for (n = 1; n < LLMB_UNDERSTOOD_FAILURES; n++) {
        assert_int_equal(fails(&u, 7, later), 0);
    }

    assert_int_equal(fails(&u, 7, later), LLMB_UNDERSTOOD_FIRST);
}


static void
there_is_no_end_of_names(void **state)
{
    unsigned           n;
    uint64_t           name;
    llmb_understood_t  u = { 0 };

    (void) state;

    for (name = 1; name <= 10 * LLMB_UNDERSTOOD_N; name++) {
        for (n = 0; n < LLMB_UNDERSTOOD_FAILURES; n++) {
            (void) fails(&u, name, T0 + name);
        }
    }

    /* the latest are kept */

    name = 10 * LLMB_UNDERSTOOD_N;

    for (n = 0; n < LLMB_UNDERSTOOD_N; n++) {
        assert_true(llmb_understood_off(&u, name - n, T0 + name));
    }

    assert_false(llmb_understood_off(&u, name - n, T0 + name));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_format_that_is_never_understood_is_left_alone),
        cmocka_unit_test(pauses_grow_up_to_an_hour),
        cmocka_unit_test(an_answer_that_is_understood_ends_it),
        cmocka_unit_test(one_that_is_known_to_work_is_not_given_up),
        cmocka_unit_test(there_is_no_end_of_names),
    };

    return cmocka_run_group_tests_name("understood", tests, NULL, NULL);
}
