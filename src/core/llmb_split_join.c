
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The answers to the parts of a request become one: the first, with the
 * elements of all in its lists and the sums of their counts.  The others have
 * to be like it in what is put together; all else of them is dropped.
 */


#include "llmb_split.h"
#include "llmb_split_parts.h"


static unsigned llmb_join_fits(const llmb_joint_t *first,
    const llmb_joint_t *part);
static unsigned llmb_join_usage_fits(const llmb_joint_t *first,
    const llmb_joint_t *part, unsigned i);
static unsigned llmb_join_same(const uint8_t *base, const llmb_span_t *span,
    const uint8_t *other_base, const llmb_span_t *other);
static unsigned llmb_join_find(const llmb_joint_t *first,
    const llmb_joint_t *part, unsigned i, const llmb_usage_t *count,
    uint64_t *value);
static unsigned llmb_join_alike(const llmb_usage_t *a, const llmb_usage_t *b);
static const llmb_joint_t *llmb_join_gap(const llmb_joint_t *parts,
    uint32_t n);

static llmb_rc_e llmb_join_write(const llmb_joint_t *parts, uint32_t n,
    llmb_cut_t *cut);
static const llmb_span_t *llmb_join_next(const llmb_split_t *sp, size_t pos,
    unsigned *which);
static llmb_rc_e llmb_join_write_list(const llmb_joint_t *parts, uint32_t n,
    llmb_sink_t *out);
static llmb_rc_e llmb_join_write_elements(const llmb_joint_t *part,
    uint32_t first, llmb_sink_t *out);
static llmb_rc_e llmb_join_write_column(const llmb_joint_t *parts, uint32_t n,
    unsigned i, llmb_sink_t *out);
static llmb_rc_e llmb_join_write_usage(const llmb_joint_t *parts, uint32_t n,
    unsigned i, llmb_cut_t *cut);
static llmb_rc_e llmb_join_write_gap(const llmb_joint_t *parts, uint32_t n,
    llmb_sink_t *out);


/* an answer with more counts than this is not one to be added up */

#define LLMB_JOIN_COUNTS  64

/* what is written anew in the first answer */

#define LLMB_JOIN_LIST    0
#define LLMB_JOIN_USAGE   1
#define LLMB_JOIN_COLUMN  3


size_t
llmb_split_join_bound(const llmb_joint_t *parts, uint32_t n)
{
    size_t               size, gap;
    uint32_t             i;
    unsigned             j;
    const llmb_split_t  *sp;

    gap = llmb_split_gap_size(&llmb_join_gap(parts, n)->split);
    size = parts[0].split.len + sizeof("[]") - 1;

    for (i = 0; i < n; i++) {
        sp = &parts[i].split;

        size += sp->list.end - sp->list.start + gap;

        if (sp->conf.form->index.len) {

            /* written one by one, which may be set apart otherwise */

            size += sp->n * (LLMB_POSITION_LEN + llmb_split_gap_size(sp));
        }

        for (j = 0; j < sp->nlists; j++) {
            size += sp->lists[j].list.end - sp->lists[j].list.start + gap;
        }
    }

    /* a sum has more digits; the shortest count is "":0 */

    for (j = 0; j < 2; j++) {
        size += (parts[0].split.usage[j].end - parts[0].split.usage[j].start)
                * LLMB_COUNT_LEN;
    }

    return size;
}


llmb_rc_e
llmb_split_join(const llmb_joint_t *parts, uint32_t n, llmb_sink_t *out)
{
    uint32_t            i;
    llmb_cut_t          cut;
    const llmb_form_t  *form;

    form = parts[0].split.conf.form;

    if (form->ranked || form->tensors) {
        return LLMB_INVALID;
    }

    for (i = 0; i < n; i++) {

        if (!llmb_join_fits(&parts[0], &parts[i])) {
            return LLMB_INVALID;
        }
    }

    cut.sp = &parts[0].split;
    cut.base = parts[0].base;
    cut.share = NULL;
    cut.members = 1;
    cut.k = 0;
    cut.out = out;

    return llmb_join_write(parts, n, &cut);
}


