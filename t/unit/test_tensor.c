
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Where the items are in requests and answers of the Open Inference Protocol.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/llmb_adapters.h"
#include "call.h"
#include "guard.h"
#include "llmb_tensor.h"


#define INPUT(s)     "{\"inputs\":[" s "]}"
#define OUTPUT(s)    "{\"outputs\":[" s "]}"

#define TENSOR(shape, data)                                                   \
    "{\"name\":\"x\",\"shape\":" shape ",\"datatype\":\"FP32\","              \
    "\"data\":" data "}"

#define X            TENSOR("[1]", "[1]")

#define count(a)     (sizeof(a) / sizeof((a)[0]))


static llmb_reason_e
read_input(llmb_request_t *rq, const char *json)
{
    memset(rq, 0, sizeof(llmb_request_t));

    rq->adapter = &llmb_adapter_oip_v2;
    rq->form = llmb_adapter_oip_v2.forms[0];
    rq->divisible = 1;
    rq->body.len = strlen(json);
    rq->body.data = guard(0, json, rq->body.len);

    return llmb_tensor_request(rq);
}


static void
assert_hole(const llmb_request_t *rq, unsigned i, llmb_hole_e type,
    unsigned column, const char *text)
{
    const llmb_hole_t  *hole = &rq->holes[i];

    assert_int_equal(hole->type, type);
    assert_int_equal(hole->column, column);
    assert_int_equal(hole->end - hole->start, strlen(text));
    assert_memory_equal(rq->body.data + hole->start, text, strlen(text));
}


static void
assert_span(llmb_str_t span, const char *text)
{
    if (span.len != strlen(text) || memcmp(span.data, text, span.len) != 0) {
        fail_msg("%.*s", (int) span.len, (const char *) span.data);
    }
}


static void
flat_data_is_a_column(void **state)
{
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(read_input(&rq, INPUT(
                                    TENSOR("[ 2 ,3]", "[ 1,2,3 , 4,5,6 ]"))),
                     LLMB_REASON_NONE);

    assert_int_equal(rq.items, 2);
    assert_int_equal(rq.tokens, 0);
    assert_int_equal(rq.kind, LLMB_KIND_VALUE);
    assert_int_equal(rq.divisible, 0);
    assert_int_equal(rq.ncolumns, 1);
    assert_span(rq.columns[0].list, "[ 1,2,3 , 4,5,6 ]");
    assert_span(rq.columns[0].span, "1,2,3 , 4,5,6");
    assert_int_equal(rq.columns[0].items, 2);
    assert_true(rq.columns[0].present);
    assert_false(rq.columns[0].bare);

    assert_int_equal(rq.nholes, 2);
    assert_hole(&rq, 0, LLMB_HOLE_COUNT, 0, "2");
    assert_hole(&rq, 1, LLMB_HOLE_COLUMN, 0, "[ 1,2,3 , 4,5,6 ]");
}


static void
nested_data_is_of_another_kind(void **state)
{
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(read_input(&rq, INPUT(
                           TENSOR("[2,1,2]", "[[[1,2]], [ [3,\"4\"] ] ]"))),
                     LLMB_REASON_NONE);

    assert_int_equal(rq.items, 2);
    assert_int_equal(rq.kind, LLMB_KIND_OBJECT);
    assert_span(rq.columns[0].span, "[[1,2]], [ [3,\"4\"] ]");
    assert_int_equal(rq.columns[0].items, 2);
}


