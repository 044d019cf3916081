
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_hist.h"


static const llmb_hist_bounds_t *const  all[] = {
    &llmb_hist_items,
    &llmb_hist_time
};


static void
bounds_ascend_and_fit_into_the_counters(void **state)
{
    unsigned  h, i;

    (void) state;

    for (h = 0; h < 2; h++) {
        assert_in_range(all[h]->n, 1, LLMB_HIST_MAX);

        for (i = 1; i < all[h]->n; i++) {
            assert_true(all[h]->bounds[i - 1] < all[h]->bounds[i]);
        }
    }
}


static void
a_bound_belongs_to_its_own_bucket(void **state)
{
    unsigned  h, i;

    (void) state;

    for (h = 0; h < 2; h++) {
        for (i = 0; i < all[h]->n; i++) {
            assert_int_equal(llmb_hist_bucket(all[h], all[h]->bounds[i]), i);
            assert_int_equal(llmb_hist_bucket(all[h],
                                          (uint64_t) all[h]->bounds[i] + 1),
                             i + 1);
        }
    }
}


static void
values_beyond_all_bounds_have_the_last_bucket(void **state)
{
    unsigned  h;

    (void) state;

    for (h = 0; h < 2; h++) {
        assert_int_equal(llmb_hist_bucket(all[h], 0), 0);
        assert_int_equal(llmb_hist_bucket(all[h], UINT64_MAX), all[h]->n);
    }
}


static void
every_size_of_a_call_is_in_the_bucket_that_holds_it(void **state)
{
    unsigned  i;
    uint64_t  items;

    (void) state;

    for (items = 1; items <= 3000; items++) {
        i = llmb_hist_bucket(&llmb_hist_items, items);

        assert_true(i == llmb_hist_items.n
                    || items <= llmb_hist_items.bounds[i]);
        assert_true(i == 0 || items > llmb_hist_items.bounds[i - 1]);
    }
}


static void
the_bounds_are_those_of_the_metrics(void **state)
{
    (void) state;

    assert_int_equal(llmb_hist_items.n, 12);
    assert_int_equal(llmb_hist_items.bounds[0], 1);
    assert_int_equal(llmb_hist_items.bounds[11], 2048);

    assert_int_equal(llmb_hist_time.n, 18);
    assert_int_equal(llmb_hist_time.bounds[0], 100);
    assert_int_equal(llmb_hist_time.bounds[17], 60000000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(bounds_ascend_and_fit_into_the_counters),
        cmocka_unit_test(a_bound_belongs_to_its_own_bucket),
        cmocka_unit_test(values_beyond_all_bounds_have_the_last_bucket),
        cmocka_unit_test(every_size_of_a_call_is_in_the_bucket_that_holds_it),
        cmocka_unit_test(the_bounds_are_those_of_the_metrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
