
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Cutting answers; whole ones are in the golden cases.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "answer.h"
#include "split_cuts.h"


/* reads the answer of a case; the shares are its own, one behind the other */

static void
read_case(const cut_case_t *c, answer_t *a, llmb_share_t *shares)
{
    uint32_t            j, k;
    llmb_split_conf_t   conf;

    static llmb_item_t  unique[16];

    memset(&conf, 0, sizeof(llmb_split_conf_t));
    memset(unique, 0, sizeof(unique));

    conf.form = c->adapter->forms[0];
    conf.items = c->items;
    conf.per = c->per;
    conf.strip = c->strip;

    if (c->unique) {

        for (j = 0; c->unique[j]; j++) {
            unique[j].position = (uint32_t) (c->unique[j] - '0');
        }

        conf.unique = unique;
    }

    if (answer_read(a, &conf, c->answer) != LLMB_OK) {
        fail_msg("%s: mismatch %u", c->name, a->split.mismatch);
    }

    for (j = 0, k = 0; k < c->members; k++) {
        shares[k] = c->shares[k];
        shares[k].first = j;
        j += shares[k].items;
    }

    llmb_counts_weigh(&a->split, a->base, shares, c->members);
}


static void
members_get_what_is_theirs(void **state)
{
    unsigned           i;
    char              *text;
    answer_t           a;
    uint32_t           k;
    llmb_share_t       shares[3];
    const cut_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        c = &cuts[i];

        read_case(c, &a, shares);

        for (k = 0; k < c->members; k++) {
            text = answer_cut(&a, shares, c->members, k);

            if (strcmp(text, c->own[k]) != 0) {
                fail_msg("%s: member %u:\n%s\nand not\n%s", c->name, k, text,
                         c->own[k]);
            }

            free(text);
        }

        answer_free(&a);
    }
}


/* each write is one that may fail; nothing is written behind it */

static void
a_sink_that_fails_ends_it(void **state)
{
    unsigned           i, writes;
    answer_t           a;
    buffer_t           b;
    llmb_sink_t        sink;
    llmb_share_t       shares[3];
    const cut_case_t  *c;

    (void) state;

    for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        c = &cuts[i];

        read_case(c, &a, shares);

        for (writes = 1; /* void */ ; writes++) {
            sink = buffer_sink(&b);
            b.fail = writes;

            if (llmb_split_write(&a.split, a.base, shares, c->members,
                                 writes % c->members, &sink)
                == LLMB_OK)
            {
                free(b.data);
                break;
            }

            assert_int_equal(b.late, 0);
            free(b.data);
        }

        answer_free(&a);
    }
}


/*
 * Open Inference: the id is the client's own, or there is none.  What finds
 * the tensors is tested elsewhere; here one is put in by hand.
 */

typedef struct {
    const char  *answer;
    const char  *own;             /* of a client without an id */
} id_case_t;


static void
an_id_of_another_is_taken_out(void **state)
{
    char               *text;
    unsigned            i;
    answer_t            a;
    llmb_form_t         form;
    llmb_share_t        shares[2] = { ECHO(1, "\"mine\""), LIST(1, 0) };
    llmb_split_conf_t   conf;

    static const id_case_t  ids[] = {
        { "{\"list\":[1,2],\"id\":\"other\"}", "{\"list\":[2]}" },
        { "{\"list\":[1,2] , \"\\u0069d\" : \"other\" }", "{\"list\":[2] }" },
        { "{ \"id\" :\"other\" , \"list\":[1,2]}", "{  \"list\":[2]}" },
        { "{\"a\":\"\\\"\",\"id\":\"a,\\\"\",\"list\":[1,2]}",
          "{\"a\":\"\\\"\",\"list\":[2]}" },
        { "{\"list\":[1,2]}", "{\"list\":[2]}" }
    };

    (void) state;

    memset(&form, 0, sizeof(llmb_form_t));
    memset(&conf, 0, sizeof(llmb_split_conf_t));

    form.list.data = (const uint8_t *) "list";
    form.list.len = 4;
    form.echo.data = (const uint8_t *) "id";
    form.echo.len = 2;

    conf.form = &form;
    conf.items = 2;

    shares[1].first = 1;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(answer_read(&a, &conf, ids[i].answer), LLMB_OK);

        llmb_counts_weigh(&a.split, a.base, shares, 2);

        text = answer_cut(&a, shares, 2, 0);
        assert_null(strstr(text, "other"));
        assert_true((strstr(text, "\"mine\"") != NULL)
                    == (strstr(ids[i].answer, "d\"") != NULL));
        free(text);

        text = answer_cut(&a, shares, 2, 1);
        assert_string_equal(text, ids[i].own);
        free(text);

        /* alone it is the client's own */

        text = answer_cut(&a, shares, 1, 0);
        assert_true((strstr(text, "other") != NULL)
                    == (strstr(ids[i].answer, "other") != NULL));
        free(text);

        answer_free(&a);
    }
}


/* positions that are not the item's own may have more digits */

static void
copies_of_an_item_have_room(void **state)
{
    char               *text;
    answer_t            a;
    llmb_item_t         unique[1200];
    llmb_share_t        share = LIST(1200, 0);
    llmb_split_conf_t   conf;

    (void) state;

    memset(unique, 0, sizeof(unique));
    memset(&conf, 0, sizeof(llmb_split_conf_t));

    conf.form = openai->forms[0];
    conf.items = 1;
    conf.unique = unique;

    assert_int_equal(answer_read(&a, &conf, "{\"data\":[{\"index\":0}]}"),
                     LLMB_OK);

    llmb_counts_weigh(&a.split, a.base, &share, 1);

    text = answer_cut(&a, &share, 1, 0);

    assert_non_null(strstr(text, ",{\"index\":1199}]}"));

    free(text);
    answer_free(&a);
}


