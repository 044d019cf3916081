
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What becomes of a call that came back, and what it teaches.  The module, the
 * simulators and the games of other tests all have it from here.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "llmb_returned.h"
#include "llmb_sched.h"
#include "llmb_sched_call.h"
#include "llmb_sched_leave.h"
#include "llmb_sched_mail.h"
#include "llmb_sched_pause.h"
#include "sched_table.h"


#define COOLDOWN  1000


static llmb_outcome_t   out;
static llmb_facts_t     facts;
static llmb_returned_t  returned;


/* a response of so many items, as the carrier reports it */

static void
outcome(unsigned status, uint32_t items)
{
    memset(&out, 0, sizeof(llmb_outcome_t));
    memset(&facts, 0, sizeof(llmb_facts_t));

    out.status = status;
    out.answered = 1;
    out.split = (status == 200);
    out.idempotent = 1;
    out.fallback = 1;
    out.items = items;
    out.tokens = 5 * items;
    out.bytes = 10 * items;

    facts.items = items;
    facts.inflight = 1;
    facts.sent = (T0 - 10) * 1000;
    facts.usec = (uint64_t) T0 * 1000;
    facts.began = T0 - 10;
    facts.fallback_limit = 50;
    facts.breaker_failures = 1;
    facts.breaker_cooldown = COOLDOWN;
}


static llmb_verdict_e
back(uint32_t call)
{
    llmb_returned(z, call, 0, &out, &facts, T0, &returned);
    assert_sound();

    return returned.verdict;
}


/* a call of one that was sent at T0, by its client's own request or by ours */

static uint32_t
own(uint32_t items)
{
    uint32_t  i;

    i = join(0, items, T0);
    assert_int_equal(single(0, T0), i);

    return i;
}


static uint32_t
ours(unsigned part, uint32_t items)
{
    uint32_t  i;

    i = reserve(0, items);
    llmb_member(z, i)->part = part != 0;

    llmb_sched_join(z, i, T0);
    assert_int_equal(expect(0, LLMB_MAIL_SEND, T0), i);
    assert_int_equal(llmb_sched_send(z, i, 0), i);

    return i;
}


static unsigned
is_open(void)
{
    return llmb_health_open(&llmb_group(z, group)->health, T0);
}


/* the allowance that is left, of the 32 that a quiet group has */

static uint32_t
allowed(void)
{
    return llmb_health_allow(&llmb_group(z, group)->health, 50, 1000, T0);
}


static void
members_of_a_good_call_are_still_claimed(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    outcome(200, 3);

    assert_int_equal(back(call), LLMB_VERDICT_SPLIT);
    assert_int_equal(returned.reason, LLMB_REASON_NONE);
    assert_int_equal(out.members, 3);
    assert_state(m[0], CLAIMED);
    assert_state(m[2], CLAIMED);
    assert_int_equal(llmb_group(z, group)->proven.items, 3);
    assert_int_equal(llmb_group(z, group)->proven.tokens, 15);
    assert_false(is_open());
    leave_all(T0);
}


static void
a_retry_is_the_same_call_and_not_charged(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    outcome(502, 3);

    assert_int_equal(back(call), LLMB_VERDICT_AGAIN);
    assert_int_equal(returned.reason, LLMB_REASON_UPSTREAM_ERROR);
    assert_int_equal(llmb_call(z, call)->state, LLMB_CALL_SEALED);
    assert_int_equal(llmb_call(z, call)->tries, 1);
    assert_true(llmb_sched_later(z, 0) >= T0 + LLMB_SCHED_BACKOFF);
    assert_int_equal(allowed(), 32);
    leave_all(T0 + 1000);
}


/* it has not failed, whatever comes of the next try */

