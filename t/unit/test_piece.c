
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Requests in parts, and what is kept of them.
 */


#include "mixed.h"
#include "test_request.h"


static const llmb_adapter_t *const  openai = &llmb_adapter_openai_embeddings;


/* cuts the request of a bundle of one; returns the parts as another */

static bundle_t *
cut(const llmb_request_t *rq, uint32_t first, uint32_t end,
    const llmb_limits_t *limits)
{
    uint32_t        next;
    bundle_t       *parts = bundle_create();
    llmb_piece_t    piece;
    llmb_cutter_t   cutter;

    next = first;

    llmb_piece_cut(&cutter, rq, first);

    while (llmb_piece_next(&cutter, rq, end, limits, &piece)) {
        assert_int_equal(piece.first, next);
        assert_true(piece.items > 0);
        next += piece.items;

        if (piece.items > 1) {
            assert_true(!limits->items || piece.items <= limits->items);
            assert_true(!limits->tokens || piece.tokens <= limits->tokens);
            assert_true(!limits->bytes || piece.bytes <= limits->bytes);
        }

        bundle_add_piece(parts, rq, &piece);
    }

    assert_int_equal(next, end);
    assert_int_equal(parts->items, end - first);

    return parts;
}


typedef struct {
    llmb_limits_t   limits;
    uint32_t        first;
    uint32_t        end;
    const char     *parts[6];
} cut_case_t;


static void
parts_keep_to_the_limits(void **state)
{
    uint32_t               k;
    unsigned               i;
    bundle_t              *b = bundle_create(), *parts;
    const llmb_request_t  *rq;

    static const cut_case_t  cases[] = {
        { { 0, 0, 0 }, 0, 5, { "[1,2] , [3],[4,5,6],[7],[8]" } },
        { { 2, 0, 0 }, 0, 5, { "[1,2] , [3]", "[4,5,6],[7]", "[8]" } },
        { { 1, 0, 0 }, 1, 4, { "[3]", "[4,5,6]", "[7]" } },
        { { 2, 0, 0 }, 3, 5, { "[7],[8]" } },
        { { 0, 3, 0 }, 0, 5, { "[1,2] , [3]", "[4,5,6]", "[7],[8]" } },
        { { 0, 2, 0 }, 0, 5, { "[1,2]", "[3]", "[4,5,6]", "[7],[8]" } },
        { { 0, 0, 11 }, 0, 5, { "[1,2] , [3]", "[4,5,6],[7]", "[8]" } },
        { { 0, 0, 10 }, 0, 5, { "[1,2]", "[3]", "[4,5,6]", "[7],[8]" } },
        { { 0, 0, 1 }, 0, 5, { "[1,2]", "[3]", "[4,5,6]", "[7]", "[8]" } },
        { { 2, 5, 12 }, 0, 5, { "[1,2] , [3]", "[4,5,6],[7]", "[8]" } }
    };

    (void) state;

    rq = bundle_add(b, openai, "/v1/embeddings",
                    "{\"input\":[ [1,2] , [3],[4,5,6],[7],[8] ]}");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parts = cut(rq, cases[i].first, cases[i].end, &cases[i].limits);

        for (k = 0; k < parts->n; k++) {
            assert_non_null(cases[i].parts[k]);
            assert_str(parts->payloads[k], cases[i].parts[k]);
        }

        assert_null(cases[i].parts[k]);
        bundle_destroy(parts);
    }

    bundle_destroy(b);
}


