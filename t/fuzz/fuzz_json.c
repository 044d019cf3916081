
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The scanner accepts what jansson accepts and reads the same values; cutting
 * the text into pieces or reporting less changes nothing else.
 */


#include "json_oracle.h"
#include "llmb_tokens.h"
#include "tokens.h"
#include "llmb_json_text.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_text(const llmb_json_token_t *tok, const uint8_t *base)
{
    json_t      *number;
    llmb_str_t   token, text;
    uint64_t     value;
    uint32_t     estimate;

    token.data = base + tok->start;
    token.len = tok->end - tok->start;

    if (tok->type == LLMB_JSON_NUMBER) {

        number = oracle_number(token);

        if (llmb_json_uint(token, &value) == LLMB_OK) {
            check(json_is_integer(number));
            check(value == (uint64_t) json_integer_value(number));
        }

        json_decref(number);
        return;
    }

    text.data = (uint8_t *) oracle_decode(token, &text.len);

    check(text.len <= token.len - 2);
    check(llmb_json_is(token, text));
    check(llmb_json_cmp(token, token) == 0);

    estimate = llmb_tokens_estimate(token);
    check(estimate >= 1 && (estimate == 1 || estimate <= text.len));

    free((void *) text.data);
}


static void
check_oracle(const tokens_t *t, const uint8_t *data, size_t size)
{
    size_t       i;
    json_t      *value;
    unsigned     silent;
    oracle_t     o;
    llmb_str_t   text;

    text.data = data;
    text.len = size;

    value = oracle_read(text, &silent);

    if (!silent && t->rc != LLMB_LIMIT) {
        check((value != NULL) == (t->rc == LLMB_OK));
    }

    if (value && t->rc == LLMB_OK) {
        oracle_init(&o);

        for (i = 0; i < t->n; i++) {
            oracle_token(&o, &t->tok[i], data);
        }

        check(o.silent || json_equal(value, o.root));

        oracle_destroy(&o);
    }

    json_decref(value);
}


/* each buffer is as long as it says; what was consumed is wiped out */

static void
feed_in_pieces(tokens_t *t, const uint8_t *data, size_t size, uint64_t *seed)
{
    size_t    len;
    uint8_t  *copy;

    len = 0;

    for ( ;; ) {
        copy = malloc(len + !len);
        check(copy != NULL);

        memcpy(copy, data, len);
        memset(copy, 0xff, t->js.pos);

        tokens_feed(t, copy, len, 0);

        free(copy);

        if (len == size) {
            break;
        }

        len += 1 + random_below(seed, random_below(seed, 4) ? 8 : 200);
        len = llmb_min(len, size);
    }

    tokens_feed(t, data, size, 1);
}


static void
check_same(const tokens_t *all, const tokens_t *some, unsigned report)
{
    size_t  i, j;

    check(some->rc == all->rc);

    for (i = 0, j = 0; i < all->n && j < some->n; i++) {

        if (all->tok[i].depth > report) {
            continue;
        }

        check(some->tok[j].type == all->tok[i].type);
        check(some->tok[j].depth == all->tok[i].depth);
        check(some->tok[j].start == all->tok[i].start);
        check(some->tok[j].end == all->tok[i].end);

        j++;
    }

    check(j == some->n || all->rc != LLMB_OK);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     i;
    tokens_t   all, some;
    unsigned   report;
    uint64_t   seed;

    seed = random_seed(data, size);

    tokens_start(&all, LLMB_JSON_MAX_DEPTH);
    tokens_feed(&all, data, size, 1);

    for (i = 0; i < all.n; i++) {
        check(all.tok[i].end <= size);

        if (all.tok[i].type == LLMB_JSON_KEY
            || all.tok[i].type == LLMB_JSON_STRING
            || all.tok[i].type == LLMB_JSON_NUMBER)
        {
            check_text(&all.tok[i], data);
        }
    }

    check_oracle(&all, data, size);

    for (report = 0; report < 4; report++) {
        tokens_start(&some, report);
        tokens_feed(&some, data, size, 1);
        check_same(&all, &some, report);
        tokens_free(&some);
    }

    report = random_below(&seed, 4);
    tokens_start(&some, report);
    feed_in_pieces(&some, data, size, &seed);
    check_same(&all, &some, report);
    tokens_free(&some);

    tokens_free(&all);

    return 0;
}