static void
with_one_dimension_both_styles_are_one(void **state)
{
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(read_input(&rq, INPUT(TENSOR("[3]", "[1,null,true]"))),
                     LLMB_REASON_NONE);
    assert_int_equal(rq.kind, LLMB_KIND_VALUE);
    assert_int_equal(rq.items, 3);

    assert_int_equal(read_input(&rq, INPUT(
                                    TENSOR("[2]", "[\"a\",\"b\"]") ","
                                    TENSOR("[2,1]", "[[1],[2]]"))),
                     LLMB_REASON_NONE);
    assert_int_equal(rq.kind, LLMB_KIND_OBJECT);

    assert_int_equal(read_input(&rq, INPUT(
                                    TENSOR("[2,1]", "[1,2]") ","
                                    TENSOR("[2]", "[\"a\",\"b\"]"))),
                     LLMB_REASON_NONE);
    assert_int_equal(rq.kind, LLMB_KIND_VALUE);

    assert_int_equal(read_input(&rq, INPUT(
                                    TENSOR("[2,1]", "[1,2]") ","
                                    TENSOR("[2]", "[\"a\",\"b\"]") ","
                                    TENSOR("[2,1]", "[[1],[2]]"))),
                     LLMB_REASON_ITEM);
}


static void
holes_are_in_the_order_of_the_body(void **state)
{
    llmb_request_t      rq;

    static const char   json[] =
        "{\"id\":\"a\",\"inputs\":["
        "{\"data\":[[1],[2]],\"name\":\"x\",\"shape\":[2,1]},"
        "{\"shape\":[2],\"name\":\"y\",\"data\":[3,4]}],\"z\":\"b\"}";

    (void) state;

    memset(&rq, 0, sizeof(llmb_request_t));

    rq.body = text_of(json);
    rq.nholes = 2;
    rq.holes[0].start = 6;
    rq.holes[0].end = 9;
    rq.holes[0].type = LLMB_HOLE_OWN;
    rq.holes[1].start = sizeof(json) - 5;
    rq.holes[1].end = sizeof(json) - 2;
    rq.holes[1].type = LLMB_HOLE_OWN;

    assert_int_equal(llmb_tensor_request(&rq), LLMB_REASON_NONE);

    assert_int_equal(rq.nholes, 6);
    assert_hole(&rq, 0, LLMB_HOLE_OWN, 0, "\"a\"");
    assert_hole(&rq, 1, LLMB_HOLE_COLUMN, 0, "[[1],[2]]");
    assert_hole(&rq, 2, LLMB_HOLE_COUNT, 0, "2");
    assert_hole(&rq, 3, LLMB_HOLE_COUNT, 1, "2");
    assert_hole(&rq, 4, LLMB_HOLE_COLUMN, 1, "[3,4]");
    assert_hole(&rq, 5, LLMB_HOLE_OWN, 0, "\"b\"");
}


static void
names_are_compared_decoded(void **state)
{
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(read_input(&rq, "{\"\\u0069nputs\":[{\"n\\u0061me\":"
                                "\"x\",\"sh\\u0061pe\":[1],"
                                "\"\\u0064ata\":[1]}]}"),
                     LLMB_REASON_NONE);
    assert_int_equal(read_input(&rq, "{\"parameters\":{\"\\u0073equence_id\":"
                                "1},\"inputs\":[" X "]}"),
                     LLMB_REASON_ADAPTER);
}


static void
eight_inputs_at_most(void **state)
{
    llmb_request_t  rq;

    (void) state;

    assert_int_equal(read_input(&rq, INPUT(X "," X "," X "," X "," X "," X ","
                                           X "," X)),
                     LLMB_REASON_NONE);
    assert_int_equal(rq.ncolumns, 8);
    assert_int_equal(rq.nholes, 16);
    assert_int_equal(read_input(&rq, INPUT(X "," X "," X "," X "," X "," X ","
                                           X "," X "," X)),
                     LLMB_REASON_ITEM);
}


