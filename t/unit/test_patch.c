
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A text with patches, and errors that stay.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "buffer.h"
#include "llmb_patch.h"


static const llmb_str_t  text = llmb_string("0123456789");


static void
mark(llmb_out_t *out, void *data, unsigned i)
{
    assert_ptr_equal(data, &text);

    llmb_out_char(out, '<');
    llmb_out_number(out, i);
    llmb_out_char(out, '>');
}


static void
add(llmb_patches_t *patches, size_t start, size_t end, llmb_patch_pt write,
    unsigned i)
{
    llmb_span_t  span;

    span.start = start;
    span.end = end;

    llmb_patch_add(patches, span, write, i);
}


static llmb_rc_e
apply(const llmb_patches_t *patches, buffer_t *b, unsigned fail)
{
    llmb_out_t   out;
    llmb_span_t  span = { 1, 9 };
    llmb_sink_t  sink = buffer_sink(b);

    b->fail = fail;

    llmb_out_init(&out, &sink);
    llmb_patch_write(patches, &out, text.data, span, (void *) &text);

    return out.rc;
}


static void
expect(const llmb_patches_t *patches, const char *expected)
{
    buffer_t  b;

    assert_int_equal(apply(patches, &b, 0), LLMB_OK);
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(b.data, expected, b.len);
    free(b.data);
}


static void
all_else_is_copied(void **state)
{
    llmb_patches_t  patches;

    (void) state;

    llmb_patch_init(&patches);
    expect(&patches, "12345678");

    /* in any order; some are empty, some write nothing */

    add(&patches, 7, 9, mark, 4294967295U);
    add(&patches, 3, 3, mark, 1);
    add(&patches, 1, 2, mark, 0);
    add(&patches, 3, 5, NULL, 2);

    expect(&patches, "<0>2<1>56<4294967295>");
}


static void
what_overlaps_is_not_written(void **state)
{
    unsigned        i;
    buffer_t        b;
    llmb_patches_t  patches;

    (void) state;

    llmb_patch_init(&patches);
    add(&patches, 2, 5, mark, 0);
    add(&patches, 4, 6, mark, 1);

    assert_int_equal(apply(&patches, &b, 0), LLMB_INVALID);
    assert_int_equal(b.writes, 0);

    llmb_patch_init(&patches);

    for (i = 0; i < LLMB_PATCHES; i++) {
        add(&patches, 5, 5, NULL, 0);
    }

    expect(&patches, "12345678");

    add(&patches, 5, 5, NULL, 0);

    assert_int_equal(apply(&patches, &b, 0), LLMB_INVALID);
    assert_int_equal(b.writes, 0);
}


static void
nothing_is_written_after_an_error(void **state)
{
    unsigned        i;
    buffer_t        b;
    llmb_patches_t  patches;

    (void) state;

    llmb_patch_init(&patches);
    add(&patches, 3, 4, mark, 0);
    add(&patches, 4, 5, mark, 1);

    for (i = 1; apply(&patches, &b, i) != LLMB_OK; i++) {
        assert_int_equal(b.late, 0);
        free(b.data);
    }

    assert_int_equal(b.writes, i - 1);
    assert_int_equal(i, 2 * 3 + 2 + 1);
    free(b.data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(all_else_is_copied),
        cmocka_unit_test(what_overlaps_is_not_written),
        cmocka_unit_test(nothing_is_written_after_an_error)
    };

    return cmocka_run_group_tests_name("patch", tests, NULL, NULL);
}