static void
a_single_value_is_in_every_part(void **state)
{
    bundle_t              *b = bundle_create(), *parts;
    llmb_limits_t          limits = { 2, 0, 0 };
    const llmb_request_t  *rq;

    (void) state;

    rq = bundle_add(b, &llmb_adapter_vllm_score, "/score",
                    "{\"text_1\":\"q\",\"text_2\":[\"a\", \"b\",\"c\"]}");

    assert_str(llmb_payload_column(rq, b->payloads[0], 0), "\"q\"");
    assert_str(llmb_payload_column(rq, b->payloads[0], 1),
               "\"a\", \"b\",\"c\"");
    assert_str(llmb_payload_column(rq, b->payloads[0], 2), "");
    assert_str(llmb_payload_column(rq, b->payloads[0], 3), "");

    parts = cut(rq, 0, 3, &limits);

    assert_int_equal(parts->n, 2);
    assert_int_equal(parts->tokens, rq->tokens);
    assert_str(llmb_payload_column(rq, parts->payloads[0], 0), "\"q\"");
    assert_str(llmb_payload_column(rq, parts->payloads[0], 1),
               "\"a\", \"b\"");
    assert_str(llmb_payload_column(rq, parts->payloads[1], 0), "\"q\"");
    assert_str(llmb_payload_column(rq, parts->payloads[1], 1), "\"c\"");
    assert_merged(parts, "{\"text_1\":[\"q\",\"q\",\"q\"],"
                         "\"text_2\":[\"a\", \"b\",\"c\"]}");

    /* alone it is not repeated */

    assert_merged(b, "{\"text_1\":\"q\",\"text_2\":[\"a\", \"b\",\"c\"]}");

    bundle_destroy(parts);

    /* two lengths, and the texts of as many items */

    limits.items = 0;
    limits.bytes = 2 * (sizeof(uint64_t) + sizeof("\"q\",\"q\"") - 1);

    parts = cut(rq, 0, 3, &limits);

    assert_int_equal(parts->n, 2);
    bundle_destroy(parts);

    limits.bytes--;

    parts = cut(rq, 0, 3, &limits);

    assert_int_equal(parts->n, 3);
    bundle_destroy(parts);

    bundle_destroy(b);
}


/* a query of "q" bytes for "n" documents of one */

static llmb_reason_e
repeated(uint32_t q, uint32_t n, llmb_piece_t *piece)
{
    char            *body = malloc(q + 4 * n + 64), *p;
    uint32_t         i;
    llmb_reason_e    reason;
    llmb_request_t   rq;

    p = body + sprintf(body, "{\"text_1\":\"");

    for (i = 0; i < q; i++) {
        *p++ = 'q';
    }

    p += sprintf(p, "\",\"text_2\":[");

    for (i = 0; i < n; i++) {
        p += sprintf(p, i ? ",\"d\"" : "\"d\"");
    }

    p += sprintf(p, "]}");

    if (read_text(&rq, &llmb_adapter_vllm_score, "/score", body,
                  (size_t) (p - body), &reason)
        == LLMB_OK)
    {
        llmb_piece_all(&rq, piece);

        assert_true(piece->size <= rq.body.len + 2 * sizeof(uint64_t));
        assert_true(piece->bytes <= llmb_max(4 * rq.body.len, 16384)
                                    + n + 2 * sizeof(uint64_t));
    }

    free_body(&rq);
    free(body);

    return reason;
}


static void
what_is_repeated_is_bounded(void **state)
{
    uint32_t       q;
    llmb_piece_t   piece;

    (void) state;

    /* by a size that does not matter */

    assert_int_equal(repeated(100, 100, &piece), LLMB_REASON_NONE);
    assert_int_equal(repeated(1600, 10, &piece), LLMB_REASON_NONE);
    assert_int_equal(repeated(1700, 10, &piece), LLMB_REASON_BODY_SIZE);

    /* by the size of the request */

    assert_int_equal(repeated(40000, 4, &piece), LLMB_REASON_NONE);
    assert_int_equal(repeated(40000, 5, &piece), LLMB_REASON_BODY_SIZE);

    for (q = 1000; q <= 100000; q *= 10) {
        assert_int_equal(repeated(q, 40, &piece), LLMB_REASON_BODY_SIZE);
        assert_int_equal(repeated(q, 400, &piece), LLMB_REASON_BODY_SIZE);
    }
}


static void
missing_columns_are_empty(void **state)
{
    bundle_t              *b = bundle_create();
    const llmb_request_t  *rq;

    (void) state;

    rq = bundle_add(b, &llmb_adapter_sglang_generate, "/generate",
                    "{\"text\":[\"a\"]}");

    assert_str(llmb_payload_column(rq, b->payloads[0], 0), "\"a\"");
    assert_str(llmb_payload_column(rq, b->payloads[0], 1), "");

    bundle_destroy(b);
}


