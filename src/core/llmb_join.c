
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_join.h"
#include "llmb_split_parts.h"


static llmb_rc_e llmb_join_begin(llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base, uint8_t *frame);
static const llmb_span_t *llmb_join_list(const llmb_split_t *sp, unsigned i);
static const llmb_span_t *llmb_join_name(const llmb_split_t *sp, unsigned i);
static llmb_span_t llmb_join_move(const llmb_split_t *sp,
    const llmb_span_t *span);
static unsigned llmb_join_next(const llmb_split_t *sp, unsigned after);
static llmb_rc_e llmb_join_begin_counts(llmb_join_t *join, unsigned i);
static unsigned llmb_join_fits(const llmb_join_t *join,
    const llmb_split_t *sp, const uint8_t *base);
static unsigned llmb_join_same(llmb_str_t a, llmb_str_t b);
static llmb_rc_e llmb_join_count(llmb_join_t *join, unsigned i,
    llmb_str_t usage);
static unsigned llmb_join_find(llmb_str_t first, const llmb_usage_t *count,
    llmb_str_t usage, uint64_t *value);
static unsigned llmb_join_alike(const llmb_usage_t *a, const llmb_usage_t *b);
static void llmb_join_note_gap(llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base);
static llmb_rc_e llmb_join_write_gap(const llmb_join_t *join,
    llmb_sink_t *out);
static llmb_rc_e llmb_join_write_run(unsigned i, const llmb_split_t *sp,
    const uint8_t *base, uint32_t n, uint32_t *next, size_t bytes,
    llmb_sink_t *out);
static const llmb_span_t *llmb_join_element(const llmb_split_t *sp,
    unsigned i, uint32_t k);
static llmb_rc_e llmb_join_write_list(const llmb_join_t *join,
    llmb_sink_t *out, unsigned i, llmb_rc_e (*insert)(void *data, unsigned i),
    void *data);
static llmb_rc_e llmb_join_write_usage(const llmb_join_t *join, unsigned i,
    llmb_sink_t *out);
static llmb_rc_e llmb_join_copy(const llmb_join_t *join, size_t start,
    size_t end, llmb_sink_t *out);


/* what is written anew in the frame: a list, by its number, or a usage */

#define LLMB_JOIN_USAGE   (1 + LLMB_MAX_LISTS)
#define LLMB_JOIN_PLACES  (LLMB_JOIN_USAGE + 2)


llmb_rc_e
llmb_join_init(llmb_join_t *join, const llmb_form_t *form)
{
    memset(join, 0, sizeof(llmb_join_t));

    join->form = form;

    return form->ranked || form->tensors ? LLMB_INVALID : LLMB_OK;
}


size_t
llmb_join_frame_size(const llmb_split_t *sp)
{
    size_t              size;
    unsigned            i;
    const llmb_span_t  *list;

    size = sp->len;

    for (i = 0; i < 1 + sp->nlists; i++) {
        list = llmb_join_list(sp, i);
        size -= list->end - list->start;
    }

    return size;
}


llmb_rc_e
llmb_join_add(llmb_join_t *join, const llmb_split_t *sp, const uint8_t *base,
    uint8_t *frame)
{
    unsigned   i;
    llmb_rc_e  rc;

    if (join->parts == 0) {
        rc = llmb_join_begin(join, sp, base, frame);

        if (rc != LLMB_OK) {
            return rc;
        }

    } else {

        if (!llmb_join_fits(join, sp, base)) {
            return LLMB_INVALID;
        }

        for (i = 0; i < 2; i++) {
            rc = llmb_join_count(join, i, llmb_split_text(base,
                                                          &sp->usage[i]));
            if (rc != LLMB_OK) {
                return rc;
            }
        }
    }

    llmb_join_note_gap(join, sp, base);

    join->parts++;
    join->before = join->n;
    join->n += sp->n;

    return LLMB_OK;
}


/* the frame of the first: all but the elements */

