
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Slots that are taken one after another, so that they come free one after
 * another: eight of them, and calls of 80 ms, so 9 ms for each.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_queue.h"
#include "llmb_sched_share.h"
#include "llmb_slots.h"
#include "sched_table.h"


#define SLOTS     8
#define CALL      80
#define INTERVAL  (CALL * 9 / 10 / SLOTS)


/* a request that goes alone at once, and is not answered yet */

static uint32_t
goes(uint64_t now)
{
    uint32_t  i = join(0, 1, now);

    assert_int_equal(single(0, now), i);

    return i;
}


/* one that has to wait, until when its timer says */

static uint32_t
waits(uint64_t now, uint64_t until)
{
    uint32_t  i = join(0, 1, now);

    (void) expect(0, LLMB_MAIL_NONE, now);
    assert_state(i, QUEUED);
    assert_int_equal(llmb_sched_wake(z, i, now), until);

    return i;
}


/* calls are known to take 80 ms, and requests come every "gap" ms until T0 */

static llmb_group_t *
known(uint64_t gap)
{
    unsigned        n;
    uint64_t        now;
    llmb_group_t   *g;
    llmb_learn_t   *l;
    llmb_sample_t   sample;

    g = llmb_group(z, group);
    g->policy.concurrency = SLOTS;

    l = llmb_learn_of(z, g);
    llmb_learn_init(l);
    llmb_slots_init(&llmb_upstream_of(z, g)->slots, SLOTS, SLOTS);

    memset(&sample, 0, sizeof(llmb_sample_t));
    sample.items = 1;
    sample.inflight = 1;
    sample.time = CALL * 1000;

    for (n = 0; n < 40; n++) {
        now = (T0 - (40 - n) * gap) * 1000;
        llmb_arrivals_add(&g->arrivals, now);
        llmb_learn_sample(l, &llmb_upstream_of(z, g)->slots, &sample, NULL,
                          now);
    }

    return g;
}


static void
slots_are_taken_one_after_another(void **state)
{
    unsigned  n;
    uint32_t  a, b, call;
    uint64_t  now;

    (void) state;

    (void) known(2);

    (void) goes(T0);

    for (now = T0, n = 1; n < SLOTS; n++) {
        a = waits(now + 1, now + INTERVAL);
        b = waits(now + 3, now + INTERVAL);

        now += INTERVAL;
        llmb_sched_flush(z, group, 0, a, now);

        call = expect(0, LLMB_MAIL_SEND, now);
        assert_int_not_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
        assert_int_equal(llmb_member(z, a)->call, call);
        assert_int_equal(llmb_member(z, b)->call, call);
    }

    assert_int_equal(inflight(), SLOTS);
    leave_all(now);
}


/* of slots that two have in common, each takes half as many in that time */

static void
groups_share_the_pace(void **state)
{
    uint32_t       a, b, other;
    unsigned       fresh;
    llmb_str_t     key = llmb_string("another key");
    llmb_group_t  *g, *o;

    (void) state;

    g = known(2);
    g->policy.learned = 1;

    other = llmb_group_get(z, key, 2, &fresh);
    o = llmb_group(z, other);
    o->policy = g->policy;
    o->tenant = 1;

    llmb_sched_goes_to(z, group, 77, T0 * 1000);
    llmb_sched_goes_to(z, other, 77, T0 * 1000);
    llmb_slots_bounds(&llmb_upstream_of(z, g)->slots, SLOTS, SLOTS, 0);

    b = llmb_member_alloc(z, other, 1, 10);
    llmb_member(z, b)->items = 1;
    llmb_sched_join(z, b, T0);
    assert_int_equal(single(1, T0), b);

    (void) goes(T0);
    a = waits(T0 + 1, T0 + 2 * INTERVAL);

    llmb_sched_leave(z, b, T0 + 1);

    llmb_sched_flush(z, group, 0, a, T0 + 2 * INTERVAL);
    assert_int_equal(single(0, T0 + 2 * INTERVAL), a);

    (void) waits(T0 + 2 * INTERVAL + 1, T0 + 3 * INTERVAL);

    leave_all(T0 + 3 * INTERVAL);
}


/* a slot that comes free before that is not used before that, either */

