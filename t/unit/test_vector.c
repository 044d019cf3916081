
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Vectors that become base64.  libc reads the numbers, too.
 */


#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"
#include "guard.h"
#include "llmb_vector.h"


static uint64_t  seed = 1;


static uint32_t
random_number(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;

    return (uint32_t) ((seed >> 33) % below);
}


static llmb_str_t
text_of(const char *s)
{
    llmb_str_t  text;

    text.len = strlen(s);
    text.data = (const uint8_t *) s;

    return text;
}


static unsigned
digit(uint8_t c)
{
    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    assert_non_null(strchr(alphabet, c));

    return (unsigned) (strchr(alphabet, c) - alphabet);
}


/* the floats that are written for a text, at most "n" */

static uint32_t
floats_of(llmb_str_t text, float *out, uint32_t n)
{
    size_t       i, len;
    uint8_t     *bytes;
    unsigned     bits;
    buffer_t     b;
    uint32_t     count;
    llmb_out_t   w;
    llmb_sink_t  sink = buffer_sink(&b);

    text.data = guard(0, text.data, text.len);

    count = llmb_vector_numbers(text);
    assert_true(count <= n);

    llmb_out_init(&w, &sink);
    llmb_vector_write(&w, text);

    assert_int_equal(w.rc, LLMB_OK);
    assert_int_equal(b.len, llmb_vector_size(count));
    assert_int_equal(b.data[0], '"');
    assert_int_equal(b.data[b.len - 1], '"');

    bytes = malloc(b.len);
    len = 0;

    for (i = 1; i + 1 < b.len; i += 4) {
        bits = digit(b.data[i]) << 18 | digit(b.data[i + 1]) << 12;
        bytes[len++] = (uint8_t) (bits >> 16);

        if (b.data[i + 2] == '=') {
            assert_int_equal(b.data[i + 3], '=');
            assert_int_equal(i + 5, b.len);
            break;
        }

        bits |= digit(b.data[i + 2]) << 6;
        bytes[len++] = (uint8_t) (bits >> 8);

        if (b.data[i + 3] == '=') {
            assert_int_equal(i + 5, b.len);
            break;
        }

        bits |= digit(b.data[i + 3]);
        bytes[len++] = (uint8_t) bits;
    }

    assert_int_equal(len, 4 * count);

    memcpy(out, bytes, len);

    free(bytes);
    free(b.data);

    return count;
}


typedef struct {
    const char  *numbers;
    const char  *base64;
} known_case_t;