static void
a_call_that_was_not_sent_may_still_be_sent_again(void **state)
{
    uint64_t  until;
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    outcome(502, 3);
    out.internal = 1;
    out.answered = 0;

    assert_int_equal(back(call), LLMB_VERDICT_AGAIN);

    until = llmb_sched_later(z, 0);
    assert_int_equal(expect(0, LLMB_MAIL_SEND, until), call);
    assert_int_not_equal(llmb_sched_send(z, call, 0), LLMB_NIL);
    outcome(502, 3);

    assert_int_equal(back(call), LLMB_VERDICT_AGAIN);
    leave_all(T0 + 1000);
}


static void
a_second_failure_isolates_as_many_as_may_be(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    llmb_call(z, call)->tries = 1;
    assert_int_equal(allowed(), 32);
    outcome(502, 3);
    facts.fallback_limit = 52;       /* one more */

    assert_int_equal(back(call), LLMB_VERDICT_ALONE);
    assert_sealed(m[0]);
    assert_state(m[1], CLAIMED);
    assert_state(m[2], CLAIMED);
    leave_all(T0);
}


static void
a_call_is_halved_if_both_halves_may_be_sent(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    outcome(400, 12);

    assert_int_equal(back(call), LLMB_VERDICT_HALVE);
    assert_int_equal(llmb_call(z, call)->members.n, 2);
    assert_int_equal(allowed(), 30);
    leave_all(T0);
}


static void
a_call_is_not_halved_beyond_the_allowance(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    (void) allowed();
    outcome(400, 12);

    assert_int_equal(back(call), LLMB_VERDICT_DELIVER);
    assert_int_equal(llmb_call(z, call)->members.n, 3);
    leave_all(T0);
}


static void
an_absent_path_is_nobody_s_fault_and_not_charged(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    outcome(404, 3);
    out.moved = 1;

    assert_int_equal(back(call), LLMB_VERDICT_ABSENT);
    assert_sealed(m[0]);
    assert_sealed(m[2]);
    assert_int_equal(allowed(), 32);
    assert_false(is_open());
    assert_true(llmb_moved_off(&llmb_group(z, group)->path, T0));
    assert_false(returned.absent);
    leave_all(T0);
}


/* the request that went alone after that, to its own path, proves it */

static void
a_path_is_known_to_be_absent_once_one_alone_was_served(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);
    outcome(404, 2);
    out.moved = 1;
    assert_int_equal(back(call), LLMB_VERDICT_ABSENT);

    assert_int_equal(single(0, T0), m[0]);

    outcome(200, 1);
    facts.sent = facts.usec + 1;
    facts.usec += 2;
    assert_int_equal(back(m[0]), LLMB_VERDICT_DELIVER);
    assert_true(returned.absent);
    leave_all(T0);
}


static void
rate_limits_and_sizes_do_not_open_the_breaker(void **state)
{
    uint32_t  call, m[3];

    (void) state;

    call = sent(1, 3, m);
    outcome(429, 3);
    assert_int_equal(back(call), LLMB_VERDICT_DELIVER);
    assert_false(is_open());
    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);

    call = sent(1, 3, m);
    outcome(413, 3);
    out.bytes = 8192;
    assert_int_equal(back(call), LLMB_VERDICT_ALONE);
    assert_false(is_open());
    assert_int_equal(allowed(), 32);
    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);

    call = sent(1, 3, m);
    outcome(500, 3);
    (void) back(call);
    assert_true(is_open());
    leave_all(T0 + 1000);
}


/* those of a call that was too large go back to the queue, for smaller ones */

static void
members_of_a_call_that_is_too_large_wait_again(void **state)
{
    uint32_t  call, m[4];

    (void) state;

    call = sent(1, 4, m);
    outcome(400, 4);
    facts.words.data = (const uint8_t *) "too many inputs";
    facts.words.len = 15;

    assert_int_equal(back(call), LLMB_VERDICT_ALONE);
    assert_int_equal(llmb_group(z, group)->learned.items, 2);
    assert_state(m[0], QUEUED);
    assert_state(m[3], QUEUED);
    leave_all(T0);
}


