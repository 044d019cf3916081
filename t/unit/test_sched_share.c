
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Groups whose calls go to one upstream: what they know together, and whose
 * turn it is if there are too few slots.
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


static void
what_one_has_learned_another_knows(void **state)
{
    unsigned       n;
    double         fixed, each;
    uint32_t       fresh;
    llmb_sample_t  sample;

    (void) state;

    memset(&sample, 0, sizeof(llmb_sample_t));

    for (n = 0; n < 60; n++) {
        sample.items = 1 + n % 4;
        sample.inflight = 1;
        sample.time = 10000 + 1000 * sample.items;
        llmb_upstream_sample(z, groups[0], &sample, (T0 + 20 * n) * 1000);
    }

    fresh = new_group("four", 1);
    assert_int_equal(llmb_learn_expected(
                         llmb_learn_of(z, llmb_group(z, fresh)), 1),
                     0);

    llmb_sched_goes_to(z, fresh, NAME, T0 * 1000);
    assert_sound();

    assert_true(llmb_learn_cost(
                    llmb_learn_of(z, llmb_group(z, fresh)),
                    &fixed, &each));
    assert_in_range((int) fixed, 9900, 10100);

    /* but not what goes elsewhere */

    fresh = new_group("five", 1);
    llmb_sched_goes_to(z, fresh, NAME + 1, T0 * 1000);
    assert_sound();

    assert_false(llmb_learn_cost(
                     llmb_learn_of(z, llmb_group(z, fresh)),
                     &fixed, &each));
}


/* several that are not slowed down may have in flight what each may have */

static void
slots_are_those_of_all(void **state)
{
    unsigned  n;
    uint32_t  member;

    (void) state;

    llmb_slots_bounds(&upstream()->slots, 1, GROUPS * SLOTS,
                      GROUPS * SLOTS);

    for (n = 0; n < GROUPS * SLOTS; n++) {
        (void) join_group(n % GROUPS, 1, T0);
        assert_int_equal(who_goes(&member, T0), n % GROUPS);
    }

    (void) join_group(0, 1, T0);
    assert_int_equal(who_goes(&member, T0), LLMB_NIL);
    assert_int_equal(upstream()->inflight, GROUPS * SLOTS);

    leave_all(T0);
}


/* a group that is found to go there brings the slots that it uses */

static void
nobody_is_held_up_while_nothing_is_known(void **state)
{
    unsigned       n;
    uint32_t       i, member;
    llmb_slots_t  *s;

    static const char  *names[] = { "four", "five", "six" };

    (void) state;

    for (n = 0; n < GROUPS; n++) {
        groups[n] = new_group(names[n], 1);

        for (i = 0; i < SLOTS; i++) {
            (void) join_group(n, 1, T0);
            assert_int_equal(who_goes(&member, T0), n);
        }
    }

    for (n = 0; n < GROUPS; n++) {
        llmb_sched_goes_to(z, groups[n], NAME + 1, T0 * 1000);
        assert_sound();
    }

    s = &upstream()->slots;
    assert_int_equal(llmb_slots_now(s), GROUPS * SLOTS);

    /* but not any more, once there were too many */

    llmb_slots_bounds(s, 1, 1, 0);
    llmb_slots_bounds(s, 1, GROUPS * SLOTS, 0);
    s->open = 0;
    llmb_slots_bounds(s, 1, GROUPS * SLOTS, GROUPS * SLOTS);
    assert_int_equal(llmb_slots_now(s), 1);

    leave_all(T0);
}


/* as many as there can be, but not none for a sum that is too large */

static void
no_sum_of_slots_is_too_large(void **state)
{
    unsigned  n;
    uint32_t  i;

    (void) state;

    for (n = 0; n < 2; n++) {
        i = new_group(n ? "four" : "five", 1);
        llmb_group(z, i)->policy.concurrency = (1U << 31) + 1;
        llmb_sched_goes_to(z, i, NAME + 1, T0 * 1000);
    }

    assert_in_range(llmb_upstream_of(z, llmb_group(z, i))->slots.max, 65536,
                    UINT32_MAX);
}


