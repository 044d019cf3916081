
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The reader of answers looks at what it knows.  This looks at the rest, when
 * the answer is there: the scanner steps over what is within the lists, so
 * however long these are it is soon done.
 */


#include <string.h>

#include "llmb_beside.h"
#include "llmb_quote_names.h"
#include "llmb_target.h"
#include "llmb_json_text.h"


/* longer values of "model" and the like are looked at as any other text */

#define LLMB_BESIDE_MAX_FIXED  64

/* the longest word of an array in a usage */

#define LLMB_BESIDE_MAX_WORD   32


/* how deep the label of a list is, in an object of an array of the answer */

#define LLMB_BESIDE_LABEL      3


/* an object or array that we are in */

typedef struct {
    size_t                 start;
    uint32_t               n;         /* of its members or elements */
    llmb_json_type_e       type;      /* of the first that is not null */
    unsigned               array:1;
    unsigned               alike:1;   /* all are of this type */
    unsigned               known:1;   /* all names are of the API */
    unsigned               numbers:1; /* all names are numbers */
    unsigned               flat:1;    /* nothing but numbers, and words */
    unsigned               texts:1;   /* nothing but strings, or flat */
    unsigned               rows:1;    /* nothing but flat objects */
} llmb_beside_level_t;


typedef struct {
    const llmb_split_t    *sp;
    const uint8_t         *base;
    llmb_json_t            json;
    unsigned               fixed:1;   /* the value of the last name is */
    llmb_quote_t          *quote;     /* or NULL */
    size_t                 size;
    llmb_beside_level_t    levels[LLMB_JSON_MAX_DEPTH + 1];
} llmb_beside_t;


static size_t llmb_beside_size(const llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders);
static llmb_mismatch_e llmb_beside_walk(llmb_beside_t *b,
    const llmb_split_t *sp, const uint8_t *base, llmb_quote_t *q);
static unsigned llmb_beside_next(llmb_beside_t *b, llmb_json_token_t *tok);
static llmb_span_t llmb_beside_gap(const llmb_beside_t *b);
static void llmb_beside_name(llmb_beside_t *b, const llmb_json_token_t *tok);
static unsigned llmb_beside_is_known(const llmb_split_t *sp, llmb_str_t name,
    unsigned depth);
static unsigned llmb_beside_is_list(const llmb_split_t *sp, size_t start);
static unsigned llmb_beside_is_number(llmb_str_t name);
static void llmb_beside_value(llmb_beside_t *b, const llmb_json_token_t *tok);
static unsigned llmb_beside_is_word(llmb_str_t text);
static void llmb_beside_words(llmb_beside_t *b, llmb_str_t text);
static llmb_mismatch_e llmb_beside_leave(llmb_beside_t *b,
    const llmb_json_token_t *tok);
static unsigned llmb_beside_array(const llmb_beside_t *b,
    const llmb_beside_level_t *level, const llmb_span_t *span);
static unsigned llmb_beside_object(const llmb_beside_t *b,
    const llmb_beside_level_t *level, const llmb_span_t *span);
static unsigned llmb_beside_one_each(const llmb_beside_t *b, uint32_t n);
static unsigned llmb_beside_has_list(const llmb_split_t *sp,
    const llmb_span_t *span);
static unsigned llmb_beside_is_usage(const llmb_split_t *sp,
    const llmb_span_t *span);
static unsigned llmb_beside_within(const llmb_span_t *inner,
    const llmb_span_t *outer);


llmb_mismatch_e
llmb_beside_check(const llmb_split_t *sp, const uint8_t *base)
{
    llmb_beside_t  b;

    return llmb_beside_walk(&b, sp, base, NULL);
}


size_t
llmb_beside_room(const llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders)
{
    size_t  size;

    size = llmb_beside_size(sp, base, senders);

    return size ? llmb_quote_room(size) : 0;
}


