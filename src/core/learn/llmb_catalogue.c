
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Models by name, what they take, and what they cost.
 */


#include <string.h>

#include "llmb_catalogue.h"


static unsigned llmb_catalogue_matches(llmb_str_t glob, llmb_str_t name);
static uint64_t llmb_catalogue_product(uint64_t a, uint64_t b);
static uint64_t llmb_catalogue_sum(uint64_t a, uint64_t b);


const llmb_model_t *
llmb_catalogue_find(const llmb_model_t *models, size_t n, llmb_str_t name)
{
    size_t  i;

    if (name.len == 0 || name.len > LLMB_CATALOGUE_NAME) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (llmb_catalogue_matches(models[i].match, name)) {
            return &models[i];
        }
    }

    return NULL;
}


/*
 * After a mismatch only what the last "*" stands for has to be tried longer:
 * what an earlier one stands for was as short as it can be.
 */

static unsigned
llmb_catalogue_matches(llmb_str_t glob, llmb_str_t name)
{
    size_t  g, i, star, rest;

    g = 0;
    i = 0;
    star = glob.len;
    rest = 0;

    while (i < name.len) {

        if (g < glob.len && glob.data[g] == '*') {
            star = g++;
            rest = i;

        } else if (g < glob.len && glob.data[g] == name.data[i]) {
            g++;
            i++;

        } else if (star < glob.len) {
            g = star + 1;
            i = ++rest;

        } else {
            return 0;
        }
    }

    while (g < glob.len && glob.data[g] == '*') {
        g++;
    }

    return g == glob.len;
}


unsigned
llmb_model_takes(const llmb_model_t *model, uint64_t tokens, uint64_t bytes,
    unsigned exact)
{
    uint64_t  limit;

    limit = model->max_input_tokens;

    if (limit == 0) {
        return 1;
    }

    if (exact) {
        return tokens <= limit;
    }

    /* estimates are up to 30 % too low */

    return llmb_catalogue_product(tokens, 13)
           <= llmb_catalogue_product(limit, 10)
           && bytes <= llmb_catalogue_product(limit, 4);
}


uint64_t
llmb_model_cost(const llmb_model_t *model, uint64_t input, uint64_t output)
{
    uint64_t  n;

    n = llmb_catalogue_sum(llmb_catalogue_product(model->input, input),
                           llmb_catalogue_product(model->output, output));

    return n / 1000 + (n % 1000 >= 500);
}


uint64_t
llmb_model_price(const llmb_model_t *model, const llmb_spent_t *spent)
{
    uint64_t                  n, fresh, factor;
    llmb_str_t                name;
    const llmb_model_tier_t  *tier;

    static const llmb_str_t   batch = llmb_string("batch");

    fresh = spent->input - llmb_min(spent->input,
                                    spent->cached + spent->written);

    n = llmb_catalogue_product(model->input, fresh);
    n = llmb_catalogue_sum(n, llmb_catalogue_product(model->cached,
                                                     spent->cached));
    n = llmb_catalogue_sum(n, llmb_catalogue_product(model->cache_write,
                                                     spent->written));
    n = llmb_catalogue_sum(n, llmb_catalogue_product(model->output,
                                                     spent->output));

    n = n / 1000 + (n % 1000 >= 500);

    name.data = spent->tier;
    name.len = spent->tier_len;

    tier = llmb_model_tier(model, name);

    if (tier) {
        factor = tier->factor;

    } else if (name.len == batch.len
               && memcmp(name.data, batch.data, name.len) == 0)
    {
        factor = 1000 - model->batch_discount;

    } else {
        return n;
    }

    /* nothing is lost of what is large, nor of what is small */

    return llmb_catalogue_sum(llmb_catalogue_product(n / 1000, factor),
                              (n % 1000 * factor + 500) / 1000);
}


const llmb_model_tier_t *
llmb_model_tier(const llmb_model_t *model, llmb_str_t name)
{
    unsigned  i;

    for (i = 0; i < model->ntiers; i++) {

        if (model->tiers[i].name.len == name.len
            && memcmp(model->tiers[i].name.data, name.data, name.len) == 0)
        {
            return &model->tiers[i];
        }
    }

    return NULL;
}


uint64_t
llmb_tokens_saved(uint64_t tokens, uint64_t copied, uint64_t all,
    unsigned counted)
{
    if (counted) {
        all -= llmb_min(copied, all);
    }

    if (all == 0) {
        return 0;
    }

    return (llmb_catalogue_product(tokens, copied) + all / 2) / all;
}


static uint64_t
llmb_catalogue_sum(uint64_t a, uint64_t b)
{
    return (b > UINT64_MAX - a) ? UINT64_MAX : a + b;
}


/* as large as it can be, if it is larger */

static uint64_t
llmb_catalogue_product(uint64_t a, uint64_t b)
{
    if (b && a > UINT64_MAX / b) {
        return UINT64_MAX;
    }

    return a * b;
}
