
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "llmb_company.h"
#include "llmb_family.h"
#include "zone_table.h"


#define T0  1000000


/* the n-th group of a name */

static uint32_t
named(llmb_zone_t *z, unsigned n, const char *name)
{
    char        key[16];
    uint32_t    g;
    uint64_t    hash;
    unsigned    fresh;
    llmb_str_t  str;

    (void) snprintf(key, sizeof(key), "key %u", n);

    g = group_of(z, key, n, &fresh);
    assert_int_not_equal(g, LLMB_NIL);

    if (fresh) {
        str.data = (const uint8_t *) name;
        str.len = strlen(name);

        for (hash = 5381; *name; name++) {
            hash = hash * 33 + (uint64_t) *name;
        }

        (void) llmb_family_attach(z, g, str, hash, 1, T0);
    }

    return g;
}


static uint32_t
come(llmb_zone_t *z, uint32_t group, uint32_t items)
{
    uint32_t  i;

    i = llmb_member_alloc(z, group, 0, 0);
    assert_int_not_equal(i, LLMB_NIL);

    llmb_member(z, i)->items = items;
    llmb_company_enter(z, i, T0);

    return i;
}


static void
go(llmb_zone_t *z, uint32_t i)
{
    llmb_member_do(z, llmb_member(z, i), LLMB_MEMBER_DO_LEAVE);
    llmb_member_free(z, i);
}