llmb_rc_e
llmb_beside_compare(llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders, void *memory)
{
    size_t         size;
    llmb_quote_t   q;
    llmb_beside_t  b;

    size = llmb_beside_size(sp, base, senders);

    if (size == 0) {
        return LLMB_OK;
    }

    if (size <= LLMB_QUOTE_MAX_TEXT && memory) {

        llmb_quote_init(&q, size, 1, memory);

        llmb_quote_know(&q, senders->known[0]);
        llmb_quote_know(&q, senders->known[1]);

        (void) llmb_beside_walk(&b, sp, base, &q);

        if (llmb_quote_whose(&q, senders) == LLMB_QUOTE_NOBODY) {
            return LLMB_OK;
        }
    }

    sp->mismatch = LLMB_MISMATCH_SHAPE;

    return LLMB_INVALID;
}


/* the bytes of all words, and of what is known; 0 if there are no words */

static size_t
llmb_beside_size(const llmb_split_t *sp, const uint8_t *base,
    const llmb_senders_t *senders)
{
    llmb_beside_t  b;

    (void) llmb_beside_walk(&b, sp, base, NULL);

    return b.size ? b.size + senders->known[0].len + senders->known[1].len : 0;
}


static llmb_mismatch_e
llmb_beside_walk(llmb_beside_t *b, const llmb_split_t *sp,
    const uint8_t *base, llmb_quote_t *q)
{
    llmb_mismatch_e    mismatch;
    llmb_json_token_t  tok;

    b->sp = sp;
    b->base = base;
    b->fixed = 0;
    b->quote = q;
    b->size = 0;

    llmb_json_init(&b->json, LLMB_JSON_MAX_DEPTH);

    /* whoever sent the only item knows all that may be said about it */

    if (!sp->conf.shared || sp->conf.items == 1) {
        return LLMB_MISMATCH_NONE;
    }

    mismatch = LLMB_MISMATCH_NONE;

    while (mismatch == LLMB_MISMATCH_NONE && llmb_beside_next(b, &tok)) {

        if (tok.type == LLMB_JSON_KEY) {
            llmb_beside_name(b, &tok);

        } else if (llmb_json_closes(&tok)) {
            mismatch = llmb_beside_leave(b, &tok);

        } else {
            llmb_beside_value(b, &tok);
        }
    }

    return mismatch;
}


/* the next token; what is within the lists is not there */

static unsigned
llmb_beside_next(llmb_beside_t *b, llmb_json_token_t *tok)
{
    llmb_rc_e    rc;
    llmb_span_t  gap;

    for ( ;; ) {
        gap = llmb_beside_gap(b);

        if (gap.end == 0) {
            rc = llmb_json_next(&b->json, b->base, b->sp->len, 1, tok);

            return rc == LLMB_OK && tok->type != LLMB_JSON_END;
        }

        rc = llmb_json_next(&b->json, b->base, gap.start, 0, tok);

        if (rc != LLMB_AGAIN) {
            return rc == LLMB_OK;
        }

        /* behind the bracket, where the array may as well end */

        b->json.pos = gap.end;
    }
}


/* the next list from here on, from its first element to the last */

static llmb_span_t
llmb_beside_gap(const llmb_beside_t *b)
{
    unsigned             i;
    llmb_span_t          gap;
    const llmb_split_t  *sp;

    sp = b->sp;

    gap.start = 0;
    gap.end = 0;

    if (sp->list.end && sp->list.start >= b->json.pos) {
        gap = sp->list;
    }

    for (i = 0; i < sp->nlists; i++) {

        if (sp->lists[i].list.start >= b->json.pos
            && (gap.end == 0 || sp->lists[i].list.start < gap.start))
        {
            gap = sp->lists[i].list;
        }
    }

    return gap;
}


