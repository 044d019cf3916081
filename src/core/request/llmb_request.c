
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads a request body once, from end to end.
 *
 * Members come in any order, so what a member means may depend on one that
 * comes later: the form shows when all columns are known.  A reason not to
 * batch the request does not stop the reading either, since the model, which
 * decides where the request goes, may follow.  So the members are noted while
 * the body is read, and judged afterwards, in their order, so that the first
 * reason against it is the one that is told.  Only what may be a column is
 * examined at once, as long as it is in the cache.
 */


#include <string.h>

#include "llmb_alike.h"
#include "llmb_defaults.h"
#include "llmb_items.h"
#include "llmb_members.h"
#include "llmb_path.h"
#include "llmb_request.h"
#include "llmb_json_text.h"


/* a body that is being read */

typedef struct {
    llmb_request_t      *rq;
    llmb_json_t          json;
    unsigned             forms;   /* bit i: the path is that of form i */
    unsigned             kinds[LLMB_MAX_COLUMNS];
    uint64_t             longest[LLMB_MAX_COLUMNS];
    size_t               start;   /* of the object */
    size_t               end;

    llmb_members_t       members;
    uint32_t             nseen;
    llmb_seen_t          seen[LLMB_MAX_COLUMNS];
} llmb_reader_t;


/*
 * A value that is meant for all items of a request is repeated in a call with
 * others; a request goes alone if that would make it so many times as large.
 * What is small anyway does not matter.
 */

#define LLMB_REQUEST_REPEATED  4
#define LLMB_REQUEST_SMALL     16384


/* the largest "per"; OpenAI allows 128 */

#define LLMB_REQUEST_MAX_PER  128


static unsigned llmb_request_by_path(const llmb_reader_t *rd);
static unsigned llmb_request_is_other(const llmb_reader_t *rd);
static unsigned llmb_request_is_column(const llmb_adapter_t *adapter,
    unsigned forms, const llmb_body_member_t *m);
static llmb_rc_e llmb_request_object(llmb_reader_t *rd);
static llmb_rc_e llmb_request_member(llmb_reader_t *rd, llmb_str_t name,
    llmb_json_token_t *tok);
static unsigned llmb_request_watched(llmb_reader_t *rd,
    const llmb_body_member_t *m);
static llmb_rc_e llmb_request_value(llmb_reader_t *rd, llmb_body_member_t *m,
    llmb_json_token_t *tok);
static llmb_rc_e llmb_request_token(llmb_reader_t *rd,
    llmb_json_token_t *tok);
static llmb_reason_e llmb_request_judge(llmb_reader_t *rd);
static const llmb_form_t *llmb_request_form(llmb_reader_t *rd);
static unsigned llmb_request_has(llmb_reader_t *rd,
    const llmb_column_t *column);
static llmb_reason_e llmb_request_known(llmb_reader_t *rd, uint32_t i);
static unsigned llmb_request_refused(llmb_reader_t *rd,
    const llmb_body_member_t *m);
static unsigned llmb_request_equal(llmb_str_t value, llmb_str_t refused);
static llmb_reason_e llmb_request_watch(llmb_reader_t *rd,
    const llmb_body_member_t *m);
static llmb_reason_e llmb_request_special(llmb_reader_t *rd,
    const llmb_body_member_t *m);
static llmb_reason_e llmb_request_body(llmb_reader_t *rd);
static llmb_reason_e llmb_request_lengths(llmb_reader_t *rd);
static unsigned llmb_request_alike(const llmb_request_t *rq);
static llmb_reason_e llmb_request_hole(llmb_request_t *rq, llmb_str_t value,
    llmb_hole_e type, unsigned column);
static unsigned llmb_request_is_any(const llmb_body_member_t *m,
    const llmb_str_t *names);