static void
each_client_keeps_what_is_echoed(void **state)
{
    bundle_t              *b = bundle_create();
    llmb_str_t             broken;
    const llmb_request_t  *rq;

    static const llmb_str_t  paths[] = {
        llmb_string("/x"),
        llmb_null_string
    };

    static const llmb_column_t  columns[] = {
        { .name = llmb_string("x"), .kinds = LLMB_KIND_TEXT },
        llmb_null_column
    };

    static const llmb_form_t  form = {
        .paths = paths,
        .columns = columns,
        .echo = llmb_string("id")
    };

    static const llmb_adapter_t  adapter = { .forms = { &form } };

    (void) state;

    rq = bundle_add(b, &adapter, "/x", "{\"id\":\"i\\\"1\",\"x\":\"a\"}");

    assert_str(rq->echo, "\"i\\\"1\"");
    assert_int_equal(rq->nholes, 2);
    assert_int_equal(rq->holes[0].type, LLMB_HOLE_OWN);
    assert_int_equal(rq->holes[0].start, 6);
    assert_int_equal(rq->holes[0].end, 12);

    rq = bundle_add(b, &adapter, "/x", "{\"x\":[\"b\",\"c\"],\"id\":\"2\"}");

    assert_str(llmb_payload_column(rq, b->payloads[0], 0), "\"a\"");
    assert_str(llmb_payload_column(rq, b->payloads[0], 1), "\"i\\\"1\"");
    assert_str(llmb_payload_column(rq, b->payloads[1], 0), "\"b\",\"c\"");
    assert_str(llmb_payload_column(rq, b->payloads[1], 1), "\"2\"");
    /* the upstream may repeat it where all clients look */

    assert_merged(b, "{\"id\":\"llm-batch\",\"x\":[\"a\",\"b\",\"c\"]}");

    /* a payload that is too short has nothing */

    broken = b->payloads[1];

    for (broken.len = 0; broken.len < b->payloads[1].len; broken.len++) {
        assert_str(llmb_payload_column(rq, broken, 1), "");
    }

    rq = bundle_add(b, &adapter, "/x", "{\"x\":\"a\",\"id\":null}");

    assert_int_equal(rq->nholes, 1);
    assert_str(llmb_payload_column(rq, b->payloads[2], 1), "");

    assert_int_equal(reason_of(&adapter, "/x", "{\"x\":\"a\",\"id\":1}"),
                     LLMB_REASON_ITEM);

    bundle_destroy(b);
}


static void
what_may_not_be_cut_is_told(void **state)
{
    bundle_t  *b = bundle_create();

    (void) state;

    assert_true(bundle_add(b, openai, "/v1/embeddings",
                           "{\"input\":[\"a\",\"b\"]}")->divisible);
    assert_false(bundle_add(b, openai, "/v1/embeddings",
                            "{\"input\":[\"a\"]}")->divisible);
    assert_false(bundle_add(b, openai, "/v1/embeddings",
                            "{\"input\":[1,2]}")->divisible);
    assert_false(bundle_add(b, &llmb_adapter_rerank, "/rerank",
                            "{\"documents\":[\"a\",\"b\"]}")->divisible);
    assert_false(bundle_add(b, &llmb_adapter_tei_predict, "/predict",
                            "{\"inputs\":[\"a\",\"b\"]}")->divisible);
    assert_true(bundle_add(b, &llmb_adapter_tei_predict, "/predict",
                           "{\"inputs\":[[\"a\"],[\"b\"]]}")->divisible);
    assert_false(bundle_add(b, &llmb_adapter_vllm_chat_batch,
                            "/chat/completions",
                            "{\"messages\":[{},{}]}")->divisible);
    bundle_destroy(b);
}


/* the same numbers each time */

static uint32_t
any(uint32_t n)
{
    static uint64_t  x = 88172645463325252U;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    return (uint32_t) (x >> 16) % n;
}


