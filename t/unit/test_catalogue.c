
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_catalogue.h"


typedef struct {
    const char  *match;
    const char  *name;
    unsigned     found;
} match_case_t;


static llmb_str_t
text(const char *s)
{
    llmb_str_t  t;

    t.len = strlen(s);
    t.data = (const uint8_t *) s;

    return t;
}


/* the memory of the name ends with it */

static unsigned
matches(const char *match, const char *name)
{
    uint8_t       *copy = malloc(strlen(name) + 1);
    unsigned       found;
    llmb_str_t     t;
    llmb_model_t   model;

    memset(&model, 0, sizeof(llmb_model_t));
    model.match = text(match);

    t.len = strlen(name);
    t.data = realloc(copy, t.len ? t.len : 1);
    memcpy((void *) t.data, name, t.len);

    found = (llmb_catalogue_find(&model, 1, t) == &model);

    free((void *) t.data);

    return found;
}


static void
a_star_stands_for_any_text(void **state)
{
    unsigned  i;

    static const match_case_t  cases[] = {
        { "a", "a", 1 },
        { "a", "b", 0 },
        { "a", "ab", 0 },
        { "ab", "a", 0 },
        { "A", "a", 0 },
        { "*", "a", 1 },
        { "**", "a", 1 },
        { "a*", "a", 1 },
        { "a*", "abc", 1 },
        { "a*", "ba", 0 },
        { "*a", "a", 1 },
        { "*a", "bca", 1 },
        { "*a", "ab", 0 },
        { "*a", "aab", 0 },
        { "*ab", "aab", 1 },
        { "a*b*c", "abc", 1 },
        { "a*b*c", "axbybzc", 1 },
        { "a*b*c", "acb", 0 },
        { "a*b*c", "abcb", 0 },
        { "*-3-*", "text-embedding-3-small", 1 },
        { "*-3-*", "text-embedding-3", 0 },
        { "a*aab", "aaaaab", 1 },
        { "*aa", "a", 0 },
        { "a.c", "abc", 0 },
        { "a?c", "abc", 0 },
        { "[a]", "a", 0 },
        { "a", "*", 0 },
        { "", "a", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (matches(cases[i].match, cases[i].name) != cases[i].found) {
            fail_msg("\"%s\", \"%s\"", cases[i].match, cases[i].name);
        }
    }
}


static void
the_first_match_wins(void **state)
{
    llmb_model_t  models[3];

    (void) state;

    memset(models, 0, sizeof(models));

    models[0].match = text("a-b");
    models[1].match = text("a-*");
    models[2].match = text("*");

    assert_ptr_equal(llmb_catalogue_find(models, 3, text("a-b")), &models[0]);
    assert_ptr_equal(llmb_catalogue_find(models, 3, text("a-c")), &models[1]);
    assert_ptr_equal(llmb_catalogue_find(models, 3, text("b")), &models[2]);
    assert_null(llmb_catalogue_find(models, 2, text("b")));
    assert_null(llmb_catalogue_find(models, 0, text("a-b")));
}


/* not even by "*": who sends them may want to keep us busy */

static void
names_that_are_empty_or_endless_are_of_no_model(void **state)
{
    char  name[LLMB_CATALOGUE_NAME + 2];

    (void) state;

    memset(name, 'a', sizeof(name));

    name[LLMB_CATALOGUE_NAME + 1] = '\0';
    assert_false(matches("*", name));

    name[LLMB_CATALOGUE_NAME] = '\0';
    assert_true(matches("*", name));
    assert_false(matches("*a*a*a*a*a*a*b", name));

    assert_false(matches("*", ""));
}


static void
an_estimate_is_given_room(void **state)
{
    llmb_model_t  model;

    (void) state;

    memset(&model, 0, sizeof(llmb_model_t));

    assert_true(llmb_model_takes(&model, UINT64_MAX, UINT64_MAX, 0));

    model.max_input_tokens = 1300;

    assert_true(llmb_model_takes(&model, 1000, 5200, 0));
    assert_false(llmb_model_takes(&model, 1001, 5200, 0));
    assert_false(llmb_model_takes(&model, 1000, 5201, 0));
    assert_false(llmb_model_takes(&model, UINT64_MAX, 1, 0));
    assert_false(llmb_model_takes(&model, 1, UINT64_MAX, 0));

    assert_true(llmb_model_takes(&model, 1300, 9000, 1));
    assert_false(llmb_model_takes(&model, 1301, 1, 1));
}


static void
costs_are_exact(void **state)
{
    llmb_model_t  model;

    (void) state;

    memset(&model, 0, sizeof(llmb_model_t));

    assert_int_equal(llmb_model_cost(&model, 1000, 1000), 0);

    /* 0.02 and 0.06 USD per million */

    model.input = 20000;
    model.output = 60000;

    assert_int_equal(llmb_model_cost(&model, 0, 0), 0);
    assert_int_equal(llmb_model_cost(&model, 1, 0), 20);
    assert_int_equal(llmb_model_cost(&model, 1000000, 0), 20000000);
    assert_int_equal(llmb_model_cost(&model, 7, 3), 320);

    /* to the nearest */

    model.input = 499;
    assert_int_equal(llmb_model_cost(&model, 1, 0), 0);
    model.input = 500;
    assert_int_equal(llmb_model_cost(&model, 1, 0), 1);

    /* nothing wraps */

    model.input = 100000000000;
    assert_int_equal(llmb_model_cost(&model, UINT64_MAX, UINT64_MAX),
                     UINT64_MAX / 1000 + 1);
}


static void
what_is_saved_and_what_is_paid_are_the_tokens_of_all(void **state)
{
    (void) state;

    assert_int_equal(llmb_tokens_saved(10, 0, 30, 0), 0);
    assert_int_equal(llmb_tokens_saved(10, 0, 30, 1), 0);
    assert_int_equal(llmb_tokens_saved(10, 0, 0, 1), 0);

    /* three equal ones of 10, sent once: each has a third of 10 */

    assert_int_equal(llmb_tokens_saved(3, 20, 30, 1), 6);
    assert_int_equal(llmb_tokens_saved(4, 20, 30, 1), 8);

    /* or its own 10, if nobody has counted */

    assert_int_equal(llmb_tokens_saved(10, 20, 30, 0), 7);

    /* there is at least one that was sent, but should there not be */

    assert_int_equal(llmb_tokens_saved(10, 30, 30, 1), 0);
    assert_int_equal(llmb_tokens_saved(10, 40, 30, 1), 0);
}


static void
tokens_have_prices_by_their_kind(void **state)
{
    llmb_model_t  model;
    llmb_spent_t  spent;

    (void) state;

    memset(&model, 0, sizeof(llmb_model_t));
    memset(&spent, 0, sizeof(llmb_spent_t));

    model.input = 2000000;
    model.cached = 200000;
    model.cache_write = 2500000;
    model.output = 8000000;
    model.batch_discount = 500;
    model.ntiers = 2;
    model.tiers[0].name = text("flex");
    model.tiers[0].factor = 333;
    model.tiers[1].name = text("priority");
    model.tiers[1].factor = 1750;

    assert_int_equal(llmb_model_price(&model, &spent), 0);

    spent.input = 1000;
    spent.cached = 600;
    spent.written = 100;
    spent.output = 10;

    assert_int_equal(llmb_model_price(&model, &spent), 1050000);

    memcpy(spent.tier, "flex", 4);
    spent.tier_len = 4;
    assert_int_equal(llmb_model_price(&model, &spent), 349650);

    memcpy(spent.tier, "priority", 8);
    spent.tier_len = 8;
    assert_int_equal(llmb_model_price(&model, &spent), 1837500);

    memcpy(spent.tier, "batch", 5);
    spent.tier_len = 5;
    assert_int_equal(llmb_model_price(&model, &spent), 525000);

    memcpy(spent.tier, "other", 5);
    assert_int_equal(llmb_model_price(&model, &spent), 1050000);

    /* more than any is as much as there can be, not little */

    spent.input = UINT64_MAX;
    spent.cached = UINT64_MAX / 2;
    assert_int_equal(llmb_model_price(&model, &spent), UINT64_MAX / 1000 + 1);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_star_stands_for_any_text),
        cmocka_unit_test(the_first_match_wins),
        cmocka_unit_test(names_that_are_empty_or_endless_are_of_no_model),
        cmocka_unit_test(an_estimate_is_given_room),
        cmocka_unit_test(costs_are_exact),
        cmocka_unit_test(what_is_saved_and_what_is_paid_are_the_tokens_of_all),
        cmocka_unit_test(tokens_have_prices_by_their_kind)
    };

    return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
