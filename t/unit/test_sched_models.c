
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What groups whose calls go to one upstream learn together: how many calls are
 * worked on at a time, and what those of one model cost.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_group.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_limits.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_slots.h"
#include "llmb_upstream.h"
#include "share_table.h"


/*
 * A call of a group that was alone so far did not count those of others, which
 * may be why it took so long; one that is sent from now on does.
 */

static void
calls_that_were_counted_apart_teach_nothing(void **state)
{
    unsigned       n;
    uint64_t       now;
    uint32_t       fresh;
    llmb_learn_t  *l;
    llmb_sample_t  sample;

    (void) state;

    l = llmb_learn_of(z, llmb_group(z, groups[0]));
    memset(&sample, 0, sizeof(llmb_sample_t));
    sample.items = 1;
    sample.inflight = 1;
    sample.time = 10000;

    for (n = 0; n < 40; n++) {
        llmb_upstream_sample(z, groups[0], &sample, (T0 + 20 * n) * 1000);
    }

    assert_in_range(llmb_learn_service(l, 1), 9900, 10100);

    now = (T0 + 1000) * 1000;
    fresh = new_group("four", 1);
    llmb_sched_goes_to(z, fresh, NAME, now);

    sample.time = 100000;

    for (n = 0; n < 20; n++) {
        llmb_upstream_sample(z, fresh, &sample, now + n * 1000);
    }

    assert_in_range(llmb_learn_service(l, 1), 9900, 10100);

    for (n = 0; n < 20; n++) {
        llmb_upstream_sample(z, fresh, &sample, now + 101000 + n * 1000);
    }

    assert_in_range(llmb_learn_service(l, 1), 30000, 100000);
}


/* what one model costs there says nothing of another, but slots are common */

static void
models_share_slots_but_not_costs(void **state)
{
    unsigned       n;
    uint64_t       now;
    uint32_t       same, other;
    llmb_learn_t  *l;
    llmb_sample_t  sample;

    (void) state;

    memset(&sample, 0, sizeof(llmb_sample_t));
    sample.items = 1;
    sample.inflight = 1;
    sample.time = 10000;

    for (n = 0; n < 40; n++) {
        llmb_upstream_sample(z, groups[0], &sample, (T0 + 20 * n) * 1000);
    }

    assert_int_equal(upstream()->kinds, 1);

    now = (T0 + 1000) * 1000;

    same = new_group("four", 1);
    llmb_sched_goes_to(z, same, NAME, now);

    other = new_group("five", 1);
    llmb_group(z, other)->kind = 5;

    /* what it has learned so far is what is known of that model */

    sample.time = 40000;

    for (n = 0; n < 40; n++) {
        llmb_upstream_sample(z, other, &sample, now + 100000 * n);
    }

    now += 100000 * n;
    llmb_sched_goes_to(z, other, NAME, now);
    assert_sound();

    assert_int_equal(upstream()->kinds, 2);
    assert_int_equal(upstream()->named.groups, GROUPS + 2);

    l = llmb_learn_of(z, llmb_group(z, same));
    assert_in_range(llmb_learn_service(l, 1), 9900, 10100);
    l = llmb_learn_of(z, llmb_group(z, other));
    assert_in_range(llmb_learn_service(l, 1), 39000, 41000);

    while (llmb_group_evict(z) != LLMB_NIL) { /* void */ }

    assert_sound();
}


/*
 * A gateway: behind one address, one model is worked on one call at a time, and
 * the other has a provider of its own.  What the first waits for is no reason
 * to keep the other one waiting.
 */

static void
a_gateway_is_not_one_server(void **state)
{
    unsigned       n;
    uint64_t       now;
    uint32_t       other;
    llmb_sample_t  sample;

    (void) state;

    other = new_group("five", 1);
    llmb_group(z, other)->kind = 5;
    llmb_sched_goes_to(z, other, NAME, T0 * 1000);

    llmb_slots_init(&upstream()->slots, 1, 16);
    memset(&sample, 0, sizeof(llmb_sample_t));
    now = (T0 + 1000) * 1000;

    for (n = 0; n < 2000; n++) {
        now += 40000;

        sample.items = 1 + n % 3;
        sample.inflight = 1 + n % 8;
        sample.time = sample.inflight * (10000 + 500 * sample.items);
        llmb_upstream_sample(z, groups[0], &sample, now);

        if (n == 500) {
            assert_int_equal(llmb_slots_now(&upstream()->slots), 1);
        }

        if (n > 500) {
            sample.items = 1 + n % 4;
            sample.time = 20000 + 200 * sample.items;
            llmb_upstream_sample(z, other, &sample, now + 20000);
        }
    }

    assert_in_range(llmb_slots_now(&upstream()->slots), 8, 16);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        share_test(calls_that_were_counted_apart_teach_nothing),
        share_test(models_share_slots_but_not_costs),
        share_test(a_gateway_is_not_one_server),
    };

    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