static void
who_waits_longer_is_next(void **state)
{
    uint32_t  first, member;

    (void) state;

    (void) join_group(0, 1, T0);
    assert_int_equal(who_goes(&first, T0), 0);

    (void) join_group(1, 1, T0 + 1);
    (void) join_group(2, 1, T0 + 2);
    (void) join_group(0, 1, T0 + 3);
    assert_int_equal(who_goes(&member, T0 + 3), LLMB_NIL);

    /* the slot of the first is not taken by its own group again */

    llmb_sched_leave(z, first, T0 + 4);
    assert_int_equal(who_goes(&member, T0 + 4), 1);
    assert_int_equal(upstream()->inflight, 1);

    llmb_sched_leave(z, member, T0 + 5);
    assert_int_equal(who_goes(&member, T0 + 5), 2);

    llmb_sched_leave(z, member, T0 + 6);
    assert_int_equal(who_goes(&member, T0 + 6), 0);

    leave_all(T0 + 6);
}


/*
 * Each gets its share of the upstream's time, by priority: calls of 10 + 10 n
 * ms, with four items of the first group, and one of the others.
 */

static void
shares_are_of_time_by_priority(void **state)
{
    unsigned       n;
    uint32_t       who, member, calls[GROUPS];
    llmb_sample_t  sample;

    static const uint32_t  items[GROUPS] = { 4, 1, 1 };

    (void) state;

    memset(&sample, 0, sizeof(llmb_sample_t));

    for (n = 0; n < 60; n++) {
        sample.items = 1 + n % 4;
        sample.inflight = 1;
        sample.time = 10000 + 10000 * sample.items;
        llmb_upstream_sample(z, groups[0], &sample, (T0 + n) * 1000);
    }

    llmb_group(z, groups[0])->policy.max_size = 4;
    priority[2] = 9;                  /* 8/3 of the default */
    memset(calls, 0, sizeof(calls));

    for (n = 0; n < 3 * GROUPS; n++) {
        (void) join_group(n % GROUPS, items[n % GROUPS], T0);
    }

    who = who_goes(&member, T0);

    for (n = 0; n < 600; n++) {
        assert_int_not_equal(who, LLMB_NIL);

        calls[who]++;
        (void) join_group(who, items[who], T0 + n);

        llmb_sched_leave(z, member, T0 + n);
        assert_sound();

        who = who_goes(&member, T0 + n);
    }

    assert_in_range(calls[0] * 50, calls[1] * 20 * 9 / 10,
                    calls[1] * 20 * 11 / 10);
    assert_in_range(calls[2] * 3, calls[1] * 75 / 10, calls[1] * 85 / 10);

    leave_all(T0 + n);
}


/*
 * Somebody has a group of its own for each request.  All of these are new, so
 * nothing is held against them, but those who are known get on, too.
 */

static void
groups_without_end_are_not_all_first(void **state)
{
    char       name[16];
    unsigned   n, calls;
    uint32_t   i, who, member;

    (void) state;

    calls = 0;

    (void) join_group(0, 1, T0);
    who = who_goes(&member, T0);

    for (n = 0; n < 60; n++) {

        if (who == 0) {
            calls++;
            (void) join_group(0, 1, T0 + n);
        }

        /* as many as can be served, and some at first */

        for (i = 1; i < (n ? 2 : GROUPS); i++) {
            (void) snprintf(name, sizeof(name), "%u %u", n, i);

            groups[i] = new_group(name, 1);
            llmb_sched_goes_to(z, groups[i], NAME, T0 * 1000);
            (void) join_group(i, 1, T0 + n);
        }

        llmb_sched_leave(z, member, T0 + n);
        assert_sound();

        who = who_goes(&member, T0 + n);
    }

    assert_in_range(calls, 5, 30);

    leave_all(T0 + n);
}


