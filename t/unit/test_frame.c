
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A frame is remembered with the places of its holes, so that it is taken for
 * that of no body that has another.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_request.h"
#include "llmb_frame.h"


#define N  (sizeof(bodies) / sizeof(bodies[0]))


static const char *const  bodies[] = {
    "{\"input\":\"a text\",\"model\":\"m\"}",
    "{\"input\":[\"a\",\"b\"],\"model\":\"m\"}",
    "{\"input\":\"a text\",\"model\":\"n\"}",
    "{\"input\": \"a text\",\"model\":\"m\"}",
    "{\"model\":\"m\",\"input\":\"a text\"}",
    "{\"model\":\"m\",\"input\":[1,2]}",
    "{\"input\":\"a\",\"model\":\"m\",\"user\":0}",
    "{\"input\":\"a\",\"model\":\"m\",\"user\":1}",
    "{\"encoding_format\":\"float\",\"input\":\"a text\",\"model\":\"m\"}",
    "{\"input\":\"a text\",\"model\":\"m\",\"encoding_format\":\"float\"}"
};

static const char *const  frames[] = {
    "{\"input\":0,\"model\":\"m\"}",
    "{\"input\":0,\"model\":\"m\"}",
    "{\"input\":0,\"model\":\"n\"}",
    "{\"input\": 0,\"model\":\"m\"}",
    "{\"model\":\"m\",\"input\":0}",
    "{\"model\":\"m\",\"input\":0}",
    "{\"input\":0,\"model\":\"m\",\"user\":0}",
    "{\"input\":0,\"model\":\"m\",\"user\":1}",
    "{\"input\":0,\"model\":\"m\"}",
    "{\"input\":0,\"model\":\"m\"}"
};


static size_t
read_frame(llmb_request_t *rq, unsigned i, uint8_t *frame, llmb_span_t *skip,
    unsigned *nskip)
{
    llmb_reason_e  reason;

    assert_int_equal(read_text(rq, &llmb_adapter_openai_embeddings,
                               "/v1/embeddings", bodies[i], strlen(bodies[i]),
                               &reason), LLMB_OK);

    assert_int_equal(llmb_frame(rq, NULL, NULL, NULL), strlen(frames[i]));

    return llmb_frame(rq, frame, skip, nskip);
}


static void
a_frame_has_a_character_for_each_hole(void **state)
{
    size_t          len;
    uint8_t         frame[128];
    unsigned        i, nskip;
    llmb_span_t     skip[LLMB_REQUEST_MAX_HOLES];
    llmb_request_t  rq;

    (void) state;

    for (i = 0; i < N; i++) {
        len = read_frame(&rq, i, frame, skip, &nskip);

        assert_int_equal(len, strlen(frames[i]));
        assert_memory_equal(frame, frames[i], len);
        assert_int_equal(frame[skip[0].start], '0');
        assert_int_equal(nskip, 1);

        free((void *) (uintptr_t) rq.body.data);
    }
}


static void
a_frame_is_known_again_and_no_other(void **state)
{
    size_t             len;
    uint8_t            frame[128];
    unsigned           i, k, nskip;
    llmb_str_t         text;
    llmb_span_t        skip[LLMB_REQUEST_MAX_HOLES];
    llmb_request_t     rq;
    llmb_frame_memo_t  memo;

    (void) state;

    for (i = 0; i < N; i++) {
        text.len = read_frame(&rq, i, frame, skip, &nskip);
        text.data = frame;

        memset(&memo, 0, sizeof(memo));
        assert_false(llmb_frame_is(&memo, &rq, text.len));

        llmb_frame_note(&memo, text, skip, nskip, text);
        assert_int_equal(memo.text_len, text.len);

        free((void *) (uintptr_t) rq.body.data);

        for (k = 0; k < N; k++) {
            len = read_frame(&rq, k, frame, skip, &nskip);

            assert_int_equal(llmb_frame_is(&memo, &rq, len),
                             strcmp(frames[i], frames[k]) == 0);

            free((void *) (uintptr_t) rq.body.data);
        }
    }
}


/* a number that stands where another body has a hole */

static void
a_hole_is_no_number(void **state)
{
    size_t             len;
    uint8_t            frame[128];
    unsigned           nskip;
    llmb_str_t         text;
    llmb_span_t        skip[LLMB_REQUEST_MAX_HOLES];
    llmb_request_t     rq;
    llmb_frame_memo_t  memo;

    (void) state;

    text.len = read_frame(&rq, 6, frame, skip, &nskip);
    text.data = frame;

    memset(&memo, 0, sizeof(memo));
    llmb_frame_note(&memo, text, skip, nskip, text);

    /* the same bytes, if "user" were the hole */

    free((void *) (uintptr_t) rq.body.data);

    len = text.len;
    rq.body = text;
    rq.holes[0].start = len - 2;
    rq.holes[0].end = len - 1;
    assert_false(llmb_frame_is(&memo, &rq, len));

    rq.holes[0].start = skip[0].start;
    rq.holes[0].end = skip[0].end;
    assert_true(llmb_frame_is(&memo, &rq, len));
}


static void
what_is_too_long_is_not_noted(void **state)
{
    uint8_t            frame[128];
    unsigned           nskip;
    llmb_str_t         text;
    llmb_span_t        skip[LLMB_REQUEST_MAX_HOLES];
    llmb_request_t     rq;
    llmb_frame_memo_t  memo;

    (void) state;

    text.len = read_frame(&rq, 0, frame, skip, &nskip);
    text.data = frame;

    memset(&memo, 0, sizeof(memo));

    text.len = LLMB_FRAME_LONG + 1;
    llmb_frame_note(&memo, text, skip, nskip, text);
    assert_int_equal(memo.len, 0);

    free((void *) (uintptr_t) rq.body.data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_frame_has_a_character_for_each_hole),
        cmocka_unit_test(a_frame_is_known_again_and_no_other),
        cmocka_unit_test(a_hole_is_no_number),
        cmocka_unit_test(what_is_too_long_is_not_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
