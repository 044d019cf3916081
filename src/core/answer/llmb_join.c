
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include <string.h>

#include "llmb_join.h"
#include "llmb_patch.h"
#include "llmb_split_write.h"
#include "llmb_json_text.h"


/* the frame of the first part, while it is written */

typedef struct {
    llmb_join_t           *join;
    uint8_t               *pos;
} llmb_join_frame_t;


/* what is inserted into it at the end */

typedef struct {
    const llmb_join_t     *join;
    llmb_join_insert_pt    insert;
    void                  *data;
    const uint64_t        *sum;       /* of the next count */
} llmb_join_end_t;


static llmb_rc_e llmb_join_begin(llmb_join_t *join, const llmb_split_t *sp,
    const uint8_t *base, uint8_t *frame);
static const llmb_span_t *llmb_join_list(const llmb_split_t *sp, unsigned i);
static const llmb_span_t *llmb_join_name(const llmb_split_t *sp, unsigned i);
static llmb_span_t llmb_join_move(const llmb_split_t *sp,
    const llmb_span_t *span);
static llmb_rc_e llmb_join_write_frame(void *data, const uint8_t *p,
    size_t len);
static void llmb_join_note_list(llmb_out_t *out, void *data, unsigned i);
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
static void llmb_join_write_gap(const llmb_join_t *join, llmb_out_t *out);
static llmb_rc_e llmb_join_write_run(unsigned i, const llmb_split_t *sp,
    const uint8_t *base, uint32_t n, uint32_t *next, size_t bytes,
    llmb_out_t *out);
static const llmb_span_t *llmb_join_element(const llmb_split_t *sp,
    unsigned i, uint32_t k);
static void llmb_join_write_list(llmb_out_t *out, void *data, unsigned i);
static void llmb_join_write_count(llmb_out_t *out, void *data, unsigned i);
static void llmb_join_write_usage(llmb_out_t *out, void *data, unsigned i);
static uint64_t llmb_join_next_sum(void *data, const llmb_usage_t *us);


