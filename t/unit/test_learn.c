
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What a group learns, by simulation: each case is played with several seeds,
 * and a share of them has to come out right, so that a bit of chance in one
 * does not matter.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn_sim.h"


#define SEEDS   50
#define MOST    47                /* of them */
#define SECOND  1000000


#define GPU(p)  { .fixed = 3150, .each = 620, .parallel = (p), .jitter = 0.1 }


static const sim_upstream_t  serial = GPU(1);
static const sim_upstream_t  four = GPU(4);
static const sim_upstream_t  eight = GPU(8);
static const sim_upstream_t  any = GPU(0);

#define NOISY(p)                                                              \
    { .fixed = 20000, .each = 1000, .parallel = (p), .jitter = 0.3 }

static const sim_upstream_t  four_noisy = NOISY(4);
static const sim_upstream_t  eight_noisy = NOISY(8);

static const sim_upstream_t  remote =
    { .fixed = 180000, .each = 600, .jitter = 0.1 };
static const sim_upstream_t  remote_noisy =
    { .fixed = 180000, .each = 600, .jitter = 0.25 };
static const sim_upstream_t  remote_slow =
    { .fixed = 360000, .each = 600, .jitter = 0.1 };
static const sim_upstream_t  bimodal =
    { .fixed = 20000, .each = 600, .jitter = 0.1, .slow = 0.2 };
static const sim_upstream_t  no_gain =
    { .each = 4000, .parallel = 1, .jitter = 0.1 };

static const sim_upstream_t  slow_no_gain =
    { .each = 100000, .parallel = 1, .jitter = 0.1 };
static const sim_upstream_t  slow_gain =
    { .fixed = 150000, .each = 5000, .parallel = 1, .jitter = 0.1 };

static sim_t  sim;


/* the mean of slots over the next calls */

static double
slots(unsigned calls)
{
    sim_clear(&sim);
    sim_calls(&sim, calls);

    return (double) sim.sum / sim.ended;
}


/* of how many seeds the slots are between two bounds after 200 calls */

static unsigned
settled(const sim_upstream_t *upstream, double rate, double from, double to)
{
    double    mean;
    unsigned  seed, n;

    n = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, upstream, rate, seed);
        sim_calls(&sim, 200);

        mean = slots(60);
        n += mean >= from && mean <= to;
    }

    return n;
}


/* the same, 200 calls after it became another one */

static unsigned
followed(const sim_upstream_t *first, const sim_upstream_t *then, double rate,
    double from, double to)
{
    double    mean;
    unsigned  seed, n;

    n = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, first, rate, seed);
        sim_calls(&sim, 500);
        sim_change(&sim, then);
        sim_calls(&sim, 200);

        mean = slots(60);
        n += mean >= from && mean <= to;
    }

    return n;
}


static void
a_new_group_has_its_defaults(void **state)
{
    double        fixed, each;
    llmb_learn_t  l;
    llmb_slots_t  s;

    (void) state;

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);

    assert_true(sizeof(llmb_learn_t) <= 640);
    assert_int_equal(llmb_slots_now(&s), 16);
    assert_int_equal(llmb_learn_time(&l, 8), 0);
    assert_int_equal(llmb_learn_knee(&l), 0);
    assert_false(llmb_learn_cost(&l, &fixed, &each));
    assert_true(llmb_learn_merges(&l, SECOND));
}


static void
a_serial_upstream_gets_one_call_at_a_time(void **state)
{
    (void) state;

    assert_in_range(settled(&serial, 100, 1, 1.5), MOST, SEEDS);
    assert_in_range(settled(&serial, 200, 1, 1.5), MOST, SEEDS);
    assert_in_range(settled(&serial, 400, 1, 1.5), MOST, SEEDS);
    assert_in_range(settled(&serial, 800, 1, 1.5), MOST, SEEDS);
    assert_in_range(settled(&serial, 1200, 1, 1.5), MOST, SEEDS);

    /* more than it can do */
    assert_in_range(settled(&serial, 3000, 1, 1.5), MOST, SEEDS);
}