static llmb_rc_e
llmb_join_begin(llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base, uint8_t *frame)
{
    size_t              pos, len;
    unsigned            i, next;
    llmb_rc_e           rc;
    const llmb_span_t  *list;

    join->nlists = 1 + sp->nlists;
    join->bare = (sp->brackets.end == 0);

    pos = 0;
    len = 0;

    for (next = llmb_join_next(sp, join->nlists);
         next != join->nlists;
         next = llmb_join_next(sp, next))
    {
        list = llmb_join_list(sp, next);

        memcpy(frame + len, base + pos, list->start - pos);
        len += list->start - pos;
        pos = list->end;

        join->lists[next].start = len;
        join->lists[next].end = len;
    }

    memcpy(frame + len, base + pos, sp->len - pos);

    join->frame.data = frame;
    join->frame.len = len + sp->len - pos;

    for (i = 0; i < join->nlists; i++) {
        join->names[i] = llmb_join_move(sp, llmb_join_name(sp, i));
    }

    for (i = 0; i < 2; i++) {
        join->usage[i] = llmb_join_move(sp, &sp->usage[i]);

        rc = llmb_join_begin_counts(join, i);

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    return LLMB_OK;
}


static const llmb_span_t *
llmb_join_list(const llmb_split_t *sp, unsigned i)
{
    return i == 0 ? &sp->list : &sp->lists[i - 1].list;
}


static const llmb_span_t *
llmb_join_name(const llmb_split_t *sp, unsigned i)
{
    return i == 0 ? &sp->name : &sp->lists[i - 1].name;
}


/* where what is outside of the lists is once these are taken out */

static llmb_span_t
llmb_join_move(const llmb_split_t *sp, const llmb_span_t *span)
{
    size_t              size;
    unsigned            i;
    llmb_span_t         moved;
    const llmb_span_t  *list;

    moved = *span;

    if (span->end == 0) {
        return moved;
    }

    for (i = 0; i < 1 + sp->nlists; i++) {
        list = llmb_join_list(sp, i);

        if (list->end <= span->start) {
            size = list->end - list->start;

            moved.start -= size;
            moved.end -= size;
        }
    }

    return moved;
}


/* the list that follows in the text; the number of all: the first, or none */

static unsigned
llmb_join_next(const llmb_split_t *sp, unsigned after)
{
    size_t    pos;
    unsigned  i, n, next;

    n = 1 + sp->nlists;
    next = n;
    pos = after == n ? 0 : llmb_join_list(sp, after)->end;

    for (i = 0; i < n; i++) {

        if (i != after && llmb_join_list(sp, i)->start >= pos
            && (next == n || llmb_join_list(sp, i)->start
                             < llmb_join_list(sp, next)->start))
        {
            next = i;
        }
    }

    return next;
}


static llmb_rc_e
llmb_join_begin_counts(llmb_join_t *join, unsigned i)
{
    unsigned      n;
    llmb_usage_t  us;

    n = 0;

    llmb_usage_init(&us, llmb_split_text(join->frame.data, &join->usage[i]));

    while (llmb_usage_next(&us)) {

        if (n == LLMB_JOIN_COUNTS) {
            return LLMB_INVALID;
        }

        join->sums[i][n++] = us.value;
    }

    return LLMB_OK;
}


static unsigned
llmb_join_fits(const llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base)
{
    unsigned  i;

    if (join->form != sp->conf.form || join->nlists != 1 + sp->nlists) {
        return 0;
    }

    for (i = 0; i < join->nlists; i++) {

        if (!llmb_join_same(llmb_split_text(join->frame.data, &join->names[i]),
                            llmb_split_text(base, llmb_join_name(sp, i))))
        {
            return 0;
        }
    }

    for (i = 0; i < 2; i++) {

        if ((join->usage[i].end == 0) != (sp->usage[i].end == 0)) {
            return 0;
        }
    }

    return 1;
}


static unsigned
llmb_join_same(llmb_str_t a, llmb_str_t b)
{
    if (a.len == 0 || b.len == 0) {
        return a.len == b.len;
    }

    return llmb_json_cmp(a, b) == 0;
}


/* counts of details may be missing in another, those of all may not */

static llmb_rc_e
llmb_join_count(llmb_join_t *join, unsigned i, llmb_str_t usage)
{
    unsigned      n;
    uint64_t      value;
    llmb_str_t    first;
    llmb_usage_t  us;

    first = llmb_split_text(join->frame.data, &join->usage[i]);
    n = 0;

    llmb_usage_init(&us, first);

    while (llmb_usage_next(&us)) {

        if (!llmb_join_find(first, &us, usage, &value)
            && us.tok.depth <= 1)
        {
            return LLMB_INVALID;
        }

        join->sums[i][n++] += value;
    }

    return LLMB_OK;
}


/*
 * The count of the same name, and if there are several (in an array, say) the
 * one that is as many before it; the value is 0 if there is none.
 */

static unsigned
llmb_join_find(llmb_str_t first, const llmb_usage_t *count, llmb_str_t usage,
    uint64_t *value)
{
    unsigned      before;
    llmb_usage_t  us;

    before = 0;

    llmb_usage_init(&us, first);

    while (llmb_usage_next(&us) && us.tok.start != count->tok.start) {
        before += llmb_join_alike(&us, count);
    }

    llmb_usage_init(&us, usage);

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
    return a->tok.depth == b->tok.depth
           && llmb_join_same(a->name, b->name)
           && llmb_join_same(a->outer, b->outer);
}


/* elements of all parts are set apart as those of the first that has two */

static void
llmb_join_note_gap(llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base)
{
    llmb_str_t  gap;

    gap = llmb_split_gap(sp, base);

    if (join->gap_len == 0 && sp->gap.end && gap.len <= sizeof(join->gap)) {
        memcpy(join->gap, gap.data, gap.len);
        join->gap_len = gap.len;
    }
}


static llmb_rc_e
llmb_join_write_gap(const llmb_join_t *join, llmb_sink_t *out)
{
    if (join->gap_len == 0) {
        return out->write(out->data, (const uint8_t *) ",", 1);
    }

    return out->write(out->data, join->gap, join->gap_len);
}


llmb_rc_e
llmb_join_write(llmb_join_t *join, unsigned i, const llmb_split_t *sp,
    const uint8_t *base, uint32_t *next, size_t bytes, llmb_sink_t *out)
{
    size_t       size;
    uint32_t     n;
    llmb_rc_e    rc;
    llmb_cut_t   cut;
    llmb_str_t   gap;

    n = i == 0 ? sp->n : sp->conf.items;

    if (*next == 0 && join->parts > 1) {
        rc = llmb_join_write_gap(join, out);

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    if (i || (join->form->index.len == 0 && !sp->repaired && !sp->conf.strip))
    {
        return llmb_join_write_run(i, sp, base, n, next, bytes, out);
    }

    cut.sp = sp;
    cut.base = base;
    cut.share = NULL;
    cut.members = 1;
    cut.k = 0;
    cut.out = out;

    gap = llmb_split_gap(sp, base);
    size = 0;

    do {
        rc = *next ? out->write(out->data, gap.data, gap.len) : LLMB_OK;

        if (rc == LLMB_OK) {
            rc = llmb_split_write_element(&cut, &sp->elems[*next],
                                          join->before + *next);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        size += llmb_split_element_bound(sp, &sp->elems[*next]);
        (*next)++;

    } while (*next < n && size < bytes);

    return *next < n ? LLMB_AGAIN : LLMB_OK;
}


/* what is in a row here came in a row, with what is between */

static llmb_rc_e
llmb_join_write_run(unsigned i, const llmb_split_t *sp, const uint8_t *base,
    uint32_t n, uint32_t *next, size_t bytes, llmb_sink_t *out)
{
    size_t     start, end;
    uint32_t   k;
    llmb_rc_e  rc;

    k = *next;
    start = k ? llmb_join_element(sp, i, k - 1)->end
              : llmb_join_element(sp, i, 0)->start;

    do {
        end = llmb_join_element(sp, i, k)->end;
        k++;
    } while (k < n && end - start < bytes);

    rc = out->write(out->data, base + start, end - start);

    if (rc != LLMB_OK) {
        return rc;
    }

    *next = k;

    return k < n ? LLMB_AGAIN : LLMB_OK;
}


static const llmb_span_t *
llmb_join_element(const llmb_split_t *sp, unsigned i, uint32_t k)
{
    return i == 0 ? &sp->elems[k].value : &sp->lists[i - 1].elems[k];
}


llmb_rc_e
llmb_join_end(const llmb_join_t *join, llmb_sink_t *out,
    llmb_rc_e (*insert)(void *data, unsigned i), void *data)
{
    size_t              pos;
    unsigned            i, next, done;
    llmb_rc_e           rc;
    const llmb_span_t  *spans[LLMB_JOIN_PLACES];

    for (i = 0; i < LLMB_JOIN_PLACES; i++) {
        spans[i] = i < join->nlists ? &join->lists[i]
                   : i >= LLMB_JOIN_USAGE ? &join->usage[i - LLMB_JOIN_USAGE]
                                          : NULL;

        if (i >= LLMB_JOIN_USAGE && spans[i]->end == 0) {
            spans[i] = NULL;
        }
    }

    pos = 0;

    for (done = 0; done < LLMB_JOIN_PLACES; done++) {
        next = LLMB_JOIN_PLACES;

        for (i = 0; i < LLMB_JOIN_PLACES; i++) {

            if (spans[i] && (next == LLMB_JOIN_PLACES
                             || spans[i]->start < spans[next]->start))
            {
                next = i;
            }
        }

        if (next == LLMB_JOIN_PLACES) {
            break;
        }

        rc = llmb_join_copy(join, pos, spans[next]->start, out);

        if (rc == LLMB_OK) {
            rc = next < LLMB_JOIN_USAGE
                 ? llmb_join_write_list(join, out, next, insert, data)
                 : llmb_join_write_usage(join, next - LLMB_JOIN_USAGE, out);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = spans[next]->end;
        spans[next] = NULL;
    }

    return llmb_join_copy(join, pos, join->frame.len, out);
}


static llmb_rc_e
llmb_join_write_list(const llmb_join_t *join, llmb_sink_t *out, unsigned i,
    llmb_rc_e (*insert)(void *data, unsigned i), void *data)
{
    unsigned   bare;
    llmb_rc_e  rc;

    bare = (i == 0 && join->bare);

    rc = bare ? out->write(out->data, (const uint8_t *) "[", 1) : LLMB_OK;

    if (rc == LLMB_OK) {
        rc = insert(data, i);
    }

    if (rc == LLMB_OK && bare) {
        rc = out->write(out->data, (const uint8_t *) "]", 1);
    }

    return rc;
}


static llmb_rc_e
llmb_join_write_usage(const llmb_join_t *join, unsigned i, llmb_sink_t *out)
{
    size_t              pos;
    unsigned            n;
    llmb_rc_e           rc;
    llmb_usage_t        us;
    const llmb_span_t  *usage;

    usage = &join->usage[i];
    pos = usage->start;
    n = 0;

    llmb_usage_init(&us, llmb_split_text(join->frame.data, usage));

    while (llmb_usage_next(&us)) {
        rc = llmb_join_copy(join, pos, usage->start + us.tok.start, out);

        if (rc == LLMB_OK) {
            rc = llmb_split_write_number(out, join->sums[i][n++]);
        }

        if (rc != LLMB_OK) {
            return rc;
        }

        pos = usage->start + us.tok.end;
    }

    return llmb_join_copy(join, pos, usage->end, out);
}


static llmb_rc_e
llmb_join_copy(const llmb_join_t *join, size_t start, size_t end,
    llmb_sink_t *out)
{
    if (start == end) {
        return LLMB_OK;
    }

    return out->write(out->data, join->frame.data + start, end - start);
}
