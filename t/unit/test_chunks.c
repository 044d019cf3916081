
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buffer.h"
#include "llmb_chunks.h"
#include "llmb_group.h"
#include "zone_table.h"


/* all steps; returns how many there were */

static unsigned
grow(llmb_zone_t *z, llmb_chain_t *chain, uint32_t n)
{
    unsigned   steps;
    llmb_rc_e  rc;

    steps = 0;

    do {
        rc = llmb_chain_grow(z, chain, n);
        steps++;
    } while (rc == LLMB_AGAIN);

    assert_int_equal(rc, LLMB_OK);
    assert_int_equal(chain->n, n);

    return steps;
}


static void
nothing_has_no_chunks(void **state)
{
    llmb_chain_t  chain = { 0, 0, 0 };
    llmb_zone_t  *z = zone(1);

    (void) state;

    assert_int_equal(llmb_chain_grow(z, &chain, 0), LLMB_OK);
    llmb_chain_free(z, &chain);
    assert_int_equal(llmb_chunks_needed(0), 0);
    assert_int_equal(llmb_chunks_needed(1), 1);
    assert_int_equal(llmb_chunks_needed(LLMB_CHUNK_SIZE), 1);
    assert_int_equal(llmb_chunks_needed(UINT32_MAX), 0x200000);
    assert_sound(z);
    free(z);
}


static void
a_long_chain_is_made_in_steps_and_freed_in_one(void **state)
{
    uint32_t      i, n, nfree;
    llmb_zone_t  *z = zone(1);
    llmb_chain_t  chain = { 0, 0, 0 }, other = { 0, 0, 0 };

    (void) state;

    for (n = 1; n <= 3 * LLMB_CHUNKS_STEP; n += LLMB_CHUNKS_STEP / 2 - 1) {
        nfree = z->nfree;

        for (i = LLMB_CHUNKS_STEP; i < n; i += LLMB_CHUNKS_STEP) {
            assert_int_equal(llmb_chain_grow(z, &chain, n), LLMB_AGAIN);
            assert_int_equal(chain.n, i);
            assert_int_equal(z->nfree, nfree - i);

            /* what others take and give back meanwhile is none of it */

            assert_int_equal(llmb_chain_grow(z, &other, 1), LLMB_OK);
            assert_int_not_equal(other.first, chain.last);
            llmb_chain_free(z, &other);
        }

        assert_int_equal(llmb_chain_grow(z, &chain, n), LLMB_OK);
        assert_int_equal(chain.n, n);

        /* it is long enough already */

        assert_int_equal(llmb_chain_grow(z, &chain, n - 1), LLMB_OK);
        assert_int_equal(chain.n, n);

        for (i = chain.first; i != chain.last && n; n--) {
            i = llmb_at(z, uint32_t, next_chunk_at, 0)[i];
        }

        assert_int_equal(n, 1);
        n = chain.n;

        llmb_chain_free(z, &chain);
        assert_int_equal(chain.n, 0);
        assert_int_equal(z->nfree, nfree);
        assert_sound(z);
    }

    free(z);
}


static void
a_chain_that_cannot_be_finished_gives_all_back(void **state)
{
    uint32_t      n;
    llmb_zone_t  *z = zone(1);
    llmb_chain_t  chain = { 0, 0, 0 }, other = { 0, 0, 0 };

    (void) state;

    n = z->nchunks;

    /* more than there is, at the first step */

    assert_int_equal(llmb_chain_grow(z, &chain, n + 1), LLMB_NOMEM);
    assert_int_equal(llmb_chain_grow(z, &chain, UINT32_MAX), LLMB_NOMEM);
    assert_int_equal(z->nfree, n);

    /* another one takes what was there for it */

    assert_int_equal(llmb_chain_grow(z, &chain, n), LLMB_AGAIN);
    assert_int_equal(llmb_chain_grow(z, &other, 1), LLMB_OK);
    assert_int_equal(llmb_chain_grow(z, &chain, n), LLMB_NOMEM);
    assert_int_equal(chain.n, 0);
    assert_int_equal(z->nfree, n - 1);

    /* nor is one that has begun given more after a reset */

    assert_int_equal(llmb_chain_grow(z, &chain, n - 1), LLMB_AGAIN);
    llmb_zone_reset(z);
    chain.n = 0;
    assert_int_equal(llmb_chain_grow(z, &chain, n - 1), LLMB_NOMEM);
    assert_sound(z);
    free(z);
}