llmb_rc_e
llmb_request_read(llmb_request_t *rq, const llmb_adapter_t *adapter,
    llmb_str_t path, llmb_str_t body, llmb_reason_e *reason)
{
    unsigned       i;
    llmb_rc_e      rc;
    llmb_reader_t  rd;

    /* holes are written when there are any */

    memset(rq, 0, offsetof(llmb_request_t, holes));

    rq->adapter = adapter;
    rq->path = path;
    rq->body = body;
    rq->per = 1;

    rd.rq = rq;
    rd.forms = 0;
    rd.nseen = 0;

    llmb_members_init(&rd.members);

    for (i = 0; adapter && i < LLMB_MAX_FORMS && adapter->forms[i]; i++) {

        if (llmb_form_matches(adapter->forms[i], path)) {
            rd.forms |= 1U << i;
        }
    }

    llmb_json_init(&rd.json, 1);

    rc = llmb_request_object(&rd);

    if (rq->model.len == 0 || llmb_request_by_path(&rd)) {
        rq->named = llmb_path_model(path);
    }

    if (adapter == NULL) {
        *reason = LLMB_REASON_ADAPTER;

    } else if (rc != LLMB_OK) {
        *reason = LLMB_REASON_JSON;

    } else {
        *reason = llmb_request_judge(&rd);

        if ((*reason == LLMB_REASON_ITEM && llmb_request_is_other(&rd))
            || ((*reason == LLMB_REASON_ITEM || *reason == LLMB_REASON_ADAPTER)
                && !llmb_adapter_is_told(adapter, path)))
        {
            /* it is not what a wrong body of this format looks like */
            *reason = LLMB_REASON_ADAPTER;
            rq->adapter = NULL;
        }
    }

    return (*reason == LLMB_REASON_NONE) ? LLMB_OK : LLMB_DECLINED;
}


/* which form the request is in is not known if it is to go alone */

static unsigned
llmb_request_by_path(const llmb_reader_t *rd)
{
    unsigned  i, forms;

    for (i = 0, forms = rd->forms; forms; i++, forms >>= 1) {

        if ((forms & 1) && rd->rq->adapter->forms[i]->path_model) {
            return 1;
        }
    }

    return 0;
}


/*
 * Whether it is written for another API, whose path only ends alike: none of
 * its members is a column of a form of this path, but one is of another
 * format.
 */

static unsigned
llmb_request_is_other(const llmb_reader_t *rd)
{
    unsigned                   k, other;
    uint32_t                   i;
    const llmb_body_member_t  *m;

    if (rd->rq->form) {
        return 0;
    }

    other = 0;

    for (i = 0; i < rd->members.n; i++) {
        m = &rd->members.elems[i];

        if (llmb_request_is_column(rd->rq->adapter, rd->forms, m)) {
            return 0;
        }

        for (k = 0; k < llmb_nadapters && !other; k++) {
            other = llmb_request_is_column(llmb_adapters[k], ~0U, m);
        }
    }

    return other;
}


/* of one of these forms */

static unsigned
llmb_request_is_column(const llmb_adapter_t *adapter, unsigned forms,
    const llmb_body_member_t *m)
{
    unsigned              i;
    const llmb_column_t  *column;

    for (i = 0; i < LLMB_MAX_FORMS && adapter->forms[i]; i++) {

        if (!(forms & (1U << i))) {
            continue;
        }

        column = adapter->forms[i]->columns;

        for ( /* void */ ; column && column->kinds; column++) {

            if (column->name.len && llmb_member_is(m, column->name)) {
                return 1;
            }
        }
    }

    return 0;
}


