
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * What upstreams say about calls that are too large.  Each has words of its
 * own, so the words are looked for anywhere in the answer, in either case, and
 * numbers behind them.
 */


#include "llmb_verdict_learn.h"


/* no error takes the items of calls below this, or the bytes of an item */

#define LLMB_LEARN_ITEMS   2
#define LLMB_LEARN_TOKENS  64
#define LLMB_LEARN_BYTES   1024

/* longer answers are no complaints */

#define LLMB_LEARN_BODY    16384


typedef enum {
    LLMB_LEARN_NOTHING = 0,
    LLMB_LEARN_ABOUT_ITEMS,
    LLMB_LEARN_ABOUT_TOKENS,
    LLMB_LEARN_ABOUT_BYTES
} llmb_learn_e;


typedef struct {
    llmb_str_t    text;           /* in lower case */
    llmb_learn_e  about;
    unsigned      number:1;       /* the bound is the next number */
} llmb_phrase_t;


/* the first one that is found decides */

static const llmb_phrase_t  llmb_learn_phrases[] = {

    /* OpenAI: "Requested 416735 tokens, max 300000 tokens per request" */
    { llmb_string("tokens, max "), LLMB_LEARN_ABOUT_TOKENS, 1 },
    { llmb_string("max_tokens_per_request"), LLMB_LEARN_ABOUT_TOKENS, 0 },
    { llmb_string("too many tokens"), LLMB_LEARN_ABOUT_TOKENS, 0 },
    /* Vertex AI: "token count is 20124 but the model supports up to 20000" */
    { llmb_string("model supports up to "), LLMB_LEARN_ABOUT_TOKENS, 1 },
    { llmb_string("max allowed tokens per"), LLMB_LEARN_ABOUT_TOKENS, 1 },

    /* TEI: "batch size 64 > maximum allowed batch size 32" */
    { llmb_string("maximum allowed batch size "), LLMB_LEARN_ABOUT_ITEMS, 1 },

    /* Gemini: "at most 100 requests can be in one batch" */
    { llmb_string("at most "), LLMB_LEARN_ABOUT_ITEMS, 1 },

    /* Vertex AI: "too many instances ... batchSize must be 250 but ..." */
    { llmb_string("batchsize must be "), LLMB_LEARN_ABOUT_ITEMS, 1 },
    { llmb_string("too many instances"), LLMB_LEARN_ABOUT_ITEMS, 0 },

    /* Cohere, Voyage, OpenAI's arrays, pydantic */
    { llmb_string("maximum length "), LLMB_LEARN_ABOUT_ITEMS, 1 },
    { llmb_string("maximum number of "), LLMB_LEARN_ABOUT_ITEMS, 1 },
    { llmb_string("max number of "), LLMB_LEARN_ABOUT_ITEMS, 1 },
    { llmb_string("no more than "), LLMB_LEARN_ABOUT_ITEMS, 1 },
    { llmb_string("max_items"), LLMB_LEARN_ABOUT_ITEMS, 0 },

    /* Mistral: "Too many inputs in request" */
    { llmb_string("too many inputs"), LLMB_LEARN_ABOUT_ITEMS, 0 },
    { llmb_string("too many items"), LLMB_LEARN_ABOUT_ITEMS, 0 },
    { llmb_string("too many texts"), LLMB_LEARN_ABOUT_ITEMS, 0 },
    { llmb_string("batch size"), LLMB_LEARN_ABOUT_ITEMS, 0 }
};


static llmb_learn_e llmb_learn_about(const llmb_outcome_t *outcome,
    llmb_str_t body, uint64_t *number);
static unsigned llmb_learn_find(const llmb_phrase_t *phrase, llmb_str_t body,
    uint64_t *number);
static unsigned llmb_learn_begins(const uint8_t *p, llmb_str_t text);
static uint64_t llmb_learn_number(const uint8_t *p, const uint8_t *end);
static uint64_t llmb_learn_bound(uint64_t sent, uint64_t named,
    uint64_t least);


