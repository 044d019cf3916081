
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Checks an answer while it arrives.
 *
 * Reading notes where the elements of the lists lie, by position, and where
 * the few things lie that are written anew; it decides, alone, whether the
 * answer may be cut at all.  Writing copies spans that reading has noted: an
 * element belongs to one position, and a position to one member, so nothing
 * can reach a neighbor.
 *
 * Outside of lists the reader follows paths: path[] tells how many names of
 * each have led to where it is.  Within a list it sees the elements, and,
 * where these have members that matter, the members, but nothing below.
 */


#include <string.h>

#include "llmb_beside.h"
#include "llmb_counts.h"
#include "llmb_json_each.h"
#include "llmb_split.h"
#include "llmb_target.h"
#include "llmb_vector.h"
#include "llmb_json_text.h"


/* sp->state */

typedef enum {
    LLMB_SPLIT_OUTSIDE = 0,
    LLMB_SPLIT_LIST,              /* within the first list */
    LLMB_SPLIT_BARE,              /* within an element that is the list */
    LLMB_SPLIT_COLUMN             /* within another list */
} llmb_split_state_e;


static void llmb_split_targets(llmb_split_t *sp);
static llmb_mismatch_e llmb_split_token(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_outermost(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_key(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_value(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static unsigned llmb_split_or_list(const llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_target(llmb_split_t *sp,
    llmb_target_e target, const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_list(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_open(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_open_column(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_end(llmb_split_t *sp, const uint8_t *base,
    size_t len);
static unsigned llmb_split_overlap(const llmb_split_t *sp);
static llmb_mismatch_e llmb_split_count(llmb_split_t *sp,
    const uint8_t *base);

static llmb_mismatch_e llmb_split_within(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_element(llmb_split_t *sp, const
    llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_numbers(llmb_split_t *sp, const uint8_t
    *base);
static unsigned llmb_split_mark_used(const llmb_split_t *sp, llmb_mark_e mark);
static llmb_str_t llmb_split_mark_name(const llmb_form_t *form,
    llmb_mark_e mark);
static llmb_mismatch_e llmb_split_mark(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_index(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_column(llmb_split_t *sp,
    const llmb_json_token_t *tok);
static llmb_mismatch_e llmb_split_leave(llmb_split_t *sp);


size_t
llmb_split_room(const llmb_split_conf_t *conf)
{
    return (size_t) conf->items * conf->per * sizeof(llmb_elem_t)
           + (size_t) conf->items * llmb_target_nlists(conf->form)
             * sizeof(llmb_span_t);
}


void
llmb_split_init(llmb_split_t *sp, const llmb_split_conf_t *conf, void *memory)
{
    memset(sp, 0, sizeof(llmb_split_t));
    memset(memory, 0, llmb_split_room(conf));

    sp->conf = *conf;
    sp->n = conf->items * conf->per;
    sp->elems = memory;
    sp->spans = (llmb_span_t *) (void *) (sp->elems + sp->n);

    llmb_split_targets(sp);
    llmb_json_init(&sp->json, sp->deepest);
}


/* how deep the reader has to look */

static void
llmb_split_targets(llmb_split_t *sp)
{
    unsigned            n;
    llmb_mark_e         mark;
    llmb_target_e       target;
    const llmb_form_t  *form;

    form = sp->conf.form;

    for (target = 0; target < LLMB_TARGET_N; target++) {
        n = llmb_target_names(llmb_target_path(form, target));
        sp->deepest = llmb_max(sp->deepest, n);
    }

    for (mark = 0; mark < LLMB_MARK_N; mark++) {

        if (llmb_split_mark_used(sp, mark)) {
            sp->marked = 1;
        }
    }
}


llmb_rc_e
llmb_split_read(llmb_split_t *sp, const uint8_t *base, size_t len,
    unsigned last)
{
    llmb_rc_e          rc;
    llmb_json_token_t  tok;

    while (sp->mismatch == LLMB_MISMATCH_NONE && sp->len == 0) {

        rc = llmb_json_next(&sp->json, base, len, 0, &tok);

        if (rc == LLMB_AGAIN) {

            if (!last) {
                return LLMB_AGAIN;
            }

            /* what was fine so far can only fail for its end */

            rc = llmb_json_next(&sp->json, base, len, 1, &tok);

            if (rc != LLMB_OK) {
                sp->mismatch = LLMB_MISMATCH_TRUNCATED;
                break;
            }
        }

        if (rc == LLMB_LIMIT) {
            sp->mismatch = LLMB_MISMATCH_SHAPE;

        } else if (rc != LLMB_OK) {
            sp->mismatch = LLMB_MISMATCH_JSON;

        } else if (tok.type == LLMB_JSON_END) {
            sp->mismatch = llmb_split_end(sp, base, len);

        } else {
            sp->mismatch = llmb_split_token(sp, base, &tok);
        }

        if (sp->conf.probe && sp->seen && !sp->repaired
            && sp->mismatch == LLMB_MISMATCH_NONE)
        {
            return LLMB_DECLINED;
        }
    }

    return (sp->mismatch == LLMB_MISMATCH_NONE) ? LLMB_OK : LLMB_INVALID;
}


static llmb_mismatch_e
llmb_split_token(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    if (sp->state != LLMB_SPLIT_OUTSIDE) {
        return llmb_split_within(sp, base, tok);
    }

    if (tok->depth == 0) {
        return llmb_split_outermost(sp, tok);
    }

    if (tok->type == LLMB_JSON_KEY) {
        return llmb_split_key(sp, base, tok);
    }

    return llmb_split_value(sp, tok);
}


static llmb_mismatch_e
llmb_split_outermost(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    const llmb_form_t  *form;

    form = sp->conf.form;

    if (form->list.len == 0 && form->read_answer == NULL) {
        return llmb_split_list(sp, tok);
    }

    return (tok->type == LLMB_JSON_OBJECT || tok->type == LLMB_JSON_OBJECT_END)
           ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_SHAPE;
}


/*
 * A name that goes on with a path has been there once, or the answer could be
 * read in two ways.
 */

static llmb_mismatch_e
llmb_split_key(llmb_split_t *sp, const uint8_t *base,
    const llmb_json_token_t *tok)
{
    unsigned            depth, every;
    llmb_str_t          key, name;
    llmb_target_e       target;
    const llmb_form_t  *form;

    form = sp->conf.form;
    depth = tok->depth;

    sp->key.start = tok->start;
    sp->key.end = tok->end;

    key = llmb_answer_text(base, &sp->key);

    for (target = 0; target < LLMB_TARGET_N; target++) {

        if (sp->path[target] + 1u < depth) {
            continue;
        }

        sp->path[target] = (uint8_t) (depth - 1);

        name = llmb_target_name(llmb_target_path(form, target), depth);

        if (name.len == 0) {
            continue;
        }

        every = (target == LLMB_TARGET_LIST && llmb_target_every(form)
                 && depth == llmb_target_names(form->list));

        if (!every) {

            if (!llmb_json_is(key, name)) {
                continue;
            }

            if (sp->found[target] >= depth) {
                return LLMB_MISMATCH_SHAPE;
            }
        }

        sp->path[target] = (uint8_t) depth;
        sp->found[target] = (uint8_t) depth;
    }

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_value(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    unsigned         n;
    llmb_target_e    target;
    llmb_mismatch_e  mismatch;

    for (target = 0; target < LLMB_TARGET_N; target++) {

        if (sp->path[target] != tok->depth) {
            continue;
        }

        n = llmb_target_names(llmb_target_path(sp->conf.form, target));

        if (n != tok->depth) {

            /* without an object there is nothing at the end of the path */

            if (target == LLMB_TARGET_LIST && !llmb_json_closes(tok)
                && tok->type != LLMB_JSON_OBJECT
                && !llmb_split_or_list(sp, tok))
            {
                return LLMB_MISMATCH_SHAPE;
            }

            continue;
        }

        mismatch = llmb_split_target(sp, target, tok);

        if (mismatch != LLMB_MISMATCH_NONE) {
            return mismatch;
        }
    }

    return LLMB_MISMATCH_NONE;
}


/* an array where the path of the list goes on may be the other list */

static unsigned
llmb_split_or_list(const llmb_split_t *sp, const llmb_json_token_t *tok)
{
    return tok->type == LLMB_JSON_ARRAY
           && sp->path[LLMB_TARGET_OR_LIST] == tok->depth
           && llmb_target_names(sp->conf.form->or_list) == tok->depth;
}


static llmb_mismatch_e
llmb_split_target(llmb_split_t *sp, llmb_target_e target,
    const llmb_json_token_t *tok)
{
    llmb_span_t  *span;

    switch (target) {

    case LLMB_TARGET_LIST:
        return llmb_split_list(sp, tok);

    case LLMB_TARGET_OR_LIST:

        return (tok->type == LLMB_JSON_ARRAY) ? llmb_split_list(sp, tok)
                                              : LLMB_MISMATCH_NONE;

    case LLMB_TARGET_ALSO:

        /* anything but a list or nothing could be about all clients */

        if (tok->type == LLMB_JSON_ARRAY) {
            return llmb_split_open_column(sp, tok);
        }

        return (tok->type == LLMB_JSON_NULL) ? LLMB_MISMATCH_NONE
                                             : LLMB_MISMATCH_SHAPE;

    case LLMB_TARGET_ID:

        if (tok->type == LLMB_JSON_STRING) {
            sp->id.start = tok->start;
            sp->id.end = tok->end;
        }

        return LLMB_MISMATCH_NONE;

    default: /* LLMB_TARGET_SHAPE and what follows */

        span = (target == LLMB_TARGET_SHAPE) ? &sp->shape
               : (target == LLMB_TARGET_COMMON) ? &sp->common
               : &sp->usage[target - LLMB_TARGET_USAGE];

        if (!llmb_json_closes(tok)) {
            span->start = tok->start;
        }

        span->end = tok->end;

        return LLMB_MISMATCH_NONE;
    }
}


/* the value that the path of the list leads to */

static llmb_mismatch_e
llmb_split_list(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    if (tok->type == LLMB_JSON_ARRAY) {
        return sp->list.end ? llmb_split_open_column(sp, tok)
                            : llmb_split_open(sp, tok);
    }

    if (llmb_target_every(sp->conf.form)) {
        return (tok->type == LLMB_JSON_NULL) ? LLMB_MISMATCH_NONE
                                             : LLMB_MISMATCH_SHAPE;
    }

    if (tok->type != LLMB_JSON_OBJECT
        || sp->conf.form->single == LLMB_SINGLE_LIST
        || sp->n != 1)
    {
        return LLMB_MISMATCH_SHAPE;
    }

    sp->name = sp->key;
    sp->state = LLMB_SPLIT_BARE;
    sp->depth = tok->depth;
    sp->json.report = sp->depth + sp->marked;

    return llmb_split_element(sp, tok);
}


static llmb_mismatch_e
llmb_split_open(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    sp->name = sp->key;
    sp->brackets.start = tok->start;
    sp->state = LLMB_SPLIT_LIST;
    sp->depth = tok->depth + 1;
    sp->json.report = sp->depth + sp->marked;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_open_column(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    llmb_column_list_t  *column;

    if (sp->nlists == llmb_target_nlists(sp->conf.form)) {
        return LLMB_MISMATCH_SHAPE;
    }

    column = &sp->lists[sp->nlists];

    column->name = sp->key;
    column->elems = sp->spans + (size_t) sp->nlists * sp->conf.items;

    sp->nlists++;
    sp->position = 0;
    sp->state = LLMB_SPLIT_COLUMN;
    sp->depth = tok->depth + 1;
    sp->json.report = sp->depth;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
llmb_split_end(llmb_split_t *sp, const uint8_t *base, size_t len)
{
    llmb_mismatch_e  mismatch;

    sp->len = len;

    if (sp->conf.form->read_answer) {
        mismatch = sp->conf.form->read_answer(sp, base);

    } else if (sp->list.end == 0 || llmb_split_overlap(sp)) {
        mismatch = LLMB_MISMATCH_SHAPE;

    } else {
        mismatch = llmb_split_numbers(sp, base);
    }

    if (mismatch == LLMB_MISMATCH_NONE) {
        mismatch = llmb_split_count(sp, base);
    }

    if (mismatch == LLMB_MISMATCH_NONE) {
        mismatch = llmb_beside_check(sp, base);
    }

    if (mismatch == LLMB_MISMATCH_NONE) {
        llmb_counts_read(sp, base);
    }

    return mismatch;
}


/* a list within what is shared out as a usage, or one usage in another */

static unsigned
llmb_split_overlap(const llmb_split_t *sp)
{
    unsigned            i, j;
    const llmb_span_t  *usage;

    for (i = 0; i < 2; i++) {
        usage = &sp->usage[i];

        if (sp->list.start < usage->end && usage->start < sp->list.end) {
            return 1;
        }

        for (j = 0; j < sp->nlists; j++) {

            if (sp->lists[j].list.start < usage->end
                && usage->start < sp->lists[j].list.end)
            {
                return 1;
            }
        }
    }

    return sp->usage[0].start < sp->usage[1].end
           && sp->usage[1].start < sp->usage[0].end;
}


/* each client is told a number of elements of its own */

static llmb_mismatch_e
llmb_split_count(llmb_split_t *sp, const uint8_t *base)
{
    uint64_t          n;
    llmb_str_t        shape;
    llmb_json_each_t  each;

    shape = llmb_answer_text(base, &sp->shape);

    if (shape.len == 0 || *shape.data == 'n') {
        return LLMB_MISMATCH_NONE;
    }

    if (*shape.data != '[') {
        return LLMB_MISMATCH_SHAPE;
    }

    llmb_json_each(&each, shape);

    if (!llmb_json_each_next(&each)
        || llmb_json_uint(each.value, &n) != LLMB_OK)
    {
        return LLMB_MISMATCH_SHAPE;
    }

    if (n != sp->n) {
        return LLMB_MISMATCH_COUNT;
    }

    sp->count.start = (size_t) (each.value.data - base);
    sp->count.end = sp->count.start + each.value.len;

    return LLMB_MISMATCH_NONE;
}


static llmb_mismatch_e
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


static llmb_mismatch_e
llmb_split_element(llmb_split_t *sp, const llmb_json_token_t *tok)
{
    if (!llmb_json_closes(tok)) {

        if (sp->seen == sp->n) {
            return LLMB_MISMATCH_COUNT;
        }

        if (sp->seen == 0) {
            sp->placed = (sp->conf.form->or_place
                          && tok->type == LLMB_JSON_ARRAY);
        }

        if (sp->conf.form->index.len
            && tok->type != (sp->placed ? LLMB_JSON_ARRAY : LLMB_JSON_OBJECT))
        {
            return LLMB_MISMATCH_INDEX;
        }

        if (sp->conf.form->arrays && tok->type != LLMB_JSON_ARRAY) {
            return LLMB_MISMATCH_SHAPE;
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

    if (sp->conf.form->index.len && !sp->placed
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

    if (!llmb_json_closes(tok)) {

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

    if (!llmb_json_closes(tok)) {

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

    if (sp->state == LLMB_SPLIT_COLUMN && sp->position == 0
        && sp->conf.form->also_none
        && sp->path[LLMB_TARGET_ALSO] == sp->depth - 1)
    {
        /* it stays as it is */

        sp->nlists--;
        complete = 1;
    }

    sp->state = LLMB_SPLIT_OUTSIDE;
    sp->json.report = sp->deepest;

    return complete ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_COUNT;
}


static llmb_mismatch_e
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
                        llmb_vector_numbers(llmb_answer_text(base, span));

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


static unsigned
llmb_split_mark_used(const llmb_split_t *sp, llmb_mark_e mark)
{
    if (mark == LLMB_MARK_VECTOR && !(sp->conf.base64 && sp->conf.repair)) {
        return 0;
    }

    return llmb_split_mark_name(sp->conf.form, mark).len ? 1 : 0;
}