#define assert_why(i, why)                                                    \
    assert_int_equal(llmb_company_why(z, llmb_member(z, i)),                  \
                     LLMB_REASON_##why)

#define assert_items(i, n)                                                    \
    assert_int_equal(llmb_company_items(z, llmb_member(z, i)), n)


static void
who_meets_nobody_lacks_company(void **state)
{
    uint32_t      a, b;
    llmb_zone_t  *z = zone(1);

    (void) state;

    a = come(z, named(z, 1, "m"), 3);
    assert_why(a, COMPANY);
    assert_items(a, 3);
    go(z, a);

    /* who was there before is of no use, nor who has another name */

    b = come(z, named(z, 9, "n"), 1);
    a = come(z, named(z, 1, "m"), 1);
    assert_why(a, COMPANY);
    assert_why(b, COMPANY);
    assert_items(a, 1);

    go(z, a);
    go(z, b);
    assert_sound(z);
    free(z);
}


static void
who_meets_others_of_its_name_has_another_key(void **state)
{
    uint32_t      a, b, c;
    llmb_zone_t  *z = zone(1);

    (void) state;

    a = come(z, named(z, 1, "m"), 1);
    assert_why(a, COMPANY);

    /* the second meets the first, the first the one who comes later */

    b = come(z, named(z, 2, "m"), 1);
    assert_why(a, KEY);
    assert_why(b, KEY);
    assert_items(a, 1);
    assert_items(b, 1);

    /* it stays so when they have gone */

    go(z, a);
    assert_why(b, KEY);

    c = come(z, named(z, 3, "m"), 1);
    go(z, b);
    assert_why(c, KEY);

    go(z, c);
    assert_sound(z);
    free(z);
}


static void
who_meets_others_of_its_key_left_too_soon(void **state)
{
    uint32_t      a, b, c;
    llmb_zone_t  *z = zone(1);

    (void) state;

    c = come(z, named(z, 2, "m"), 1);
    a = come(z, named(z, 1, "m"), 2);
    assert_why(a, KEY);

    b = come(z, named(z, 1, "m"), 3);
    assert_why(a, SLOT);
    assert_why(b, SLOT);
    assert_items(a, 5);
    assert_items(b, 5);

    go(z, a);
    assert_why(b, SLOT);
    assert_items(b, 5);

    /* the first is none of those whom the next one meets */

    a = come(z, named(z, 1, "m"), 4);
    assert_items(a, 7);
    assert_items(b, 9);

    go(z, b);
    b = come(z, named(z, 1, "m"), 1);
    assert_items(b, 5);

    go(z, a);
    go(z, b);
    go(z, c);
    assert_sound(z);
    free(z);
}


static void
a_group_without_a_name_has_its_key(void **state)
{
    uint32_t      a, b;
    llmb_zone_t  *z = zone(1);

    (void) state;

    a = come(z, group_n(z, 1), 1);
    b = come(z, group_n(z, 2), 1);
    assert_why(a, COMPANY);
    assert_why(b, COMPANY);

    go(z, b);
    b = come(z, group_n(z, 1), 1);
    assert_why(a, SLOT);

    go(z, a);
    go(z, b);
    assert_sound(z);
    free(z);
}


static void
counters_wrap(void **state)
{
    uint32_t        a, b, g;
    llmb_zone_t    *z = zone(1);
    llmb_family_t  *f;

    (void) state;

    g = named(z, 1, "m");
    f = llmb_family_of(z, llmb_group(z, g));

    llmb_group(z, g)->came = UINT32_MAX;
    llmb_group(z, g)->items_came = UINT32_MAX - 1;
    f->came = UINT32_MAX;

    a = come(z, g, 3);
    assert_why(a, COMPANY);
    assert_items(a, 3);

    b = come(z, g, 4);
    assert_why(a, SLOT);
    assert_items(a, 7);

    go(z, a);
    go(z, b);
    free(z);
}


/* of names, clients may make up as many as they like */

static void
families_come_and_go(void **state)
{
    char            name[100];
    uint32_t        i, n, used;
    llmb_zone_t    *z = zone(1);
    llmb_family_t  *f;

    (void) state;

    /* ten times as many as there are records, three keys each */

    for (n = 0; n < 10 * z->ngroups; n++) {
        (void) snprintf(name, sizeof(name), "name %u", n);

        for (i = 0; i < 3; i++) {
            f = llmb_family_of(z, llmb_group(z, named(z, 3 * n + i, name)));

            assert_non_null(f);
            assert_int_equal(f->name_len, strlen(name));
            assert_memory_equal(f->name, name, f->name_len);
            assert_int_equal(f->groups, i + 1);
        }
    }

    for (i = 0, used = 0; i < z->ngroups; i++) {
        used += llmb_family(z, i)->groups;
    }

    assert_int_equal(used, z->ngroups - z->free_groups.n);

    while (llmb_group_evict(z) != LLMB_NIL) { /* void */ }

    for (i = z->free_family, n = 0;
         i != LLMB_NIL;
         i = llmb_family(z, i)->chain)
    {
        assert_int_equal(llmb_family(z, i)->groups, 0);
        n++;
    }

    assert_int_equal(n, z->ngroups);

    /* a long name is cut */

    memset(name, 'x', 99);
    name[99] = '\0';

    f = llmb_family_of(z, llmb_group(z, named(z, 1, name)));
    assert_int_equal(f->name_len, LLMB_GROUP_NAME);

    free(z);
}


static llmb_family_t *
family(llmb_zone_t *z, unsigned n, const char *name)
{
    return llmb_family_of(z, llmb_group(z, named(z, n, name)));
}


static void
the_one_made_before_is_compared(void **state)
{
    unsigned        fresh;
    uint32_t        i, g, before;
    llmb_str_t      m = llmb_string("m");
    llmb_zone_t    *z = zone(1);
    llmb_family_t  *f;

    (void) state;

    g = group_of(z, "key 0", 0, &fresh);
    assert_int_equal(llmb_family_attach(z, g, m, 7, 1, T0), LLMB_NIL);

    for (i = 1; i < 2 * LLMB_FAMILY_COMPARE; i++) {

        /* in a zone that has room for fewer, the oldest ones are gone */

        before = g;
        g = group_n(z, i);

        assert_int_equal(llmb_family_attach(z, g, m, 7, 1, T0),
                         i < LLMB_FAMILY_COMPARE ? before : LLMB_NIL);
    }

    /* in the next minute they are again, but not with one that is gone */

    before = g;
    g = group_n(z, i++);
    assert_int_equal(llmb_family_attach(z, g, m, 7, 1, T0 + 60000), before);

    f = llmb_family_of(z, llmb_group(z, g));

    while (llmb_group(z, g)->used) {
        assert_int_not_equal(llmb_group_evict(z), LLMB_NIL);
    }

    assert_int_equal(f->groups, 0);

    free(z);
}


static void
what_differs_most_often_is_kept(void **state)
{
    unsigned           i, k;
    llmb_zone_t       *z = zone(1);
    llmb_family_t     *f;
    llmb_difference_t  d[2];

    (void) state;

    f = family(z, 1, "m");

    memset(d, 0, sizeof(d));
    d[0].len = 4;
    memcpy(d[0].name, "x-id", 4);
    d[1].len = 6;

    /* ten times as many others as there is room for, each once */

    for (i = 0; i < 10 * LLMB_FAMILY_DIFFERS; i++) {
        (void) snprintf((char *) d[1].name, 7, "x-%04u", i);
        llmb_family_note(f, d, 2);
    }

    assert_int_equal(f->ndiffers, LLMB_FAMILY_DIFFERS);

    for (i = 0, k = 0; i < LLMB_FAMILY_DIFFERS; i++) {
        if (memcmp(&f->differs[i], &d[0], sizeof(d[0])) == 0) {
            k++;
            assert_int_equal(f->often[i], 10 * LLMB_FAMILY_DIFFERS);

        } else {
            assert_true(f->often[i] < 10 * LLMB_FAMILY_DIFFERS);
        }
    }

    assert_int_equal(k, 1);

    free(z);
}


static void
many_keys_are_told_of_once(void **state)
{
    char            name[16];
    unsigned        i, n, told;
    uint64_t        now = 3600000 * 5;
    llmb_zone_t    *z = zone(1);
    llmb_family_t  *f;

    (void) state;

    f = family(z, 1, "m");

    f->made = LLMB_FAMILY_MANY;
    assert_false(llmb_family_tell(z, f, now));

    f->made++;
    assert_true(llmb_family_tell(z, f, now));
    assert_false(llmb_family_tell(z, f, now));

    /* ten times as many names as are told of in an hour */

    for (i = 0, told = 1; i < 10 * LLMB_FAMILY_TELL; i++) {
        (void) snprintf(name, sizeof(name), "n%u", i);

        f = family(z, 100 + i, name);
        f->made = LLMB_FAMILY_MANY + 1;

        n = llmb_family_tell(z, f, now);
        assert_int_equal(n, told < LLMB_FAMILY_TELL);
        told += n;
    }

    assert_false(llmb_family_tell(z, f, now + 3599999));
    assert_true(llmb_family_tell(z, f, now + 3600000));

    free(z);
}


static void
requests_of_the_last_minute(void **state)
{
    unsigned        i;
    uint64_t        t = 60000 * 100;
    llmb_zone_t    *z = zone(1);
    llmb_family_t  *f;

    (void) state;

    f = family(z, 1, "m");

    for (i = 0; i < 60; i++) {
        llmb_family_count(f, t + 59000);
    }

    assert_int_equal(llmb_family_recent(f, t + 59000), 60);
    assert_int_equal(llmb_family_recent(f, t + 60000), 60);
    assert_int_equal(llmb_family_recent(f, t + 90000), 30);
    assert_int_equal(llmb_family_recent(f, t + 120000), 0);

    llmb_family_count(f, t + 90000);
    assert_int_equal(llmb_family_recent(f, t + 90000), 31);

    /* a clock that is behind */

    llmb_family_count(f, t + 59999);
    assert_int_equal(llmb_family_recent(f, t + 59999), 2);
    assert_int_equal(f->seen, t + 90000);

    llmb_family_count(f, t + 600000);
    assert_int_equal(llmb_family_recent(f, t + 600000), 1);

    free(z);
}


static void
a_key_is_read_step_by_step(void **state)
{
    size_t        n, len;
    uint8_t      *key, *copy;
    unsigned      fresh;
    uint32_t      g;
    llmb_str_t    str;
    llmb_zone_t  *z = zone(1);

    (void) state;

    for (len = 1; len <= 20000; len = len * 3 + 1) {
        key = malloc(len);
        copy = malloc(len + LLMB_GROUP_STEP);

        for (n = 0; n < len; n++) {
            key[n] = (uint8_t) (n * 7 + n / 256);
        }

        str.data = key;
        str.len = len;

        g = llmb_group_get(z, str, len, &fresh);
        assert_int_not_equal(g, LLMB_NIL);

        for (n = 0; n < len; ) {
            n += llmb_group_read_key(z, g, len, n, copy + n);
        }

        assert_memory_equal(key, copy, len);
        assert_int_equal(llmb_group_read_key(z, g, len, len, copy), 0);
        assert_int_equal(llmb_group_read_key(z, g, len + 1, 0, copy), 0);

        free(key);
        free(copy);
    }

    while (llmb_group_evict(z) != LLMB_NIL) { /* void */ }

    assert_int_equal(llmb_group_read_key(z, g, len, 0, NULL), 0);

    free(z);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(who_meets_nobody_lacks_company),
        cmocka_unit_test(who_meets_others_of_its_name_has_another_key),
        cmocka_unit_test(who_meets_others_of_its_key_left_too_soon),
        cmocka_unit_test(a_group_without_a_name_has_its_key),
        cmocka_unit_test(counters_wrap),
        cmocka_unit_test(families_come_and_go),
        cmocka_unit_test(the_one_made_before_is_compared),
        cmocka_unit_test(what_differs_most_often_is_kept),
        cmocka_unit_test(many_keys_are_told_of_once),
        cmocka_unit_test(requests_of_the_last_minute),
        cmocka_unit_test(a_key_is_read_step_by_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
