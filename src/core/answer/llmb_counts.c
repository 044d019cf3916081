
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_counts.h"
#include "llmb_json_text.h"


static uint64_t llmb_counts_units(const llmb_form_t *form,
    const llmb_share_t *share, uint64_t count);
static uint64_t llmb_counts_begun(uint64_t n, uint64_t unit);
static unsigned llmb_counts_is_last(llmb_str_t path, llmb_str_t name);
static unsigned llmb_counts_exact(const llmb_split_t *sp, llmb_mark_e mark,
    uint32_t step, uint64_t count);
static uint64_t llmb_counts_ids(const llmb_split_t *sp,
    const llmb_share_t *share, llmb_mark_e mark, uint32_t step);
static uint64_t llmb_counts_length(const llmb_split_t *sp,
    const llmb_share_t *share);


void
llmb_counts_read(llmb_split_t *sp, const uint8_t *base)
{
    unsigned            i, input, total;
    llmb_usage_t        us;
    const llmb_form_t  *form;

    form = sp->conf.form;
    total = 0;

    for (i = 0; i < 2; i++) {
        input = sp->counted;

        llmb_usage_init(&us, llmb_answer_text(base, &sp->usage[i]));

        while (llmb_usage_next(&us)) {

            switch (llmb_counts_kind(form, i, &us)) {

            case LLMB_COUNT_INPUT:

                /* of two that are there the first is what is paid for */

                if (!input) {
                    sp->input = us.value;
                    sp->counted = 1;
                }

                break;

            case LLMB_COUNT_OUTPUT:
                sp->output = us.value;
                break;

            case LLMB_COUNT_TOTAL:
                sp->total = us.value;
                total = 1;
                break;

            default:
                break;
            }
        }
    }

    if (!sp->counted && total && form->output_tokens.len == 0) {
        sp->input = sp->total;
        sp->counted = 1;
    }
}


llmb_count_e
llmb_counts_kind(const llmb_form_t *form, unsigned i, const llmb_usage_t *us)
{
    llmb_str_t  output;

    output = form->output_tokens;

    if (us->name.len == 0) {

        /* the path leads to the number itself */

        if (llmb_counts_is_last(form->usage[i], output)) {
            return LLMB_COUNT_OUTPUT;
        }

        return llmb_counts_is_last(form->usage[i], form->total_tokens)
               ? LLMB_COUNT_TOTAL : LLMB_COUNT_INPUT;
    }

    if (us->tok.depth == 1) {

        if (form->input_tokens.len
            && llmb_json_is(us->name, form->input_tokens))
        {
            return LLMB_COUNT_INPUT;
        }

        if (form->total_tokens.len
            && llmb_json_is(us->name, form->total_tokens))
        {
            return LLMB_COUNT_TOTAL;
        }

        if (output.len && llmb_json_is(us->name, output)) {
            return LLMB_COUNT_OUTPUT;
        }

        if (form->units.len && llmb_json_is(us->name, form->units)) {
            return LLMB_COUNT_UNITS;
        }
    }

    /* "completion_tokens_details" is about "completion_tokens" */

    if (output.len && us->outer.len > output.len + 2
        && memcmp(us->outer.data + 1, output.data, output.len) == 0)
    {
        return LLMB_COUNT_OF_OUTPUT;
    }

    return LLMB_COUNT_OTHER;
}


static unsigned
llmb_counts_is_last(llmb_str_t path, llmb_str_t name)
{
    if (name.len == 0 || path.len < name.len
        || memcmp(path.data + path.len - name.len, name.data, name.len) != 0)
    {
        return 0;
    }

    return path.len == name.len || path.data[path.len - name.len - 1] == '.';
}


void
llmb_counts_weigh(llmb_split_t *sp, const uint8_t *base, llmb_share_t *shares,
    uint32_t members)
{
    uint32_t       k;
    unsigned       input, output;
    llmb_share_t  *share;

    (void) base;

    /* the elements of an item repeat the ids of its tokens */

    input = sp->counted
            && llmb_counts_exact(sp, LLMB_MARK_PROMPT_IDS, sp->conf.per,
                                 sp->input);
    output = llmb_counts_exact(sp, LLMB_MARK_TOKEN_IDS, 1, sp->output);

    for (k = 0; k < members; k++) {
        share = &shares[k];

        if (input) {
            share->tokens = llmb_counts_ids(sp, share, LLMB_MARK_PROMPT_IDS,
                                            sp->conf.per);
        }

        share->output = output ? llmb_counts_ids(sp, share,
                                                 LLMB_MARK_TOKEN_IDS, 1)
                               : llmb_counts_length(sp, share);
    }

    llmb_usage_weigh(shares, members);
}


