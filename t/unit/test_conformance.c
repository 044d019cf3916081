
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What every format has to stand, taken from the table: its golden cases,
 * each answer cut at every byte, each write failing.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "call.h"
#include "call_key.h"
#include "golden.h"
#include "llmb_frame.h"


#define MAX_CASES  4096


static void
assert_text(const buffer_t *b, llmb_str_t expected)
{
    if (!buffer_is(b, expected)) {
        print_error("expected %.*s\n", (int) expected.len, expected.data);
        print_error("got      %.*s\n", (int) b->len, b->data);
        fail();
    }
}


/* what members of a call have to have in common is what these have */

static void
golden_is_alike(call_t *call, unsigned k)
{
    buffer_t     first, other;
    llmb_str_t   shape;
    llmb_sink_t  one = buffer_sink(&first);
    llmb_sink_t  two = buffer_sink(&other);

    assert_int_equal(llmb_frame_shape(&call->rq[0], &one), LLMB_OK);
    assert_int_equal(llmb_frame_shape(&call->rq[k], &two), LLMB_OK);

    shape.data = first.data;
    shape.len = first.len;

    assert_text(&other, shape);

    free(first.data);
    free(other.data);
}


static void
golden_has_one_key(call_t *call, unsigned k)
{
    buffer_t    b;
    llmb_str_t  first, other;

    first = call_key(&call->rq[0]);
    other = call_key(&call->rq[k]);

    b.data = (uint8_t *) other.data;
    b.len = other.len;

    assert_text(&b, first);

    free((uint8_t *) first.data);
    free((uint8_t *) other.data);
}


static call_t *
golden_call(golden_t *gc)
{
    call_t         *call = call_create(gc->adapter);
    unsigned        k;
    llmb_reason_e   reason;

    call->dedup = gc->dedup;
    call->repair = gc->repair;
    call->token_ids = gc->token_ids;

    for (k = 0; k < gc->members; k++) {
        if (call_add(call, gc->path, gc->in[k], &reason) != LLMB_OK) {
            fail_msg("in.%u.json is declined: %s", k + 1,
                     llmb_reason_names[reason].data);
        }

        golden_is_alike(call, k);

        if (gc->key) {
            golden_has_one_key(call, k);
        }
    }

    return call;
}


/*
 * The golden cases
 */

static void
golden_is_declined(golden_t *gc)
{
    llmb_reason_e   reason;
    llmb_request_t  rq;

    assert_int_equal(llmb_request_read(&rq, gc->adapter, gc->path, gc->in[0],
                                       &reason),
                     LLMB_DECLINED);
    assert_string_equal((const char *) llmb_reason_names[reason].data,
                        (const char *) llmb_reason_names[gc->reason].data);
}


static void
golden_path_is(golden_t *gc)
{
    call_t    *call = golden_call(gc);
    buffer_t   b;

    (void) buffer_sink(&b);

    b.data = call_alloc(gc->path.len + call->rq[0].form->to.len);
    b.len = llmb_merge_path(&call->rq[0], b.data);

    assert_text(&b, gc->call_path);

    free(b.data);
    call_destroy(call);
}


static void
golden_is_merged(golden_t *gc)
{
    call_t       *call = golden_call(gc);
    buffer_t      b;
    llmb_sink_t   sink = buffer_sink(&b);

    assert_int_equal(call_merge(call, &sink), LLMB_OK);
    assert_text(&b, gc->merged);
    assert_true(b.len <= llmb_merge_bound(&call->rq[0], &call->merge));

    free(b.data);
    call_destroy(call);
}


static void
golden_outs_are(golden_t *gc, call_t *call, llmb_str_t answer)
{
    uint32_t     k;
    buffer_t     b;
    llmb_sink_t  sink;

    for (k = 0; k < call->members; k++) {
        sink = buffer_sink(&b);

        assert_int_equal(call_write(call, answer, k, &sink), LLMB_OK);
        assert_text(&b, gc->out[k]);
        assert_true(b.len <= llmb_split_write_bound(&call->split,
                                                    &call->shares[k]));

        free(b.data);
    }
}


static void
golden_result_is(golden_t *gc, call_t *call, llmb_rc_e rc)
{
    if (gc->mismatch == LLMB_MISMATCH_NONE) {
        if (rc != LLMB_OK) {
            fail_msg("mismatch: %s",
                     llmb_mismatch_names[call->split.mismatch].data);
        }

        call_weigh(call, gc->answer);
        golden_outs_are(gc, call, gc->answer);
        return;
    }

    assert_int_equal(rc, LLMB_INVALID);
    assert_string_equal(
               (const char *) llmb_mismatch_names[call->split.mismatch].data,
               (const char *) llmb_mismatch_names[gc->mismatch].data);

    /* and this is final */

    assert_int_equal(llmb_split_read(&call->split, gc->answer.data,
                                     gc->answer.len, 1),
                     LLMB_INVALID);
}