static void
what_is_no_tensor_is_no_item(void **state)
{
    unsigned            i;
    llmb_request_t      rq;

    static const char  *texts[] = {
        "{}",
        "{\"inputs\":null}",
        "{\"inputs\":{}}",
        "{\"inputs\":\"x\"}",
        INPUT(""),
        INPUT("1"),
        INPUT("[]"),
        INPUT("\"x\""),
        INPUT("null"),
        INPUT("{}"),
        INPUT(X ",null"),
        INPUT("{\"shape\":[1],\"data\":[1]}"),
        INPUT("{\"name\":1,\"shape\":[1],\"data\":[1]}"),
        INPUT("{\"name\":\"x\",\"data\":[1]}"),
        INPUT("{\"name\":\"x\",\"shape\":[1]}"),
        INPUT("{\"name\":\"x\",\"shape\":[1],\"shape\":[1],\"data\":[1]}"),
        INPUT("{\"name\":\"x\",\"shape\":[1],\"data\":[1],\"data\":[1]}"),
        INPUT("{\"name\":\"x\",\"shape\":[1],\"data\":[1],\"d\\u0061ta\":[1]}"),
        INPUT("{\"name\":\"x\",\"name\":\"x\",\"shape\":[1],\"data\":[1]}"),
        INPUT("{\"name\":\"x\",\"parameters\":{},\"parameters\":{},"
              "\"shape\":[1],\"data\":[1]}"),
        INPUT(TENSOR("1", "[1]")),
        INPUT(TENSOR("[]", "[1]")),
        INPUT(TENSOR("{}", "[1]")),
        INPUT(TENSOR("[[1]]", "[1]")),
        INPUT(TENSOR("[\"1\"]", "[1]")),
        INPUT(TENSOR("[1.0]", "[1]")),
        INPUT(TENSOR("[-1]", "[1]")),
        INPUT(TENSOR("[1e0]", "[1]")),
        INPUT(TENSOR("[0]", "[]")),
        INPUT(TENSOR("[1,0]", "[]")),
        INPUT(TENSOR("[1,0]", "[[]]")),
        INPUT(TENSOR("[1]", "1")),
        INPUT(TENSOR("[1]", "\"AAAAAA==\"")),
        INPUT(TENSOR("[1]", "{\"a\":1}")),
        INPUT(TENSOR("[1]", "[]")),
        INPUT(TENSOR("[1]", "[{}]")),
        INPUT(TENSOR("[1]", "[[1]]")),
        INPUT(TENSOR("[1,1]", "[[{}]]")),
        INPUT(TENSOR("[1,1]", "[[[1]]]"))
    };

    (void) state;

    for (i = 0; i < count(texts); i++) {
        if (read_input(&rq, texts[i]) != LLMB_REASON_ITEM) {
            fail_msg("%s", texts[i]);
        }
    }
}


