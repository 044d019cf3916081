
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Whether there is the path that calls go to.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_moved.h"


#define NOW  5000


static llmb_moved_t
doubted(void)
{
    llmb_moved_t  m;

    memset(&m, 0, sizeof(llmb_moved_t));
    assert_false(llmb_moved_off(&m, NOW));

    llmb_moved_sent(&m, NOW);
    assert_false(llmb_moved_off(&m, NOW));

    llmb_moved_missed(&m, NOW * 1000, NOW);
    assert_true(llmb_moved_off(&m, NOW));

    return m;
}


static void
a_404_of_one_alone_is_about_what_was_asked_for(void **state)
{
    unsigned      i;
    llmb_moved_t  m;

    static const unsigned  statuses[] = { 404, 405 };

    (void) state;

    for (i = 0; i < 2; i++) {
        m = doubted();

        assert_false(llmb_moved_alone(&m, statuses[i], NOW * 1000, NOW));
        assert_false(llmb_moved_off(&m, NOW));

        /* and the answers of the others say nothing */

        assert_false(llmb_moved_alone(&m, 200, NOW * 1000, NOW));
        assert_false(llmb_moved_off(&m, NOW));
    }
}


static void
one_alone_that_succeeds_proves_the_path_absent(void **state)
{
    llmb_moved_t  m = doubted();

    (void) state;

    assert_true(llmb_moved_alone(&m, 201, NOW * 1000, NOW));
    assert_true(llmb_moved_off(&m, NOW + LLMB_MOVED_DOUBT));

    /* once */

    assert_false(llmb_moved_alone(&m, 200, NOW * 1000, NOW));
    assert_false(llmb_moved_alone(&m, 404, NOW * 1000, NOW));
    assert_true(llmb_moved_off(&m, NOW));
}


static void
what_was_sent_before_the_doubt_proves_nothing(void **state)
{
    llmb_moved_t  m = doubted();

    (void) state;

    assert_false(llmb_moved_alone(&m, 200, NOW * 1000 - 1, NOW));
    assert_false(llmb_moved_alone(&m, 404, NOW * 1000 - 1, NOW));
    assert_true(llmb_moved_off(&m, NOW));
    assert_true(llmb_moved_alone(&m, 200, NOW * 1000, NOW));
}


static void
other_answers_leave_the_doubt_for_a_while(void **state)
{
    unsigned      i;
    llmb_moved_t  m = doubted();

    static const unsigned  statuses[] = { 0, 199, 300, 400, 429, 500, 504 };

    (void) state;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        assert_false(llmb_moved_alone(&m, statuses[i], NOW * 1000, NOW));
        assert_true(llmb_moved_off(&m, NOW + LLMB_MOVED_DOUBT - 1));
    }

    assert_false(llmb_moved_off(&m, NOW + LLMB_MOVED_DOUBT));
}


static void
after_a_while_one_call_tries(void **state)
{
    uint64_t      now;
    llmb_moved_t  m = doubted();

    (void) state;

    (void) llmb_moved_alone(&m, 200, NOW * 1000, NOW);
    now = NOW + LLMB_MOVED_ABSENT;

    assert_true(llmb_moved_off(&m, now - 1));
    assert_false(llmb_moved_off(&m, now));
    assert_false(llmb_moved_is_off(&m));

    llmb_moved_sent(&m, now);
    assert_true(llmb_moved_off(&m, now));

    /* a request alone proves nothing as long as that call is under way */

    assert_false(llmb_moved_alone(&m, 200, now * 1000, now));

    llmb_moved_missed(&m, now * 1000, now);
    assert_true(llmb_moved_off(&m, now));
    assert_true(llmb_moved_alone(&m, 200, now * 1000, now));
    assert_true(llmb_moved_off(&m, now + LLMB_MOVED_ABSENT - 1));

    /* one that finds it */

    now += LLMB_MOVED_ABSENT;
    assert_false(llmb_moved_off(&m, now));
    llmb_moved_sent(&m, now);
    llmb_moved_found(&m);
    assert_false(llmb_moved_off(&m, now));
}


static void
one_that_never_returns_is_followed_by_another(void **state)
{
    llmb_moved_t  m = doubted();

    (void) state;

    assert_false(llmb_moved_off(&m, NOW + LLMB_MOVED_DOUBT));
    llmb_moved_sent(&m, NOW + LLMB_MOVED_DOUBT);
    assert_true(llmb_moved_off(&m, NOW + 2 * LLMB_MOVED_DOUBT - 1));
    assert_false(llmb_moved_off(&m, NOW + 2 * LLMB_MOVED_DOUBT));
}


static void
calls_that_were_under_way_change_nothing(void **state)
{
    llmb_moved_t  m = doubted();

    (void) state;

    /* the doubt is not renewed, or nobody could ever tell */

    llmb_moved_missed(&m, NOW * 1000 + 9, NOW + 9);
    assert_true(llmb_moved_alone(&m, 200, NOW * 1000 + 5, NOW));

    llmb_moved_missed(&m, NOW * 1000 + 9, NOW + 9);
    assert_false(llmb_moved_alone(&m, 404, NOW * 1000 + 9, NOW));
    assert_true(llmb_moved_off(&m, NOW));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_404_of_one_alone_is_about_what_was_asked_for),
        cmocka_unit_test(one_alone_that_succeeds_proves_the_path_absent),
        cmocka_unit_test(what_was_sent_before_the_doubt_proves_nothing),
        cmocka_unit_test(other_answers_leave_the_doubt_for_a_while),
        cmocka_unit_test(after_a_while_one_call_tries),
        cmocka_unit_test(one_that_never_returns_is_followed_by_another),
        cmocka_unit_test(calls_that_were_under_way_change_nothing)
    };

    return cmocka_run_group_tests_name("moved", tests, NULL, NULL);
}
