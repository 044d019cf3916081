
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Writes elements: copied, but for what is not to be seen as the upstream has
 * it.  And the most that is written for a member.
 */


#include "llmb_split.h"
#include "llmb_split_parts.h"


static unsigned llmb_split_is_anew(const llmb_split_t *sp, llmb_mark_e mark,
    const llmb_elem_t *elem);
static llmb_rc_e llmb_split_write_mark(llmb_cut_t *cut, llmb_mark_e mark,
    const llmb_elem_t *elem, uint32_t number);


llmb_rc_e
llmb_split_write_element(llmb_cut_t *cut, const llmb_elem_t *elem,
    uint32_t number)
{
    size_t       pos;
    llmb_rc_e    rc;
    llmb_mark_e  mark, next;

    pos = elem->value.start;

    for ( ;; ) {
        next = LLMB_MARK_N;

        for (mark = 0; mark < LLMB_MARK_N; mark++) {

            if (elem->marks[mark].start >= pos
                && llmb_split_is_anew(cut->sp, mark, elem)
                && (next == LLMB_MARK_N
                    || elem->marks[mark].start < elem->marks[next].start))
            {
                next = mark;
            }
        }

        if (next == LLMB_MARK_N) {
            return llmb_split_copy(cut, pos, elem->value.end);
        }

        rc = llmb_split_copy(cut, pos, elem->marks[next].start);

        if (rc == LLMB_OK) {
            rc = llmb_split_write_mark(cut, next, elem, number);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = elem->marks[next].end;
    }
}


static llmb_rc_e
llmb_split_write_mark(llmb_cut_t *cut, llmb_mark_e mark,
    const llmb_elem_t *elem, uint32_t number)
{
    static const llmb_str_t  null = llmb_string("null");

    switch (mark) {

    case LLMB_MARK_INDEX:
        return llmb_split_write_number(cut->out, number);

    case LLMB_MARK_VECTOR:
        return llmb_split_vector_write(llmb_split_text(cut->base,
                                                       &elem->marks[mark]),
                                       cut->out);

    default:
        return llmb_split_write_text(cut->out, null);
    }
}


/* whether the mark is there, and not copied */

static unsigned
llmb_split_is_anew(const llmb_split_t *sp, llmb_mark_e mark,
    const llmb_elem_t *elem)
{
    if (elem->marks[mark].end == 0) {
        return 0;
    }

    switch (mark) {

    case LLMB_MARK_INDEX:
        return 1;

    case LLMB_MARK_VECTOR:
        return sp->repaired && elem->numbers[mark] != LLMB_NO_NUMBERS;

    default:
        return sp->conf.strip;
    }
}


/*
 * Positions and counts only become smaller, and their texts not longer,
 * unless an item was sent once for several.
 */

size_t
llmb_split_bound(const llmb_split_t *sp, const llmb_share_t *share)
{
    size_t                     size, gap;
    uint32_t                   i, j, position;
    llmb_span_t                span;
    const llmb_elem_t         *elem;
    const llmb_column_list_t  *column;

    gap = llmb_split_gap_size(sp);

    size = sp->len - (sp->list.end - sp->list.start) + sizeof("[]") - 1;
    size += llmb_max(share->echo.len, 1 + LLMB_POSITION_LEN);
    size += sp->conf.form->single_name.len + sizeof("\"\"") - 1;

    for (i = 0; i < sp->nlists; i++) {
        size -= sp->lists[i].list.end - sp->lists[i].list.start;
    }

    if (!sp->conf.form->tensors && sp->conf.unique == NULL && !sp->repaired
        && !sp->conf.strip && sp->conf.form->index.len == 0)
    {
        position = share->first * sp->conf.per;
        elem = &sp->elems[position];
        size += elem[share->items * sp->conf.per - 1].value.end
                - elem->value.start;

    } else if (!sp->conf.form->tensors) {

        for (i = 0; i < share->items; i++) {
            position = llmb_split_position(sp, share, i);
            elem = &sp->elems[position * sp->conf.per];

            for (j = 0; j < sp->conf.per; j++) {
                size += llmb_split_element_bound(sp, &elem[j]) + gap;
            }
        }
    }

    for (i = 0; i < sp->nlists; i++) {
        column = &sp->lists[i];

        if (sp->conf.unique == NULL) {
            size += column->elems[share->first + share->items - 1].end
                    - column->elems[share->first].start;
            continue;
        }

        for (j = 0; j < share->items; j++) {
            span = column->elems[llmb_split_position(sp, share, j)];
            size += span.end - span.start + gap;
        }
    }

    return size;
}


size_t
llmb_split_element_bound(const llmb_split_t *sp, const llmb_elem_t *elem)
{
    size_t       size;
    llmb_mark_e  mark;

    size = elem->value.end - elem->value.start;

    if (sp->conf.unique && elem->marks[LLMB_MARK_INDEX].end) {
        size += LLMB_POSITION_LEN;
    }

    for (mark = LLMB_MARK_VECTOR; mark < LLMB_MARK_N; mark++) {

        if (!llmb_split_is_anew(sp, mark, elem)) {
            continue;
        }

        size += (mark == LLMB_MARK_VECTOR)
                ? llmb_split_vector_size(elem->numbers[mark])
                : sizeof("null") - 1;
        size -= elem->marks[mark].end - elem->marks[mark].start;
    }

    return size;
}


llmb_str_t
llmb_split_gap(const llmb_split_t *sp, const uint8_t *base)
{
    static const llmb_str_t  comma = llmb_string(",");

    return sp->gap.end ? llmb_split_text(base, &sp->gap) : comma;
}


llmb_rc_e
llmb_split_write_gap(llmb_cut_t *cut)
{
    return llmb_split_write_text(cut->out, llmb_split_gap(cut->sp, cut->base));
}


llmb_rc_e
llmb_split_write_number(llmb_sink_t *out, uint64_t value)
{
    size_t   pos;
    uint8_t  text[LLMB_COUNT_LEN];

    pos = sizeof(text);

    do {
        text[--pos] = (uint8_t) ('0' + value % 10);
        value /= 10;
    } while (value);

    return out->write(out->data, &text[pos], sizeof(text) - pos);
}


llmb_rc_e
llmb_split_write_text(llmb_sink_t *out, llmb_str_t text)
{
    return out->write(out->data, text.data, text.len);
}


llmb_rc_e
llmb_split_copy(llmb_cut_t *cut, size_t start, size_t end)
{
    if (start == end) {
        return LLMB_OK;
    }

    return cut->out->write(cut->out->data, cut->base + start, end - start);
}