static void
data_has_to_fit_its_shape(void **state)
{
    unsigned            i;
    llmb_request_t      rq;

    static const char  *texts[] = {
        INPUT(TENSOR("[2]", "[1]")),
        INPUT(TENSOR("[2]", "[1,2,3]")),
        INPUT(TENSOR("[2,2]", "[1,2,3]")),
        INPUT(TENSOR("[2,2]", "[1,2,3,4,5]")),
        INPUT(TENSOR("[2,2]", "[1,2]")),
        INPUT(TENSOR("[2,2]", "[[1,2]]")),
        INPUT(TENSOR("[2,2]", "[[1,2],[3]]")),
        INPUT(TENSOR("[2,2]", "[[1],[2,3]]")),
        INPUT(TENSOR("[2,2]", "[[1,2],[3,4],[5,6]]")),
        INPUT(TENSOR("[2,2]", "[[1,2],[3,4,5]]")),
        INPUT(TENSOR("[2,2]", "[[1,2],3,4]")),
        INPUT(TENSOR("[2,2]", "[1,2,[3,4]]")),
        INPUT(TENSOR("[2,2]", "[1,2,3,[4]]")),
        INPUT(TENSOR("[2,2]", "[[1,2],[3,[4]]]")),
        INPUT(TENSOR("[2,2]", "[[1,2],[]]")),
        INPUT(TENSOR("[2,1]", "[[1],2]")),
        INPUT(TENSOR("[2,1]", "[1,[2]]")),
        INPUT(TENSOR("[2,1,1]", "[[[1]],[2]]")),
        INPUT(TENSOR("[2,1,2]", "[[1,2],[3,4]]")),
        INPUT(TENSOR("[2,1,2]", "[[[1,2]],[[3],[4]]]")),

        /* inputs of different lengths */

        INPUT(TENSOR("[2]", "[1,2]") "," TENSOR("[1]", "[1]")),
        INPUT(TENSOR("[2]", "[1,2]") "," TENSOR("[1,2]", "[1,2]")),

        /* products that overflow */

        INPUT(TENSOR("[4294967296]", "[1]")),
        INPUT(TENSOR("[1,4294967296,4294967296]", "[1]")),
        INPUT(TENSOR("[4294967296,4294967296]", "[]")),
        INPUT(TENSOR("[4294967295,4294967297]", "[1]")),
        INPUT(TENSOR("[2,9007199254740991,9007199254740991,9007199254740991]",
                     "[1,2]")),
        INPUT(TENSOR("[9007199254740992]", "[1]")),
        INPUT(TENSOR("[1,4294967296]", "[[1]]")),

        /* more dimensions than anyone has */

        INPUT(TENSOR("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                     "1,1,1,1,1,1]", "[1]"))
    };

    (void) state;

    for (i = 0; i < count(texts); i++) {
        if (read_input(&rq, texts[i]) != LLMB_REASON_ITEM) {
            fail_msg("%s", texts[i]);
        }
    }

    assert_int_equal(read_input(&rq, INPUT(
                         TENSOR("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                                "1,1,1,1,1,1,1,1,1,1,1]", "[1]"))),
                     LLMB_REASON_NONE);
}


#define PARAMS(s)  "\"parameters\":{" s "}"
#define TOP(s)     "{" s ",\"inputs\":[" X "]}"
#define OWN(s)     INPUT("{\"name\":\"x\",\"shape\":[1],\"data\":[1]," s "}")
#define OUT(s)     TOP("\"outputs\":[{\"name\":\"y\"},{\"name\":\"z\"," s "}]")


static void
parameters_of_other_transports_are_refused(void **state)
{
    unsigned            i;
    llmb_request_t      rq;

    static const char  *refused[] = {
        TOP(PARAMS("\"sequence_id\":1")),
        TOP(PARAMS("\"a\":1,\"sequence_start\":true")),
        TOP(PARAMS("\"sequence_end\":false")),
        TOP(PARAMS("\"binary_data_output\":true")),
        OWN(PARAMS("\"binary_data_size\":4")),
        OWN(PARAMS("\"shared_memory_region\":\"r\"")),
        OWN(PARAMS("\"shared_memory_offset\":0")),
        OWN(PARAMS("\"shared_memory_byte_size\":4")),
        INPUT("{\"name\":\"x\",\"shape\":[1]," PARAMS("\"binary_data_size\":4")
              "}"),
        OUT(PARAMS("\"binary_data\":true")),
        OUT(PARAMS("\"binary_data\":1")),
        OUT(PARAMS("\"shared_memory_region\":\"r\""))
    };

    static const char  *taken[] = {
        TOP("\"parameters\":null"),
        TOP("\"parameters\":[\"sequence_id\"]"),
        TOP(PARAMS("\"priority\":1,\"a\":{\"sequence_id\":1}")),
        TOP(PARAMS("\"binary_data_output\":false")),
        TOP(PARAMS("\"sequence\":1,\"shared_memory\":1,\"binary\":1")),
        TOP("\"outputs\":null"),
        TOP("\"outputs\":[1,[{" PARAMS("\"binary_data\":true") "}]]"),
        OWN(PARAMS("\"content_type\":\"str\"")),
        OUT(PARAMS("\"classification\":2")),
        OUT(PARAMS("\"binary_data\":false"))
    };

    (void) state;

    for (i = 0; i < count(refused); i++) {
        if (read_input(&rq, refused[i]) != LLMB_REASON_ADAPTER) {
            fail_msg("%s", refused[i]);
        }
    }

    for (i = 0; i < count(taken); i++) {
        if (read_input(&rq, taken[i]) != LLMB_REASON_NONE) {
            fail_msg("%s", taken[i]);
        }
    }
}


/* an answer to a call of "items" */

typedef struct {
    llmb_split_t   sp;
    llmb_span_t    spans[LLMB_MAX_LISTS * 8];
    const uint8_t  *base;
} answered_t;


static llmb_mismatch_e
read_output(answered_t *a, uint32_t items, const char *json)
{
    memset(a, 0, sizeof(answered_t));

    a->sp.conf.form = llmb_adapter_oip_v2.forms[0];
    a->sp.conf.items = items;
    a->sp.conf.per = 1;
    a->sp.len = strlen(json);
    a->sp.spans = a->spans;
    a->base = guard(1, json, a->sp.len);

    return llmb_tensor_answer(&a->sp, a->base);
}


static void
assert_at(const answered_t *a, llmb_span_t span, const char *text)
{
    if (span.end - span.start != strlen(text)
        || memcmp(a->base + span.start, text, strlen(text)) != 0)
    {
        fail_msg("%.*s", (int) (span.end - span.start),
                 (const char *) a->base + span.start);
    }
}


static void
rows_of_outputs_are_found(void **state)
{
    answered_t            a;
    llmb_column_list_t   *list;

    (void) state;

    assert_int_equal(read_output(&a, 3, OUTPUT(
                         TENSOR("[3, 2]", "[ 1 , 2,3,4, 5,6 ]") ","
                         TENSOR("[3,1,2]", "[[[1,2]], [[3, 4] ] ,[[5,6]]]") ","
                         "{\"data\":[\"a\",\"b\",\"c]\"],\"shape\":[ 3 ],"
                         "\"datatype\":\"BYTES\",\"name\":\"z\"}")),
                     LLMB_MISMATCH_NONE);

    assert_int_equal(a.sp.nlists, 3);

    list = &a.sp.lists[0];
    assert_at(&a, list->count, "3");
    assert_at(&a, list->list, "1 , 2,3,4, 5,6");
    assert_at(&a, list->elems[0], "1 , 2");
    assert_at(&a, list->elems[1], "3,4");
    assert_at(&a, list->elems[2], "5,6");

    list = &a.sp.lists[1];
    assert_at(&a, list->count, "3");
    assert_at(&a, list->list, "[[1,2]], [[3, 4] ] ,[[5,6]]");
    assert_at(&a, list->elems[0], "[[1,2]]");
    assert_at(&a, list->elems[1], "[[3, 4] ]");
    assert_at(&a, list->elems[2], "[[5,6]]");

    list = &a.sp.lists[2];
    assert_at(&a, list->count, "3");
    assert_at(&a, list->elems[0], "\"a\"");
    assert_at(&a, list->elems[2], "\"c]\"");
}


typedef struct {
    const char       *json;
    llmb_mismatch_e   mismatch;
} output_case_t;


static void
outputs_of_another_shape_are_a_mismatch(void **state)
{
    unsigned                    i;
    answered_t                  a;

    static const output_case_t  cases[] = {
        { "[]", LLMB_MISMATCH_SHAPE },
        { "1", LLMB_MISMATCH_SHAPE },
        { "{}", LLMB_MISMATCH_SHAPE },
        { "{\"error\":\"no\"}", LLMB_MISMATCH_SHAPE },
        { "{\"outputs\":{}}", LLMB_MISMATCH_SHAPE },
        { "{\"outputs\":null}", LLMB_MISMATCH_SHAPE },
        { OUTPUT(""), LLMB_MISMATCH_SHAPE },
        { OUTPUT("1"), LLMB_MISMATCH_SHAPE },
        { OUTPUT("[]"), LLMB_MISMATCH_SHAPE },
        { OUTPUT("{}"), LLMB_MISMATCH_SHAPE },
        { "{\"outputs\":[],\"outputs\":[" TENSOR("[2]", "[1,2]") "]}",
          LLMB_MISMATCH_SHAPE },
        { "{\"outputs\":[" TENSOR("[2]", "[1,2]") "],\"\\u006futputs\":["
          TENSOR("[2]", "[3,4]") "]}", LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[2]", "[1,2]") ",null"), LLMB_MISMATCH_SHAPE },
        { OUTPUT("{\"name\":\"x\",\"shape\":[2]}"), LLMB_MISMATCH_SHAPE },
        { OUTPUT("{\"name\":\"x\",\"data\":[1,2]}"), LLMB_MISMATCH_SHAPE },
        { OUTPUT("{\"shape\":[2],\"data\":[1,2]}"), LLMB_MISMATCH_SHAPE },
        { OUTPUT("{\"name\":\"x\",\"shape\":[2],\"parameters\":"
                 "{\"binary_data_size\":8}}"), LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[]", "[1,2]")), LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[-1]", "[1,2]")), LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[2,0]", "[]")), LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[2]", "\"x\"")), LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[1]", "[1]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[3]", "[1,2,3]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[3,2]", "[1,2,3,4]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2]", "[]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2]", "[1]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2]", "[1,2,3]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2,2]", "[1,2,3,4,5]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2,2]", "[[1,2],[3]]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2,2]", "[[1,2],[3,4],[5,6]]")),
          LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2]", "[1,{}]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2,1]", "[[1],2]")), LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2,4611686018427387904,4]", "[1,2]")),
          LLMB_MISMATCH_SHAPE },
        { OUTPUT(TENSOR("[2,2251799813685248,8192]", "[1,2]")),
          LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2]", "[1,2]") "," TENSOR("[1]", "[1]")),
          LLMB_MISMATCH_COUNT },
        { OUTPUT(TENSOR("[2]", "[1,2]") "," TENSOR("[2,1]", "[[1],[2]]")),
          LLMB_MISMATCH_NONE }
    };

    (void) state;

    for (i = 0; i < count(cases); i++) {
        if (read_output(&a, 2, cases[i].json) != cases[i].mismatch) {
            fail_msg("%s", cases[i].json);
        }
    }
}