static void
a_text_comes_back_as_it_was_written(void **state)
{
    size_t                i, n, step;
    uint8_t               text[5 * LLMB_CHUNK_SIZE];
    buffer_t              b;
    llmb_sink_t           sink;
    llmb_str_t            str;
    llmb_zone_t          *z = zone(1);
    llmb_chain_t          chain = { 0, 0, 0 };
    llmb_chunk_writer_t   w;

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t) (i * 7 + i / 251);
    }

    for (step = 1; step < 3 * LLMB_CHUNK_SIZE; step += 509) {
        assert_int_equal(llmb_chain_grow(z, &chain, 5), LLMB_OK);

        w.zone = z;
        w.chunk = chain.first;
        w.pos = 0;

        for (i = 0; i < sizeof(text); i += n) {
            n = llmb_min(step, sizeof(text) - i);
            assert_int_equal(llmb_chunks_write(&w, text + i, n), LLMB_OK);
        }

        /* the chain is full */

        assert_int_equal(llmb_chunks_write(&w, text, 1), LLMB_LIMIT);

        for (str.len = 0; str.len <= sizeof(text); str.len += 1009) {
            sink = buffer_sink(&b);
            str.data = text;

            assert_int_equal(llmb_chunks_read(z, chain.first, str.len, &sink),
                             LLMB_OK);
            assert_true(buffer_is(&b, str));
            free(b.data);
        }

        llmb_chain_free(z, &chain);
        assert_sound(z);
    }

    free(z);
}


static void
a_failing_sink_is_heard(void **state)
{
    buffer_t      b;
    llmb_sink_t   sink;
    llmb_zone_t  *z = zone(1);
    llmb_chain_t  chain = { 0, 0, 0 };

    (void) state;

    assert_int_equal(llmb_chain_grow(z, &chain, 3), LLMB_OK);
    sink = buffer_sink(&b);
    b.fail = 2;

    assert_int_equal(llmb_chunks_read(z, chain.first, 5000, &sink), LLMB_NOMEM);
    assert_int_equal(b.late, 0);
    free(b.data);
    free(z);
}


static void
a_chain_that_was_reset_under_its_reader_ends_the_reading(void **state)
{
    uint32_t      first;
    buffer_t      b;
    llmb_sink_t   sink;
    llmb_zone_t  *z = zone(1);
    llmb_chain_t  chain = { 0, 0, 0 };

    (void) state;

    /* the last chunk of the arena, whose neighbor is not there */

    grow(z, &chain, z->nchunks);
    first = chain.last;

    llmb_zone_reset(z);

    sink = buffer_sink(&b);

    assert_int_equal(llmb_chunks_read(z, first, 5000, &sink), LLMB_INVALID);
    assert_int_equal(b.len, LLMB_CHUNK_SIZE);
    free(b.data);
    free(z);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(nothing_has_no_chunks),
        cmocka_unit_test(a_long_chain_is_made_in_steps_and_freed_in_one),
        cmocka_unit_test(a_chain_that_cannot_be_finished_gives_all_back),
        cmocka_unit_test(a_text_comes_back_as_it_was_written),
        cmocka_unit_test(a_failing_sink_is_heard),
        cmocka_unit_test(
                     a_chain_that_was_reset_under_its_reader_ends_the_reading),
    };

    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