static void
a_pause_takes_back_those_who_can_wait(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);
    llmb_member(z, m[0])->deadline = T0 + 5000;
    outcome(429, 2);
    facts.retry = 2000;
    facts.retry_ms = 1;

    assert_int_equal(back(call), LLMB_VERDICT_PAUSE);
    assert_int_equal(returned.pause, 2000);
    assert_state(m[0], QUEUED);
    assert_state(m[1], CLAIMED);
    assert_int_equal(llmb_group(z, group)->paused, T0 + 2000);
    assert_int_equal(llmb_group(z, group)->retry_ms, 1);
    leave_all(T0);
}


static void
nothing_is_sent_again_in_a_pause(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);
    assert_true(llmb_sched_halt(z, group, LLMB_PROBE_NONE, T0 + 2000, T0));
    outcome(502, 2);

    assert_int_equal(back(call), LLMB_VERDICT_DELIVER);
    assert_state(m[0], ANSWERED);
    assert_int_equal(llmb_member(z, m[0])->refused, 2000);
    assert_int_equal(llmb_call(z, call)->members.n, 0);
    leave_all(T0);
}


/* any response of the upstream's that is no error ends the pause */

static void
a_probe_that_is_taken_ends_the_pause(void **state)
{
    uint32_t        i;
    const unsigned  statuses[] = { 200, 201, 204, 500 };

    (void) state;

    for (i = 0; i < 4; i++) {
        uint32_t  call, m[2];

        call = sent(1, 2, m);
        (void) llmb_sched_halt(z, group, LLMB_PROBE_NONE, T0 + 2000, T0);
        llmb_call(z, call)->probe = LLMB_PROBE_PAUSE;

        outcome(statuses[i], 2);
        facts.breaker_failures = 0;
        (void) back(call);

        assert_int_equal(llmb_group(z, group)->paused > T0,
                         statuses[i] == 500);

        llmb_sched_resume(z, group, LLMB_PROBE_PAUSE, T0);
        leave_all(T0 + 1000);
    }
}


static void
a_probe_that_was_not_answered_ends_nothing(void **state)
{
    uint32_t  i;

    (void) state;

    i = own(1);
    (void) llmb_sched_halt(z, group, LLMB_PROBE_NONE, T0 + 2000, T0);
    llmb_call(z, i)->probe = LLMB_PROBE_PAUSE;

    outcome(200, 1);
    out.answered = 0;                /* by a cache */

    (void) back(i);
    assert_int_equal(llmb_group(z, group)->paused, T0 + 2000);

    out.answered = 1;
    (void) back(i);
    assert_int_equal(llmb_group(z, group)->paused, 0);
    leave_all(T0);
}


static void
a_call_that_was_not_sent_teaches_nothing(void **state)
{
    uint32_t        call, m[2];
    llmb_learn_t    before;
    llmb_health_t   health;

    (void) state;

    call = sent(1, 2, m);
    before = *llmb_learn_of(z, llmb_group(z, group));
    health = llmb_group(z, group)->health;
    outcome(502, 2);
    out.internal = 1;
    out.answered = 0;

    llmb_call(z, call)->unsent = LLMB_VERDICT_UNSENT;
    assert_int_equal(back(call), LLMB_VERDICT_ALONE);
    assert_sealed(m[0]);
    assert_sealed(m[1]);
    assert_memory_equal(&before,
                        llmb_learn_of(z, llmb_group(z, group)),
                        sizeof(llmb_learn_t));
    assert_memory_equal(&health, &llmb_group(z, group)->health,
                        sizeof(llmb_health_t));
    leave_all(T0);
}


static void
one_alone_says_nothing_of_merging(void **state)
{
    uint32_t  i;

    (void) state;

    i = own(1);
    outcome(500, 1);

    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);
    assert_false(is_open());

    /* nor does its success */

    llmb_health_result(&llmb_group(z, group)->health, 1, 2, COOLDOWN, T0);
    outcome(200, 1);
    (void) back(i);
    llmb_health_result(&llmb_group(z, group)->health, 1, 2, COOLDOWN, T0);
    assert_true(is_open());
    leave_all(T0);
}