static void
llmb_beside_name(llmb_beside_t *b, const llmb_json_token_t *tok)
{
    llmb_str_t            name;
    llmb_beside_level_t  *level;

    level = &b->levels[tok->depth - 1];

    name.data = b->base + tok->start;
    name.len = tok->end - tok->start;

    b->fixed = llmb_quote_names_has(name, 1)
               || (tok->depth == LLMB_BESIDE_LABEL
                   && b->sp->conf.form->label.len
                   && llmb_json_is(name, b->sp->conf.form->label));

    if (!llmb_beside_is_number(name)) {
        level->numbers = 0;
    }

    if (!llmb_beside_is_known(b->sp, name, tok->depth)
        && !llmb_beside_is_list(b->sp, tok->start))
    {
        level->known = 0;
        llmb_beside_words(b, name);
    }
}


/* of the API, or on a path of the form */

static unsigned
llmb_beside_is_known(const llmb_split_t *sp, llmb_str_t name, unsigned depth)
{
    llmb_str_t          known;
    llmb_target_e       target;
    const llmb_form_t  *form;

    form = sp->conf.form;

    if (llmb_quote_names_has(name, 0)
        || llmb_json_is(name, form->input_tokens)
        || llmb_json_is(name, form->output_tokens)
        || llmb_json_is(name, form->total_tokens))
    {
        return 1;
    }

    for (target = 0; target < LLMB_TARGET_N; target++) {
        known = llmb_target_name(llmb_target_path(form, target), depth);

        if (known.len && llmb_json_is(name, known)) {
            return 1;
        }
    }

    return 0;
}


/* the name of one of the lists, which may be any */

static unsigned
llmb_beside_is_list(const llmb_split_t *sp, size_t start)
{
    unsigned  i;

    if (sp->name.end && sp->name.start == start) {
        return 1;
    }

    for (i = 0; i < sp->nlists; i++) {

        if (sp->lists[i].name.end && sp->lists[i].name.start == start) {
            return 1;
        }
    }

    return 0;
}


static unsigned
llmb_beside_is_number(llmb_str_t name)
{
    size_t  i;

    for (i = 1; i < name.len - 1; i++) {

        if (name.data[i] < '0' || name.data[i] > '9') {
            return 0;
        }
    }

    return name.len > 2;
}


static void
llmb_beside_value(llmb_beside_t *b, const llmb_json_token_t *tok)
{
    unsigned              fixed;
    llmb_str_t            text;
    llmb_json_type_e      type;
    llmb_beside_level_t  *level;

    text.data = b->base + tok->start;
    text.len = tok->end - tok->start;

    fixed = 0;

    if (tok->depth) {
        level = &b->levels[tok->depth - 1];
        type = (tok->type == LLMB_JSON_TRUE) ? LLMB_JSON_FALSE : tok->type;

        if (level->type == LLMB_JSON_NULL) {
            level->type = type;
        }

        level->n++;
        level->alike &= (type == LLMB_JSON_NULL || type == level->type);
        level->texts &= (type == LLMB_JSON_STRING
                         || type == LLMB_JSON_OBJECT);
        level->rows &= (type == LLMB_JSON_OBJECT);
        level->flat &= (type != LLMB_JSON_OBJECT && type != LLMB_JSON_ARRAY
                        && (type != LLMB_JSON_STRING
                            || llmb_beside_is_word(text)));

        fixed = (b->fixed && !level->array && !b->sp->conf.form->declared
                 && text.len <= LLMB_BESIDE_MAX_FIXED + 2);
    }

    switch (tok->type) {

    case LLMB_JSON_STRING:

        if (!fixed) {
            llmb_beside_words(b, text);
        }

        break;

    case LLMB_JSON_OBJECT:
    case LLMB_JSON_ARRAY:
        level = &b->levels[tok->depth];

        memset(level, 0, sizeof(llmb_beside_level_t));

        level->start = tok->start;
        level->type = LLMB_JSON_NULL;
        level->array = (tok->type == LLMB_JSON_ARRAY);
        level->alike = 1;
        level->known = 1;
        level->numbers = 1;
        level->flat = 1;
        level->texts = 1;
        level->rows = 1;

        break;

    default:
        break;
    }
}


/* one of a list of such: TEXT, us-east-1 */

