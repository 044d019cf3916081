
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_fair.h"


#define FLOWS  40


/* members that wait, by flow: the rank of the next one */

static llmb_fair_t  fair;
static uint64_t     ranks[FLOWS];
static unsigned     served[FLOWS];


static int
setup(void **state)
{
    (void) state;

    memset(&fair, 0, sizeof(llmb_fair_t));
    memset(ranks, 0, sizeof(ranks));
    memset(served, 0, sizeof(served));

    return 0;
}


/* n flows that always have a member waiting */

static void
serve(unsigned n, unsigned turns, unsigned (*priority)(unsigned flow),
    uint64_t (*tokens)(unsigned flow))
{
    unsigned  i, next, turn;

    for (i = 0; i < n; i++) {
        ranks[i] = llmb_fair_rank(&fair, i + 1, priority(i), tokens(i));
    }

    for (turn = 0; turn < turns; turn++) {
        next = 0;

        for (i = 1; i < n; i++) {
            if (ranks[i] < ranks[next]) {
                next = i;
            }
        }

        served[next]++;
        llmb_fair_serve(&fair, ranks[next], 0);
        ranks[next] = llmb_fair_rank(&fair, next + 1, priority(next),
                                     tokens(next));
    }
}


static unsigned
same_priority(unsigned flow)
{
    (void) flow;

    return LLMB_FAIR_PRIORITY;
}


static unsigned
first_is_high(unsigned flow)
{
    return flow == 0 ? 9 : flow == 1 ? 0 : LLMB_FAIR_PRIORITY;
}


static uint64_t
same_tokens(unsigned flow)
{
    (void) flow;

    return 10;
}


static uint64_t
first_is_large(unsigned flow)
{
    return flow == 0 ? 100 : 10;
}


static void
one_flow_is_first_come_first_served(void **state)
{
    unsigned  n;
    uint64_t  rank, last;

    (void) state;

    last = 0;

    for (n = 0; n < 1000; n++) {
        rank = llmb_fair_rank(&fair, 7, LLMB_FAIR_PRIORITY, n % 13);
        assert_true(rank >= last);
        last = rank;

        if (n % 3 == 0) {
            llmb_fair_serve(&fair, rank, n % 2);
        }
    }
}


static void
flows_get_the_same_tokens(void **state)
{
    (void) state;

    serve(4, 1300, same_priority, first_is_large);

    /* a tenth of the members, of ten times the size */

    assert_in_range(served[0], 41, 43);
    assert_in_range(served[1], 415, 423);
    assert_in_range(served[3], 415, 423);
}


static void
a_priority_is_a_weight_and_nobody_starves(void **state)
{
    (void) state;

    serve(3, 1000, first_is_high, same_tokens);

    assert_true(served[0] > 2 * served[2]);
    assert_true(served[2] > 2 * served[1]);
    assert_true(served[1] > 30);
}


static void
more_flows_than_places_still_have_their_turns(void **state)
{
    unsigned  i;

    (void) state;

    serve(FLOWS, 100 * FLOWS, same_priority, same_tokens);

    for (i = 0; i < FLOWS; i++) {
        assert_true(served[i] > 20);
    }
}


static void
who_comes_late_does_not_catch_up(void **state)
{
    unsigned  n;
    uint64_t  a, b;

    (void) state;

    for (n = 0; n < 100; n++) {
        a = llmb_fair_rank(&fair, 1, LLMB_FAIR_PRIORITY, 10);
        llmb_fair_serve(&fair, a, 0);
    }

    /* it is next, but only once */

    a = llmb_fair_rank(&fair, 1, LLMB_FAIR_PRIORITY, 10);
    b = llmb_fair_rank(&fair, 2, LLMB_FAIR_PRIORITY, 10);
    assert_true(b < a);

    b = llmb_fair_rank(&fair, 2, LLMB_FAIR_PRIORITY, 10);
    assert_true(b >= a - 80);
}


static void
nonsense_is_bounded(void **state)
{
    unsigned  n;
    uint64_t  rank, last;

    (void) state;

    last = 0;

    for (n = 0; n < 100000; n++) {
        rank = llmb_fair_rank(&fair, 1, 1000, UINT64_MAX);
        assert_true(rank >= last);
        last = rank;
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(one_flow_is_first_come_first_served, setup),
        cmocka_unit_test_setup(flows_get_the_same_tokens, setup),
        cmocka_unit_test_setup(a_priority_is_a_weight_and_nobody_starves,
                               setup),
        cmocka_unit_test_setup(more_flows_than_places_still_have_their_turns,
                               setup),
        cmocka_unit_test_setup(who_comes_late_does_not_catch_up, setup),
        cmocka_unit_test_setup(nonsense_is_bounded, setup),
    };

    return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