/*
 * The only slot goes round n times; whoever sends a call has the next request
 * waiting.  What each has sent is counted.
 */

static void
go_round(unsigned n, uint32_t *calls)
{
    uint32_t  i, who, member;

    memset(calls, 0, GROUPS * sizeof(uint32_t));

    for (i = 0; i < 3 * GROUPS; i++) {
        (void) join_group(i % GROUPS, 1, T0);
    }

    who = who_goes(&member, T0);

    for (i = 0; i < n; i++) {
        assert_int_not_equal(who, LLMB_NIL);

        calls[who]++;
        (void) join_group(who, 1, T0 + i);

        llmb_sched_leave(z, member, T0 + i);
        assert_sound();

        who = who_goes(&member, T0 + i);
    }

    leave_all(T0 + n);
}


/* the n-th group is of another tenant than the others */

static void
another_tenant(unsigned n)
{
    groups[n] = new_group_of(2, "of another", 1);
    llmb_sched_goes_to(z, groups[n], NAME, T0 * 1000);
    assert_sound();
}


/*
 * Whose call is under way has had its turn: who comes meanwhile is before its
 * next one, although that has waited for longer.
 */

static void
who_comes_is_before_the_next_turn_of_another(void **state)
{
    unsigned  n;
    uint32_t  member;

    (void) state;

    another_tenant(2);

    /* nothing is held against whoever was served while it was alone, either */

    for (n = 0; n < 5; n++) {
        (void) join_group(0, 1, T0 + n);
        assert_int_equal(who_goes(&member, T0 + n), 0);
        llmb_sched_leave(z, member, T0 + n);
    }

    (void) join_group(0, 1, T0 + n);
    assert_int_equal(who_goes(&member, T0 + n), 0);

    (void) join_group(0, 1, T0 + n + 1);
    (void) join_group(2, 1, T0 + n + 2);
    assert_int_equal(llmb_sched_mail(z, 0, T0 + n + 2, &n), LLMB_MAIL_NONE);

    llmb_sched_leave(z, member, T0 + 10);
    assert_int_equal(who_goes(&member, T0 + 10), 2);

    llmb_sched_leave(z, member, T0 + 11);
    assert_int_equal(who_goes(&member, T0 + 11), 0);

    leave_all(T0 + 11);
}


static void
a_tenant_of_many_groups_has_one_share(void **state)
{
    uint32_t  calls[GROUPS];

    (void) state;

    another_tenant(2);
    go_round(400, calls);

    assert_in_range(calls[0], 95, 105);
    assert_in_range(calls[1], 95, 105);
    assert_in_range(calls[2], 190, 210);
}


/* a header that is never the same twice: new groups, all of one tenant */

static void
groups_without_end_are_of_one_tenant(void **state)
{
    char      name[16];
    unsigned  n, calls, made;
    uint32_t  who, member;

    (void) state;

    another_tenant(0);
    calls = 0;
    made = 0;

    (void) join_group(0, 1, T0);
    (void) join_group(2, 1, T0);
    who = who_goes(&member, T0);

    for (n = 0; n < 100; n++) {

        if (who == 0) {
            calls++;
            (void) join_group(0, 1, T0 + n);
        }

        /* twenty wait, and whoever goes is followed by another one */

        while (llmb_tenant_of(z, llmb_group(z, groups[1]))->line.n < 20) {
            (void) snprintf(name, sizeof(name), "no. %u", made++);

            groups[1] = new_group(name, 1);
            llmb_sched_goes_to(z, groups[1], NAME, T0 * 1000);
            (void) join_group(1, 1, T0 + n);
        }

        llmb_sched_leave(z, member, T0 + n);
        assert_sound();

        who = who_goes(&member, T0 + n);
    }

    assert_in_range(calls, 45, 55);

    leave_all(T0 + n);
}


