
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Cuts an answer that has been read.  A member's answer is the upstream's
 * with patches: spans that are written anew, all else being copied.  So is an
 * element.
 */


#include "llmb_counts.h"
#include "llmb_patch.h"
#include "llmb_split_write.h"
#include "llmb_vector.h"


/* the digits of the largest position */

#define LLMB_POSITION_LEN  (sizeof("4294967295") - 1)


/* an answer that is being written */

typedef struct {
    const llmb_split_t    *sp;
    const uint8_t         *base;
    const llmb_share_t    *share;
    uint32_t               members;
    uint32_t               k;
    unsigned               usage;     /* which of them is being written */
} llmb_cut_t;


/* an element of it */

typedef struct {
    const uint8_t         *base;
    const llmb_elem_t     *elem;
    uint32_t               number;
} llmb_cut_elem_t;


static void llmb_split_patch_list(const llmb_cut_t *cut,
    llmb_patches_t *patches);
static void llmb_split_patch_id(const llmb_cut_t *cut,
    llmb_patches_t *patches);
static llmb_span_t llmb_split_id_member(const llmb_split_t *sp,
    const uint8_t *base);
static unsigned llmb_split_is_bare(const llmb_split_t *sp,
    const llmb_share_t *share);
static void llmb_split_write_list(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_brackets(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_elements(llmb_out_t *out, const llmb_cut_t *cut);
static void llmb_split_write_ranked(llmb_out_t *out, const llmb_cut_t *cut);
static void llmb_split_write_column(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_gap(llmb_out_t *out, const llmb_cut_t *cut);
static void llmb_split_write_items(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_count(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_name(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_usage(llmb_out_t *out, void *data, unsigned i);
static uint64_t llmb_split_count_part(void *data, const llmb_usage_t *us);
static void llmb_split_write_id(llmb_out_t *out, void *data, unsigned i);
static void llmb_split_write_mark(llmb_out_t *out, void *data, unsigned i);
static unsigned llmb_split_is_anew(const llmb_split_t *sp, llmb_mark_e mark,
    const llmb_elem_t *elem);


llmb_rc_e
llmb_split_write(const llmb_split_t *sp, const uint8_t *base,
    const llmb_share_t *shares, uint32_t members, uint32_t k,
    llmb_sink_t *sink)
{
    unsigned         i;
    llmb_out_t       out;
    llmb_cut_t       cut;
    llmb_span_t      text;
    llmb_patches_t   patches;

    cut.sp = sp;
    cut.base = base;
    cut.share = &shares[k];
    cut.members = members;
    cut.k = k;

    llmb_out_init(&out, sink);
    llmb_patch_init(&patches);

    if (sp->list.end) {
        llmb_split_patch_list(&cut, &patches);
    }

    for (i = 0; i < sp->nlists; i++) {
        llmb_patch_add(&patches, sp->lists[i].list, llmb_split_write_column,
                       i);

        if (sp->lists[i].count.end) {
            llmb_patch_add(&patches, sp->lists[i].count,
                           llmb_split_write_items, i);
        }
    }

    for (i = 0; i < 2; i++) {

        if (sp->usage[i].end) {
            llmb_patch_add(&patches, sp->usage[i], llmb_split_write_usage, i);
        }
    }

    if (sp->count.end) {
        llmb_patch_add(&patches, sp->count, llmb_split_write_count, 0);
    }

    llmb_split_patch_id(&cut, &patches);

    text.start = 0;
    text.end = sp->len;

    llmb_patch_write(&patches, &out, base, text, &cut);

    return out.rc;
}


static void
llmb_split_patch_list(const llmb_cut_t *cut, llmb_patches_t *patches)
{
    const llmb_split_t  *sp;

    sp = cut->sp;

    if (!llmb_split_is_bare(sp, cut->share)) {
        llmb_patch_add(patches, sp->list,
                       sp->brackets.end ? llmb_split_write_list
                                        : llmb_split_write_brackets,
                       0);
        return;
    }

    llmb_patch_add(patches, sp->brackets.end ? sp->brackets : sp->list,
                   llmb_split_write_list, 0);

    if (sp->conf.form->single_name.len && sp->name.end) {
        llmb_patch_add(patches, sp->name, llmb_split_write_name, 0);
    }
}


/*
 * If the answer repeats the client's own id, and this client has none, what is
 * there is the id of another.
 */

static void
llmb_split_patch_id(const llmb_cut_t *cut, llmb_patches_t *patches)
{
    const llmb_split_t  *sp;

    sp = cut->sp;

    if (sp->id.end == 0 || cut->members == 1) {
        return;
    }

    if (sp->conf.form->echo.len && cut->share->echo.len == 0) {
        llmb_patch_add(patches, llmb_split_id_member(sp, cut->base), NULL, 0);
        return;
    }

    llmb_patch_add(patches, sp->id, llmb_split_write_id, 0);
}


/* the member of the id, with a comma behind it or before */

static llmb_span_t
llmb_split_id_member(const llmb_split_t *sp, const uint8_t *base)
{
    llmb_span_t     member;
    const uint8_t  *p;

    for (p = base + sp->id.end; *p <= ' '; p++) { /* void */ }

    member.end = (size_t) (p - base) + (*p == ',');

    /* the name is behind a quote, and has none in it */

    for (p = base + sp->id.start - 1; *p != '"'; p--) { /* void */ }
    for (p--; *p != '"'; p--) { /* void */ }

    member.start = (size_t) (p - base);

    if (base[member.end - 1] == ',') {
        return member;
    }

    for (p--; *p <= ' '; p--) { /* void */ }

    if (*p == ',') {
        member.start = (size_t) (p - base);
    }

    return member;
}


/* whether the client gets an element, not a list of one */

static unsigned
llmb_split_is_bare(const llmb_split_t *sp, const llmb_share_t *share)
{
    if (share->part || share->items != 1 || sp->conf.per != 1) {
        return 0;
    }

    switch (sp->conf.form->single) {

    case LLMB_SINGLE_SCALAR:
        return share->scalar;

    case LLMB_SINGLE_ONE:
        return 1;

    default:
        return 0;
    }
}


static void
llmb_split_write_list(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    uint32_t             first, n;
    const llmb_elem_t   *elem;
    const llmb_split_t  *sp;

    (void) i;

    sp = cut->sp;

    if (sp->conf.form->ranked) {
        llmb_split_write_ranked(out, cut);
        return;
    }

    if (sp->conf.form->index.len || sp->conf.unique || sp->repaired
        || sp->conf.strip)
    {
        llmb_split_write_elements(out, cut);
        return;
    }

    /* by place: what is in a row here came in a row */

    first = cut->share->first * sp->conf.per;
    n = cut->share->items * sp->conf.per;
    elem = &sp->elems[first];

    llmb_out_bytes(out, cut->base + elem->value.start,
                   elem[n - 1].value.end - elem->value.start);
}


static void
llmb_split_write_brackets(llmb_out_t *out, void *data, unsigned i)
{
    llmb_out_char(out, '[');
    llmb_split_write_list(out, data, i);
    llmb_out_char(out, ']');
}


static void
llmb_split_write_elements(llmb_out_t *out, const llmb_cut_t *cut)
{
    uint32_t             i, j, per, position;
    const llmb_split_t  *sp;

    sp = cut->sp;
    per = sp->conf.per;

    for (i = 0; i < cut->share->items; i++) {
        position = llmb_answer_position(sp, cut->share, i);

        for (j = 0; j < per; j++) {

            if (i || j) {
                llmb_split_write_gap(out, cut);
            }

            llmb_split_write_element(out, sp, cut->base,
                                     &sp->elems[position * per + j],
                                     i * per + j);
        }
    }
}


/* the client's own elements in the order in which all came */

static void
llmb_split_write_ranked(llmb_out_t *out, const llmb_cut_t *cut)
{
    uint32_t             i, j, n, end, position;
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

            if (llmb_answer_position(sp, share, j) != position) {
                continue;
            }

            if (n) {
                llmb_split_write_gap(out, cut);
            }

            llmb_split_write_element(out, sp, cut->base, &sp->elems[position],
                                     j);

            if (++n == share->top) {
                return;
            }
        }
    }
}


static void
llmb_split_write_column(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    uint32_t             j;
    const llmb_span_t   *elems, *elem;
    const llmb_share_t  *share;

    share = cut->share;
    elems = cut->sp->lists[i].elems;

    if (cut->sp->conf.unique == NULL) {
        elem = &elems[share->first];

        llmb_out_bytes(out, cut->base + elem->start,
                       elem[share->items - 1].end - elem->start);
        return;
    }

    for (j = 0; j < share->items; j++) {
        elem = &elems[llmb_answer_position(cut->sp, share, j)];

        if (j) {
            llmb_split_write_gap(out, cut);
        }

        llmb_out_text(out, llmb_answer_text(cut->base, elem));
    }
}


static void
llmb_split_write_gap(llmb_out_t *out, const llmb_cut_t *cut)
{
    llmb_out_text(out, llmb_answer_gap(cut->sp, cut->base));
}


static void
llmb_split_write_items(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    (void) i;

    llmb_out_number(out, cut->share->items);
}


static void
llmb_split_write_count(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    (void) i;

    llmb_out_number(out, cut->share->items * cut->sp->conf.per);
}


static void
llmb_split_write_name(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    (void) i;

    llmb_out_char(out, '"');
    llmb_out_text(out, cut->sp->conf.form->single_name);
    llmb_out_char(out, '"');
}


static void
llmb_split_write_usage(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    cut->usage = i;

    llmb_usage_write(out, llmb_answer_text(cut->base, &cut->sp->usage[i]),
                     llmb_split_count_part, cut);
}


static uint64_t
llmb_split_count_part(void *data, const llmb_usage_t *us)
{
    llmb_cut_t *cut = data;

    return llmb_counts_part(cut->sp, cut->share,
                            llmb_counts_kind(cut->sp->conf.form, cut->usage,
                                             us),
                            us->value);
}


static void
llmb_split_write_id(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_t *cut = data;

    llmb_str_t  id;

    (void) i;

    if (cut->share->echo.len) {
        llmb_out_text(out, cut->share->echo);
        return;
    }

    id = llmb_answer_text(cut->base, &cut->sp->id);

    /* but for the quote behind it */

    llmb_out_bytes(out, id.data, id.len - 1);
    llmb_out_char(out, '-');
    llmb_out_number(out, cut->k);
    llmb_out_char(out, '"');
}


void
llmb_split_write_element(llmb_out_t *out, const llmb_split_t *sp,
    const uint8_t *base, const llmb_elem_t *elem, uint32_t number)
{
    llmb_mark_e      mark;
    llmb_patches_t   patches;
    llmb_cut_elem_t  cut;

    cut.base = base;
    cut.elem = elem;
    cut.number = number;

    llmb_patch_init(&patches);

    for (mark = 0; mark < LLMB_MARK_N; mark++) {

        if (llmb_split_is_anew(sp, mark, elem)) {
            llmb_patch_add(&patches, elem->marks[mark], llmb_split_write_mark,
                           mark);
        }
    }

    llmb_patch_write(&patches, out, base, elem->value, &cut);
}


static void
llmb_split_write_mark(llmb_out_t *out, void *data, unsigned i)
{
    llmb_cut_elem_t *cut = data;

    static const llmb_str_t  null = llmb_string("null");

    switch ((llmb_mark_e) i) {

    case LLMB_MARK_INDEX:
        llmb_out_number(out, cut->number);
        break;

    case LLMB_MARK_VECTOR:
        llmb_vector_write(out, llmb_answer_text(cut->base,
                                                &cut->elem->marks[i]));
        break;

    default:
        llmb_out_text(out, null);
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
llmb_split_write_bound(const llmb_split_t *sp, const llmb_share_t *share)
{
    size_t                     size, gap;
    uint32_t                   i, j, position;
    llmb_span_t                span;
    const llmb_elem_t         *elem;
    const llmb_column_list_t  *column;

    gap = llmb_answer_gap_size(sp);

    size = sp->len - (sp->list.end - sp->list.start) + sizeof("[]") - 1;
    size += llmb_max(share->echo.len, 1 + LLMB_POSITION_LEN);
    size += sp->conf.form->single_name.len + sizeof("\"\"") - 1;

    for (i = 0; i < sp->nlists; i++) {
        size -= sp->lists[i].list.end - sp->lists[i].list.start;
    }

    if (sp->list.end && sp->conf.unique == NULL && !sp->repaired
        && !sp->conf.strip && sp->conf.form->index.len == 0)
    {
        position = share->first * sp->conf.per;
        elem = &sp->elems[position];
        size += elem[share->items * sp->conf.per - 1].value.end
                - elem->value.start;

    } else if (sp->list.end) {

        for (i = 0; i < share->items; i++) {
            position = llmb_answer_position(sp, share, i);
            elem = &sp->elems[position * sp->conf.per];

            for (j = 0; j < sp->conf.per; j++) {
                size += llmb_split_write_bound_element(sp, &elem[j]) + gap;
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
            span = column->elems[llmb_answer_position(sp, share, j)];
            size += span.end - span.start + gap;
        }
    }

    return size;
}


size_t
llmb_split_write_bound_element(const llmb_split_t *sp, const llmb_elem_t *elem)
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
                ? llmb_vector_size(elem->numbers[mark])
                : sizeof("null") - 1;
        size -= elem->marks[mark].end - elem->marks[mark].start;
    }

    return size;
}
