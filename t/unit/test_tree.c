
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sched_check.h"


#define NODES  300
#define MANY   30000


static llmb_tree_node_t  nodes[NODES];
static llmb_tree_node_t  many[MANY];


static uint32_t
chance(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;

    return *seed;
}


/* all are found, in order, and none is too far below; returns how many */

static uint32_t
count(uint32_t root)
{
    uint32_t     n, last;
    const char  *wrong;

    n = 0;
    last = LLMB_NIL;
    wrong = sched_check_tree(nodes, root, NODES, &last, &n);

    if (wrong) {
        fail_msg("%s", wrong);
    }

    return n;
}


/* the first of greater rank, found one by one */

static uint32_t
beyond(uint64_t rank)
{
    uint32_t  i, found;

    found = LLMB_NIL;

    for (i = 0; i < NODES; i++) {
        if (nodes[i].height && nodes[i].rank > rank
            && (found == LLMB_NIL || nodes[i].rank < nodes[found].rank
                || (nodes[i].rank == nodes[found].rank
                    && nodes[i].order < nodes[found].order)))
        {
            found = i;
        }
    }

    return found;
}


static void
they_come_out_by_rank(void **state)
{
    uint32_t  i, first, root, seed;
    uint64_t  last, order;

    (void) state;

    memset(nodes, 0, sizeof(nodes));

    root = LLMB_NIL;
    seed = 1;

    for (i = 0; i < NODES; i++) {
        llmb_tree_insert(&root, nodes, i, chance(&seed) % 100, i);
        assert_int_equal(count(root), i + 1);
    }

    order = 0;

    for (last = 0; root != LLMB_NIL; i--) {
        first = llmb_tree_first(root, nodes);

        assert_true(nodes[first].rank > last
                    || (nodes[first].rank == last
                        && nodes[first].order >= order));

        last = nodes[first].rank;
        order = nodes[first].order;

        llmb_tree_remove(&root, nodes, first);
        assert_int_equal(count(root), i - 1);
    }

    assert_int_equal(i, 0);
    assert_int_equal(llmb_tree_first(root, nodes), LLMB_NIL);
    assert_int_equal(llmb_tree_beyond(root, nodes, 0), LLMB_NIL);
}


static void
any_of_them_may_go(void **state)
{
    uint32_t  i, n, in, root, seed;

    (void) state;

    memset(nodes, 0, sizeof(nodes));

    root = LLMB_NIL;
    seed = 7;
    in = 0;

    for (n = 0; n < 20000; n++) {
        i = chance(&seed) % NODES;

        if (nodes[i].height) {
            llmb_tree_remove(&root, nodes, i);
            in--;

        } else {
            llmb_tree_insert(&root, nodes, i, chance(&seed) % 50, n);
            in++;
        }

        if (n % 10 == 0) {
            assert_int_equal(count(root), in);
            assert_int_equal(llmb_tree_beyond(root, nodes, n % 60),
                             beyond(n % 60));
        }
    }
}


/* ten times as many cost hardly more, in whatever order they come and go */

static void
no_step_is_long(void **state)
{
    unsigned long  most;
    uint32_t       i, root;
    unsigned       down;

    (void) state;

    for (down = 0; down < 2; down++) {
        root = LLMB_NIL;
        most = 0;

        for (i = 0; i < MANY; i++) {
            llmb_steps = 0;
            llmb_tree_insert(&root, many, i, down ? MANY - i : i, i);
            most = llmb_max(most, llmb_steps);
        }

        for (i = 0; i < MANY; i++) {
            llmb_steps = 0;
            llmb_tree_remove(&root, many, llmb_tree_first(root, many));
            most = llmb_max(most, llmb_steps);
        }

        assert_int_equal(root, LLMB_NIL);
        assert_in_range(most, 1, 3 * 24);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(they_come_out_by_rank),
        cmocka_unit_test(any_of_them_may_go),
        cmocka_unit_test(no_step_is_long),
    };

    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
