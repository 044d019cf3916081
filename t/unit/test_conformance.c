
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What every format has to stand, taken from the table: its golden cases,
 * and calls against an upstream that is played here.  That upstream answers a
 * call exactly as it would answer each client alone, so what comes out of the
 * split has to equal, byte for byte, what a client would have got alone.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "call.h"
#include "golden.h"
#include "llmb_tokens.h"


#define MAX_CASES  1024


static void
assert_text(const buffer_t *b, llmb_str_t expected)
{
    if (!buffer_is(b, expected)) {
        print_error("expected %.*s\n", (int) expected.len, expected.data);
        print_error("got      %.*s\n", (int) b->len, b->data);
        fail();
    }
}


static call_t *
golden_call(golden_t *gc)
{
    call_t         *call = call_create(gc->adapter);
    unsigned        k;
    llmb_reason_e   reason;

    for (k = 0; k < gc->members; k++) {
        if (call_add(call, gc->in[k], &reason) != LLMB_OK) {
            fail_msg("in.%u.json is declined: %s", k + 1,
                     llmb_reason_names[reason].data);
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

    assert_int_equal(llmb_request_read(&rq, gc->adapter, gc->in[0], &reason),
                     LLMB_DECLINED);
    assert_string_equal((const char *) llmb_reason_names[reason].data,
                        (const char *) llmb_reason_names[gc->reason].data);
}


static void
golden_is_merged(golden_t *gc)
{
    call_t       *call = golden_call(gc);
    buffer_t      b;
    llmb_sink_t   sink = buffer_sink(&b);

    assert_int_equal(call_merge(call, &sink), LLMB_OK);
    assert_text(&b, gc->merged);

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

        free(b.data);
    }
}


static void
golden_result_is(golden_t *gc, call_t *call, llmb_rc_e rc)
{
    if (gc->mismatch == LLMB_MISMATCH_NONE) {
        assert_int_equal(rc, LLMB_OK);
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

        golden_result_is(gc, call,
                         llmb_split_read(&call->split, gc->answer.data,
                                         gc->answer.len, 1));
    }

    call_start(call);

    for (len = 0; len <= gc->answer.len; len++) {
        (void) golden_read_part(gc, call, len);
    }

    golden_result_is(gc, call,
                     llmb_split_read(&call->split, gc->answer.data,
                                     gc->answer.len, 1));

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

        assert_true(nth > 3);
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

    if (gc->merged.data) {
        golden_is_merged(gc);
    }

    golden_is_split(gc);
    golden_is_split_in_pieces(gc);

    if (gc->mismatch == LLMB_MISMATCH_NONE) {
        golden_fails_with_its_sink(gc);
    }
}


/*
 * The upstream: a vector that depends on nothing but the item
 */

static void
upstream_print(buffer_t *b, const char *format, ...)
{
    char     text[512];
    va_list  args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    (void) buffer_write(b, (const uint8_t *) text, strlen(text));
}


static unsigned long
upstream_tokens(json_t *item, const char *text)
{
    return json_is_array(item) ? json_array_size(item)
                               : llmb_tokens_estimate(text_of(text));
}


static void
upstream_element(buffer_t *b, const llmb_adapter_t *adapter, unsigned i,
    const char *text)
{
    unsigned long  hash = 5381;

    for ( /* void */ ; *text; text++) {
        hash = (hash * 33 + (unsigned char) *text) % 1000003;
    }

    if (adapter->index.len) {
        upstream_print(b, "{\"object\": \"x\", \"%s\": %u, \"v\": ",
                       (const char *) adapter->index.data, i);
    }

    upstream_print(b, "[0.%lu0, -%luE-3]", hash, hash);

    if (adapter->index.len) {
        upstream_print(b, "}");
    }
}


static void
upstream_usage(buffer_t *b, const llmb_adapter_t *adapter, unsigned long n)
{
    upstream_print(b, "\"%s\": ", (const char *) adapter->usage.data);

    if (adapter->input_tokens.len) {
        upstream_print(b, "{\"%s\": %lu, \"total\": %lu}",
                       (const char *) adapter->input_tokens.data, n, n);

    } else {
        upstream_print(b, "%lu", n);
    }

    upstream_print(b, ", ");
}


/* items are listed in the order given by "order", if it is not NULL */

static void
upstream_answer(buffer_t *b, const llmb_adapter_t *adapter, llmb_str_t body,
    const unsigned *order)
{
    char           *text;
    json_t         *root, *items, *item;
    unsigned        i, at, n;
    unsigned long   tokens;

    root = json_loadb((const char *) body.data, body.len, 0, NULL);
    assert_non_null(root);

    items = json_object_get(root, (const char *) adapter->input.data);

    if (!json_is_array(items)
        || json_is_integer(json_array_get(items, 0)))
    {
        items = json_pack("[O]", items);

    } else {
        json_incref(items);
    }

    n = (unsigned) json_array_size(items);
    tokens = 0;

    for (i = 0; i < n; i++) {
        item = json_array_get(items, i);
        text = json_dumps(item, JSON_ENCODE_ANY|JSON_COMPACT);
        tokens += upstream_tokens(item, text);
        free(text);
    }

    (void) buffer_sink(b);

    if (adapter->list.len) {
        upstream_print(b, "{");

        if (adapter->usage.len) {
            upstream_usage(b, adapter, tokens);
        }

        upstream_print(b, "\"%s\": ", (const char *) adapter->list.data);
    }

    upstream_print(b, "[");

    for (i = 0; i < n; i++) {
        at = order ? order[i] : i;
        text = json_dumps(json_array_get(items, at),
                          JSON_ENCODE_ANY|JSON_COMPACT);
        upstream_print(b, i ? ", " : "");
        upstream_element(b, adapter, at, text);
        free(text);
    }

    upstream_print(b, adapter->list.len ? "], \"model\": \"m\"}\n" : "]\n");

    json_decref(items);
    json_decref(root);
}


static llmb_str_t
text_in(const buffer_t *b)
{
    llmb_str_t  text;

    text.len = b->len;
    text.data = b->data;

    return text;
}


/* everybody gets through the call what he would have got alone */

static void
call_is_transparent(call_t *call, const unsigned *order)
{
    unsigned      exact;
    buffer_t      merged, answer, alone, out;
    uint32_t      k;
    llmb_sink_t   sink;

    sink = buffer_sink(&merged);
    assert_int_equal(call_merge(call, &sink), LLMB_OK);

    upstream_answer(&answer, call->adapter, text_in(&merged), order);

    assert_int_equal(call_read(call, text_in(&answer)), LLMB_OK);

    for (k = 0; k < call->members; k++) {
        upstream_answer(&alone, call->adapter, call->rq[k].body, NULL);

        sink = buffer_sink(&out);
        assert_int_equal(call_write(call, text_in(&answer), k, &sink),
                         LLMB_OK);

        assert_text(&out, text_in(&alone));

        assert_int_equal(llmb_split_tokens(&call->split, &call->shares[k],
                                           &exact),
                         call->shares[k].tokens);
        assert_int_equal(exact, call->adapter->usage.len != 0);

        free(alone.data);
        free(out.data);
    }

    free(answer.data);
    free(merged.data);
}


/* a body that has "items" items, the first one saying "mark" */

static llmb_str_t
client_body(const llmb_adapter_t *adapter, llmb_kind_e kind, unsigned items,
    unsigned mark)
{
    unsigned    i;
    buffer_t    b;

    (void) buffer_sink(&b);

    upstream_print(&b, "{\"model\": \"m\", \"%s\": ",
                   (const char *) adapter->input.data);
    upstream_print(&b, (items > 1) ? "[" : "");

    for (i = 0; i < items; i++) {
        upstream_print(&b, i ? ", " : "");

        if (kind == LLMB_KIND_TEXT) {
            upstream_print(&b, "\"item %u, \\u0041nd some more\"", mark + i);

        } else {
            upstream_print(&b, "[%u, 2%s]", mark + i, i % 2 ? ", 3" : "");
        }
    }

    upstream_print(&b, (items > 1) ? "]}" : "}");

    return text_in(&b);
}


/* sizes[] says how many items each client sends; ends with 0 */

static call_t *
client_call(const llmb_adapter_t *adapter, llmb_kind_e kind,
    const unsigned *sizes)
{
    call_t         *call = call_create(adapter);
    llmb_reason_e   reason;

    for ( /* void */ ; *sizes; sizes++) {
        assert_int_equal(call_add(call,
                                  client_body(adapter, kind, *sizes,
                                              call->items),
                                  &reason),
                         LLMB_OK);
    }

    return call;
}


static void
client_free(call_t *call)
{
    uint32_t  k;

    for (k = 0; k < call->members; k++) {
        free((void *) call->rq[k].body.data);
    }

    call_destroy(call);
}


static void
for_each_kind(void (*check)(const llmb_adapter_t *adapter, llmb_kind_e kind))
{
    unsigned               i;
    const llmb_adapter_t  *adapter;

    for (i = 0; i < llmb_nadapters; i++) {
        adapter = llmb_adapters[i];

        if (adapter->kinds & LLMB_KIND_TEXT) {
            check(adapter, LLMB_KIND_TEXT);
        }

        if (adapter->kinds & LLMB_KIND_TOKENS) {
            check(adapter, LLMB_KIND_TOKENS);
        }
    }
}


static void
check_sizes(const llmb_adapter_t *adapter, llmb_kind_e kind)
{
    call_t    *call;
    unsigned   i;

    static const unsigned  sizes[][8] = {
        { 1 }, { 1, 1 }, { 3 }, { 1, 2, 3 }, { 3, 1, 1, 2 }, { 9, 11 }
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        call = client_call(adapter, kind, sizes[i]);
        call_is_transparent(call, NULL);
        client_free(call);
    }
}


static void
everybody_gets_what_he_would_get_alone(void **state)
{
    (void) state;

    for_each_kind(check_sizes);
}


/* all orders of order[0 .. n), by Heap's algorithm */

static void
permute(call_t *call, unsigned *order, unsigned n)
{
    unsigned  i, j, swap;

    if (n == 1) {
        call_is_transparent(call, order);
        return;
    }

    for (i = 0; i < n; i++) {
        permute(call, order, n - 1);

        j = (n % 2) ? 0 : i;
        swap = order[j];
        order[j] = order[n - 1];
        order[n - 1] = swap;
    }
}


static void
check_orders(const llmb_adapter_t *adapter, llmb_kind_e kind)
{
    call_t    *call;
    unsigned   order[] = { 0, 1, 2, 3, 4 };

    static const unsigned  sizes[] = { 2, 1, 2, 0 };

    if (adapter->index.len == 0) {
        return;
    }

    call = client_call(adapter, kind, sizes);
    permute(call, order, 5);
    client_free(call);
}


static void
elements_may_come_in_any_order_if_they_have_an_index(void **state)
{
    (void) state;

    for_each_kind(check_orders);
}


static void
check_most_items(const llmb_adapter_t *adapter, llmb_kind_e kind)
{
    call_t    *call;
    unsigned   i, sizes[CALL_MAX_MEMBERS + 1];

    assert_in_range(adapter->max_items, 1, CALL_MAX_MEMBERS);

    sizes[0] = adapter->max_items;
    sizes[1] = 0;

    call = client_call(adapter, kind, sizes);
    call_is_transparent(call, NULL);
    client_free(call);

    for (i = 0; i < adapter->max_items; i++) {
        sizes[i] = 1;
    }

    sizes[i] = 0;

    call = client_call(adapter, kind, sizes);
    call_is_transparent(call, NULL);
    client_free(call);
}


static void
a_call_of_the_most_items_is_split(void **state)
{
    (void) state;

    for_each_kind(check_most_items);
}


/* the answer to a client with "n" items, given to a call of three */

static void
check_count(const llmb_adapter_t *adapter, llmb_kind_e kind, unsigned n)
{
    call_t    *call;
    buffer_t   answer;
    unsigned   other[] = { n, 0 };

    static const unsigned  sizes[] = { 1, 2, 0 };

    call = client_call(adapter, kind, other);
    upstream_answer(&answer, adapter, call->rq[0].body, NULL);
    client_free(call);

    call = client_call(adapter, kind, sizes);
    assert_int_equal(call_read(call, text_in(&answer)), LLMB_INVALID);
    assert_int_equal(call->split.mismatch, LLMB_MISMATCH_COUNT);
    client_free(call);

    free(answer.data);
}


static void
check_wrong_count(const llmb_adapter_t *adapter, llmb_kind_e kind)
{
    check_count(adapter, kind, 2);
    check_count(adapter, kind, 4);
}


static void
an_answer_of_another_number_of_elements_is_refused(void **state)
{
    (void) state;

    for_each_kind(check_wrong_count);
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
        cmocka_unit_test(every_format_has_golden_cases),
        cmocka_unit_test(everybody_gets_what_he_would_get_alone),
        cmocka_unit_test(elements_may_come_in_any_order_if_they_have_an_index),
        cmocka_unit_test(a_call_of_the_most_items_is_split),
        cmocka_unit_test(an_answer_of_another_number_of_elements_is_refused)
    };

    for (n = 0; tests[n].name; n++) { /* void */ }

    add_golden_cases(tests, &n);

    return _cmocka_run_group_tests("conformance", tests, n, NULL, NULL);
}