static void
a_parallel_upstream_gets_as_many_as_it_works_on(void **state)
{
    (void) state;

    assert_in_range(settled(&four, 1000, 3, 5.5), MOST, SEEDS);
    assert_in_range(settled(&four, 2000, 3, 5.5), MOST, SEEDS);
    assert_in_range(settled(&four, 3000, 3, 5.5), MOST, SEEDS);
    assert_in_range(settled(&four, 8000, 3, 5.5), MOST, SEEDS);

    assert_in_range(settled(&eight, 2000, 7, 9.5), MOST, SEEDS);
    assert_in_range(settled(&eight, 5000, 7, 9.5), MOST, SEEDS);
    assert_in_range(settled(&eight, 8000, 7, 9.5), MOST, SEEDS);
    assert_in_range(settled(&eight, 15000, 7, 9.5), MOST, SEEDS);

    /* 30, 60 and 90 % of what it can do */

    assert_in_range(settled(&four_noisy, 740, 3, 5.5), MOST, SEEDS);
    assert_in_range(settled(&four_noisy, 1480, 3, 5.5), MOST, SEEDS);
    assert_in_range(settled(&four_noisy, 2220, 3, 5.5), MOST, SEEDS);

    assert_in_range(settled(&eight_noisy, 1480, 7, 9.5), MOST, SEEDS);
    assert_in_range(settled(&eight_noisy, 2950, 7, 9.5), MOST, SEEDS);
    assert_in_range(settled(&eight_noisy, 4430, 7, 9.5), MOST, SEEDS);
}


/* a trial with two thirds of them may be among the calls that are counted */

#define MAX_SLOTS  13


static void
an_upstream_without_limit_gets_all(void **state)
{
    (void) state;

    assert_in_range(settled(&any, 100, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&any, 1000, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&any, 3000, MAX_SLOTS, 16), MOST, SEEDS);

    assert_in_range(settled(&remote, 2, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&remote, 20, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&remote, 50, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&remote, 500, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&remote, 2000, MAX_SLOTS, 16), MOST, SEEDS);

    assert_in_range(settled(&remote_noisy, 20, MAX_SLOTS, 16), MOST, SEEDS);
    assert_in_range(settled(&remote_noisy, 500, MAX_SLOTS, 16), MOST, SEEDS);
}


static void
slots_follow_the_upstream(void **state)
{
    (void) state;

    assert_in_range(followed(&serial, &remote, 100, 14, 16), MOST, SEEDS);
    assert_in_range(followed(&serial, &remote, 800, 14, 16), MOST, SEEDS);
    assert_in_range(followed(&serial, &four, 1000, 3, 5.5), MOST, SEEDS);
    assert_in_range(followed(&any, &serial, 400, 1, 3), MOST, SEEDS);
    assert_in_range(followed(&remote, &serial, 100, 1, 2), 40, SEEDS);
    assert_in_range(followed(&remote, &serial, 800, 1, 2), 45, SEEDS);
    assert_in_range(followed(&four, &serial, 1000, 1, 2.5), MOST, SEEDS);
    assert_in_range(followed(&four, &eight, 5000, 7, 9.5), MOST, SEEDS);
    assert_in_range(followed(&eight, &four, 3000, 3, 5.5), MOST, SEEDS);

    assert_in_range(followed(&four_noisy, &eight_noisy, 2950, 7, 9.5),
                    MOST, SEEDS);
    assert_in_range(followed(&eight_noisy, &four_noisy, 1480, 3, 5.5),
                    MOST, SEEDS);
    assert_in_range(followed(&remote, &remote_slow, 500, 12, 16),
                    MOST, SEEDS);
}


static void
slots_do_not_oscillate(void **state)
{
    unsigned  seed;

    (void) state;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, &remote, 500, seed);
        sim_calls(&sim, 300);

        assert_true(slots(3000) > 15);

        sim_init(&sim, &serial, 800, seed);
        sim_calls(&sim, 300);

        assert_true(slots(3000) < 1.2);

        /* of one that always has one slot: 10.2 and 19.1 ms */
        assert_in_range(sim_percentile(&sim, 50), 0, 11500);
        assert_in_range(sim_percentile(&sim, 99), 0, 24000);
    }
}


