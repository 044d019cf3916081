
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_verdict.h"


static llmb_outcome_t
outcome(unsigned status)
{
    llmb_outcome_t  o = {
        .status = status,
        .answered = 1,
        .idempotent = 1,
        .fallback = 1,
        .members = 9,
        .items = 9
    };

    return o;
}


static llmb_verdict_e
verdict(unsigned status, unsigned tries, unsigned fallback)
{
    llmb_outcome_t  o = outcome(status);

    o.tries = tries;
    o.fallback = fallback != 0;

    return llmb_verdict(&o);
}


static void
an_answer_that_can_be_cut_is_cut(void **state)
{
    llmb_outcome_t  o = outcome(200);

    (void) state;

    o.split = 1;

    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_SPLIT);
    assert_int_equal(llmb_verdict_reason(&o), LLMB_REASON_NONE);
    assert_false(llmb_verdict_failed(&o));
}


static void
an_answer_that_cannot_be_cut_is_nobodys(void **state)
{
    (void) state;

    assert_int_equal(verdict(200, 0, 1), LLMB_VERDICT_ALONE);
    assert_int_equal(verdict(200, 1, 1), LLMB_VERDICT_ALONE);
    assert_int_equal(verdict(204, 0, 1), LLMB_VERDICT_ALONE);
    assert_int_equal(verdict(302, 0, 1), LLMB_VERDICT_ALONE);
}


static void
a_refused_call_is_isolated(void **state)
{
    size_t           i;
    llmb_outcome_t   o;

    static const unsigned  refused[] = { 400, 413, 422 };

    (void) state;

    for (i = 0; i < 3; i++) {
        o = outcome(refused[i]);
        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_HALVE);

        /* few items, or nothing to halve: singly */

        o.items = LLMB_VERDICT_SINGLY;
        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_ALONE);

        o.items = 100;
        o.members = 2;
        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_ALONE);

        o.members = 3;
        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_HALVE);

        o.fallback = 0;
        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);

        assert_true(llmb_verdict_failed(&o));
        assert_int_equal(llmb_verdict_reason(&o), LLMB_REASON_UPSTREAM_ERROR);
    }
}


static void
an_answer_about_the_caller_is_everybodys(void **state)
{
    size_t          i;
    llmb_outcome_t  o;

    static const unsigned  about[] = { 401, 403, 404, 405, 451, 499 };

    (void) state;

    for (i = 0; i < 6; i++) {
        o = outcome(about[i]);

        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);
        assert_false(llmb_verdict_failed(&o));
    }
}


static void
too_many_requests_pause_the_group(void **state)
{
    llmb_outcome_t  o = outcome(429);

    (void) state;

    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_PAUSE);
    assert_false(llmb_verdict_failed(&o));
}


static void
trouble_is_tried_once_more_and_then_isolated(void **state)
{
    size_t  i;

    static const unsigned  trouble[] = { 500, 502, 503, 529 };

    (void) state;

    for (i = 0; i < 4; i++) {
        assert_int_equal(verdict(trouble[i], 0, 1), LLMB_VERDICT_AGAIN);
        assert_int_equal(verdict(trouble[i], 0, 0), LLMB_VERDICT_DELIVER);
        assert_int_equal(verdict(trouble[i], 1, 1), LLMB_VERDICT_ALONE);
        assert_int_equal(verdict(trouble[i], 1, 0), LLMB_VERDICT_DELIVER);
    }
}


static void
what_could_not_be_sent_is_tried_a_few_times_and_then_alone(void **state)
{
    unsigned        i;
    llmb_outcome_t  o = outcome(502);

    (void) state;

    /* the upstream has seen nothing of it, whatever it is */

    for (i = 0; i < 4; i++) {
        o = outcome(502);
        o.answered = 0;
        o.internal = 1;
        o.idempotent = i & 1;
        o.fallback = (i & 2) != 0;

        for (o.unsent = 0; o.unsent < LLMB_VERDICT_UNSENT; o.unsent++) {
            assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_AGAIN);
        }

        assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_ALONE);
        assert_int_equal(llmb_verdict_reason(&o), LLMB_REASON_INTERNAL);
    }

    /* but not if there was a time-out before */

    o.timed_out = 1;
    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);
}


static void
what_is_not_idempotent_is_not_tried_again(void **state)
{
    llmb_outcome_t  o = outcome(500);

    (void) state;

    o.idempotent = 0;

    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_ALONE);
}