static unsigned
llmb_beside_is_word(llmb_str_t text)
{
    size_t   i;
    uint8_t  c;

    for (i = 1; i < text.len - 1; i++) {
        c = text.data[i];

        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
            continue;
        }

        if ((c < '0' || c > '9') && c != '_' && c != '-' && c != '.') {
            return 0;
        }
    }

    return text.len <= LLMB_BESIDE_MAX_WORD + 2;
}


static void
llmb_beside_words(llmb_beside_t *b, llmb_str_t text)
{
    b->size += text.len;

    if (b->quote) {
        llmb_quote_add(b->quote, text);
    }
}


static llmb_mismatch_e
llmb_beside_leave(llmb_beside_t *b, const llmb_json_token_t *tok)
{
    unsigned              allowed;
    llmb_span_t           span;
    llmb_beside_level_t  *level, *outer;

    level = &b->levels[tok->depth];

    span.start = level->start;
    span.end = tok->end;

    if (tok->depth && !level->flat) {
        outer = &b->levels[tok->depth - 1];

        outer->texts = 0;
        outer->rows = 0;
    }

    if (level->array) {
        allowed = llmb_beside_array(b, level, &span);

    } else {
        allowed = tok->depth == 0 || llmb_beside_object(b, level, &span);
    }

    return allowed ? LLMB_MISMATCH_NONE : LLMB_MISMATCH_SHAPE;
}


static unsigned
llmb_beside_array(const llmb_beside_t *b, const llmb_beside_level_t *level,
    const llmb_span_t *span)
{
    unsigned             i;
    const llmb_split_t  *sp;

    sp = b->sp;

    if (level->n == 0 || llmb_beside_has_list(sp, span)) {
        return 1;
    }

    if (llmb_beside_within(&sp->count, span)) {
        return 1;
    }

    for (i = 0; i < sp->nlists; i++) {

        if (llmb_beside_within(&sp->lists[i].count, span)) {
            return 1;
        }
    }

    if (llmb_beside_one_each(b, level->n)) {
        return 0;
    }

    return (level->rows && llmb_beside_is_usage(sp, span))
           || (level->texts && llmb_beside_within(span, &sp->common));
}


static unsigned
llmb_beside_object(const llmb_beside_t *b, const llmb_beside_level_t *level,
    const llmb_span_t *span)
{
    unsigned             i;
    const llmb_split_t  *sp;

    sp = b->sp;

    if (level->n == 0 || llmb_beside_has_list(sp, span)) {
        return 1;
    }

    for (i = 0; i < 2; i++) {

        /* the usage itself, or what is around it */

        if (llmb_beside_within(&sp->usage[i], span)) {
            return 1;
        }
    }

    if (level->numbers) {
        return 0;
    }

    if (!llmb_beside_one_each(b, level->n) || level->known
        || llmb_beside_within(&sp->common, span))
    {
        return 1;
    }

    if (sp->conf.form->declared) {
        return 0;
    }

    return !level->alike
           || (level->type == LLMB_JSON_NUMBER
               && llmb_beside_is_usage(sp, span));
}


/* a single one cannot be of each of several */

static unsigned
llmb_beside_one_each(const llmb_beside_t *b, uint32_t n)
{
    return n > 1 && (n == b->sp->conf.items || n == b->sp->conf.members);
}


static unsigned
llmb_beside_has_list(const llmb_split_t *sp, const llmb_span_t *span)
{
    unsigned  i;

    if (llmb_beside_within(&sp->list, span)) {
        return 1;
    }

    for (i = 0; i < sp->nlists; i++) {

        if (llmb_beside_within(&sp->lists[i].list, span)) {
            return 1;
        }
    }

    return 0;
}


static unsigned
llmb_beside_is_usage(const llmb_split_t *sp, const llmb_span_t *span)
{
    return llmb_beside_within(span, &sp->usage[0])
           || llmb_beside_within(span, &sp->usage[1]);
}


static unsigned
llmb_beside_within(const llmb_span_t *inner, const llmb_span_t *outer)
{
    return inner->end && outer->end
           && inner->start >= outer->start && inner->end <= outer->end;
}
