
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Bodies without some of their members.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "buffer.h"
#include "llmb_strip.h"


static const llmb_str_t  names[] = {
    llmb_string("user"), llmb_string("metadata")
};


static llmb_rc_e
strip(const char *text, buffer_t *b, unsigned fail)
{
    llmb_str_t   body;
    llmb_sink_t  sink = buffer_sink(b);

    body.data = (const uint8_t *) text;
    body.len = strlen(text);
    b->fail = fail;

    return llmb_strip_write(body, names, 2, &sink);
}


static void
becomes(const char *text, const char *expected)
{
    buffer_t  b;

    assert_int_equal(strip(text, &b, 0), LLMB_OK);
    assert_int_equal(b.len, strlen(expected));
    assert_memory_equal(b.data, expected, b.len);
    assert_in_range(b.len, 1, strlen(text));
    free(b.data);
}


static void
declined(const char *text)
{
    buffer_t  b;

    assert_int_equal(strip(text, &b, 0), LLMB_DECLINED);
    free(b.data);
}


static void
members_are_left_out_wherever_they_are(void **state)
{
    (void) state;

    becomes("{\"user\":1,\"a\":2}", "{\"a\":2}");
    becomes("{\"a\":2,\"user\":1}", "{\"a\":2}");
    becomes("{\"a\":2,\"user\":1,\"b\":3}", "{\"a\":2,\"b\":3}");
    becomes("{\"user\":1,\"metadata\":{},\"a\":2}", "{\"a\":2}");
    becomes(" { \"a\" : [ 1 , 2 ] , \"user\" : null } ",
            "{\"a\" : [ 1 , 2 ]}");
    becomes("{\"metadata\":{\"a\":[{\"user\":1}]},\"a\":\"x\"}",
            "{\"a\":\"x\"}");

    /* all of one name: none of them is left to be meant */

    becomes("{\"user\":1,\"a\":2,\"user\":3}", "{\"a\":2}");
}


static void
names_are_compared_decoded(void **state)
{
    (void) state;

    becomes("{\"us\\u0065r\":1,\"a\":2}", "{\"a\":2}");
    becomes("{\"user\":1,\"users\":2,\"use\":3,\"User\":4}",
            "{\"users\":2,\"use\":3,\"User\":4}");
}


static void
what_is_within_others_stays(void **state)
{
    (void) state;

    becomes("{\"a\":{\"user\":1},\"b\":[{\"metadata\":2}],\"user\":3}",
            "{\"a\":{\"user\":1},\"b\":[{\"metadata\":2}]}");
    becomes("{\"a\":\"\\\"user\\\":1,\",\"user\":3}",
            "{\"a\":\"\\\"user\\\":1,\"}");
}


static void
other_bodies_are_left_alone(void **state)
{
    (void) state;

    declined("{\"a\":1}");
    declined("{}");
    declined("{\"user\":1}");
    declined("[\"user\"]");
    declined("\"user\"");
    declined("");
    declined("{\"a\":2,\"user\":1");
    declined("{\"a\":2,\"user\":1} x");
    declined("{\"a\":2,\"user\":1,}");
    declined("{\"a\":2,\"user\"}");
    declined("{\"a\":2,\"user\":tru}");
    declined("{\"a\":2 \"user\":1}");
}


static void
an_error_of_the_sink_is_told(void **state)
{
    unsigned  i;
    buffer_t  b;

    (void) state;

    for (i = 1; i <= 5; i++) {
        assert_int_equal(strip("{\"a\":2,\"user\":1,\"b\":3}", &b, i),
                         LLMB_NOMEM);
        assert_int_equal(b.late, 0);
        free(b.data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(members_are_left_out_wherever_they_are),
        cmocka_unit_test(names_are_compared_decoded),
        cmocka_unit_test(what_is_within_others_stays),
        cmocka_unit_test(other_bodies_are_left_alone),
        cmocka_unit_test(an_error_of_the_sink_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