static void
a_status_of_our_own_says_nothing_about_the_members(void **state)
{
    unsigned        status;
    llmb_outcome_t  o;

    (void) state;

    for (status = 400; status < 600; status++) {
        o = outcome(status);
        o.answered = 0;

        assert_int_equal(llmb_verdict(&o),
                         status == 504 ? LLMB_VERDICT_DELIVER
                                       : LLMB_VERDICT_AGAIN);
        assert_true(llmb_verdict_failed(&o));
        assert_int_equal(llmb_verdict_reason(&o),
                         status == 504 ? LLMB_REASON_TIMEOUT
                                       : LLMB_REASON_UPSTREAM_ERROR);
    }
}


static void
failures_are_those_of_merging_or_of_the_upstream(void **state)
{
    unsigned        status, failed;
    llmb_outcome_t  o;

    (void) state;

    for (status = 200; status < 600; status++) {
        o = outcome(status);
        failed = status < 400 || status >= 500 || status == 400
                 || status == 413 || status == 422;

        assert_int_equal(llmb_verdict_failed(&o), failed);
    }
}


static void
a_mismatch_has_a_word(void **state)
{
    unsigned        i;
    llmb_outcome_t  o = outcome(200);

    (void) state;

    for (i = LLMB_MISMATCH_JSON; i < LLMB_MISMATCH_N; i++) {
        o.mismatch = (llmb_mismatch_e) i;

        assert_int_equal(llmb_verdict_reason(&o),
                         i == LLMB_MISMATCH_TRUNCATED ? LLMB_REASON_TRUNCATED
                         : i == LLMB_MISMATCH_SIZE ? LLMB_REASON_RESPONSE_SIZE
                         : LLMB_REASON_MISMATCH);
    }
}


/* an outcome that has cost so much, of a time-out of a minute */

static llmb_outcome_t
after(unsigned status, uint64_t spent)
{
    llmb_outcome_t  o = outcome(status);

    o.spent = spent;
    o.timeout = 60000;

    return o;
}


static void
nothing_is_sent_again_after_half_a_time_out(void **state)
{
    unsigned        status;
    llmb_outcome_t  o;
    llmb_verdict_e  verdict;

    (void) state;

    for (status = 200; status < 600; status++) {
        o = after(status, 30000);
        verdict = llmb_verdict(&o);

        o.spent = 30001;

        switch (verdict) {

        case LLMB_VERDICT_AGAIN:
        case LLMB_VERDICT_HALVE:
        case LLMB_VERDICT_ALONE:
            assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);
            break;

        default:
            assert_int_equal(llmb_verdict(&o), verdict);
        }

        /* nothing is known of the time-out */

        o.timeout = 0;
        assert_int_equal(llmb_verdict(&o), verdict);
    }
}


static void
nothing_is_sent_again_after_a_time_out(void **state)
{
    unsigned        status;
    llmb_outcome_t  o;

    (void) state;

    for (status = 200; status < 600; status++) {
        o = after(status, 0);
        o.timed_out = 1;

        assert_int_not_equal(llmb_verdict(&o), LLMB_VERDICT_AGAIN);
        assert_int_not_equal(llmb_verdict(&o), LLMB_VERDICT_HALVE);
        assert_int_not_equal(llmb_verdict(&o), LLMB_VERDICT_ALONE);

        /* but one that was tried then may have answered */

        o.split = status == 200;

        if (status != 504) {
            assert_int_not_equal(llmb_verdict_reason(&o),
                                 LLMB_REASON_TIMEOUT);
        }

        o.split = 0;
        o.answered = 0;
        assert_int_equal(llmb_verdict_reason(&o), LLMB_REASON_TIMEOUT);
        assert_int_equal(llmb_verdict_status(&o), 504);
    }

    /* that of a gateway */

    o = after(504, 0);
    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);
    assert_int_equal(llmb_verdict_reason(&o), LLMB_REASON_TIMEOUT);
}


