
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_differ.h"


/* a key that is written part by part, into memory of just its size */

typedef struct {
    uint8_t  *data;
    size_t    len;
} text_t;


static void
part(text_t *key, llmb_part_e type, const char *name, const char *value)
{
    size_t  n, m;

    n = strlen(name);
    m = strlen(value);

    key->data = realloc(key->data, key->len + LLMB_PART_HEAD + n + m);
    assert_non_null(key->data);

    llmb_part_write(key->data + key->len, type, n, m);
    memcpy(key->data + key->len + LLMB_PART_HEAD, name, n);
    memcpy(key->data + key->len + LLMB_PART_HEAD + n, value, m);

    key->len += LLMB_PART_HEAD + n + m;
}


/* their names, in order, with a letter for the kind of each */

static const char *
differ(text_t *a, text_t *b)
{
    unsigned           i, n;
    llmb_str_t         first, second;
    llmb_difference_t  d[LLMB_DIFFER_MAX];

    static char        text[LLMB_DIFFER_MAX * (LLMB_DIFFER_NAME + 3) + 1];

    first.data = a->data;
    first.len = a->len;
    second.data = b->data;
    second.len = b->len;

    n = llmb_differ(first, second, d);
    assert_true(n <= LLMB_DIFFER_MAX);

    text[0] = '\0';

    for (i = 0; i < n; i++) {
        assert_true(d[i].len <= LLMB_DIFFER_NAME);
        (void) sprintf(text + strlen(text), "%s%c:%.*s", i ? " " : "",
                       "wvhm"[d[i].kind], d[i].len, d[i].name);
    }

    free(a->data);
    free(b->data);
    memset(a, 0, sizeof(text_t));
    memset(b, 0, sizeof(text_t));

    return text;
}


static const char *
differ_in(llmb_part_e type, const char *a, const char *b)
{
    text_t  first = { NULL, 0 }, second = { NULL, 0 };

    part(&first, LLMB_PART_LOCATION, "", "1");
    part(&second, LLMB_PART_LOCATION, "", "1");
    part(&first, type, "", a);
    part(&second, type, "", b);

    return differ(&first, &second);
}


static const char *
bodies(const char *a, const char *b)
{
    return differ_in(LLMB_PART_BODY, a, b);
}


/* "name=value" of a type, each */

static void
parts(text_t *key, llmb_part_e type, const char *list)
{
    char  copy[4096], *name, *value;

    assert_true(strlen(list) < sizeof(copy));
    strcpy(copy, list);

    for (name = strtok(copy, " "); name; name = strtok(NULL, " ")) {
        value = strchr(name, '=');
        *value++ = '\0';
        part(key, type, name, value);
    }
}


static const char *
lists(llmb_part_e type, const char *a, const char *b)
{
    text_t  first = { NULL, 0 }, second = { NULL, 0 };

    part(&first, LLMB_PART_METHOD, "", "POST");
    part(&second, LLMB_PART_METHOD, "", "POST");
    parts(&first, type, a);
    parts(&second, type, b);
    part(&first, LLMB_PART_BODY, "", "{}");
    part(&second, LLMB_PART_BODY, "", "{}");

    return differ(&first, &second);
}


static void
equal_keys_do_not(void **state)
{
    (void) state;

    assert_string_equal(differ_in(LLMB_PART_URI, "/a", "/a"), "");
    assert_string_equal(lists(LLMB_PART_HEADER, "a=1 b=2", "a=1 b=2"), "");
    assert_string_equal(bodies("{\"a\":1,\"b\":}", "{\"a\":1,\"b\":}"), "");
}