/* what a request says of itself is about its tenant's share, no other's */

static void
priority_is_a_matter_of_one_tenant(void **state)
{
    uint32_t  calls[GROUPS];

    (void) state;

    another_tenant(2);

    priority[2] = 9;
    go_round(400, calls);
    assert_in_range(calls[2], 190, 210);

    /* between its own two it is 3 to 8 */

    priority[1] = 9;
    go_round(400, calls);
    assert_in_range(calls[2], 190, 210);
    assert_in_range(calls[1] * 3, calls[0] * 75 / 10, calls[0] * 85 / 10);
}


/* there may be no end of tenants, either */

static void
tenants_without_end_are_not_all_first(void **state)
{
    char       name[16];
    unsigned   n, calls;
    uint32_t   i, who, member;

    (void) state;

    calls = 0;

    (void) join_group(0, 1, T0);
    who = who_goes(&member, T0);

    for (n = 0; n < 60; n++) {

        if (who == 0) {
            calls++;
            (void) join_group(0, 1, T0 + n);
        }

        for (i = 1; i < (n ? 2 : GROUPS); i++) {
            (void) snprintf(name, sizeof(name), "%u %u", n, i);

            groups[i] = new_group_of(10 + 2 * n + i, name, 1);
            llmb_sched_goes_to(z, groups[i], NAME, T0 * 1000);
            (void) join_group(i, 1, T0 + n);
        }

        llmb_sched_leave(z, member, T0 + n);
        assert_sound();

        who = who_goes(&member, T0 + n);
    }

    assert_in_range(calls, 5, 30);

    leave_all(T0 + n);
}


/* while one tenant is alone, nothing is held against it */

static void
a_tenant_that_was_alone_is_not_behind(void **state)
{
    unsigned  n;
    uint32_t  i, own, other, member;

    (void) state;

    another_tenant(2);

    for (n = 0; n < 50; n++) {
        own = join_group(n % 2, 1, T0);
        assert_int_equal(who_goes(&member, T0), n % 2);
        llmb_sched_leave(z, own, T0);
    }

    (void) join_group(2, 1, T0);
    assert_int_equal(who_goes(&other, T0), 2);

    for (i = 0; i < 3; i++) {
        (void) join_group(0, 1, T0);
        (void) join_group(2, 1, T0);
    }

    llmb_sched_leave(z, other, T0);
    assert_int_equal(who_goes(&member, T0), 0);

    leave_all(T0);
}


/* a worker that does not come does not keep the others waiting for long */

static void
a_slot_is_kept_for_a_moment(void **state)
{
    uint32_t  first, other, member;

    (void) state;

    (void) join_group(0, 1, T0);
    assert_int_equal(who_goes(&first, T0), 0);

    (void) join_group(2, 1, T0);
    llmb_sched_leave(z, first, T0);
    assert_int_equal(upstream()->called, groups[2]);

    (void) join_group(0, 1, T0 + 5);
    (void) expect(0, LLMB_MAIL_NONE, T0 + 5);

    other = join_group(1, 1, T0 + 20);
    assert_int_equal(single(1, T0 + 20), other);

    /* and when it comes, it is not first any more */

    assert_int_equal(expect(2, LLMB_MAIL_ARM, T0 + 21),
                     llmb_group(z, groups[2])->queue.head);
    assert_int_equal(who_goes(&member, T0 + 21), LLMB_NIL);

    leave_all(T0 + 21);
}


static void
who_is_called_and_gone_is_replaced(void **state)
{
    uint32_t  first, gone, member;

    (void) state;

    (void) join_group(0, 1, T0);
    assert_int_equal(who_goes(&first, T0), 0);

    gone = join_group(1, 1, T0);
    (void) join_group(2, 1, T0);

    llmb_sched_leave(z, first, T0);
    assert_int_equal(upstream()->called, groups[1]);

    llmb_sched_leave(z, gone, T0);
    assert_sound();

    assert_int_equal(who_goes(&member, T0), 2);

    leave_all(T0);
}