static void
an_answer_tells_whether_the_format_is_spoken(void **state)
{
    unsigned        i, status;
    llmb_outcome_t  o;

    (void) state;

    for (status = 201; status < 600; status++) {
        o = outcome(status);
        assert_int_equal(llmb_verdict_format(&o), LLMB_FORMAT_UNKNOWN);
    }

    o = outcome(200);
    o.split = 1;
    assert_int_equal(llmb_verdict_format(&o), LLMB_FORMAT_UNDERSTOOD);

    o.split = 0;

    for (i = 0; i < LLMB_MISMATCH_N; i++) {
        o.mismatch = (llmb_mismatch_e) i;

        assert_int_equal(llmb_verdict_format(&o) == LLMB_FORMAT_UNKNOWN,
                         i == LLMB_MISMATCH_NONE
                         || i == LLMB_MISMATCH_TRUNCATED
                         || i == LLMB_MISMATCH_CACHE
                         || i == LLMB_MISMATCH_SIZE);
    }

    o.mismatch = LLMB_MISMATCH_COUNT;
    o.answered = 0;
    assert_int_equal(llmb_verdict_format(&o), LLMB_FORMAT_UNKNOWN);
}


static void
who_may_be_innocent_is_not_called_guilty(void **state)
{
    unsigned        status, guilty;
    llmb_outcome_t  o;

    (void) state;

    for (status = 400; status < 600; status++) {
        o = outcome(status);
        guilty = (status == 400 || status == 413 || status == 422);

        assert_int_equal(llmb_verdict_status(&o), guilty ? 502 : status);

        o.fallback = 0;
        assert_int_equal(llmb_verdict_status(&o), status);
    }

    /* it is no answer to anybody */

    o = outcome(200);
    assert_int_equal(llmb_verdict_status(&o), 502);
}


typedef struct {
    const char  *text;
    unsigned     ms;
    uint64_t     expected;
} retry_after_t;


static void
retry_after_is_read_or_missing(void **state)
{
    size_t      i;
    llmb_str_t  value;

    static const retry_after_t  cases[] = {
        { "", 0, 77 },
        { "0", 0, 0 },
        { "1", 0, 1000 },
        { "20", 0, 20000 },
        { "20", 1, 20 },
        { "3600", 0, 3600000 },
        { "3601", 0, 3600000 },
        { "99999999999999999999999999", 0, 3600000 },
        { "99999999999999999999999999", 1, 3600000 },
        { "Wed, 21 Oct 2026 07:28:00 GMT", 0, 77 },
        { "1 s", 0, 77 },
        { "-1", 0, 77 },
        { ".5", 0, 77 },

        /* rather late than early */
        { "0.5", 0, 1000 },
        { "1.5", 0, 2000 },
        { "20.7", 1, 21 },
        { "3600000.5", 1, 3600000 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value.data = (const uint8_t *) cases[i].text;
        value.len = strlen(cases[i].text);

        assert_int_equal(llmb_verdict_retry_after(value, cases[i].ms, 77),
                         cases[i].expected);
    }
}


static void
a_path_of_ours_that_is_not_there_is_nobodys_error(void **state)
{
    llmb_outcome_t  o = outcome(404);

    (void) state;

    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);

    o.moved = 1;
    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_ABSENT);

    o.status = 405;
    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_ABSENT);

    o.status = 403;
    assert_int_equal(llmb_verdict(&o), LLMB_VERDICT_DELIVER);

    /* a status of nginx's own is no word of the upstream's */

    o.status = 404;
    o.answered = 0;
    assert_int_not_equal(llmb_verdict(&o), LLMB_VERDICT_ABSENT);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(an_answer_that_can_be_cut_is_cut),
        cmocka_unit_test(an_answer_that_cannot_be_cut_is_nobodys),
        cmocka_unit_test(a_refused_call_is_isolated),
        cmocka_unit_test(an_answer_about_the_caller_is_everybodys),
        cmocka_unit_test(too_many_requests_pause_the_group),
        cmocka_unit_test(trouble_is_tried_once_more_and_then_isolated),
        cmocka_unit_test(
            what_could_not_be_sent_is_tried_a_few_times_and_then_alone),
        cmocka_unit_test(what_is_not_idempotent_is_not_tried_again),
        cmocka_unit_test(a_status_of_our_own_says_nothing_about_the_members),
        cmocka_unit_test(failures_are_those_of_merging_or_of_the_upstream),
        cmocka_unit_test(a_mismatch_has_a_word),
        cmocka_unit_test(nothing_is_sent_again_after_half_a_time_out),
        cmocka_unit_test(nothing_is_sent_again_after_a_time_out),
        cmocka_unit_test(an_answer_tells_whether_the_format_is_spoken),
        cmocka_unit_test(who_may_be_innocent_is_not_called_guilty),
        cmocka_unit_test(retry_after_is_read_or_missing),
        cmocka_unit_test(a_path_of_ours_that_is_not_there_is_nobodys_error),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
