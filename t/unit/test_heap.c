
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_heap.h"


#define NODES  300


static llmb_heap_node_t  nodes[NODES];


static uint32_t
chance(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;

    return *seed;
}


/* nobody is above one of less rank, and all are found; returns how many */

static uint32_t
count(uint32_t i, uint32_t above)
{
    uint32_t  n, prev;

    n = 0;

    for (prev = above; i != LLMB_NIL; i = nodes[i].next) {
        assert_int_equal(nodes[i].linked, 1);
        assert_int_equal(nodes[i].prev, prev);

        if (above != LLMB_NIL) {
            assert_true(nodes[above].rank <= nodes[i].rank);
        }

        n += 1 + count(nodes[i].child, i);
        prev = i;
    }

    return n;
}


static void
they_come_out_by_rank(void **state)
{
    uint32_t  i, root, seed;
    uint64_t  last, order;

    (void) state;

    root = LLMB_NIL;
    seed = 1;

    for (i = 0; i < NODES; i++) {
        llmb_heap_push(&root, nodes, i, chance(&seed) % 100, i);
        assert_int_equal(count(root, LLMB_NIL), i + 1);
    }

    order = 0;

    for (last = 0; root != LLMB_NIL; i--) {
        assert_true(nodes[root].rank > last
                    || (nodes[root].rank == last
                        && nodes[root].order >= order));

        last = nodes[root].rank;
        order = nodes[root].order;

        llmb_heap_remove(&root, nodes, root);
        assert_int_equal(count(root, LLMB_NIL), i - 1);
    }

    assert_int_equal(i, 0);
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

        if (nodes[i].linked) {
            llmb_heap_remove(&root, nodes, i);
            in--;

        } else {
            llmb_heap_push(&root, nodes, i, chance(&seed) % 50, n);
            in++;
        }

        if (n % 50 == 0) {
            assert_int_equal(count(root, LLMB_NIL), in);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(they_come_out_by_rank),
        cmocka_unit_test(any_of_them_may_go),
    };

    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