/*
 * His clock was ahead when he came, so he has no timer for the time of his
 * group's next call.  Nor was he in the line, as the group had all of its own
 * slots: when one of these comes free, too early by the clock of who had it,
 * he is told to look, and waits for a slot of the upstream.
 */

static void
whose_clock_is_ahead_is_in_the_line(void **state)
{
    uint32_t  own, other, member;

    (void) state;

    llmb_group(z, groups[0])->policy.concurrency = 1;
    llmb_group(z, groups[0])->policy.max_size = 4;
    llmb_slots_bounds(&upstream()->slots, 1, SLOTS, SLOTS);

    (void) join_group(0, 1, T0);
    assert_int_equal(who_goes(&own, T0), 0);
    (void) join_group(1, 1, T0);
    assert_int_equal(who_goes(&other, T0), 1);

    llmb_slots_bounds(&upstream()->slots, 1, 1, 0);
    llmb_group(z, groups[0])->next = (T0 + 4) * 1000;

    member = join_group(0, 1, T0 + 5);
    assert_int_equal(llmb_sched_wake(z, member, T0 + 5), T0 + 5 + 10000);

    llmb_sched_leave(z, own, T0 + 2);
    assert_sound();
    assert_int_equal(expect(0, LLMB_MAIL_ARM, T0 + 5), member);
    (void) expect(0, LLMB_MAIL_NONE, T0 + 5);

    /* from there on he is told of a slot, and of nothing else */

    llmb_sched_attend(z, groups[0], T0 + 6);
    (void) expect(0, LLMB_MAIL_NONE, T0 + 6);

    llmb_sched_leave(z, other, T0 + 50);
    assert_int_equal(who_goes(&own, T0 + 50), 0);
    assert_int_equal(own, member);

    leave_all(T0 + 50);
}


/* the call of one that goes apart is not what others of its group wait for */

static void
who_goes_apart_leaves_the_line_to_others(void **state)
{
    uint32_t  first, second, apart, own, member;

    (void) state;

    llmb_slots_bounds(&upstream()->slots, 1, SLOTS, SLOTS);

    (void) join_group(1, 1, T0);
    assert_int_equal(who_goes(&first, T0), 1);
    (void) join_group(1, 1, T0);
    assert_int_equal(who_goes(&second, T0), 1);

    own = join_group(0, 1, T0);

    apart = llmb_member_alloc(z, groups[0], 0, 10);
    llmb_member(z, apart)->items = 1;
    llmb_member(z, apart)->wait = 10000;
    llmb_member(z, apart)->solo = 1;
    llmb_sched_join(z, apart, T0);
    assert_int_equal(who_goes(&member, T0), 0);
    assert_int_equal(member, apart);

    llmb_sched_leave(z, first, T0);
    assert_int_equal(who_goes(&member, T0), LLMB_NIL);
    llmb_sched_leave(z, second, T0);
    assert_int_equal(who_goes(&member, T0), 0);
    assert_int_equal(member, own);

    leave_all(T0);
}


static void
deadlines_need_no_turn(void **state)
{
    uint32_t  first, member;

    (void) state;

    (void) join_group(0, 1, T0);
    assert_int_equal(who_goes(&first, T0), 0);

    member = join_group(1, 1, T0);
    assert_int_equal(llmb_sched_wake(z, member, T0), T0 + 10000);

    llmb_sched_flush(z, groups[1], 1, member, T0 + 10000);
    assert_int_equal(who_goes(&member, T0 + 10000), 1);
    assert_int_equal(upstream()->inflight, 2);

    leave_all(T0 + 10000);
}


/*
 * A call that nobody is left of gives back what its group waits for, and what
 * another one does; both hear of it.
 */