static void
an_overload_halves_the_slots_once(void **state)
{
    uint64_t       now;
    llmb_learn_t   l;
    llmb_slots_t   s;
    llmb_sample_t  sample = { 1, 16, 100000, LLMB_LEARN_OVERLOAD };

    (void) state;

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);
    now = 10 * SECOND;

    llmb_learn_sample(&l, &s, &sample, NULL, now);
    assert_int_equal(llmb_slots_now(&s), 8);

    /* sent at the same time */

    llmb_learn_sample(&l, &s, &sample, NULL, now + 1000);
    llmb_learn_sample(&l, &s, &sample, NULL, now + 2000);
    assert_int_equal(llmb_slots_now(&s), 8);

    llmb_learn_sample(&l, &s, &sample, NULL, now + 200000);
    llmb_learn_sample(&l, &s, &sample, NULL, now + 400000);
    llmb_learn_sample(&l, &s, &sample, NULL, now + 600000);
    llmb_learn_sample(&l, &s, &sample, NULL, now + 800000);
    assert_int_equal(llmb_slots_now(&s), 1);

    llmb_learn_init(&l);
    llmb_slots_init(&s, 3, 5);
    llmb_learn_sample(&l, &s, &sample, NULL, now);
    assert_int_equal(llmb_slots_now(&s), 3);

    llmb_learn_init(&l);
    llmb_slots_init(&s, 4, 4);
    llmb_learn_sample(&l, &s, &sample, NULL, now);
    assert_int_equal(llmb_slots_now(&s), 4);

    /* others teach nothing */

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);
    sample.end = LLMB_LEARN_OTHER;
    llmb_learn_sample(&l, &s, &sample, NULL, now);
    assert_int_equal(llmb_slots_now(&s), 16);
    assert_int_equal(llmb_learn_time(&l, 1), 0);
}


static void
slots_stay_below_a_limit_of_the_upstream(void **state)
{
    unsigned        seed;
    sim_upstream_t  limited = any;

    (void) state;

    limited.limit = 6;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, &limited, 3000, seed);
        sim_calls(&sim, 300);

        assert_in_range((int) (slots(1000) * 10), 35, 65);
        assert_true(sim.requests > sim.ended / 2);

        /* and come back when it is gone */

        sim_change(&sim, &any);
        sim_calls(&sim, 2000);
        assert_true(slots(100) >= 7);
    }
}


static void
check_cost(const sim_upstream_t *upstream, double rate, unsigned calls)
{
    double    fixed, each;
    unsigned  seed, n;

    n = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, upstream, rate, seed);
        sim_calls(&sim, calls);

        if (llmb_learn_cost(&sim.learn, &fixed, &each)) {
            n += fixed > upstream->fixed * 0.7
                 && fixed < upstream->fixed * 1.4
                 && each > upstream->each * 0.7
                 && each < upstream->each * 1.4;
        }
    }

    assert_in_range(n, MOST, SEEDS);
}


static void
the_cost_is_that_of_a_call_that_does_not_wait(void **state)
{
    (void) state;

    check_cost(&serial, 400, 400);
    check_cost(&serial, 800, 400);
    check_cost(&four, 3000, 600);
    check_cost(&eight, 5000, 800);
    check_cost(&any, 8000, 600);
}


/* a lone call each, so no slots are learned */

static void
feed(llmb_learn_t *l, llmb_slots_t *s, uint32_t items, uint64_t time,
    unsigned n)
{
    static uint64_t  now = 100 * (uint64_t) SECOND;

    llmb_sample_t  sample = { items, 1, time, LLMB_LEARN_GOOD };

    while (n--) {
        now += 2 * time;
        llmb_learn_sample(l, s, &sample, NULL, now);
    }
}