static void
golden_is_split(golden_t *gc)
{
    call_t  *call = golden_call(gc);

    golden_result_is(gc, call, call_read(call, gc->answer));

    call_destroy(call);
}


/* the first "len" bytes, somewhere else each time */

static llmb_rc_e
golden_read_part(golden_t *gc, call_t *call, size_t len)
{
    uint8_t    *moved = malloc(len ? len : 1);
    llmb_rc_e   rc;

    memcpy(moved, gc->answer.data, len);

    rc = llmb_split_read(&call->split, moved, len, 0);

    if (rc == LLMB_INVALID) {
        assert_int_equal(gc->mismatch, call->split.mismatch);

    } else {
        assert_int_equal(rc, LLMB_AGAIN);
    }

    free(moved);

    return rc;
}


static void
golden_is_split_in_pieces(golden_t *gc)
{
    size_t   len;
    call_t  *call = golden_call(gc);

    for (len = 0; len <= gc->answer.len; len++) {
        call_start(call);
        (void) golden_read_part(gc, call, len);

        golden_result_is(gc, call, call_read_last(call, gc->answer));
    }

    call_start(call);

    for (len = 0; len <= gc->answer.len; len++) {
        (void) golden_read_part(gc, call, len);
    }

    golden_result_is(gc, call, call_read_last(call, gc->answer));

    call_destroy(call);
}


/* fails the first write, the second ... until none is left to fail */

static void
golden_fails_with_its_sink(golden_t *gc)
{
    call_t       *call = golden_call(gc);
    buffer_t      b;
    uint32_t      k;
    unsigned      nth;
    llmb_rc_e     rc;
    llmb_sink_t   sink;

    assert_int_equal(call_read(call, gc->answer), LLMB_OK);

    for (k = 0; k <= call->members; k++) {
        nth = 0;

        do {
            sink = buffer_sink(&b);
            b.fail = ++nth;

            rc = (k == call->members) ? call_merge(call, &sink)
                                      : call_write(call, gc->answer, k, &sink);

            assert_int_equal(rc, (b.writes < nth) ? LLMB_OK : LLMB_NOMEM);
            assert_int_equal(b.late, 0);

            free(b.data);

        } while (rc != LLMB_OK);

        assert_true(nth > 1);
    }

    call_destroy(call);
}


static void
golden_case_holds(void **state)
{
    golden_t  *gc = *state;

    if (gc->reason) {
        golden_is_declined(gc);
        return;
    }

    golden_path_is(gc);

    if (gc->merged.data) {
        golden_is_merged(gc);
    }

    golden_is_split(gc);
    golden_is_split_in_pieces(gc);

    if (gc->mismatch == LLMB_MISMATCH_NONE) {
        golden_fails_with_its_sink(gc);
    }
}


static void
every_format_has_golden_cases(void **state)
{
    unsigned   i, k, n, outs, mismatches, reasons;
    golden_t  *cases;

    (void) state;

    for (i = 0; i < llmb_nadapters; i++) {
        cases = golden_load(llmb_adapters[i], &n);

        outs = 0;
        mismatches = 0;
        reasons = 0;

        for (k = 0; k < n; k++) {
            outs += (cases[k].outs != 0);
            mismatches += (cases[k].mismatch != LLMB_MISMATCH_NONE);
            reasons += (cases[k].reason != LLMB_REASON_NONE);
        }

        golden_free(cases, n);

        if (outs == 0 || mismatches == 0 || reasons == 0) {
            fail_msg("t/data/%s has %u calls, %u mismatches, %u refusals",
                     (const char *) llmb_adapters[i]->name.data, outs,
                     mismatches, reasons);
        }
    }
}


static void
add_golden_cases(struct CMUnitTest *tests, unsigned *ntests)
{
    unsigned   i, k, n;
    golden_t  *cases;

    for (i = 0; i < llmb_nadapters; i++) {
        cases = golden_load(llmb_adapters[i], &n);

        for (k = 0; k < n && *ntests < MAX_CASES; k++) {
            tests[*ntests].name = cases[k].name;
            tests[*ntests].test_func = golden_case_holds;
            tests[*ntests].initial_state = &cases[k];
            (*ntests)++;
        }
    }
}


int
main(void)
{
    unsigned                  n;
    static struct CMUnitTest  tests[MAX_CASES] = {
        cmocka_unit_test(every_format_has_golden_cases)
    };

    for (n = 0; tests[n].name; n++) { /* void */ }

    add_golden_cases(tests, &n);

    return _cmocka_run_group_tests("conformance", tests, n, NULL, NULL);
}
