
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What 429 tell of a rate limit, before a provider that takes so many calls in
 * each second, or minute, and says when the next one begins.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_quota.h"


#define SECOND   ((uint64_t) 1000000)
#define MINUTE   (60 * SECOND)
#define T0       (1000 * SECOND)


typedef struct {
    unsigned  limited;            /* calls that were answered 429 */
    unsigned  answered;
} counts_t;


/* calls are sent as fast as they may be, but not more than one in "gap" us */

static counts_t
sends(llmb_quota_t *q, uint64_t period, unsigned most, uint64_t gap,
    uint64_t from, uint64_t to)
{
    unsigned  taken;
    uint64_t  now, until, ends;
    counts_t  n = { 0, 0 };

    taken = 0;
    ends = from + period;

    for (now = from; now < to; now += gap) {

        until = llmb_quota_until(q, now);
        now = until > now ? until : now;

        while (now >= ends) {
            ends += period;
            taken = 0;
        }

        llmb_quota_spend(q, now);

        if (taken < most) {
            taken++;
            n.answered++;
            llmb_quota_answered(q, now);
            continue;
        }

        n.limited++;
        llmb_quota_exceeded(q, now, (ends - now) / 1000, now);

        /* a pause */
        now = ends;
    }

    return n;
}


static void
nothing_is_known_of_any_limit(void **state)
{
    unsigned      n;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));

    for (n = 0; n < 10000; n++) {
        llmb_quota_spend(&q, T0 + n);
        llmb_quota_answered(&q, T0 + n);
        assert_int_equal(llmb_quota_until(&q, T0 + n), 0);
    }

    assert_int_equal((int) llmb_quota_rate(&q, T0), 0);

    /* an upstream that answers nothing else tells no rate */

    memset(&q, 0, sizeof(llmb_quota_t));
    llmb_quota_exceeded(&q, T0, 1000, T0 + 1);
    assert_int_equal(llmb_quota_until(&q, T0 + 2), 0);
}


static void
a_limit_by_the_second_is_met_once_a_minute(void **state)
{
    counts_t      n;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));

    /* the limit is 60, 100 would be sent: the first second and no other */

    n = sends(&q, SECOND, 60, SECOND / 100, T0, T0 + MINUTE);
    assert_int_equal(n.limited, 1);
    assert_in_range(llmb_quota_rate(&q, T0 + MINUTE), 50, 55);
    assert_in_range(n.answered, 50 * 59, 60 * 60);

    /* less and less often in the next hour, and nearly all that is given */

    n = sends(&q, SECOND, 60, SECOND / 100, T0 + MINUTE, T0 + 61 * MINUTE);
    assert_in_range(n.limited, 3, 15);
    assert_in_range(n.answered, 45 * 3600, 60 * 3600);
}


static void
a_limit_by_the_minute_is_found(void **state)
{
    counts_t      n;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));

    n = sends(&q, MINUTE, 60, SECOND / 20, T0, T0 + 20 * MINUTE);

    assert_in_range(n.limited, 2, 6);
    assert_in_range(n.answered, 800, 1200);
    assert_in_range(llmb_quota_rate(&q, T0 + 20 * MINUTE) * 100, 50, 150);
}


/* three in a second: one second tells nothing, but several do */

static void
a_low_limit_is_found_later(void **state)
{
    counts_t      n;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));

    n = sends(&q, SECOND, 3, SECOND / 20, T0, T0 + MINUTE);

    assert_in_range(n.limited, 2, 8);
    assert_in_range(llmb_quota_rate(&q, T0 + MINUTE) * 100, 200, 300);
    assert_in_range(n.answered, 110, 180);
}


/* an upstream that says so by chance is not asked less and less */

static void
chance_does_not_stop_everything(void **state)
{
    unsigned      n;
    double        least;
    uint64_t      now, until;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));

    /* one in twenty, and one of the first two */

    least = 1e9;
    now = T0;

    for (n = 0; n < 20000; n++) {
        now += SECOND / 200;

        until = llmb_quota_until(&q, now);
        now = until > now ? until : now;

        llmb_quota_spend(&q, now);

        if (n == 1 || n % 20 == 19) {
            llmb_quota_exceeded(&q, now, 1, now + 1000);

        } else {
            llmb_quota_answered(&q, now);
        }

        if (llmb_quota_rate(&q, now) > 0) {
            least = llmb_quota_rate(&q, now) < least ? llmb_quota_rate(&q, now)
                                                     : least;
        }
    }

    assert_in_range(least, 4, 200);

    /* one answer says nothing */

    memset(&q, 0, sizeof(llmb_quota_t));
    llmb_quota_answered(&q, T0);
    llmb_quota_exceeded(&q, T0 + 1, 1000, T0 + 2);
    assert_int_equal(llmb_quota_until(&q, T0 + 3), 0);
}


static void
it_is_forgotten(void **state)
{
    unsigned      i;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));

    for (i = 0; i < 10; i++) {
        llmb_quota_answered(&q, T0);
    }

    llmb_quota_exceeded(&q, T0, 1000, T0 + 1);
    llmb_quota_spend(&q, T0 + 2);
    assert_true(llmb_quota_until(&q, T0 + 2) > T0 + 2);
    assert_int_equal((int) llmb_quota_rate(&q, T0 + 2), 9);

    /* calls that were in flight say the same */

    llmb_quota_exceeded(&q, T0, 1000, T0 + 1000);
    assert_int_equal((int) llmb_quota_rate(&q, T0 + 1001), 9);

    assert_int_equal(llmb_quota_until(&q, T0 + 5 * MINUTE + 1), 0);
    llmb_quota_spend(&q, T0 + 5 * MINUTE + 1);
    assert_int_equal((int) llmb_quota_rate(&q, T0 + 3), 0);
}


/* whatever comes, nobody is kept for longer than it says */

static void
waits_are_bounded(void **state)
{
    unsigned      n;
    uint64_t      now, until;
    llmb_quota_t  q;

    (void) state;

    memset(&q, 0, sizeof(llmb_quota_t));
    now = T0;
    llmb_quota_answered(&q, now);

    for (n = 0; n < 10000; n++) {
        now += n % 7 * 1000;

        if (n % 3 == 0) {
            llmb_quota_exceeded(&q, now, n % 2 ? 60000 : 0, now);
        }

        llmb_quota_spend(&q, now);

        until = llmb_quota_until(&q, now);
        assert_true(until <= now + 11 * SECOND);
    }

    /* clocks may differ */

    llmb_quota_exceeded(&q, now - 5000, 1, now - 4000);
    llmb_quota_answered(&q, now - 5000);
    llmb_quota_spend(&q, 0);
    assert_true(llmb_quota_until(&q, now) <= now + 11 * SECOND);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(nothing_is_known_of_any_limit),
        cmocka_unit_test(a_limit_by_the_second_is_met_once_a_minute),
        cmocka_unit_test(a_limit_by_the_minute_is_found),
        cmocka_unit_test(a_low_limit_is_found_later),
        cmocka_unit_test(chance_does_not_stop_everything),
        cmocka_unit_test(it_is_forgotten),
        cmocka_unit_test(waits_are_bounded),
    };

    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
