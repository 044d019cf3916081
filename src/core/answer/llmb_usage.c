
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Shares out token counts.  Every item is given one token first, for there is
 * no item without; the rest goes by what members count or estimate themselves.
 * Rounding is that of the running sum, so that nothing is lost or found, and
 * no member needs to know the parts of the others.
 */


#include "llmb_usage.h"
#include "llmb_json_text.h"

#include <string.h>


static void llmb_usage_add(llmb_weight_t *weight, uint64_t items,
    uint64_t tokens);
static void llmb_usage_sum(llmb_part_t *part, uint64_t value);
static void llmb_usage_total(llmb_weight_t *weight, const llmb_weight_t *sum);
static uint64_t llmb_usage_scale(const llmb_part_t *part, uint64_t count);


void
llmb_usage_init(llmb_usage_t *us, llmb_str_t text)
{
    memset(us, 0, sizeof(llmb_usage_t));

    us->text = text;

    llmb_json_init(&us->json, LLMB_JSON_MAX_DEPTH);

    /* a bare number has no name, but counts as if it had one */

    us->tok.type = LLMB_JSON_KEY;
}


unsigned
llmb_usage_next(llmb_usage_t *us)
{
    unsigned            named;
    llmb_rc_e           rc;
    llmb_str_t          text;
    llmb_json_token_t  *tok;

    tok = &us->tok;

    for ( ;; ) {
        named = (tok->type == LLMB_JSON_KEY);

        rc = llmb_json_next(&us->json, us->text.data, us->text.len, 1, tok);

        if (rc != LLMB_OK || tok->type == LLMB_JSON_END) {
            return 0;
        }

        text.len = tok->end - tok->start;
        text.data = us->text.data + tok->start;

        if (tok->type == LLMB_JSON_KEY) {
            us->name = text;

            if (tok->depth == 1) {
                us->outer = text;
            }

            continue;
        }

        if (named
            && tok->type == LLMB_JSON_NUMBER
            && llmb_json_uint(text, &us->value) == LLMB_OK
            && us->value <= LLMB_USAGE_MAX)
        {
            return 1;
        }
    }
}


void
llmb_usage_write(llmb_out_t *out, llmb_str_t text, llmb_usage_pt count,
    void *data)
{
    size_t        pos;
    llmb_usage_t  us;

    pos = 0;

    llmb_usage_init(&us, text);

    while (llmb_usage_next(&us)) {
        llmb_out_bytes(out, text.data + pos, us.tok.start - pos);
        llmb_out_number(out, count(data, &us));

        pos = us.tok.end;
    }

    llmb_out_bytes(out, text.data + pos, text.len - pos);
}


void
llmb_usage_weigh(llmb_share_t *shares, uint32_t members)
{
    uint32_t       k;
    uint64_t       items, output;
    llmb_weight_t  sum, sum_output;

    memset(&sum, 0, sizeof(llmb_weight_t));
    memset(&sum_output, 0, sizeof(llmb_weight_t));

    output = 0;

    for (k = 0; k < members; k++) {
        output |= shares[k].output;
    }

    for (k = 0; k < members; k++) {
        items = shares[k].items;

        llmb_usage_add(&sum, items, llmb_max(shares[k].tokens, items));
        shares[k].weight = sum;

        /* an item may be answered with nothing; all are if nobody knows */

        if (output) {
            items = llmb_min(shares[k].output, items);
        }

        llmb_usage_add(&sum_output, items, llmb_max(shares[k].output, items));
        shares[k].output_weight = sum_output;
    }

    for (k = 0; k < members; k++) {
        llmb_usage_total(&shares[k].weight, &sum);
        llmb_usage_total(&shares[k].output_weight, &sum_output);
    }
}


uint64_t
llmb_usage_part(const llmb_weight_t *weight, uint64_t count)
{
    uint64_t  items, part;

    items = weight->items.total;

    if (count < items) {
        return llmb_usage_scale(&weight->tokens, count);
    }

    part = weight->items.after - weight->items.before;
    count -= items;

    if (weight->rest.total == 0) {
        return part + llmb_usage_scale(&weight->items, count);
    }

    return part + llmb_usage_scale(&weight->rest, count);
}


static void
llmb_usage_add(llmb_weight_t *weight, uint64_t items, uint64_t tokens)
{
    llmb_usage_sum(&weight->items, items);
    llmb_usage_sum(&weight->tokens, tokens);
    llmb_usage_sum(&weight->rest, tokens - items);
}


/*
 * Sums stop at the largest count, so that their product with a count cannot
 * overflow.  Nothing real comes near; if it did, parts would be unfair, but
 * would still add up.
 */

static void
llmb_usage_sum(llmb_part_t *part, uint64_t value)
{
    part->before = part->total;
    part->total += llmb_min(value, LLMB_USAGE_MAX - part->total);
    part->after = part->total;
}


static void
llmb_usage_total(llmb_weight_t *weight, const llmb_weight_t *sum)
{
    weight->items.total = sum->items.total;
    weight->tokens.total = sum->tokens.total;
    weight->rest.total = sum->rest.total;
}


static uint64_t
llmb_usage_scale(const llmb_part_t *part, uint64_t count)
{
    return part->after * count / part->total
           - part->before * count / part->total;
}