static void
one_size_does_not_tell_the_cost(void **state)
{
    double        fixed, each;
    llmb_learn_t  l;
    llmb_slots_t  s;

    (void) state;

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);
    feed(&l, &s, 5, 10000, 500);

    assert_false(llmb_learn_cost(&l, &fixed, &each));
    assert_int_equal(llmb_learn_knee(&l), 0);
    assert_true(llmb_learn_merges(&l, 0));

    assert_in_range(llmb_learn_time(&l, 5), 10000, 11000);

    /* what is not known is expensive, but not more than by its size */

    assert_in_range(llmb_learn_time(&l, 10), 12000, 22000);
    assert_in_range(llmb_learn_time(&l, 1), 1000, 11000);

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);
    feed(&l, &s, 1, 10000, 500);
    assert_true(llmb_learn_merges(&l, 0));
    assert_in_range(llmb_learn_time(&l, 1), 10000, 11000);
}


static void
the_cost_is_bounded(void **state)
{
    double        fixed, each;
    unsigned      i;
    llmb_learn_t  l;
    llmb_slots_t  s;

    (void) state;

    /* larger calls that are faster */

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);

    for (i = 0; i < 200; i++) {
        feed(&l, &s, 1, 10000, 1);
        feed(&l, &s, 32, 5000, 1);
    }

    assert_true(llmb_learn_cost(&l, &fixed, &each));
    assert_true(each >= 0 && fixed >= 4000 && fixed <= 11000);
    assert_true(llmb_learn_knee(&l) >= 1);
    assert_true(llmb_learn_merges(&l, 0));

    /* large calls that cost more than their share */

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);

    for (i = 0; i < 200; i++) {
        feed(&l, &s, 1, 1000, 1);
        feed(&l, &s, 2, 3000, 1);
    }

    assert_true(llmb_learn_cost(&l, &fixed, &each));
    assert_true(fixed >= 0 && each > 0 && each <= 3000);
    assert_int_equal(llmb_learn_knee(&l), 1);

    /* no time at all, and endless ones */

    for (i = 0; i < 200; i++) {
        feed(&l, &s, 1 + i % 3, 0, 1);
        feed(&l, &s, UINT32_MAX, UINT64_MAX / 1000, 1);
        feed(&l, &s, 0, 1, 1);
    }

    (void) llmb_learn_cost(&l, &fixed, &each);
    assert_true(fixed >= 0 && each >= 0);
    assert_true(fixed < 1e20 && each < 1e20);
    assert_in_range(llmb_slots_now(&s), 1, 16);
    (void) llmb_learn_time(&l, UINT32_MAX);

    /* and it recovers */

    for (i = 0; i < 200; i++) {
        feed(&l, &s, 1 + i % 8, 3150 + 620 * (1 + i % 8), 1);
    }

    assert_true(llmb_learn_cost(&l, &fixed, &each));
    assert_in_range((int) fixed, 3000, 3300);
    assert_in_range((int) each, 600, 640);

    assert_in_range(llmb_learn_knee(&l), 16, 32);
}


/* three calls of a hundred may be late: those that new slots are tried with */

static void
check_time(const sim_upstream_t *upstream, double rate)
{
    unsigned  seed;

    for (seed = 1; seed <= 5; seed++) {
        sim_init(&sim, upstream, rate, seed);
        sim_calls(&sim, 400);
        sim_clear(&sim);
        sim_calls(&sim, 2000);

        assert_in_range(sim.late, 0, 60);
    }
}


static void
calls_are_answered_in_the_time_that_is_expected(void **state)
{
    (void) state;

    check_time(&serial, 20);
    check_time(&serial, 400);
    check_time(&serial, 800);
    check_time(&four, 2000);
    check_time(&eight, 5000);
    check_time(&any, 3000);
    check_time(&remote, 20);
    check_time(&remote, 500);
    check_time(&remote_noisy, 500);
    check_time(&bimodal, 200);

    /* but not in any time */

    sim_init(&sim, &remote, 20, 1);
    sim_calls(&sim, 400);
    assert_in_range(llmb_learn_time(&sim.learn, 1), 200000, 300000);

    sim_init(&sim, &serial, 20, 1);
    sim_calls(&sim, 400);
    assert_in_range(llmb_learn_time(&sim.learn, 1), 4000, 16000);
}


