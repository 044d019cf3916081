
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_arrivals.h"


#define SECOND  1000000


static void
play_arrivals(llmb_arrivals_t *a, uint64_t *now, unsigned n, uint64_t gap)
{
    while (n--) {
        *now += gap;
        llmb_arrivals_add(a, *now);
    }
}


static void
the_rate_follows_within_twenty_arrivals(void **state)
{
    uint64_t         now;
    llmb_arrivals_t  a;

    (void) state;

    memset(&a, 0, sizeof(llmb_arrivals_t));
    now = 5 * SECOND;

    play_arrivals(&a, &now, 3, 10000);
    assert_true(llmb_arrivals_rate(&a, now) == 0);

    play_arrivals(&a, &now, 17, 10000);
    assert_in_range((int) llmb_arrivals_rate(&a, now), 99, 101);

    play_arrivals(&a, &now, 20, 1000);
    assert_in_range((int) llmb_arrivals_rate(&a, now), 400, 1000);

    play_arrivals(&a, &now, 20, 100000);
    assert_in_range((int) llmb_arrivals_rate(&a, now), 10, 13);
}


static void
the_rate_decays_while_nothing_comes(void **state)
{
    uint64_t         now;
    llmb_arrivals_t  a;

    (void) state;

    memset(&a, 0, sizeof(llmb_arrivals_t));
    now = SECOND;

    play_arrivals(&a, &now, 50, 10000);

    assert_in_range((int) llmb_arrivals_rate(&a, now + SECOND), 5, 15);
    assert_in_range((int) llmb_arrivals_rate(&a, now + 60 * SECOND), 0, 1);

    /* a pause is not what comes after it */

    now += 3600 * (uint64_t) SECOND;
    play_arrivals(&a, &now, 20, 10000);
    assert_in_range((int) llmb_arrivals_rate(&a, now), 80, 101);

    /* the clocks of workers differ */

    llmb_arrivals_add(&a, now - 5000);
    assert_true(llmb_arrivals_rate(&a, now - 6000) > 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_rate_follows_within_twenty_arrivals),
        cmocka_unit_test(the_rate_decays_while_nothing_comes),
    };

    return cmocka_run_group_tests_name("arrivals", tests, NULL, NULL);
}
