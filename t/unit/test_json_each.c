
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The walk finds what the scanner finds.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "documents.h"
#include "guard.h"
#include "llmb_json.h"
#include "llmb_json_each.h"


static const llmb_str_t  more[] = {
    llmb_string("{\"a\" : 1 , \"\\\"b\\\\\":[1,2,{\"c\":\"]\"}] ,\"d\":-1e5 }"),
    llmb_string("[\"a,]\\\"\" ,[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,"
                "19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,"
                "39,\"x,\",-0.25,1e5,[],{}],{\"a\":[1.5,2.5]}, true ]"),
    llmb_string("[[0.25, 0.5, 0.75, -1.0, 12345678.9012345, 0.1, 0.2, 0.3,"
                " 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2],[1]]")
};


/* the next member or element, as the scanner tells it */

static unsigned
scan(llmb_json_t *js, llmb_str_t text, llmb_str_t *name, llmb_str_t *value)
{
    llmb_json_token_t  tok;

    name->len = 0;

    for ( ;; ) {
        assert_int_equal(llmb_json_next(js, text.data, text.len, 1, &tok),
                         LLMB_OK);

        if (tok.type == LLMB_JSON_END) {
            return 0;
        }

        if (tok.depth == 0) {
            continue;
        }

        if (tok.type != LLMB_JSON_KEY) {
            break;
        }

        name->data = text.data + tok.start;
        name->len = tok.end - tok.start;
    }

    value->data = text.data + tok.start;

    if (tok.type == LLMB_JSON_OBJECT || tok.type == LLMB_JSON_ARRAY) {
        assert_int_equal(llmb_json_next(js, text.data, text.len, 1, &tok),
                         LLMB_OK);
    }

    value->len = (size_t) (text.data + tok.end - value->data);

    return 1;
}


static void
check(llmb_str_t text)
{
    unsigned          found;
    llmb_str_t        name, value;
    llmb_json_t       js;
    llmb_json_each_t  each;

    text.data = guard(0, text.data, text.len);

    llmb_json_init(&js, 1);
    llmb_json_each(&each, text);

    do {
        found = scan(&js, text, &name, &value);
        assert_int_equal(llmb_json_each_next(&each), found);

        if (found) {
            assert_int_equal(each.name.len, name.len);
            assert_true(name.len == 0 || each.name.data == name.data);
            assert_ptr_equal(each.value.data, value.data);
            assert_int_equal(each.value.len, value.len);
        }
    } while (found);
}


static void
it_finds_what_the_scanner_finds(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        check(valid[i]);
    }

    for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        check(more[i]);
    }
}


static void
it_goes_on_from_any_element(void **state)
{
    llmb_str_t        text = llmb_string("[1,[2]] , \"3\",{}");
    const uint8_t    *end = text.data + text.len;
    llmb_json_each_t  each, again;

    (void) state;

    llmb_json_each_from(&each, text.data, end);
    assert_true(llmb_json_each_next(&each));
    assert_int_equal(each.value.len, sizeof("[1,[2]]") - 1);

    llmb_json_each_from(&again, each.next, end);
    assert_true(llmb_json_each_next(&again));
    assert_memory_equal(again.value.data, "\"3\"", 3);

    assert_true(llmb_json_each_next(&again));
    assert_ptr_equal(again.next, end);
    assert_false(llmb_json_each_next(&again));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(it_finds_what_the_scanner_finds),
        cmocka_unit_test(it_goes_on_from_any_element)
    };

    return cmocka_run_group_tests_name("json_each", tests, NULL, NULL);
}