static void
a_429_to_one_alone_pauses_its_group(void **state)
{
    uint32_t  i;

    (void) state;

    i = own(1);
    outcome(429, 1);
    facts.retry = 3000;
    out.answered = 0;                /* by limit_req */

    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);
    assert_int_equal(returned.pause, 0);

    out.answered = 1;
    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);
    assert_int_equal(returned.pause, 3000);
    assert_int_equal(llmb_group(z, group)->paused, T0 + 3000);
    leave_all(T0);
}


static void
a_part_waits_out_a_pause_but_not_for_ever(void **state)
{
    uint32_t  i;

    (void) state;

    i = ours(1, 2);
    outcome(429, 2);
    facts.retry = 3000;
    facts.began = T0 + 3000 - LLMB_SCHED_PATIENCE;
    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);

    facts.began = T0;
    facts.retry = 0;
    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);

    /* one that is whole gets it at once, as it would without us */

    llmb_member(z, i)->part = 0;
    facts.retry = 3000;
    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);
    assert_state(i, CLAIMED);

    llmb_member(z, i)->part = 1;
    assert_int_equal(back(i), LLMB_VERDICT_AGAIN);
    assert_state(i, QUEUED);
    assert_int_equal(llmb_call(z, i)->state, LLMB_CALL_FREE);
    assert_int_equal(inflight(), 0);
    leave_all(T0);
}


static void
what_is_too_large_is_cut_again(void **state)
{
    uint32_t  i;

    (void) state;

    i = ours(1, 4);
    outcome(422, 4);
    facts.words.data = (const uint8_t *) "maximum allowed batch size 2";
    facts.words.len = 28;
    facts.divisible = 1;

    assert_int_equal(back(i), LLMB_VERDICT_CUT);
    assert_int_equal(llmb_group(z, group)->learned.items, 2);

    facts.divisible = 0;
    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);
    llmb_sched_leave(z, i, T0);
    llmb_sched_end(z, i, 0, T0);
    leave_all(T0);
}


/* by a call of ours; its own path is another one, so that is still to try */

static void
one_alone_to_an_absent_path_goes_its_own_way(void **state)
{
    uint32_t  i;

    (void) state;

    i = ours(0, 4);
    outcome(404, 4);

    assert_int_equal(back(i), LLMB_VERDICT_DELIVER);

    out.moved = 1;

    assert_int_equal(back(i), LLMB_VERDICT_AGAIN);
    assert_true(llmb_moved_off(&llmb_group(z, group)->path, T0));
    assert_sealed(i);
    assert_true(llmb_call(z, i)->direct);
    assert_int_equal(inflight(), 1);

    assert_int_equal(single(0, T0), i);
    assert_int_equal(llmb_member(z, i)->result.status, LLMB_STATUS_FALLBACK);
    leave_all(T0);
}


/* no company is gathered for a path that is not there, nor waited for */

static void
who_waits_hears_of_an_absent_path(void **state)
{
    uint32_t  i, waits;

    (void) state;

    llmb_group(z, group)->policy.concurrency = 2;

    i = ours(0, 4);
    outcome(404, 4);
    out.moved = 1;

    llmb_group(z, group)->next = (T0 + 50) * 1000;
    waits = join(1, 1, T0);
    (void) expect(1, LLMB_MAIL_NONE, T0);

    assert_int_equal(back(i), LLMB_VERDICT_AGAIN);
    assert_int_equal(single(1, T0), waits);
    leave_all(T0);
}


/* after as many tries as any other */