static llmb_rc_e
llmb_request_object(llmb_reader_t *rd)
{
    llmb_rc_e          rc;
    llmb_str_t         name;
    llmb_json_token_t  tok;

    if (rd->rq->body.len > UINT32_MAX) {
        return LLMB_LIMIT;
    }

    rc = llmb_request_token(rd, &tok);

    if (rc != LLMB_OK || tok.type != LLMB_JSON_OBJECT) {
        return LLMB_INVALID;
    }

    rd->start = tok.start;

    for ( ;; ) {
        rc = llmb_request_token(rd, &tok);

        if (rc != LLMB_OK) {
            return rc;
        }

        if (tok.type == LLMB_JSON_OBJECT_END) {
            break;
        }

        name.data = rd->rq->body.data + tok.start;
        name.len = tok.end - tok.start;

        rc = llmb_request_token(rd, &tok);

        if (rc == LLMB_OK) {
            rc = llmb_request_member(rd, name, &tok);
        }

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    rd->end = tok.end;

    /* nothing but white space may follow */

    return llmb_request_token(rd, &tok);
}


static llmb_rc_e
llmb_request_member(llmb_reader_t *rd, llmb_str_t name,
    llmb_json_token_t *tok)
{
    llmb_rc_e            rc;
    llmb_request_t      *rq;
    llmb_body_member_t  *m;

    static const llmb_str_t  model = llmb_string("model");

    rq = rd->rq;
    m = llmb_members_add(&rd->members, name);

    if (m == NULL) {
        return LLMB_LIMIT;
    }

    m->value.data = rq->body.data + tok->start;
    m->value.len = tok->end - tok->start;
    m->type = tok->type;
    m->watched = !m->duplicate && tok->type != LLMB_JSON_NULL
                 && llmb_request_watched(rd, m);

    if (llmb_member_is(m, model)) {

        if (m->duplicate) {

            /* the upstream may take either */

            rq->model.len = 0;

        } else if (tok->type == LLMB_JSON_STRING) {
            rq->model = m->value;
        }
    }

    rc = llmb_request_value(rd, m, tok);

    m->end = tok->end;

    return rc;
}


static unsigned
llmb_request_watched(llmb_reader_t *rd, const llmb_body_member_t *m)
{
    return rd->forms && llmb_request_is_column(rd->rq->adapter, rd->forms, m);
}


static llmb_rc_e
llmb_request_value(llmb_reader_t *rd, llmb_body_member_t *m,
    llmb_json_token_t *tok)
{
    llmb_seen_t  *seen;

    if (m->watched && rd->nseen < LLMB_MAX_COLUMNS) {
        seen = &rd->seen[rd->nseen++];
        m->seen = seen;

        return llmb_items_see(seen, &rd->json, rd->rq->body, tok);
    }

    if (tok->type != LLMB_JSON_OBJECT && tok->type != LLMB_JSON_ARRAY) {
        return LLMB_OK;
    }

    /* nothing of what is in it is told, so this is its end */

    return llmb_request_token(rd, tok);
}


static llmb_rc_e
llmb_request_token(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    return llmb_json_next(&rd->json, rd->rq->body.data, rd->rq->body.len, 1,
                          tok);
}


static llmb_reason_e
llmb_request_judge(llmb_reader_t *rd)
{
    uint32_t              i;
    llmb_reason_e         reason;
    llmb_request_t       *rq;
    const llmb_column_t  *column;

    rq = rd->rq;
    rq->form = llmb_request_form(rd);

    if (rq->form) {

        for (column = rq->form->columns; column->kinds; column++) {
            rq->ncolumns++;
        }

        llmb_defaults_find(&rd->members, rq->form, rq->body);
    }

    for (i = 0; i < rd->members.n; i++) {
        reason = llmb_request_known(rd, i);

        if (reason != LLMB_REASON_NONE) {
            return reason;
        }
    }

    if (rq->form == NULL) {
        return LLMB_REASON_ITEM;
    }

    if (rq->form->read_request) {
        reason = rq->form->read_request(rq);

    } else if (rq->form->columns->input == LLMB_INPUT_BODY) {
        reason = llmb_request_body(rd);

    } else {
        reason = llmb_request_lengths(rd);
    }

    return reason;
}


/* the first one of which all columns are there */

static const llmb_form_t *
llmb_request_form(llmb_reader_t *rd)
{
    unsigned              i, forms;
    const llmb_form_t    *form;
    const llmb_column_t  *column;

    for (i = 0, forms = rd->forms; forms; i++, forms >>= 1) {

        if (!(forms & 1)) {
            continue;
        }

        form = rd->rq->adapter->forms[i];

        for (column = form->columns; column->kinds; column++) {

            if (!column->optional && !llmb_request_has(rd, column)) {
                break;
            }
        }

        if (column->kinds == 0) {
            return form;
        }
    }

    return NULL;
}


static unsigned
llmb_request_has(llmb_reader_t *rd, const llmb_column_t *column)
{
    uint32_t  i;

    if (column->input == LLMB_INPUT_BODY) {
        return 1;
    }

    for (i = 0; i < rd->members.n; i++) {

        if (rd->members.elems[i].watched
            && llmb_member_is(&rd->members.elems[i], column->name))
        {
            return 1;
        }
    }

    return 0;
}


/* a reason that is in this member */

static llmb_reason_e
llmb_request_known(llmb_reader_t *rd, uint32_t i)
{
    const llmb_body_member_t  *m;

    static const llmb_str_t  stream = llmb_string("stream");

    m = &rd->members.elems[i];

    if (m->duplicate) {
        return LLMB_REASON_DUPLICATE_KEY;
    }

    if (m->type != LLMB_JSON_FALSE && m->type != LLMB_JSON_NULL
        && llmb_member_is(m, stream))
    {
        return LLMB_REASON_STREAM;
    }

    if (llmb_request_refused(rd, m)) {
        return LLMB_REASON_ADAPTER;
    }

    if (m->watched) {
        return llmb_request_watch(rd, m);
    }

    if (rd->rq->form == NULL) {
        return LLMB_REASON_NONE;
    }

    if (rd->rq->form->only && !llmb_request_is_any(m, rd->rq->form->only)) {
        return LLMB_REASON_ADAPTER;
    }

    if (m->left) {
        return llmb_request_hole(rd->rq,
                                 llmb_defaults_text(&rd->members, i,
                                                    rd->rq->body),
                                 LLMB_HOLE_DEFAULT, 0);
    }

    return llmb_request_special(rd, m);
}


static unsigned
llmb_request_refused(llmb_reader_t *rd, const llmb_body_member_t *m)
{
    const llmb_refusal_t  *refusal;

    refusal = rd->rq->adapter->refusals;

    for ( /* void */ ; refusal && refusal->member.len; refusal++) {

        if (llmb_member_is(m, refusal->member)
            && llmb_request_equal(m->value, refusal->value) != refusal->but)
        {
            return 1;
        }
    }

    return 0;
}


/* "value" is a scalar, or else the bracket that it begins with */

static unsigned
llmb_request_equal(llmb_str_t value, llmb_str_t refused)
{
    if (refused.len == 0) {
        return 1;
    }

    if (*value.data == '"' && *refused.data == '"') {
        return llmb_json_cmp(value, refused) == 0;
    }

    return value.len == refused.len
           && memcmp(value.data, refused.data, value.len) == 0;
}


static llmb_reason_e
llmb_request_watch(llmb_reader_t *rd, const llmb_body_member_t *m)
{
    unsigned         c;
    llmb_request_t  *rq;

    rq = rd->rq;

    for (c = 0; c < rq->ncolumns; c++) {

        if (rq->form->columns[c].name.len == 0
            || !llmb_member_is(m, rq->form->columns[c].name))
        {
            continue;
        }

        if (m->seen == NULL) {
            break;
        }

        rd->kinds[c] = llmb_items_column(&rq->columns[c],
                                         &rq->form->columns[c], m->seen);

        if (rd->kinds[c] == 0) {
            break;
        }

        rd->longest[c] = rq->columns[c].bare ? m->seen->list.len
                                             : m->seen->longest;

        return llmb_request_hole(rq, rq->columns[c].list, LLMB_HOLE_COLUMN,
                                 c);
    }

    /* it is not what it should be, or of another form */

    return LLMB_REASON_ITEM;
}


static llmb_reason_e
llmb_request_special(llmb_reader_t *rd, const llmb_body_member_t *m)
{
    uint64_t            n;
    llmb_request_t     *rq;
    const llmb_form_t  *form;

    static const llmb_str_t  encoding = llmb_string("encoding_format");
    static const llmb_str_t  ids = llmb_string("return_token_ids");
    static const llmb_str_t  base64 = llmb_string("base64");

    rq = rd->rq;
    form = rq->form;

    if (llmb_member_is(m, encoding)) {
        rq->base64 = (m->type == LLMB_JSON_STRING
                      && llmb_json_is(m->value, base64));

    } else if (llmb_member_is(m, ids)
               || (m->type != LLMB_JSON_FALSE && m->type != LLMB_JSON_NULL
                   && llmb_request_is_any(m, form->ids_not_with)))
    {
        rq->token_ids = 1;

    } else if (form->per.len && llmb_member_is(m, form->per)) {

        if (m->type == LLMB_JSON_NULL) {
            return LLMB_REASON_NONE;
        }

        if (llmb_json_uint(m->value, &n) != LLMB_OK || n == 0
            || n > LLMB_REQUEST_MAX_PER)
        {
            return LLMB_REASON_ITEM;
        }

        rq->per = (uint32_t) n;

    } else if (form->top.len && llmb_member_is(m, form->top)) {
        n = 0;

        if (m->type != LLMB_JSON_NULL
            && llmb_json_uint(m->value, &n) != LLMB_OK)
        {
            return LLMB_REASON_ITEM;
        }

        rq->top = (uint32_t) llmb_min(n, UINT32_MAX);

        return llmb_request_hole(rq, m->value, LLMB_HOLE_COUNT, 0);

    } else if (form->echo.len && llmb_member_is(m, form->echo)) {

        if (m->type == LLMB_JSON_NULL) {
            return LLMB_REASON_NONE;
        }

        if (m->type != LLMB_JSON_STRING) {
            return LLMB_REASON_ITEM;
        }

        rq->echo = m->value;

        return llmb_request_hole(rq, m->value, LLMB_HOLE_OWN, 0);
    }

    return LLMB_REASON_NONE;
}


static llmb_reason_e
llmb_request_body(llmb_reader_t *rd)
{
    size_t           i;
    uint32_t         k;
    llmb_str_t       name;
    llmb_request_t  *rq;
    llmb_values_t   *values;

    static const llmb_str_t  model = llmb_string("model");

    rq = rd->rq;
    values = &rq->columns[0];

    if (rd->members.n == 0) {
        return LLMB_REASON_ITEM;
    }

    /* what would an upstream make of a model that is not a string? */

    for (k = 0; k < rd->members.n; k++) {

        if (rd->members.elems[k].type != LLMB_JSON_STRING
            && llmb_member_is(&rd->members.elems[k], model))
        {
            return LLMB_REASON_ITEM;
        }
    }

    name = llmb_request_model(rq);

    for (i = 0; i < name.len; i++) {

        if (name.data[i] < ' ' || name.data[i] > '~'
            || name.data[i] == '"' || name.data[i] == '\\')
        {
            return LLMB_REASON_ADAPTER;
        }
    }

    values->list.data = rq->body.data + rd->start;
    values->list.len = rd->end - rd->start;
    values->span = values->list;
    values->items = 1;
    values->present = 1;
    values->texts = 1;
    values->bare = 1;

    rq->longest = values->span.len;

    rq->kind = LLMB_KIND_OBJECT;
    rq->items = 1;
    rq->scalar = 1;

    return llmb_request_hole(rq, values->list, LLMB_HOLE_COLUMN, 0);
}


static llmb_reason_e
llmb_request_lengths(llmb_reader_t *rd)
{
    uint32_t         items;
    uint64_t         bytes;
    unsigned         c;
    llmb_request_t  *rq;
    llmb_values_t   *values;

    rq = rd->rq;
    items = 0;
    bytes = 0;

    for (c = 0; c < rq->ncolumns; c++) {
        items = llmb_max(items, rq->columns[c].items);
    }

    for (c = 0; c < rq->ncolumns; c++) {
        values = &rq->columns[c];

        if (!values->present) {
            continue;
        }

        if (values->items != items
            && (values->items != 1 || !rq->form->columns[c].each))
        {
            return LLMB_REASON_ITEM;
        }

        if (rq->form->columns[c].alone && !values->bare
            && (values->items != items || rq->columns[0].bare))
        {
            return LLMB_REASON_ITEM;
        }

        if (rq->form->columns[c].type.len
            && !llmb_items_typed(values->list, rq->form->columns[c].type))
        {
            return LLMB_REASON_ADAPTER;
        }

        bytes += (uint64_t) values->span.len * (items / values->items);

        /* optional ones are parameters, which the model does not read */

        if (!rq->form->columns[c].optional) {
            rq->longest += rd->longest[c];
        }
    }

    if (!rq->columns[0].present) {
        return LLMB_REASON_ITEM;
    }

    if (bytes > llmb_max(LLMB_REQUEST_REPEATED * rq->body.len,
                         LLMB_REQUEST_SMALL))
    {
        return LLMB_REASON_BODY_SIZE;
    }

    if (rq->form->alike && !llmb_request_alike(rq)) {
        return LLMB_REASON_ITEM;
    }

    rq->items = items;
    rq->kind = (llmb_kind_e) rd->kinds[0];
    rq->scalar = (items == 1 && rq->columns[0].bare);

    /* in parts, it may only be sent to who is known to join them */

    rq->divisible = (items > 1 && !rq->form->ranked && rq->top == 0
                     && rq->form->only == NULL);

    return LLMB_REASON_NONE;
}


static unsigned
llmb_request_alike(const llmb_request_t *rq)
{
    unsigned  c;

    for (c = 0; c < rq->ncolumns; c++) {

        if (rq->columns[c].present
            && llmb_alike(rq->columns[c].span) != LLMB_OK)
        {
            return 0;
        }
    }

    return 1;
}


/* members are looked at in the order of the body, so that of the holes is it */

static llmb_reason_e
llmb_request_hole(llmb_request_t *rq, llmb_str_t value, llmb_hole_e type,
    unsigned column)
{
    llmb_hole_t  *hole;

    if (rq->nholes == LLMB_REQUEST_MAX_HOLES) {
        return LLMB_REASON_ITEM;
    }

    hole = &rq->holes[rq->nholes++];

    hole->start = (size_t) (value.data - rq->body.data);
    hole->end = hole->start + value.len;
    hole->type = type;
    hole->column = column;

    return LLMB_REASON_NONE;
}


/* one of these, up to an empty one; NULL: none */

static unsigned
llmb_request_is_any(const llmb_body_member_t *m, const llmb_str_t *names)
{
    while (names && names->len) {

        if (llmb_member_is(m, *names++)) {
            return 1;
        }
    }

    return 0;
}


void
llmb_request_count(llmb_request_t *rq)
{
    unsigned        c;
    llmb_values_t  *values;

    if (rq->counted) {
        return;
    }

    rq->counted = 1;

    for (c = 0; !rq->form->read_request && c < rq->ncolumns; c++) {
        values = &rq->columns[c];

        if (!values->present || rq->form->columns[c].optional) {
            continue;
        }

        llmb_items_count(values);

        rq->tokens += values->tokens * (rq->items / values->items);
        rq->largest += values->largest;
    }

    rq->tokens = llmb_max(rq->tokens, rq->items);
}


llmb_str_t
llmb_request_model(const llmb_request_t *rq)
{
    static const llmb_str_t  none = { 0, NULL };

    if (rq->form->columns->input != LLMB_INPUT_BODY || rq->model.len) {
        return none;
    }

    return rq->named;
}