static void
more_rows_than_there_is_memory_for_are_not_noted(void **state)
{
    char        json[1024];
    size_t      i;
    answered_t  a;

    (void) state;

    strcpy(json, "{\"outputs\":[{\"name\":\"x\",\"shape\":[2],\"data\":[1");

    for (i = 0; i < 200; i++) {
        strcat(json, ",1");
    }

    strcat(json, "]}]}");

    assert_int_equal(read_output(&a, 2, json), LLMB_MISMATCH_COUNT);

    for (i = 2; i < count(a.spans); i++) {
        assert_int_equal(a.spans[i].end, 0);
    }
}


static void
eight_outputs_at_most(void **state)
{
    answered_t  a;

    (void) state;

    assert_int_equal(read_output(&a, 1, OUTPUT(X "," X "," X "," X "," X ","
                                               X "," X "," X)),
                     LLMB_MISMATCH_NONE);
    assert_int_equal(a.sp.nlists, 8);
    assert_int_equal(read_output(&a, 1, OUTPUT(X "," X "," X "," X "," X ","
                                               X "," X "," X "," X)),
                     LLMB_MISMATCH_SHAPE);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(flat_data_is_a_column),
        cmocka_unit_test(nested_data_is_of_another_kind),
        cmocka_unit_test(with_one_dimension_both_styles_are_one),
        cmocka_unit_test(holes_are_in_the_order_of_the_body),
        cmocka_unit_test(names_are_compared_decoded),
        cmocka_unit_test(eight_inputs_at_most),
        cmocka_unit_test(what_is_no_tensor_is_no_item),
        cmocka_unit_test(data_has_to_fit_its_shape),
        cmocka_unit_test(parameters_of_other_transports_are_refused),
        cmocka_unit_test(rows_of_outputs_are_found),
        cmocka_unit_test(outputs_of_another_shape_are_a_mismatch),
        cmocka_unit_test(more_rows_than_there_is_memory_for_are_not_noted),
        cmocka_unit_test(eight_outputs_at_most)
    };

    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