static unsigned
llmb_join_fits(const llmb_joint_t *first, const llmb_joint_t *part)
{
    unsigned             i;
    const llmb_split_t  *a, *b;

    a = &first->split;
    b = &part->split;

    if (a->conf.form != b->conf.form || a->nlists != b->nlists
        || !llmb_join_same(first->base, &a->name, part->base, &b->name))
    {
        return 0;
    }

    for (i = 0; i < a->nlists; i++) {

        if (!llmb_join_same(first->base, &a->lists[i].name, part->base,
                            &b->lists[i].name))
        {
            return 0;
        }
    }

    return llmb_join_usage_fits(first, part, 0)
           && llmb_join_usage_fits(first, part, 1);
}


/* counts of details may be missing in another, those of all may not */

static unsigned
llmb_join_usage_fits(const llmb_joint_t *first, const llmb_joint_t *part,
    unsigned i)
{
    unsigned            n;
    uint64_t            value;
    llmb_usage_t        us;
    const llmb_span_t  *usage;

    usage = &first->split.usage[i];
    n = 0;

    if ((usage->end == 0) != (part->split.usage[i].end == 0)) {
        return 0;
    }

    llmb_usage_init(&us, llmb_split_text(first->base, usage));

    while (llmb_usage_next(&us)) {

        if (++n > LLMB_JOIN_COUNTS) {
            return 0;
        }

        if (us.tok.depth <= 1
            && !llmb_join_find(first, part, i, &us, &value))
        {
            return 0;
        }
    }

    return 1;
}


static unsigned
llmb_join_same(const uint8_t *base, const llmb_span_t *span,
    const uint8_t *other_base, const llmb_span_t *other)
{
    if (span->end == 0 || other->end == 0) {
        return span->end == other->end;
    }

    return llmb_json_cmp(llmb_split_text(base, span),
                         llmb_split_text(other_base, other))
           == 0;
}


/*
 * The count of the same name, and if there are several (in an array, say) the
 * one that is as many before it; the value is 0 if there is none.
 */

static unsigned
llmb_join_find(const llmb_joint_t *first, const llmb_joint_t *part, unsigned i,
    const llmb_usage_t *count, uint64_t *value)
{
    unsigned      before;
    llmb_usage_t  us;

    before = 0;

    llmb_usage_init(&us, llmb_split_text(first->base,
                                         &first->split.usage[i]));

    while (llmb_usage_next(&us) && us.tok.start != count->tok.start) {
        before += llmb_join_alike(&us, count);
    }

    llmb_usage_init(&us, llmb_split_text(part->base, &part->split.usage[i]));

    while (llmb_usage_next(&us)) {

        if (!llmb_join_alike(&us, count)) {
            continue;
        }

        if (before-- == 0) {
            *value = us.value;
            return 1;
        }
    }

    *value = 0;

    return 0;
}


static unsigned
llmb_join_alike(const llmb_usage_t *a, const llmb_usage_t *b)
{
    if (a->tok.depth != b->tok.depth
        || (a->name.len == 0) != (b->name.len == 0)
        || (a->outer.len == 0) != (b->outer.len == 0))
    {
        return 0;
    }

    return (a->name.len == 0 || llmb_json_cmp(a->name, b->name) == 0)
           && (a->outer.len == 0 || llmb_json_cmp(a->outer, b->outer) == 0);
}


/* the part that shows how elements are set apart */

static const llmb_joint_t *
llmb_join_gap(const llmb_joint_t *parts, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {

        if (parts[i].split.gap.end) {
            return &parts[i];
        }
    }

    return &parts[0];
}