static void
a_slot_that_comes_free_waits(void **state)
{
    uint32_t  a, first;

    (void) state;

    (void) known(2);

    first = goes(T0);
    a = waits(T0 + 1, T0 + INTERVAL);

    llmb_sched_leave(z, first, T0 + 2);
    (void) expect(0, LLMB_MAIL_NONE, T0 + 2);

    llmb_sched_flush(z, group, 0, a, T0 + INTERVAL);
    assert_int_equal(single(0, T0 + INTERVAL), a);

    leave_all(T0 + INTERVAL);
}


static void
a_full_call_does_not_wait(void **state)
{
    unsigned  n;

    (void) state;

    (void) known(2);

    (void) goes(T0);

    for (n = 0; n < 3; n++) {
        (void) waits(T0 + 1, T0 + INTERVAL);
    }

    (void) join(0, 1, T0 + 1);
    (void) expect(0, LLMB_MAIL_SEND, T0 + 1);

    leave_all(T0 + 1);
}


static void
a_deadline_comes_first(void **state)
{
    uint32_t       a;
    llmb_group_t  *g;

    (void) state;

    g = known(2);

    (void) goes(T0);

    g->policy.max_wait = 5;
    a = reserve(0, 1);
    llmb_member(z, a)->wait = 5;
    llmb_sched_join(z, a, T0);
    assert_int_equal(llmb_sched_wake(z, a, T0), T0 + 5);

    llmb_sched_flush(z, group, 0, a, T0 + 5);
    assert_int_equal(single(0, T0 + 5), a);

    leave_all(T0 + 5);
}


/* as many as there are slots in the time of a call: nobody has to wait */

static void
few_requests_do_not_wait(void **state)
{
    unsigned  n;

    (void) state;

    (void) known(CALL / SLOTS);

    for (n = 0; n < SLOTS; n++) {
        (void) goes(T0 + n * CALL / SLOTS);
    }

    leave_all(T0 + CALL);
}


/* what has passed so far is the least that the first call takes */

static void
while_nothing_is_known_slots_last_longer_and_longer(void **state)
{
    unsigned       n;
    uint32_t       a;
    uint64_t       now, since;
    llmb_group_t  *g;

    (void) state;

    g = llmb_group(z, group);
    g->policy.concurrency = SLOTS;
    llmb_learn_init(llmb_learn_of(z, g));
    llmb_slots_init(&llmb_upstream_of(z, g)->slots, SLOTS, SLOTS);

    for (n = 0; n < SLOTS / 2; n++) {
        (void) goes(T0 + n * 4);
    }

    now = T0 + (n - 1) * 4;

    for ( /* void */ ; n < SLOTS; n++) {
        since = now - T0;
        a = waits(now + 1, now + since / 2);

        now += since / 2;
        llmb_sched_flush(z, group, 0, a, now);
        assert_int_equal(single(0, now), a);
    }

    assert_in_range(now, T0 + 50, T0 + 80);
    leave_all(now);
}


/* what 429 have told of a rate limit holds for full calls, too */

static void
a_rate_limit_is_kept(void **state)
{
    unsigned       n;
    uint32_t       a;
    uint64_t       until;
    llmb_group_t  *g;

    (void) state;

    g = known(100);

    /* ten calls in a second, so nine of them from now on, one of 111 ms */

    for (n = 0; n < 10; n++) {
        llmb_quota_answered(&g->quota, (T0 - 1) * 1000);
    }

    llmb_quota_exceeded(&g->quota, (T0 - 1) * 1000, 1000, T0 * 1000);

    (void) goes(T0);
    until = T0 + 112;

    for (n = 0; n < 3; n++) {
        a = waits(T0 + 20, until < T0 + 20 + WAIT ? until : T0 + 20 + WAIT);
    }

    /* a full one */

    (void) join(0, 1, T0 + 20);
    (void) expect(0, LLMB_MAIL_NONE, T0 + 111);

    llmb_sched_flush(z, group, 0, a, T0 + 112);
    (void) expect(0, LLMB_MAIL_SEND, T0 + 112);
    assert_int_equal(queued(), 0);

    leave_all(T0 + 112);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(slots_are_taken_one_after_another),
        sched_test(groups_share_the_pace),
        sched_test(a_slot_that_comes_free_waits),
        sched_test(a_full_call_does_not_wait),
        sched_test(a_deadline_comes_first),
        sched_test(few_requests_do_not_wait),
        sched_test(a_rate_limit_is_kept),
        sched_test(while_nothing_is_known_slots_last_longer_and_longer),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
