
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads what is within the lists of an answer: elements, and those of their
 * members that matter.
 */


#include "llmb_split.h"
#include "llmb_split_parts.h"

#include <string.h>


static llmb_str_t llmb_split_mark_name(const llmb_form_t *form,
    llmb_mark_e mark);
static llmb_mismatch_e llmb_split_mark(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_index(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_column(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_leave(llmb_split_t *sp);


llmb_mismatch_e
llmb_split_within(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    llmb_mismatch_e  mismatch;

    if (tok->depth > sp->depth) {
        return llmb_split_mark(sp, base, tok);
    }

    if (tok->depth < sp->depth) {

        if (sp->state == LLMB_SPLIT_LIST) {
            sp->brackets.end = tok->end;
        }

        return llmb_split_leave(sp);
    }

    if (sp->state == LLMB_SPLIT_COLUMN) {
        return llmb_split_column(sp, tok);
    }

    mismatch = llmb_split_element(sp, tok);

    if (mismatch == LLMB_MISMATCH_NONE && sp->state == LLMB_SPLIT_BARE) {
        return llmb_split_leave(sp);
    }

    return mismatch;
}


llmb_mismatch_e
llmb_split_element(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    if (!llmb_split_closes(tok)) {

        if (sp->seen == sp->n) {
            return LLMB_MISMATCH_COUNT;
        }

        if (sp->conf.form->index.len && tok->type != LLMB_JSON_OBJECT) {
            return LLMB_MISMATCH_INDEX;
        }

        memset(&sp->elem, 0, sizeof(llmb_elem_t));

        sp->elem.value.start = tok->start;
        sp->position = sp->seen;
        sp->mark = LLMB_MARK_N;

        if (sp->seen == 0) {
            sp->list.start = tok->start;

        } else if (sp->seen == 1) {
            sp->gap.end = tok->start;
        }

        if (tok->type == LLMB_JSON_OBJECT || tok->type == LLMB_JSON_ARRAY) {
            return LLMB_MISMATCH_NONE;
        }
    }

    if (sp->conf.form->index.len
        && sp->elem.marks[LLMB_MARK_INDEX].end == 0)
    {
        return LLMB_MISMATCH_INDEX;
    }

    sp->elem.value.end = tok->end;
    sp->elem.order = sp->elems[sp->position].order;
    sp->elems[sp->position] = sp->elem;
    sp->elems[sp->seen].order = sp->position;

    if (sp->seen == 0) {
        sp->gap.start = tok->end;
    }

    sp->list.end = tok->end;
    sp->seen++;

    return LLMB_MISMATCH_NONE;
}


/* a member of an element */

static llmb_mismatch_e
llmb_split_mark(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    llmb_str_t    text;
    llmb_mark_e   mark;
    llmb_span_t  *span;

    if (tok->type == LLMB_JSON_KEY) {

        text.len = tok->end - tok->start;
        text.data = base + tok->start;

        for (mark = 0; mark < LLMB_MARK_N; mark++) {

            if (llmb_split_mark_used(sp, mark)
                && llmb_json_is(text, llmb_split_mark_name(sp->conf.form,
                                                           mark)))
            {
                break;
            }
        }

        sp->mark = mark;

        if (mark == LLMB_MARK_PROMPT_IDS || mark == LLMB_MARK_TOKEN_IDS) {
            sp->token_ids = 1;
        }

        return LLMB_MISMATCH_NONE;
    }

    if (sp->mark == LLMB_MARK_N) {
        return LLMB_MISMATCH_NONE;
    }

    if (sp->mark == LLMB_MARK_INDEX) {
        return llmb_split_index(sp, base, tok);
    }

    span = &sp->elem.marks[sp->mark];

    if (!llmb_split_closes(tok)) {

        if (span->end) {
            return LLMB_MISMATCH_SHAPE;
        }

        span->start = tok->start;

        if (sp->mark == LLMB_MARK_VECTOR && tok->type == LLMB_JSON_ARRAY) {
            sp->repaired = 1;
        }
    }

    span->end = tok->end;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_index(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    uint64_t      position;
    llmb_str_t    text;
    llmb_span_t  *span;

    text.len = tok->end - tok->start;
    text.data = base + tok->start;

    span = &sp->elem.marks[LLMB_MARK_INDEX];

    if (tok->type != LLMB_JSON_NUMBER
        || llmb_json_uint(text, &position) != LLMB_OK
        || position >= sp->n
        || sp->elems[position].value.end
        || span->end)
    {
        return LLMB_MISMATCH_INDEX;
    }

    span->start = tok->start;
    span->end = tok->end;
    sp->position = (uint32_t) position;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_column(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    llmb_span_t         *elem;
    llmb_column_list_t  *column;

    column = &sp->lists[sp->nlists - 1];

    if (!llmb_split_closes(tok)) {

        if (sp->position == sp->conf.items) {
            return LLMB_MISMATCH_COUNT;
        }

        column->elems[sp->position++].start = tok->start;
    }

    elem = &column->elems[sp->position - 1];
    elem->end = tok->end;

    column->list.start = column->elems[0].start;
    column->list.end = tok->end;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_leave(llmb_split_t *sp)
{
    unsigned  complete;

    complete = (sp->state == LLMB_SPLIT_COLUMN)
               ? sp->position == sp->conf.items : sp->seen == sp->n;

    sp->state = LLMB_SPLIT_OUTSIDE;
    sp->json.report = sp->deepest;

    return complete ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_COUNT;
}


llmb_mismatch_e
llmb_split_numbers(llmb_split_t *sp, const uint8_t *base)
{
    uint32_t             i;
    llmb_elem_t         *elem;
    llmb_mark_e          mark;
    const llmb_span_t   *span;

    if (!sp->repaired && !sp->token_ids) {
        return LLMB_MISMATCH_NONE;
    }

    for (i = 0; i < sp->n; i++) {
        elem = &sp->elems[i];

        for (mark = LLMB_MARK_VECTOR; mark < LLMB_MARK_N; mark++) {
            span = &elem->marks[mark];

            if (span->end == 0 || base[span->start] != '[') {
                elem->numbers[mark] = LLMB_NO_NUMBERS;
                continue;
            }

            elem->numbers[mark] =
                        llmb_split_vector_numbers(llmb_split_text(base, span));

            if (elem->numbers[mark] == LLMB_NO_NUMBERS
                && mark == LLMB_MARK_VECTOR)
            {
                return LLMB_MISMATCH_SHAPE;
            }
        }
    }

    return LLMB_MISMATCH_NONE;
}


static llmb_str_t
llmb_split_mark_name(const llmb_form_t *form, llmb_mark_e mark)
{
    switch (mark) {

    case LLMB_MARK_INDEX:
        return form->index;

    case LLMB_MARK_VECTOR:
        return form->vector;

    case LLMB_MARK_PROMPT_IDS:
        return form->prompt_ids;

    default: /* LLMB_MARK_TOKEN_IDS */
        return form->token_ids;
    }
}


unsigned
llmb_split_mark_used(const llmb_split_t *sp, llmb_mark_e mark)
{
    if (mark == LLMB_MARK_VECTOR && !(sp->conf.base64 && sp->conf.repair)) {
        return 0;
    }

    return llmb_split_mark_name(sp->conf.form, mark).len ? 1 : 0;
}