unsigned
llmb_verdict_learn(const llmb_outcome_t *outcome, llmb_str_t body,
    uint32_t proven, llmb_learned_t *learned)
{
    uint64_t  number, bound;

    number = 0;

    switch (llmb_learn_about(outcome, body, &number)) {

    case LLMB_LEARN_ABOUT_ITEMS:

        if (number >= outcome->items) {
            /* so it was about something else */
            return 0;
        }

        bound = llmb_learn_bound(outcome->items, number, LLMB_LEARN_ITEMS);

        if (proven < outcome->items) {
            bound = llmb_max(bound, proven);
        }

        if (bound >= outcome->items
            || (learned->items && bound >= learned->items))
        {
            return 0;
        }

        learned->items = (uint32_t) bound;
        return 1;

    case LLMB_LEARN_ABOUT_TOKENS:
        bound = llmb_learn_bound(outcome->tokens, number, LLMB_LEARN_TOKENS);

        if (bound >= outcome->tokens
            || (learned->tokens && bound >= learned->tokens))
        {
            return 0;
        }

        learned->tokens = bound;
        return 1;

    case LLMB_LEARN_ABOUT_BYTES:
        bound = llmb_learn_bound(outcome->bytes, 0, LLMB_LEARN_BYTES);

        if (bound >= outcome->bytes
            || (learned->bytes && bound >= learned->bytes))
        {
            return 0;
        }

        learned->bytes = bound;
        return 1;

    default: /* LLMB_LEARN_NOTHING */
        return 0;
    }
}


static llmb_learn_e
llmb_learn_about(const llmb_outcome_t *outcome, llmb_str_t body,
    uint64_t *number)
{
    unsigned  i;

    if (!outcome->answered
        || outcome->items < 2
        || (outcome->status != 400 && outcome->status != 413
            && outcome->status != 422))
    {
        return LLMB_LEARN_NOTHING;
    }

    body.len = llmb_min(body.len, LLMB_LEARN_BODY);

    for (i = 0;
         i < sizeof(llmb_learn_phrases) / sizeof(llmb_learn_phrases[0]);
         i++)
    {
        if (llmb_learn_find(&llmb_learn_phrases[i], body, number)) {
            return llmb_learn_phrases[i].about;
        }
    }

    return outcome->status == 413 ? LLMB_LEARN_ABOUT_BYTES
                                  : LLMB_LEARN_NOTHING;
}


/* a phrase that promises a number is one only with a number */

static unsigned
llmb_learn_find(const llmb_phrase_t *phrase, llmb_str_t body,
    uint64_t *number)
{
    size_t  i;

    for (i = 0; i + phrase->text.len <= body.len; i++) {

        if (!llmb_learn_begins(body.data + i, phrase->text)) {
            continue;
        }

        if (!phrase->number) {
            return 1;
        }

        *number = llmb_learn_number(body.data + i + phrase->text.len,
                                    body.data + body.len);

        if (*number) {
            return 1;
        }
    }

    return 0;
}


static unsigned
llmb_learn_begins(const uint8_t *p, llmb_str_t text)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < text.len; i++) {
        c = p[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != text.data[i]) {
            return 0;
        }
    }

    return 1;
}


/* the next number, within some words and before the sentence is over */

static uint64_t
llmb_learn_number(const uint8_t *p, const uint8_t *end)
{
    uint64_t  n;

    if (end - p > 40) {
        end = p + 40;
    }

    while (p < end && (*p < '0' || *p > '9') && *p != '.' && *p != '"') {
        p++;
    }

    n = 0;

    while (p < end && *p >= '0' && *p <= '9' && n < 1000000000) {
        n = n * 10 + (uint64_t) (*p++ - '0');
    }

    return n;
}


static uint64_t
llmb_learn_bound(uint64_t sent, uint64_t named, uint64_t least)
{
    return llmb_max(named && named < sent ? named : sent / 2, least);
}