llmb_rc_e
llmb_join_init(llmb_join_t *join, const llmb_form_t *form)
{
    memset(join, 0, sizeof(llmb_join_t));

    join->form = form;

    return form->ranked || form->read_answer ? LLMB_INVALID : LLMB_OK;
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
            rc = llmb_join_count(join, i, llmb_answer_text(base,
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
    unsigned           i;
    llmb_rc_e          rc;
    llmb_out_t         out;
    llmb_span_t        text;
    llmb_sink_t        sink;
    llmb_patches_t     patches;
    llmb_join_frame_t  f;

    join->nlists = 1 + sp->nlists;
    join->bare = (sp->brackets.end == 0);

    join->frame.data = frame;

    f.join = join;
    f.pos = frame;

    sink.write = llmb_join_write_frame;
    sink.data = &f;

    llmb_out_init(&out, &sink);
    llmb_patch_init(&patches);

    for (i = 0; i < join->nlists; i++) {
        llmb_patch_add(&patches, *llmb_join_list(sp, i), llmb_join_note_list,
                       i);
    }

    text.start = 0;
    text.end = sp->len;

    llmb_patch_write(&patches, &out, base, text, &f);

    if (out.rc != LLMB_OK) {
        return out.rc;
    }

    join->frame.len = (size_t) (f.pos - frame);

    for (i = 0; i < join->nlists; i++) {
        join->names[i] = llmb_join_move(sp, llmb_join_name(sp, i));
    }

    join->count = llmb_join_move(sp, &sp->count);

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


static llmb_rc_e
llmb_join_write_frame(void *data, const uint8_t *p, size_t len)
{
    llmb_join_frame_t *f = data;

    memcpy(f->pos, p, len);
    f->pos += len;

    return LLMB_OK;
}


/* where it is to be inserted */

static void
llmb_join_note_list(llmb_out_t *out, void *data, unsigned i)
{
    llmb_join_frame_t *f = data;

    (void) out;

    f->join->lists[i].start = (size_t) (f->pos - f->join->frame.data);
    f->join->lists[i].end = f->join->lists[i].start;
}


static llmb_rc_e
llmb_join_begin_counts(llmb_join_t *join, unsigned i)
{
    unsigned      n;
    llmb_usage_t  us;

    n = 0;

    llmb_usage_init(&us, llmb_answer_text(join->frame.data, &join->usage[i]));

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

    if (join->form != sp->conf.form || join->nlists != 1 + sp->nlists
        || (join->count.end == 0) != (sp->count.end == 0))
    {
        return 0;
    }

    for (i = 0; i < join->nlists; i++) {

        if (!llmb_join_same(llmb_answer_text(join->frame.data, &join->names[i]),
                            llmb_answer_text(base, llmb_join_name(sp, i))))
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

    first = llmb_answer_text(join->frame.data, &join->usage[i]);
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

    gap = llmb_answer_gap(sp, base);

    if (join->gap_len == 0 && sp->gap.end && gap.len <= sizeof(join->gap)) {
        memcpy(join->gap, gap.data, gap.len);
        join->gap_len = gap.len;
    }
}


static void
llmb_join_write_gap(const llmb_join_t *join, llmb_out_t *out)
{
    if (join->gap_len == 0) {
        llmb_out_char(out, ',');
        return;
    }

    llmb_out_bytes(out, join->gap, join->gap_len);
}


llmb_rc_e
llmb_join_write(llmb_join_t *join, unsigned i, const llmb_split_t *sp,
    const uint8_t *base, uint32_t *next, size_t bytes, llmb_sink_t *sink)
{
    size_t       size;
    uint32_t     n;
    llmb_out_t   out;

    llmb_out_init(&out, sink);

    n = i == 0 ? sp->n : sp->conf.items;

    if (*next == 0 && join->parts > 1) {
        llmb_join_write_gap(join, &out);
    }

    if (i || (join->form->index.len == 0 && !sp->repaired && !sp->conf.strip))
    {
        return llmb_join_write_run(i, sp, base, n, next, bytes, &out);
    }

    size = 0;

    do {
        if (*next) {
            llmb_out_text(&out, llmb_answer_gap(sp, base));
        }

        llmb_split_write_element(&out, sp, base, &sp->elems[*next],
                                 join->before + *next);

        if (out.rc != LLMB_OK) {
            return out.rc;
        }

        size += llmb_split_write_bound_element(sp, &sp->elems[*next]);
        (*next)++;

    } while (*next < n && size < bytes);

    return *next < n ? LLMB_AGAIN : LLMB_OK;
}


/* what is in a row here came in a row, with what is between */

static llmb_rc_e
llmb_join_write_run(unsigned i, const llmb_split_t *sp, const uint8_t *base,
    uint32_t n, uint32_t *next, size_t bytes, llmb_out_t *out)
{
    size_t    start, end;
    uint32_t  k;

    k = *next;
    start = k ? llmb_join_element(sp, i, k - 1)->end
              : llmb_join_element(sp, i, 0)->start;

    do {
        end = llmb_join_element(sp, i, k)->end;
        k++;
    } while (k < n && end - start < bytes);

    llmb_out_bytes(out, base + start, end - start);

    if (out->rc != LLMB_OK) {
        return out->rc;
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
llmb_join_end(const llmb_join_t *join, llmb_sink_t *sink,
    llmb_join_insert_pt insert, void *data)
{
    unsigned         i;
    llmb_out_t       out;
    llmb_span_t      text;
    llmb_patches_t   patches;
    llmb_join_end_t  end;

    end.join = join;
    end.insert = insert;
    end.data = data;

    llmb_out_init(&out, sink);
    llmb_patch_init(&patches);

    for (i = 0; i < join->nlists; i++) {
        llmb_patch_add(&patches, join->lists[i], llmb_join_write_list, i);
    }

    for (i = 0; i < 2; i++) {

        if (join->usage[i].end) {
            llmb_patch_add(&patches, join->usage[i], llmb_join_write_usage, i);
        }
    }

    if (join->count.end) {
        llmb_patch_add(&patches, join->count, llmb_join_write_count, 0);
    }

    text.start = 0;
    text.end = join->frame.len;

    llmb_patch_write(&patches, &out, join->frame.data, text, &end);

    return out.rc;
}


static void
llmb_join_write_list(llmb_out_t *out, void *data, unsigned i)
{
    llmb_join_end_t *end = data;

    unsigned  bare;

    bare = (i == 0 && end->join->bare);

    if (bare) {
        llmb_out_char(out, '[');
    }

    if (out->rc == LLMB_OK) {
        llmb_out_fail(out, end->insert(end->data, i));
    }

    if (bare) {
        llmb_out_char(out, ']');
    }
}


static void
llmb_join_write_count(llmb_out_t *out, void *data, unsigned i)
{
    llmb_join_end_t *end = data;

    (void) i;

    llmb_out_number(out, end->join->n);
}


static void
llmb_join_write_usage(llmb_out_t *out, void *data, unsigned i)
{
    llmb_join_end_t *end = data;

    end->sum = end->join->sums[i];

    llmb_usage_write(out, llmb_answer_text(end->join->frame.data,
                                           &end->join->usage[i]),
                     llmb_join_next_sum, end);
}


static uint64_t
llmb_join_next_sum(void *data, const llmb_usage_t *us)
{
    llmb_join_end_t *end = data;

    (void) us;

    return *end->sum++;
}