static void
a_call_that_is_given_up_makes_way(void **state)
{
    uint32_t  call, gone[2], own, other, member;

    (void) state;

    llmb_slots_bounds(&upstream()->slots, 1, 2, 2);
    llmb_group(z, groups[0])->policy.concurrency = 1;
    llmb_group(z, groups[0])->policy.max_size = 4;

    gone[0] = join_group(0, 1, T0);
    gone[1] = join_group(0, 1, T0);
    call = expect(0, LLMB_MAIL_SEND, T0);

    (void) join_group(1, 1, T0);
    assert_int_equal(who_goes(&other, T0), 1);

    own = join_group(0, 1, T0);
    (void) join_group(1, 1, T0);
    assert_int_equal(who_goes(&member, T0), LLMB_NIL);

    llmb_sched_leave(z, gone[0], T0);
    llmb_sched_leave(z, gone[1], T0);
    assert_int_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    assert_sound();

    assert_int_equal(who_goes(&member, T0), 0);
    assert_int_equal(member, own);

    llmb_sched_leave(z, other, T0);
    assert_int_equal(who_goes(&member, T0), 1);

    leave_all(T0);
}


/*
 * Where its calls go shows with the answer to one that is sent again; those
 * who wait meanwhile need not wait for a slot that is free there.
 */

static void
who_waits_hears_of_a_larger_upstream(void **state)
{
    uint32_t  own, member;

    (void) state;

    groups[2] = new_group("alone", 1);
    llmb_slots_bounds(&llmb_upstream_of(z, llmb_group(z, groups[2]))->slots,
                      1, 1, 0);
    llmb_slots_bounds(&upstream()->slots, 1, GROUPS * SLOTS, GROUPS * SLOTS);

    (void) join_group(2, 1, T0);
    assert_int_equal(who_goes(&member, T0), 2);
    own = join_group(2, 1, T0);
    assert_int_equal(who_goes(&member, T0), LLMB_NIL);

    llmb_sched_goes_to(z, groups[2], NAME, T0 * 1000);
    assert_sound();

    assert_int_equal(who_goes(&member, T0), 2);
    assert_int_equal(member, own);

    leave_all(T0);
}


/* a concurrency that is set is each group's own */

static void
what_is_not_learned_is_not_shared(void **state)
{
    unsigned  n;
    uint32_t  member;

    (void) state;

    for (n = 0; n < GROUPS; n++) {
        llmb_group(z, groups[n])->policy.learned = 0;
    }

    for (n = 0; n < GROUPS * SLOTS; n++) {
        (void) join_group(n % GROUPS, 1, T0);
        assert_int_equal(who_goes(&member, T0), n % GROUPS);
    }

    leave_all(T0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        share_test(what_one_has_learned_another_knows),
        share_test(slots_are_those_of_all),
        share_test(nobody_is_held_up_while_nothing_is_known),
        share_test(no_sum_of_slots_is_too_large),
        share_test(who_comes_is_before_the_next_turn_of_another),
        share_test(who_waits_longer_is_next),
        share_test(shares_are_of_time_by_priority),
        share_test(groups_without_end_are_not_all_first),
        share_test(a_tenant_of_many_groups_has_one_share),
        share_test(groups_without_end_are_of_one_tenant),
        share_test(priority_is_a_matter_of_one_tenant),
        share_test(tenants_without_end_are_not_all_first),
        share_test(a_tenant_that_was_alone_is_not_behind),
        share_test(a_slot_is_kept_for_a_moment),
        share_test(who_is_called_and_gone_is_replaced),
        share_test(whose_clock_is_ahead_is_in_the_line),
        share_test(who_goes_apart_leaves_the_line_to_others),
        share_test(deadlines_need_no_turn),
        share_test(a_call_that_is_given_up_makes_way),
        share_test(who_waits_hears_of_a_larger_upstream),
        share_test(what_is_not_learned_is_not_shared),
    };

    return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
