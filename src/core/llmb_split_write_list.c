
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Writes the lists of a member's answer: of the elements that came, its own.
 */


#include "llmb_split.h"
#include "llmb_split_parts.h"


static llmb_rc_e llmb_split_write_elements(llmb_cut_t *cut);
static llmb_rc_e llmb_split_write_ranked(llmb_cut_t *cut);


llmb_rc_e
llmb_split_write_list(llmb_cut_t *cut, unsigned i)
{
    uint32_t             first, n;
    const llmb_elem_t   *elem;
    const llmb_split_t  *sp;

    (void) i;

    sp = cut->sp;

    if (sp->conf.form->ranked) {
        return llmb_split_write_ranked(cut);
    }

    if (sp->conf.form->index.len || sp->conf.unique || sp->repaired
        || sp->conf.strip)
    {
        return llmb_split_write_elements(cut);
    }

    /* by place: what is in a row here came in a row */

    first = cut->share->first * sp->conf.per;
    n = cut->share->items * sp->conf.per;
    elem = &sp->elems[first];

    return llmb_split_copy(cut, elem->value.start, elem[n - 1].value.end);
}


llmb_rc_e
llmb_split_write_brackets(llmb_cut_t *cut, unsigned i)
{
    llmb_rc_e  rc;

    rc = cut->out->write(cut->out->data, (const uint8_t *) "[", 1);

    if (rc == LLMB_OK) {
        rc = llmb_split_write_list(cut, i);
    }

    if (rc == LLMB_OK) {
        rc = cut->out->write(cut->out->data, (const uint8_t *) "]", 1);
    }

    return rc;
}


static llmb_rc_e
llmb_split_write_elements(llmb_cut_t *cut)
{
    uint32_t             i, j, per, position;
    llmb_rc_e            rc;
    const llmb_split_t  *sp;

    sp = cut->sp;
    per = sp->conf.per;

    for (i = 0; i < cut->share->items; i++) {
        position = llmb_split_position(sp, cut->share, i);

        for (j = 0; j < per; j++) {
            rc = (i || j) ? llmb_split_write_gap(cut) : LLMB_OK;

            if (rc == LLMB_OK) {
                rc = llmb_split_write_element(cut,
                                              &sp->elems[position * per + j],
                                              i * per + j);
            }

            if (rc != LLMB_OK) {
                return rc;
            }
        }
    }

    return LLMB_OK;
}


/* the client's own elements in the order in which all came */

static llmb_rc_e
llmb_split_write_ranked(llmb_cut_t *cut)
{
    uint32_t             i, j, n, end, position;
    llmb_rc_e            rc;
    const llmb_share_t  *share;
    const llmb_split_t  *sp;

    sp = cut->sp;
    share = cut->share;
    n = 0;

    for (i = 0; i < sp->n; i++) {
        position = sp->elems[i].order;
        j = 0;
        end = share->items;

        if (sp->conf.unique == NULL) {

            if (position < share->first || position - share->first >= end) {
                continue;
            }

            j = position - share->first;
            end = j + 1;
        }

        for ( /* void */ ; j < end; j++) {

            if (llmb_split_position(sp, share, j) != position) {
                continue;
            }

            rc = n ? llmb_split_write_gap(cut) : LLMB_OK;

            if (rc == LLMB_OK) {
                rc = llmb_split_write_element(cut, &sp->elems[position], j);
            }

            if (rc != LLMB_OK) {
                return rc;
            }

            if (++n == share->top) {
                return LLMB_OK;
            }
        }
    }

    return LLMB_OK;
}


llmb_rc_e
llmb_split_write_column(llmb_cut_t *cut, unsigned i)
{
    uint32_t             j;
    llmb_rc_e            rc;
    const llmb_span_t   *elems, *elem;
    const llmb_share_t  *share;

    share = cut->share;
    elems = cut->sp->lists[i].elems;

    if (cut->sp->conf.unique == NULL) {
        return llmb_split_copy(cut, elems[share->first].start,
                               elems[share->first + share->items - 1].end);
    }

    for (j = 0; j < share->items; j++) {
        elem = &elems[llmb_split_position(cut->sp, share, j)];

        rc = j ? llmb_split_write_gap(cut) : LLMB_OK;

        if (rc == LLMB_OK) {
            rc = llmb_split_copy(cut, elem->start, elem->end);
        }

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    return LLMB_OK;
}
