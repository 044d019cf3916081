
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What an operator knows of models beforehand: what a call of them takes, and
 * what their tokens cost.
 */


#ifndef _LLMB_CATALOGUE_H_INCLUDED_
#define _LLMB_CATALOGUE_H_INCLUDED_


#include "llmb.h"
#include "llmb_meter.h"


#pragma GCC visibility push(hidden)


/* longer names are of no model; what clients send is looked up, too */

#define LLMB_CATALOGUE_NAME  256

/* tiers of a model that have a price of their own */

#define LLMB_CATALOGUE_TIERS  8


typedef struct {
    llmb_str_t       name;        /* as answers tell it */
    uint32_t         factor;      /* 1/1000 of the price */
} llmb_model_tier_t;


typedef struct {
    llmb_str_t       match;       /* names; "*" stands for any text */
    llmb_str_t       provider;

    /* 0: not known */
    uint64_t         max_input_tokens;    /* in an item */
    uint64_t         max_items;           /* in a call */
    uint64_t         max_call_tokens;

    /* of a token, in 10^-12 USD, which is USD per million * 10^6 */
    uint64_t         input;
    uint64_t         cached;      /* that was read from the cache of prompts */
    uint64_t         cache_write; /* and written to it */
    uint64_t         output;

    uint32_t         batch_discount;      /* 1/1000 of the price */
    unsigned         priced:1;
    unsigned         reasoning:1; /* it thinks before it answers; so do, for
                                     all we know, those of which nothing is
                                     said */

    unsigned         ntiers;
    llmb_model_tier_t  tiers[LLMB_CATALOGUE_TIERS];
} llmb_model_t;


/* the first model that the name matches; NULL: none, or there is no name */
const llmb_model_t *llmb_catalogue_find(const llmb_model_t *models, size_t n,
    llmb_str_t name);

/*
 * Whether an item of so many tokens and bytes may be put into a call.  An
 * estimate is given some room, since one item that is too large fails the
 * call for everybody.
 */
unsigned llmb_model_takes(const llmb_model_t *model, uint64_t tokens,
    uint64_t bytes, unsigned exact);

/* in 10^-9 USD, rounded */
uint64_t llmb_model_cost(const llmb_model_t *model, uint64_t input,
    uint64_t output);

/*
 * The same of what an answer has told, by the tier in it; one that is not in
 * the catalogue costs what none does.
 */
uint64_t llmb_model_price(const llmb_model_t *model,
    const llmb_spent_t *spent);

/* the tier of that name, or NULL */
const llmb_model_tier_t *llmb_model_tier(const llmb_model_t *model,
    llmb_str_t name);

/*
 * Of the input tokens of a member, those that were not sent because of equal
 * items, if that was "copied" of "all" tokens of the call.  "counted": the
 * member's tokens are its share in what was sent, and these come on top.
 */
uint64_t llmb_tokens_saved(uint64_t tokens, uint64_t copied, uint64_t all,
    unsigned counted);


#pragma GCC visibility pop


#endif /* _LLMB_CATALOGUE_H_INCLUDED_ */