static void
what_is_ours_has_a_word(void **state)
{
    (void) state;

    assert_string_equal(differ_in(LLMB_PART_METHOD, "A", "B"), "w:method");
    assert_string_equal(differ_in(LLMB_PART_URI, "/a", "/b"), "w:uri");
    assert_string_equal(differ_in(LLMB_PART_TENANT, "", "b"), "w:tenant");
    assert_string_equal(differ_in(LLMB_PART_VARY, "1", "2"), "w:vary");
    assert_string_equal(differ_in(LLMB_PART_HOST, "a", "b"), "h:host");
    assert_string_equal(differ_in(LLMB_PART_ITEMS, "\1", "\2"), "w:items");
    assert_string_equal(differ_in(LLMB_PART_FORMAT, "a", "b"), "w:format");

    /* arguments are in the URI, too, as it came */

    assert_string_equal(differ_in(LLMB_PART_REQUEST_URI, "/a?a", "/a?b"),
                        "w:arguments");
    assert_string_equal(differ_in(LLMB_PART_REQUEST_URI, "/a", "/a?b"),
                        "w:arguments");
    assert_string_equal(differ_in(LLMB_PART_REQUEST_URI, "/a?a", "/b?b"),
                        "w:uri");
}


static void
each_is_told_once(void **state)
{
    text_t  a = { NULL, 0 }, b = { NULL, 0 };

    (void) state;

    part(&a, LLMB_PART_URI, "", "/a");
    part(&a, LLMB_PART_REQUEST_URI, "", "/a?x");
    part(&a, LLMB_PART_ARGUMENTS, "", "x");
    part(&a, LLMB_PART_HOST, "", "a");
    part(&a, LLMB_PART_VARY, "", "1");
    part(&a, LLMB_PART_VARY, "", "1");
    part(&a, LLMB_PART_HEADER, "host", "a");

    part(&b, LLMB_PART_URI, "", "/b");
    part(&b, LLMB_PART_REQUEST_URI, "", "/b?y");
    part(&b, LLMB_PART_ARGUMENTS, "", "y");
    part(&b, LLMB_PART_HOST, "", "b");
    part(&b, LLMB_PART_VARY, "", "2");
    part(&b, LLMB_PART_VARY, "", "2");
    part(&b, LLMB_PART_HEADER, "host", "b");

    assert_string_equal(differ(&a, &b), "w:uri w:arguments h:host w:vary");
}


static void
headers_and_variables_have_names(void **state)
{
    (void) state;

    assert_string_equal(lists(LLMB_PART_HEADER, "a=1 x-b=2", "a=1 x-b=3"),
                        "h:x-b");
    assert_string_equal(lists(LLMB_PART_HEADER, "a=1", "a=1 x-b=3"), "h:x-b");
    assert_string_equal(lists(LLMB_PART_HEADER, "a=1 x-b=3", "x-b=3"), "h:a");
    assert_string_equal(lists(LLMB_PART_HEADER, "", "b=1 c=1"), "h:b h:c");
    assert_string_equal(lists(LLMB_PART_HEADER, "a=1 a=2 b=1", "a=1 b=1"),
                        "h:a");
    assert_string_equal(lists(LLMB_PART_HEADER, "a=1 a=2", "a=2 a=1"), "h:a");

    /* these are in the order of the configuration */

    assert_string_equal(lists(LLMB_PART_VARIABLE, "z=1 a=2", "z=1 a=3"),
                        "v:a");
    assert_string_equal(lists(LLMB_PART_VARIABLE, "z=1 y=1 a=2", "z=1 a=2"),
                        "v:y");
    assert_string_equal(lists(LLMB_PART_IDENTITY, "u=1", "t=1 u=1"), "v:t");
}