static size_t
random_item(char *out, const char *kind)
{
    static const char *const  texts[] = {
        "\"a\"", "\"]\\\"[\"", "\"\\u00e9,\"", "\"word and word\"", "\"\\\\\""
    };

    static const char *const  values[] = {
        "{\"a\":[1,{}],\"b\":\"}\"}", "[[],[\"]\"]]", "-1.5e3", "true", "null",
        "[1,2]", "{}", "\"x\""
    };

    if (kind[0] == 't') {
        return (size_t) sprintf(out, "%s", texts[any(5)]);
    }

    if (kind[0] == 'i') {
        return (size_t) sprintf(out, "[%u,%u]", any(1000), any(9));
    }

    return (size_t) sprintf(out, "%s", values[any(8)]);
}


typedef struct {
    const llmb_adapter_t  *adapter;
    const char            *path;
    const char            *names[2];
    const char            *kinds[2];
} random_case_t;


static void
random_body(char *body, const random_case_t *k, uint32_t n)
{
    char      one[64];
    uint32_t  i;
    unsigned  c;

    body += sprintf(body, "{\"x\":1");

    for (c = 0; c < 2 && k->names[c]; c++) {
        body += sprintf(body, ",\"%s\":", k->names[c]);

        if (k->kinds[c][0] == 'o') {
            body += random_item(body, "text");
            continue;
        }

        for (i = 0; i < n; i++) {
            (void) random_item(one, k->kinds[c]);
            body += sprintf(body, "%c%s", i ? ',' : '[', one);
        }

        body += sprintf(body, "]");
    }

    sprintf(body, "}");
}


static void
parts_make_the_same_call_as_the_whole(void **state)
{
    char                   body[8192];
    uint32_t               n, round;
    buffer_t               whole, joined;
    bundle_t              *b, *parts;
    llmb_merge_t           merge;
    llmb_limits_t          limits;
    const llmb_request_t  *rq;
    const random_case_t   *k;

    static const random_case_t  cases[] = {
        { &llmb_adapter_openai_embeddings, "/embeddings", { "input" },
          { "text" } },
        { &llmb_adapter_openai_embeddings, "/embeddings", { "input" },
          { "ids" } },
        { &mixed, "/mixed", { "items" }, { "value" } },
        { &llmb_adapter_vllm_score, "/score", { "text_2", "text_1" },
          { "text", "text" } },
        { &llmb_adapter_vllm_score, "/score", { "text_2", "text_1" },
          { "text", "one" } }
    };

    (void) state;

    for (round = 0; round < 2000; round++) {
        k = &cases[round % (sizeof(cases) / sizeof(cases[0]))];

        n = 2 + any(20);
        random_body(body, k, n);

        b = bundle_create();
        rq = bundle_add(b, k->adapter, k->path, body);

        assert_int_equal(rq->items, n);
        assert_true(rq->divisible);

        limits.items = any(5);
        limits.tokens = any(3) ? 0 : any(20);
        limits.bytes = any(3) ? 0 : any(100);

        parts = cut(rq, 0, n, &limits);

        assert_int_equal(parts->tokens, rq->tokens);

        /* in company, or what is meant for all would not be repeated */

        (void) bundle_add(b, k->adapter, k->path, body);
        (void) bundle_add(parts, k->adapter, k->path, body);

        memset(&merge, 0, sizeof(llmb_merge_t));
        bundle_merge(b, &merge, &whole);

        memset(&merge, 0, sizeof(llmb_merge_t));
        bundle_merge(parts, &merge, &joined);

        if (whole.len != joined.len
            || memcmp(whole.data, joined.data, whole.len) != 0)
        {
            fail_msg("%.*s is not %.*s", (int) joined.len,
                     (char *) joined.data, (int) whole.len,
                     (char *) whole.data);
        }

        free(whole.data);
        free(joined.data);
        bundle_destroy(parts);
        bundle_destroy(b);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(parts_keep_to_the_limits),
        cmocka_unit_test(a_single_value_is_in_every_part),
        cmocka_unit_test(what_is_repeated_is_bounded),
        cmocka_unit_test(missing_columns_are_empty),
        cmocka_unit_test(each_client_keeps_what_is_echoed),
        cmocka_unit_test(what_may_not_be_cut_is_told),
        cmocka_unit_test(parts_make_the_same_call_as_the_whole)
    };

    return cmocka_run_group_tests_name("piece", tests, NULL, NULL);
}
