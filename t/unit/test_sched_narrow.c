
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What an upstream says to one of those that share it, and what to all.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_sched_limits.h"
#include "share_table.h"


static uint32_t
concurrency(unsigned n)
{
    return llmb_group_slots(z, llmb_group(z, groups[n]));
}


static void
overloads(uint32_t of, unsigned n, uint64_t at)
{
    unsigned       i;
    llmb_sample_t  sample;

    memset(&sample, 0, sizeof(llmb_sample_t));
    sample.items = 1;
    sample.inflight = 2;
    sample.time = 1000;
    sample.end = LLMB_LEARN_OVERLOAD;

    for (i = 0; i < n; i++) {
        llmb_upstream_sample(z, of, &sample, (at + 10 * i) * 1000);
    }
}


static void
too_many_requests_is_said_to_one(void **state)
{
    unsigned       n;
    llmb_sample_t  sample;

    (void) state;

    llmb_slots_bounds(&upstream()->slots, 1, GROUPS * SLOTS,
                      GROUPS * SLOTS);

    memset(&sample, 0, sizeof(llmb_sample_t));
    sample.items = 1;
    sample.inflight = 2;
    sample.time = 1000;
    sample.end = LLMB_LEARN_LIMITED;

    llmb_upstream_sample(z, groups[0], &sample, T0 * 1000);

    assert_int_equal(concurrency(0), SLOTS / 2);
    assert_int_equal(concurrency(1), SLOTS);

    /* as many good ones, and it is forgotten */

    sample.end = LLMB_LEARN_GOOD;

    for (n = 0; n < SLOTS; n++) {
        llmb_upstream_sample(z, groups[0], &sample, (T0 + 10 * n) * 1000);
    }

    assert_int_equal(concurrency(0), SLOTS);

    /* what is said of the upstream is said to all */

    overloads(groups[0], 10, T0 + 1000);
    assert_int_equal(concurrency(1), 1);
}


static uint32_t
new_tenant(uint64_t tenant, uint64_t kind, const char *name)
{
    uint32_t  fresh;

    fresh = new_group_of(tenant, name, 1);

    llmb_group(z, fresh)->kind = kind;
    llmb_sched_goes_to(z, fresh, NAME, T0 * 1000);

    return fresh;
}


/* a model that is not there, and whoever asks for it, are not the upstream */

static void
one_cannot_tell_of_an_overload_for_others(void **state)
{
    uint32_t  second, third;
    uint64_t  far;

    (void) state;

    far = T0 + 100000;

    /* one tenant with two kinds of calls */

    second = new_tenant(8, 5, "second");
    third = new_tenant(8, 6, "third");

    llmb_slots_bounds(&upstream()->slots, 1, GROUPS * SLOTS,
                      GROUPS * SLOTS);

    overloads(second, 10, T0 + 1000);
    overloads(third, 10, T0 + 1200);
    overloads(second, 10, T0 + 1400);

    assert_int_equal(llmb_group_slots(z, llmb_group(z, second)), 1);
    assert_int_equal(concurrency(0), SLOTS);
    assert_int_equal(llmb_slots_now(&upstream()->slots), GROUPS * SLOTS);

    /* two tenants with one kind of calls, where there are others */

    overloads(new_tenant(9, 5, "fourth"), 10, T0 + 1600);
    overloads(second, 10, T0 + 1800);

    assert_int_equal(llmb_slots_now(&upstream()->slots), GROUPS * SLOTS);

    /* two tenants, and two kinds; but not if that is long ago */

    overloads(groups[0], 1, far);
    assert_int_equal(llmb_slots_now(&upstream()->slots), GROUPS * SLOTS);

    overloads(second, 1, far + 11000);
    assert_int_equal(llmb_slots_now(&upstream()->slots), GROUPS * SLOTS);

    overloads(groups[0], 1, far + 11010);
    assert_int_equal(llmb_slots_now(&upstream()->slots), GROUPS * SLOTS / 2);

    /* that was all that was told */

    overloads(second, 5, far + 11020);
    assert_int_equal(llmb_slots_now(&upstream()->slots), GROUPS * SLOTS / 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        share_test(too_many_requests_is_said_to_one),
        share_test(one_cannot_tell_of_an_overload_for_others)
    };

    return cmocka_run_group_tests_name("narrow", tests, NULL, NULL);
}