static void
members_are_those_of_the_top(void **state)
{
    (void) state;

    assert_string_equal(bodies("{\"input\":,\"model\":\"m\"}",
                               "{\"input\":,\"model\":\"n\"}"), "m:model");
    assert_string_equal(bodies("{\"a\":{\"b\":1,\"c\":[1,{}]},\"d\":2}",
                               "{\"a\":{\"b\":2,\"c\":[1,{}]},\"d\":2}"),
                        "m:a");
    assert_string_equal(bodies("{\"a\":\"x,\\\"}\",\"d\":2}",
                               "{\"a\":\"x,\\\"}\",\"d\":3}"), "m:d");
    assert_string_equal(bodies("{\"b\":1}", "{\"a\":1,\"b\":1,\"c\":1}"),
                        "m:a m:c");
    assert_string_equal(bodies("{}", "{\"a\":1}"), "m:a");

    /* decoded; a name may have anything in it */

    assert_string_equal(bodies("{\"q\\\"\\n\":1}", "{\"q\\\"\\n\":2}"),
                        "m:q\"\n");
}


static void
names_are_cut(void **state)
{
    char  a[300], b[300];

    (void) state;

    memset(a, 'x', 250);
    strcpy(a + 250, "=1");
    memset(b, 'x', 250);
    strcpy(b + 250, "=2");

    assert_string_equal(lists(LLMB_PART_HEADER, a, b),
                        "h:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

    /* not within a character */

    assert_string_equal(bodies("{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                               "xx\xe2\x82\xac\":1}", "{}"),
                        "m:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    assert_string_equal(bodies("{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                               "\xe2\x82\xac\":1}", "{}"),
                        "m:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                        "\xe2\x82\xac");
}


/* ten times as many as are told */

static void
there_are_only_so_many(void **state)
{
    char        name[16];
    unsigned    i, n;
    text_t      a = { NULL, 0 }, b = { NULL, 0 };
    const char *p;

    (void) state;

    for (i = 0; i < 10 * LLMB_DIFFER_MAX; i++) {
        (void) sprintf(name, "h%03u", i);
        part(&a, LLMB_PART_HEADER, name, "1");
        part(&b, LLMB_PART_HEADER, name, "2");
    }

    for (n = 0, p = differ(&a, &b); (p = strchr(p, ':')) != NULL; p++) {
        n++;
    }

    assert_int_equal(n, LLMB_DIFFER_MAX);
}


/* as of a key that went away while it was copied */

static void
half_a_key_is_none(void **state)
{
    size_t             cut;
    text_t             a = { NULL, 0 }, b = { NULL, 0 };
    uint8_t           *copy;
    llmb_str_t         first, second;
    llmb_difference_t  d[LLMB_DIFFER_MAX];

    (void) state;

    part(&a, LLMB_PART_URI, "", "/a");
    part(&a, LLMB_PART_HEADER, "x-a", "1");
    part(&a, LLMB_PART_BODY, "", "{\"a\":1}");

    part(&b, LLMB_PART_URI, "", "/a");
    part(&b, LLMB_PART_HEADER, "x-a", "2");
    part(&b, LLMB_PART_BODY, "", "{\"a\":2}");

    second.data = b.data;
    second.len = b.len;

    for (cut = 1; cut < a.len; cut++) {

        if (cut == LLMB_PART_HEAD + 2
            || cut == 2 * LLMB_PART_HEAD + 2 + 4)
        {
            /* whole parts */
            continue;
        }

        copy = malloc(cut);
        memcpy(copy, a.data, cut);

        first.data = copy;
        first.len = cut;

        assert_int_equal(llmb_differ(first, second, d), 0);
        assert_int_equal(llmb_differ(second, first, d), 0);

        free(copy);
    }

    /* nor are parts in another order */

    (void) differ(&a, &b);

    part(&a, LLMB_PART_HEADER, "x-a", "1");
    part(&a, LLMB_PART_URI, "", "/a");
    part(&b, LLMB_PART_URI, "", "/a");
    assert_string_equal(differ(&a, &b), "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(equal_keys_do_not),
        cmocka_unit_test(what_is_ours_has_a_word),
        cmocka_unit_test(each_is_told_once),
        cmocka_unit_test(headers_and_variables_have_names),
        cmocka_unit_test(members_are_those_of_the_top),
        cmocka_unit_test(names_are_cut),
        cmocka_unit_test(there_are_only_so_many),
        cmocka_unit_test(half_a_key_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