static void
assert_cut(const answer_t *a, const llmb_share_t *shares, uint32_t members,
    uint32_t k, const char *expected)
{
    char  *text;

    text = answer_cut(a, shares, members, k);

    assert_string_equal(text, expected);

    free(text);
}


/*
 * The first gap is longer than a whole element: nothing about the distance
 * of elements may be taken for granted.
 */

static void
uneven_gaps_let_nobody_see_a_neighbor(void **state)
{
    answer_t      a;
    llmb_share_t  shares[] = {
        SHARE(0, 2, 2), SHARE(2, 1, 1), SHARE(3, 2, 2)
    };

    static const char  answer[] =
        "{\"data\":[{\"index\":0}"
        "                    ,                    {\"index\":3},"
        "{\"index\":2,\"s\":\"secret\"},{\"index\":1},\n{\"index\":4}\n]}";

    (void) state;

    llmb_usage_weigh(shares, 3);

    answer_of(&a, openai, 5, answer);

    assert_cut(&a, shares, 3, 0,
               "{\"data\":[{\"index\":0}"
               "                    ,                    {\"index\":1}\n]}");
    assert_cut(&a, shares, 3, 1,
               "{\"data\":[{\"index\":0,\"s\":\"secret\"}\n]}");
    assert_cut(&a, shares, 3, 2,
               "{\"data\":[{\"index\":0}"
               "                    ,                    {\"index\":1}\n]}");

    answer_free(&a);
}


static void
pieces_may_stand_in_any_order(void **state)
{
    unsigned      i;
    char          answer[256], first[256], second[256];
    answer_t      a;
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };

    static const char *const  orders[6] = {
        "%1$s,%2$s,%3$s", "%1$s,%3$s,%2$s", "%2$s,%1$s,%3$s",
        "%2$s,%3$s,%1$s", "%3$s,%1$s,%2$s", "%3$s,%2$s,%1$s"
    };

    (void) state;

    llmb_usage_weigh(shares, 2);

    for (i = 0; i < 6; i++) {
        sprintf(answer, orders[i], "\"data\":[{\"index\":0},{\"index\":1}]",
                "\"usage\":{\"prompt_tokens\":7}", "\"id\":\"x\"");
        sprintf(first, orders[i], "\"data\":[{\"index\":0}]",
                "\"usage\":{\"prompt_tokens\":3}", "\"id\":\"x-0\"");
        sprintf(second, orders[i], "\"data\":[{\"index\":0}]",
                "\"usage\":{\"prompt_tokens\":4}", "\"id\":\"x-1\"");

        memmove(answer + 1, answer, strlen(answer) + 1);
        memmove(first + 1, first, strlen(first) + 1);
        memmove(second + 1, second, strlen(second) + 1);
        answer[0] = first[0] = second[0] = '{';
        strcat(answer, "}");
        strcat(first, "}");
        strcat(second, "}");

        answer_of(&a, openai, 2, answer);

        assert_cut(&a, shares, 2, 0, first);
        assert_cut(&a, shares, 2, 1, second);

        answer_free(&a);
    }
}


/* what a format does not have is not found under an empty name either */

static void
members_without_a_name_mean_nothing(void **state)
{
    answer_t      a;
    llmb_share_t  shares[] = { SHARE(0, 1, 3), SHARE(1, 1, 4) };

    static const llmb_form_t  form = { .list = llmb_string("list") };
    static const llmb_adapter_t  plain = { .forms = { &form } };

    static const char  answer[] =
        "{\"\":5,\"list\":[{\"\":0},{\"\":9}],\"\":6}";

    (void) state;

    llmb_usage_weigh(shares, 2);

    answer_of(&a, &plain, 2, answer);

    assert_cut(&a, shares, 2, 0,
               "{\"\":5,\"list\":[{\"\":0}],\"\":6}");
    assert_cut(&a, shares, 2, 1,
               "{\"\":5,\"list\":[{\"\":9}],\"\":6}");

    answer_free(&a);
}


static void
an_id_is_left_alone_if_nobody_shares_it(void **state)
{
    answer_t      a;
    llmb_share_t  share = SHARE(0, 2, 2);

    static const char  answer[] = "{\"id\":\"x\",\"data\":[{\"index\":1},"
                                  "{\"index\":0,\"v\":2}],\"usage\":"
                                  "{\"total_tokens\":5}}";

    (void) state;

    llmb_usage_weigh(&share, 1);

    answer_of(&a, openai, 2, answer);

    assert_cut(&a, &share, 1, 0,
               "{\"id\":\"x\",\"data\":[{\"index\":0,\"v\":2},"
               "{\"index\":1}],\"usage\":{\"total_tokens\":5}}");

    answer_free(&a);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(members_get_what_is_theirs),
        cmocka_unit_test(a_sink_that_fails_ends_it),
        cmocka_unit_test(copies_of_an_item_have_room),
        cmocka_unit_test(an_id_of_another_is_taken_out),
        cmocka_unit_test(uneven_gaps_let_nobody_see_a_neighbor),
        cmocka_unit_test(pieces_may_stand_in_any_order),
        cmocka_unit_test(members_without_a_name_mean_nothing),
        cmocka_unit_test(an_id_is_left_alone_if_nobody_shares_it)
    };

    return cmocka_run_group_tests_name("split_write", tests, NULL, NULL);
}