static void
vectors_are_as_others_write_them(void **state)
{
    unsigned     i;
    buffer_t     b;
    llmb_out_t   w;
    llmb_sink_t  sink;

    /* base64.b64encode(numpy.array(..., dtype="<f4")) */

    static const known_case_t  cases[] = {
        { "[]", "\"\"" },
        { "[ \n]", "\"\"" },
        { "[0]", "\"AAAAAA==\"" },
        { "[-0.0]", "\"AAAAgA==\"" },
        { "[1,2]", "\"AACAPwAAAEA=\"" },
        { "[ 0.1 , -0.25,\n1e-3 ]", "\"zczMPQAAgL5vEoM6\"" },
        { "[3.4028234663852886e+38,1E-45,1e-46,123456789]",
          "\"//9/fwEAAAAAAAAAo3nrTA==\"" },
        { "[0.012345678901234567,100000000000000000000000000000000000000]",
          "\"iEVKPJl2ln4=\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sink = buffer_sink(&b);

        llmb_out_init(&w, &sink);

        llmb_vector_write(&w, text_of(cases[i].numbers));
        assert_int_equal(w.rc, LLMB_OK);

        buffer_write(&b, (const uint8_t *) "", 1);
        assert_string_equal((char *) b.data, cases[i].base64);
        free(b.data);
    }
}


typedef struct {
    const char  *text;
    uint32_t     numbers;
} count_case_t;


static void
only_numbers_are_counted(void **state)
{
    unsigned    i;
    llmb_str_t  text;

    static const count_case_t  cases[] = {
        { "[]", 0 },
        { "[ ]", 0 },
        { "[1]", 1 },
        { "[1,-2.5e-3,\t3 , 4]", 4 },
        { "[null]", LLMB_NO_NUMBERS },
        { "[1,true]", LLMB_NO_NUMBERS },
        { "[1,false]", LLMB_NO_NUMBERS },
        { "[[1]]", LLMB_NO_NUMBERS },
        { "[[],1]", LLMB_NO_NUMBERS },
        { "[1,{}]", LLMB_NO_NUMBERS },
        { "[\"1\"]", LLMB_NO_NUMBERS },
        { "[1,\"\",2]", LLMB_NO_NUMBERS },
        { "[3.4028235e38]", 1 },
        { "[-3.4028236e38]", LLMB_NO_NUMBERS },
        { "[1,1e39]", LLMB_NO_NUMBERS },
        { "[1e400]", LLMB_NO_NUMBERS },
        { "[1e99999999999999999999]", LLMB_NO_NUMBERS },
        { "[1e-99999999999999999999]", 1 },
        { "[0e99999999999999999999]", 1 },
        { "[340282346638528859811704183484516925440]", 1 },
        { "[1000000000000000000000000000000000000000]", LLMB_NO_NUMBERS },
        { "[1,-1000000000000000000000000000000000000000,2]",
          LLMB_NO_NUMBERS }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = text_of(cases[i].text);
        text.data = GUARD(text);

        if (llmb_vector_numbers(text) != cases[i].numbers) {
            fail_msg("%s", cases[i].text);
        }
    }
}


/* all that the arithmetic could stumble over, in numbers as they are sent */

static void
write_random(char *p, float *value)
{
    float     f;
    double    d;
    uint32_t  bits;

    switch (random_number(6)) {

    case 0:

        /* any float, with as many digits as it takes */

        do {
            bits = random_number(0x7fffffff) << 1 ^ random_number(2);
            memcpy(&f, &bits, sizeof(f));
        } while (!isfinite(f));

        sprintf(p, "%.9g", (double) f);
        break;

    case 1:
        d = (double) random_number(0x7fffffff) / 0x7fffffff;
        sprintf(p, "%.17g", d / 16);
        break;

    case 2:

        /* the middle of two floats, and a digit more */

        f = (float) random_number(0x7fffffff) / 0x7fffffff;
        d = ((double) f + (double) nextafterf(f, 2)) / 2;
        sprintf(p, "%.30f%u", d, random_number(2));
        break;

    case 3:
        sprintf(p, "%u%09u%09u%09u.%09u", 1 + random_number(9),
                random_number(1000000000), random_number(1000000000),
                random_number(1000000000), random_number(1000000000));
        break;

    case 4:
        sprintf(p, "-0.%040u%09u%09u%09uE+%02u", 0, random_number(1000000000),
                random_number(1000000000), random_number(1000000000),
                random_number(60));
        break;

    default:
        sprintf(p, "%d.%06u", (int) random_number(3) - 1,
                random_number(1000000));
    }

    *value = strtof(p, NULL);
}


static void
numbers_are_those_of_libc(void **state)
{
    char      text[32 * 1024], *p;
    float     expected[200], *found;
    uint32_t  i, k, n;

    (void) state;

    found = malloc(sizeof(expected));

    for (i = 0; i < 3000; i++) {
        n = 1 + random_number(200);
        p = text;

        for (k = 0; k < n; k++) {
            *p++ = k ? ',' : '[';
            write_random(p, &expected[k]);
            p += strlen(p);
        }

        strcpy(p, "]");

        assert_int_equal(floats_of(text_of(text), found, 200), n);

        for (k = 0; k < n; k++) {

            if (memcmp(&found[k], &expected[k], sizeof(float)) == 0) {
                continue;
            }

            /* the middle of two: either */

            if (found[k] != nextafterf(expected[k], 2)
                && found[k] != nextafterf(expected[k], -2))
            {
                fail_msg("%a, not %a", (double) found[k],
                         (double) expected[k]);
            }
        }
    }

    free(found);
}


/* exactly halfway is for floats what no server ever writes */

static void
numbers_off_the_middle_are_exact(void **state)
{
    char      text[128];
    float     f, g, found;
    double    d;
    unsigned  i;

    (void) state;

    for (i = 0; i < 20000; i++) {
        f = (float) (random_number(0x7fffffff) + 1) / 0x7fffffff;
        g = nextafterf(f, 2);
        d = (double) f + ((double) g - (double) f)
                         * (i % 2 ? 0.4999999 : 0.5000001);

        sprintf(text, "[%.17g]", d);

        assert_int_equal(floats_of(text_of(text), &found, 1), 1);
        assert_true(found == (i % 2 ? f : g));
    }
}


typedef struct {
    const char       *answer;
    llmb_mismatch_e   mismatch;
    unsigned          repaired;
    const char       *own[2];
} repair_case_t;


static void
nothing_is_read_behind_base64_if_nobody_wants_it(void **state)
{
    answer_t           a;
    llmb_split_conf_t  conf;

    (void) state;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = llmb_adapter_openai_embeddings.forms[0];
    conf.items = 2;
    conf.base64 = 1;
    conf.repair = 1;
    conf.probe = 1;

    assert_int_equal(answer_read(&a, &conf, "{\"data\":[{\"index\":0,"
                                 "\"embedding\":\"AAAA\"},no JSON"),
                     LLMB_DECLINED);
    answer_free(&a);

    assert_int_equal(answer_read(&a, &conf, "{\"data\":[{\"index\":0,"
                                 "\"embedding\":[1]},{\"index\":1,"
                                 "\"embedding\":[2]}]}"),
                     LLMB_OK);
    assert_int_equal(a.split.repaired, 1);
    answer_free(&a);
}


static void
clients_get_base64_if_they_asked_for_it(void **state)
{
    char               *text;
    unsigned            i;
    uint32_t            k;
    answer_t            a;
    llmb_share_t        shares[2] = { SHARE(0, 1, 1), SHARE(1, 1, 1) };
    llmb_split_conf_t   conf;

    static const repair_case_t  cases[] = {
        { "{\"data\":[{\"embedding\":[1,2],\"index\":1},{\"index\":0,"
          "\"embedding\": [ 0 ] }]}", LLMB_MISMATCH_NONE, 1,
          { "{\"data\":[{\"index\":0,\"embedding\": \"AAAAAA==\" }]}",
            "{\"data\":[{\"embedding\":\"AACAPwAAAEA=\",\"index\":0}]}" } },
        { "{\"data\":[{\"index\":0,\"embedding\":\"AAAA\"},{\"index\":1,"
          "\"embedding\":\"[1]\"}]}", LLMB_MISMATCH_NONE, 0,
          { "{\"data\":[{\"index\":0,\"embedding\":\"AAAA\"}]}",
            "{\"data\":[{\"index\":0,\"embedding\":\"[1]\"}]}" } },
        { "{\"data\":[{\"index\":0,\"embedding\":\"AAAA\"},{\"index\":1,"
          "\"embedding\":[]}]}", LLMB_MISMATCH_NONE, 1,
          { "{\"data\":[{\"index\":0,\"embedding\":\"AAAA\"}]}",
            "{\"data\":[{\"index\":0,\"embedding\":\"\"}]}" } },
        { "{\"data\":[{\"index\":0,\"embedding\":null},{\"index\":1}]}",
          LLMB_MISMATCH_NONE, 0,
          { "{\"data\":[{\"index\":0,\"embedding\":null}]}",
            "{\"data\":[{\"index\":0}]}" } },
        { "{\"data\":[{\"index\":0,\"embedding\":[[1]]},{\"index\":1}]}",
          LLMB_MISMATCH_SHAPE, 1, { NULL, NULL } },
        { "{\"data\":[{\"index\":0,\"embedding\":[1e39]},{\"index\":1}]}",
          LLMB_MISMATCH_SHAPE, 1, { NULL, NULL } },
        { "{\"data\":[{\"index\":0,\"embedding\":[1],\"embedding\":[2]},"
          "{\"index\":1}]}", LLMB_MISMATCH_SHAPE, 1, { NULL, NULL } }
    };

    (void) state;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = llmb_adapter_openai_embeddings.forms[0];
    conf.items = 2;
    conf.base64 = 1;
    conf.repair = 1;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) answer_read(&a, &conf, cases[i].answer);

        assert_int_equal(a.split.mismatch, cases[i].mismatch);
        assert_int_equal(a.split.repaired, cases[i].repaired);

        for (k = 0; k < 2 && cases[i].own[k]; k++) {
            llmb_counts_weigh(&a.split, a.base, shares, 2);
            text = answer_cut(&a, shares, 2, k);
            assert_string_equal(text, cases[i].own[k]);
            free(text);
        }

        answer_free(&a);
    }

    /* asked for, but not to be repaired; to be, but not asked for */

    for (k = 0; k < 2; k++) {
        conf.base64 = k;
        conf.repair = !k;

        assert_int_equal(answer_read(&a, &conf, cases[4].answer), LLMB_OK);
        assert_int_equal(a.split.repaired, 0);

        llmb_counts_weigh(&a.split, a.base, shares, 2);
        text = answer_cut(&a, shares, 2, 0);
        assert_string_equal(text,
                            "{\"data\":[{\"index\":0,\"embedding\":[[1]]}]}");
        free(text);

        answer_free(&a);
    }
}