static void
a_call_of_one_that_was_not_sent_goes_its_own_way(void **state)
{
    uint32_t  i;

    (void) state;

    i = ours(1, 2);
    outcome(502, 2);
    out.internal = 1;
    out.answered = 0;
    llmb_call(z, i)->unsent = LLMB_VERDICT_UNSENT - 1;

    assert_int_equal(back(i), LLMB_VERDICT_AGAIN);
    assert_int_equal(returned.reason, LLMB_REASON_INTERNAL);
    assert_sealed(i);
    assert_false(llmb_call(z, i)->direct);

    assert_int_equal(expect(0, LLMB_MAIL_SEND, T0 + 1000), i);
    assert_int_equal(llmb_sched_send(z, i, 0), i);
    assert_int_equal(back(i), LLMB_VERDICT_AGAIN);
    assert_sealed(i);
    assert_true(llmb_call(z, i)->direct);
    leave_all(T0);
}


static void
ids_of_tokens_are_known_or_refused(void **state)
{
    uint32_t  call, m[2];

    (void) state;

    call = sent(1, 2, m);
    outcome(200, 2);
    facts.ids_given = 1;
    (void) back(call);
    assert_int_equal(llmb_group(z, group)->token_ids, LLMB_TOKEN_IDS_KNOWN);
    llmb_sched_end(z, call, 0, T0);
    leave_all(T0);

    call = sent(1, 2, m);
    outcome(400, 2);
    facts.ids_asked = 1;
    facts.breaker_failures = 0;
    (void) back(call);
    assert_int_equal(llmb_group(z, group)->token_ids, LLMB_TOKEN_IDS_REFUSED);
    leave_all(T0);
}


static void
a_format_that_is_not_spoken_is_not_tried(void **state)
{
    uint32_t  n, call, m[2];

    (void) state;

    for (n = 0; n < 1000; n++) {
        call = sent(1, 2, m);
        outcome(200, 2);
        out.split = 0;
        out.mismatch = LLMB_MISMATCH_SHAPE;
        facts.breaker_failures = 0;

        assert_int_equal(back(call), LLMB_VERDICT_ALONE);
        llmb_sched_end(z, call, 0, T0);
        leave_all(T0);

        if (returned.format_off) {
            return;
        }
    }

    fail_msg("it is tried for ever");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        sched_test(members_of_a_good_call_are_still_claimed),
        sched_test(a_retry_is_the_same_call_and_not_charged),
        sched_test(a_call_that_was_not_sent_may_still_be_sent_again),
        sched_test(a_second_failure_isolates_as_many_as_may_be),
        sched_test(a_call_is_halved_if_both_halves_may_be_sent),
        sched_test(a_call_is_not_halved_beyond_the_allowance),
        sched_test(an_absent_path_is_nobody_s_fault_and_not_charged),
        sched_test(a_path_is_known_to_be_absent_once_one_alone_was_served),
        sched_test(rate_limits_and_sizes_do_not_open_the_breaker),
        sched_test(members_of_a_call_that_is_too_large_wait_again),
        sched_test(a_pause_takes_back_those_who_can_wait),
        sched_test(nothing_is_sent_again_in_a_pause),
        sched_test(a_probe_that_is_taken_ends_the_pause),
        sched_test(a_probe_that_was_not_answered_ends_nothing),
        sched_test(a_call_that_was_not_sent_teaches_nothing),
        sched_test(one_alone_says_nothing_of_merging),
        sched_test(a_429_to_one_alone_pauses_its_group),
        sched_test(a_part_waits_out_a_pause_but_not_for_ever),
        sched_test(what_is_too_large_is_cut_again),
        sched_test(one_alone_to_an_absent_path_goes_its_own_way),
        sched_test(who_waits_hears_of_an_absent_path),
        sched_test(a_call_of_one_that_was_not_sent_goes_its_own_way),
        sched_test(ids_of_tokens_are_known_or_refused),
        sched_test(a_format_that_is_not_spoken_is_not_tried)
    };

    return cmocka_run_group_tests_name("returned", tests, NULL, NULL);
}