/*
 * Whether the ids of all elements, or of every step-th, are as many as the
 * upstream has counted.
 */

static unsigned
llmb_counts_exact(const llmb_split_t *sp, llmb_mark_e mark, uint32_t step,
    uint64_t count)
{
    uint32_t  i;
    uint64_t  sum;

    if (!sp->token_ids) {
        return 0;
    }

    sum = 0;

    for (i = 0; i < sp->n; i += step) {

        if (sp->elems[i].numbers[mark] == LLMB_NO_NUMBERS) {
            return 0;
        }

        sum += sp->elems[i].numbers[mark];
    }

    return sum == count;
}


static uint64_t
llmb_counts_ids(const llmb_split_t *sp, const llmb_share_t *share,
    llmb_mark_e mark, uint32_t step)
{
    uint32_t            i, j;
    uint64_t            sum;
    const llmb_elem_t  *elem;

    sum = 0;

    for (i = 0; i < share->items; i++) {
        elem = &sp->elems[llmb_answer_position(sp, share, i) * sp->conf.per];

        for (j = 0; j < sp->conf.per; j += step) {
            sum += elem[j].numbers[mark];
        }
    }

    return sum;
}


static uint64_t
llmb_counts_length(const llmb_split_t *sp, const llmb_share_t *share)
{
    uint32_t            i, j;
    uint64_t            sum;
    const llmb_elem_t  *elem;

    if (sp->conf.form->output_tokens.len == 0) {
        return 0;
    }

    sum = 0;

    for (i = 0; i < share->items; i++) {
        elem = &sp->elems[llmb_answer_position(sp, share, i) * sp->conf.per];

        for (j = 0; j < sp->conf.per; j++) {
            sum += elem[j].value.end - elem[j].value.start;
        }
    }

    return sum;
}


uint64_t
llmb_counts_part(const llmb_split_t *sp, const llmb_share_t *share,
    llmb_count_e kind, uint64_t count)
{
    switch (kind) {

    case LLMB_COUNT_OUTPUT:
    case LLMB_COUNT_OF_OUTPUT:
        return llmb_usage_part(&share->output_weight, count);

    case LLMB_COUNT_UNITS:
        return llmb_counts_units(sp->conf.form, share, count);

    case LLMB_COUNT_TOTAL:

        /* so that the numbers of each client fit, too */

        if (sp->counted && count == sp->input + sp->output) {
            return llmb_usage_part(&share->weight, sp->input)
                   + llmb_usage_part(&share->output_weight, sp->output);
        }

        /* fall through */

    default:
        return llmb_usage_part(&share->weight, count);
    }
}


static uint64_t
llmb_counts_units(const llmb_form_t *form, const llmb_share_t *share,
    uint64_t count)
{
    uint64_t            own, all, part;
    const llmb_part_t  *tokens;

    own = llmb_counts_begun(share->items, form->unit_items);
    all = llmb_counts_begun(share->weight.items.total, form->unit_items);

    if (count <= all) {
        return llmb_min(own, count);
    }

    tokens = &share->weight.tokens;
    part = llmb_counts_begun((tokens->after - tokens->before) * count,
                             tokens->total);

    return llmb_max(own, part);
}


/* how many times "unit" has to be taken for as much as n */

static uint64_t
llmb_counts_begun(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit;
}


uint64_t
llmb_counts_tokens(const llmb_split_t *sp, const llmb_share_t *share,
    unsigned *exact)
{
    if (!sp->counted) {
        *exact = 0;
        return share->tokens;
    }

    *exact = (sp->input == share->weight.tokens.total);

    return llmb_usage_part(&share->weight, sp->input);
}


uint64_t
llmb_counts_output(const llmb_split_t *sp, const llmb_share_t *share)
{
    if (sp->output == 0) {
        return 0;
    }

    return llmb_usage_part(&share->output_weight, sp->output);
}
