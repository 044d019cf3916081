
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_states.h"


typedef struct {
    unsigned  from;
    unsigned  event;
    unsigned  to;
} edge_t;


#define member_edge(from, event, to)                                          \
    { LLMB_MEMBER_##from, LLMB_MEMBER_DO_##event, LLMB_MEMBER_##to },

#define call_edge(from, event, to)                                            \
    { LLMB_CALL_##from, LLMB_CALL_DO_##event, LLMB_CALL_##to },

static const edge_t  member_edges[] = {
    LLMB_MEMBER_TRANSITIONS(member_edge)
};

static const edge_t  call_edges[] = {
    LLMB_CALL_TRANSITIONS(call_edge)
};

#define N(array)  (sizeof(array) / sizeof(array[0]))


static const edge_t *
find(const edge_t *edges, size_t n, unsigned from, unsigned event)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (edges[i].from == from && edges[i].event == event) {
            return &edges[i];
        }
    }

    return NULL;
}


static void
members_take_the_steps_of_the_table_and_no_others(void **state)
{
    uint8_t        s;
    unsigned       from, event;
    llmb_rc_e      rc;
    const edge_t  *edge;

    (void) state;

    for (from = 0; from < LLMB_MEMBER_NSTATES; from++) {
        for (event = 0; event < LLMB_MEMBER_NEVENTS; event++) {
            edge = find(member_edges, N(member_edges), from, event);
            s = (uint8_t) from;

            rc = llmb_member_step(&s, (llmb_member_event_e) event);

            assert_int_equal(rc, edge ? LLMB_OK : LLMB_INVALID);
            assert_int_equal(s, edge ? edge->to : from);
        }
    }
}


static void
calls_take_the_steps_of_the_table_and_no_others(void **state)
{
    uint8_t        s;
    unsigned       from, event;
    llmb_rc_e      rc;
    const edge_t  *edge;

    (void) state;

    for (from = 0; from < LLMB_CALL_NSTATES; from++) {
        for (event = 0; event < LLMB_CALL_NEVENTS; event++) {
            edge = find(call_edges, N(call_edges), from, event);
            s = (uint8_t) from;

            rc = llmb_call_step(&s, (llmb_call_event_e) event);

            assert_int_equal(rc, edge ? LLMB_OK : LLMB_INVALID);
            assert_int_equal(s, edge ? edge->to : from);
        }
    }
}


/* an edge written twice would silently win over the first */

static void
no_state_has_two_ways_for_one_event(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < N(member_edges); i++) {
        assert_ptr_equal(find(member_edges, N(member_edges),
                              member_edges[i].from, member_edges[i].event),
                         &member_edges[i]);
    }

    for (i = 0; i < N(call_edges); i++) {
        assert_ptr_equal(find(call_edges, N(call_edges), call_edges[i].from,
                              call_edges[i].event),
                         &call_edges[i]);
    }
}


static void
reach(const edge_t *edges, size_t n, uint8_t *reached)
{
    size_t    i;
    unsigned  more;

    do {
        more = 0;

        for (i = 0; i < n; i++) {
            if (reached[edges[i].from] && !reached[edges[i].to]) {
                reached[edges[i].to] = 1;
                more = 1;
            }
        }
    } while (more);
}


static void
every_state_is_reached_from_free_and_comes_back_to_it(void **state)
{
    unsigned  s;

    (void) state;

    for (s = 0; s < LLMB_MEMBER_NSTATES; s++) {
        uint8_t  there[LLMB_MEMBER_NSTATES] = { 1 };
        uint8_t  back[LLMB_MEMBER_NSTATES] = { 0 };

        back[s] = 1;

        reach(member_edges, N(member_edges), there);
        reach(member_edges, N(member_edges), back);

        assert_true(there[s]);
        assert_true(back[LLMB_MEMBER_FREE]);
    }

    for (s = 0; s < LLMB_CALL_NSTATES; s++) {
        uint8_t  there[LLMB_CALL_NSTATES] = { 1 };
        uint8_t  back[LLMB_CALL_NSTATES] = { 0 };

        back[s] = 1;

        reach(call_edges, N(call_edges), there);
        reach(call_edges, N(call_edges), back);

        assert_true(there[s]);
        assert_true(back[LLMB_CALL_FREE]);
    }
}


static void
a_client_may_go_in_every_state_that_has_one(void **state)
{
    uint8_t   s;
    unsigned  from;

    (void) state;

    for (from = 0; from < LLMB_MEMBER_NSTATES; from++) {
        s = (uint8_t) from;

        assert_int_equal(llmb_member_step(&s, LLMB_MEMBER_DO_LEAVE),
                         from == LLMB_MEMBER_FREE
                         || from == LLMB_MEMBER_ABANDONED ? LLMB_INVALID
                                                          : LLMB_OK);
    }
}


static void
states_have_names(void **state)
{
    unsigned  s;

    (void) state;

    assert_memory_equal(llmb_member_state_names[LLMB_MEMBER_FREE].data,
                        "free", 4);
    assert_memory_equal(llmb_call_state_names[LLMB_CALL_SENT].data, "sent",
                        4);

    for (s = 0; s < LLMB_MEMBER_NSTATES; s++) {
        assert_true(llmb_member_state_names[s].len > 0);
    }

    for (s = 0; s < LLMB_CALL_NSTATES; s++) {
        assert_true(llmb_call_state_names[s].len > 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(members_take_the_steps_of_the_table_and_no_others),
        cmocka_unit_test(calls_take_the_steps_of_the_table_and_no_others),
        cmocka_unit_test(no_state_has_two_ways_for_one_event),
        cmocka_unit_test(every_state_is_reached_from_free_and_comes_back_to_it),
        cmocka_unit_test(a_client_may_go_in_every_state_that_has_one),
        cmocka_unit_test(states_have_names),
    };

    return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