static llmb_rc_e
llmb_join_write(const llmb_joint_t *parts, uint32_t n, llmb_cut_t *cut)
{
    size_t              pos;
    unsigned            which;
    llmb_rc_e           rc;
    const llmb_span_t  *span;

    pos = 0;

    for ( ;; ) {
        span = llmb_join_next(cut->sp, pos, &which);

        if (span == NULL) {
            return llmb_split_copy(cut, pos, cut->sp->len);
        }

        rc = llmb_split_copy(cut, pos, span->start);

        if (rc != LLMB_OK) {
            return rc;
        }

        if (which == LLMB_JOIN_LIST) {
            rc = llmb_join_write_list(parts, n, cut->out);

        } else if (which < LLMB_JOIN_COLUMN) {
            rc = llmb_join_write_usage(parts, n, which - LLMB_JOIN_USAGE, cut);

        } else {
            rc = llmb_join_write_column(parts, n, which - LLMB_JOIN_COLUMN,
                                        cut->out);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = span->end;
    }
}


/* the first span behind pos that is written anew */

static const llmb_span_t *
llmb_join_next(const llmb_split_t *sp, size_t pos, unsigned *which)
{
    unsigned            i;
    const llmb_span_t  *span, *next;

    next = NULL;

    for (i = 0; i < LLMB_JOIN_COLUMN + sp->nlists; i++) {

        if (i == LLMB_JOIN_LIST) {
            span = &sp->list;

        } else if (i < LLMB_JOIN_COLUMN) {
            span = &sp->usage[i - LLMB_JOIN_USAGE];

        } else {
            span = &sp->lists[i - LLMB_JOIN_COLUMN].list;
        }

        if (span->end > pos && (next == NULL || span->start < next->start)) {
            next = span;
            *which = i;
        }
    }

    return next;
}


static llmb_rc_e
llmb_join_write_list(const llmb_joint_t *parts, uint32_t n, llmb_sink_t *out)
{
    uint32_t             i, first;
    unsigned             bare;
    llmb_rc_e            rc;

    bare = (parts[0].split.brackets.end == 0);
    first = 0;

    rc = bare ? out->write(out->data, (const uint8_t *) "[", 1) : LLMB_OK;

    for (i = 0; i < n && rc == LLMB_OK; i++) {

        if (i) {
            rc = llmb_join_write_gap(parts, n, out);
        }

        if (rc == LLMB_OK) {
            rc = llmb_join_write_elements(&parts[i], first, out);
        }

        first += parts[i].split.n;
    }

    if (rc == LLMB_OK && bare) {
        rc = out->write(out->data, (const uint8_t *) "]", 1);
    }

    return rc;
}


static llmb_rc_e
llmb_join_write_elements(const llmb_joint_t *part, uint32_t first,
    llmb_sink_t *out)
{
    uint32_t             i;
    llmb_rc_e            rc;
    llmb_cut_t           cut;
    llmb_str_t           gap;
    const llmb_split_t  *sp;

    sp = &part->split;

    cut.sp = sp;
    cut.base = part->base;
    cut.share = NULL;
    cut.members = 1;
    cut.k = 0;
    cut.out = out;

    if (sp->conf.form->index.len == 0) {
        return llmb_split_copy(&cut, sp->list.start, sp->list.end);
    }

    gap = llmb_split_gap(sp, part->base);

    for (i = 0; i < sp->n; i++) {
        rc = i ? out->write(out->data, gap.data, gap.len) : LLMB_OK;

        if (rc == LLMB_OK) {
            rc = llmb_split_write_element(&cut, &sp->elems[i], first + i);
        }

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    return LLMB_OK;
}


static llmb_rc_e
llmb_join_write_column(const llmb_joint_t *parts, uint32_t n, unsigned i,
    llmb_sink_t *out)
{
    uint32_t     k;
    llmb_rc_e    rc;
    llmb_str_t   text;

    for (k = 0; k < n; k++) {
        rc = k ? llmb_join_write_gap(parts, n, out) : LLMB_OK;

        if (rc == LLMB_OK) {
            text = llmb_split_text(parts[k].base,
                                   &parts[k].split.lists[i].list);
            rc = out->write(out->data, text.data, text.len);
        }

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    return LLMB_OK;
}


static llmb_rc_e
llmb_join_write_usage(const llmb_joint_t *parts, uint32_t n, unsigned i,
    llmb_cut_t *cut)
{
    size_t              pos;
    uint32_t            k;
    uint64_t            sum, value;
    llmb_rc_e           rc;
    llmb_usage_t        us;
    const llmb_span_t  *usage;

    usage = &cut->sp->usage[i];
    pos = usage->start;

    llmb_usage_init(&us, llmb_split_text(cut->base, usage));

    while (llmb_usage_next(&us)) {
        sum = us.value;

        for (k = 1; k < n; k++) {
            (void) llmb_join_find(&parts[0], &parts[k], i, &us, &value);
            sum += value;
        }

        rc = llmb_split_copy(cut, pos, usage->start + us.tok.start);

        if (rc == LLMB_OK) {
            rc = llmb_split_write_number(cut->out, sum);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = usage->start + us.tok.end;
    }

    return llmb_split_copy(cut, pos, usage->end);
}


static llmb_rc_e
llmb_join_write_gap(const llmb_joint_t *parts, uint32_t n, llmb_sink_t *out)
{
    llmb_str_t           gap;
    const llmb_joint_t  *part;

    part = llmb_join_gap(parts, n);
    gap = llmb_split_gap(&part->split, part->base);

    return out->write(out->data, gap.data, gap.len);
}