static void
what_does_not_get_cheaper_is_not_merged(void **state)
{
    unsigned  seed, n;

    (void) state;

    n = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, &no_gain, 200, seed);
        sim_calls(&sim, 200);
        n += !llmb_learn_merges(&sim.learn, sim.now);

        /* but for probes */

        sim_calls(&sim, 300);
        sim_clear(&sim);
        sim_time(&sim, 60 * SECOND);
        assert_true(sim.alone > sim.requests / 2);
        assert_true(sim.alone < sim.requests * 99 / 100);
    }

    assert_in_range(n, MOST, SEEDS);
}


static void
all_is_merged_while_many_wait_at_the_upstream(void **state)
{
    unsigned       i;
    uint64_t       now;
    llmb_learn_t   l;
    llmb_slots_t   s;
    llmb_sample_t  two = { 1, 2, 7000, LLMB_LEARN_GOOD };
    llmb_sample_t  sixty = { 1, 60, 60 * 4000, LLMB_LEARN_GOOD };

    (void) state;

    llmb_learn_init(&l);
    llmb_slots_init(&s, 1, 16);
    now = 1000 * (uint64_t) SECOND;

    for (i = 0; i < 200; i++) {
        feed(&l, &s, 1 + i % 4, 4000 * (1 + i % 4), 1);

        now += 20000;
        llmb_learn_sample(&l, &s, &two, NULL, now);
    }

    assert_true(llmb_learn_apart(&l));

    for (i = 0; i < 16; i++) {
        now += 4000;
        llmb_learn_sample(&l, &s, &sixty, NULL, now);
    }

    assert_false(llmb_learn_apart(&l));
}


static void
merging_comes_back_within_a_minute(void **state)
{
    unsigned  seed, n;

    (void) state;

    n = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        sim_init(&sim, &slow_no_gain, 5, seed);
        sim_calls(&sim, 400);
        sim_time(&sim, 60 * SECOND);

        sim_change(&sim, &slow_gain);
        sim_time(&sim, 60 * SECOND);

        sim_clear(&sim);
        sim_time(&sim, 20 * SECOND);
        n += sim.alone == 0;

        /* and where it helps it is never given up */

        sim_init(&sim, &serial, 20 + 80 * seed, seed);
        sim_calls(&sim, 2000);
        assert_int_equal(sim.alone, 0);

        sim_init(&sim, &remote_noisy, 20 + 80 * seed, seed);
        sim_calls(&sim, 2000);
        assert_int_equal(sim.alone, 0);
    }

    assert_in_range(n, MOST, SEEDS);
}


static void
fixed_slots_stay(void **state)
{
    unsigned  n;

    (void) state;

    for (n = 1; n <= 16; n += 5) {
        sim_init(&sim, &serial, 800, n);
        llmb_slots_init(&sim.slots, n, n);

        sim_calls(&sim, 2000);
        assert_int_equal(sim.least, n);
        assert_int_equal(sim.most, n);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_new_group_has_its_defaults),
        cmocka_unit_test(a_serial_upstream_gets_one_call_at_a_time),
        cmocka_unit_test(a_parallel_upstream_gets_as_many_as_it_works_on),
        cmocka_unit_test(an_upstream_without_limit_gets_all),
        cmocka_unit_test(slots_follow_the_upstream),
        cmocka_unit_test(slots_do_not_oscillate),
        cmocka_unit_test(an_overload_halves_the_slots_once),
        cmocka_unit_test(slots_stay_below_a_limit_of_the_upstream),
        cmocka_unit_test(the_cost_is_that_of_a_call_that_does_not_wait),
        cmocka_unit_test(one_size_does_not_tell_the_cost),
        cmocka_unit_test(the_cost_is_bounded),
        cmocka_unit_test(calls_are_answered_in_the_time_that_is_expected),
        cmocka_unit_test(what_does_not_get_cheaper_is_not_merged),
        cmocka_unit_test(all_is_merged_while_many_wait_at_the_upstream),
        cmocka_unit_test(merging_comes_back_within_a_minute),
        cmocka_unit_test(fixed_slots_stay)
    };

    return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