/* what stands in an array has no name, and so is no vector */

static void
an_element_need_not_be_an_object(void **state)
{
    char               *text;
    answer_t            a;
    llmb_form_t         form;
    llmb_share_t        share = SHARE(0, 3, 3);
    llmb_split_conf_t   conf;

    static const char  answer[] = "{\"list\":[[1,[2]],{\"v\":[0]},[[3]]]}";

    (void) state;

    memset(&form, 0, sizeof(llmb_form_t));
    memset(&conf, 0, sizeof(llmb_split_conf_t));

    form.list = text_of("list");
    form.vector = text_of("v");

    conf.form = &form;
    conf.items = 3;
    conf.base64 = 1;
    conf.repair = 1;

    assert_int_equal(answer_read(&a, &conf, answer), LLMB_OK);

    llmb_counts_weigh(&a.split, a.base, &share, 1);

    text = answer_cut(&a, &share, 1, 0);
    assert_string_equal(text,
                        "{\"list\":[[1,[2]],{\"v\":\"AAAAAA==\"},[[3]]]}");

    free(text);
    answer_free(&a);
}


/* which the filter of single answers waits for */

static void
a_repair_is_known_when_the_vector_begins(void **state)
{
    answer_t            a;
    llmb_split_conf_t   conf;

    static const char  text[] = "{\"data\":[{\"embedding\":[";

    (void) state;

    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = llmb_adapter_openai_embeddings.forms[0];
    conf.items = 2;
    conf.base64 = 1;
    conf.repair = 1;

    answer_start(&a, &conf);

    assert_int_equal(llmb_split_read(&a.split, (const uint8_t *) text,
                                     sizeof(text) - 2, 0),
                     LLMB_AGAIN);
    assert_int_equal(a.split.repaired, 0);
    assert_int_equal(llmb_split_read(&a.split, (const uint8_t *) text,
                                     sizeof(text) - 1, 0),
                     LLMB_AGAIN);
    assert_int_equal(a.split.repaired, 1);

    answer_free(&a);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(vectors_are_as_others_write_them),
        cmocka_unit_test(only_numbers_are_counted),
        cmocka_unit_test(numbers_are_those_of_libc),
        cmocka_unit_test(numbers_off_the_middle_are_exact),
        cmocka_unit_test(nothing_is_read_behind_base64_if_nobody_wants_it),
        cmocka_unit_test(clients_get_base64_if_they_asked_for_it),
        cmocka_unit_test(an_element_need_not_be_an_object),
        cmocka_unit_test(a_repair_is_known_when_the_vector_begins)
    };

    return cmocka_run_group_tests_name("vector", tests, NULL, NULL);
}
