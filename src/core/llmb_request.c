
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads a request body once, from end to end.
 *
 * Members come in any order, so what a member means may depend on one that
 * comes later: the form shows when all columns are known.  A reason not to
 * batch the request does not stop the reading either, since the model, which
 * decides where the request goes, may follow.  So the members are noted while
 * the body is read, and judged afterwards.  Only what may be a column is
 * examined at once, as long as it is in the cache.
 */


#include <string.h>

#include "llmb_request_parts.h"


static size_t llmb_path_behind(llmb_str_t path, llmb_str_t word);
static unsigned llmb_request_path_model(const llmb_reader_t *rd);
static llmb_rc_e llmb_request_object(llmb_reader_t *rd);
static llmb_rc_e llmb_request_member(llmb_reader_t *rd, llmb_str_t name,
    llmb_json_token_t *tok);
static unsigned llmb_request_plain(llmb_str_t name);
static unsigned llmb_request_duplicate(llmb_reader_t *rd,
    const llmb_body_member_t *m);
static unsigned llmb_request_put_in_order(llmb_reader_t *rd, uint32_t i);
static unsigned llmb_request_watched(llmb_reader_t *rd,
    const llmb_body_member_t *m);
static llmb_rc_e llmb_request_value(llmb_reader_t *rd, llmb_body_member_t *m,
    llmb_json_token_t *tok);
static llmb_rc_e llmb_request_token(llmb_reader_t *rd,
    llmb_json_token_t *tok);


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
    rd.order = LLMB_REQUEST_NONE;
    rd.nordered = 0;
    rd.nmembers = 0;
    rd.nseen = 0;

    for (i = 0; adapter && i < LLMB_MAX_FORMS && adapter->forms[i]; i++) {

        if (llmb_form_matches(adapter->forms[i], path)) {
            rd.forms |= 1U << i;
        }
    }

    llmb_json_init(&rd.json, 1);

    rc = llmb_request_object(&rd);

    if (rq->model.len == 0 || llmb_request_path_model(&rd)) {
        rq->named = llmb_path_model(path);
    }

    if (adapter == NULL) {
        *reason = LLMB_REASON_ADAPTER;

    } else if (rc != LLMB_OK) {
        *reason = LLMB_REASON_JSON;

    } else {
        *reason = llmb_request_judge(&rd);
    }

    return (*reason == LLMB_REASON_NONE) ? LLMB_OK : LLMB_DECLINED;
}


llmb_str_t
llmb_path_model(llmb_str_t path)
{
    size_t      start, end, colon;
    llmb_str_t  name;

    static const llmb_str_t  models = llmb_string("/models/");
    static const llmb_str_t  deployments = llmb_string("/deployments/");

    name.len = 0;
    name.data = path.data;

    start = llmb_path_behind(path, models);

    if (start == 0) {
        start = llmb_path_behind(path, deployments);
    }

    if (start == 0) {
        return name;
    }

    colon = path.len;

    for (end = start; end < path.len && path.data[end] != '/'; end++) {

        if (path.data[end] == ':') {
            colon = end;
        }
    }

    if (end == path.len) {
        end = colon;
    }

    name.data = path.data + start;
    name.len = end - start;

    return name;
}


/* where the last occurrence of the word ends; 0: there is none */

static size_t
llmb_path_behind(llmb_str_t path, llmb_str_t word)
{
    size_t  end;

    for (end = path.len; end >= word.len; end--) {

        if (memcmp(path.data + end - word.len, word.data, word.len) == 0) {
            return end;
        }
    }

    return 0;
}


/* which form the request is in is not known if it is to go alone */

static unsigned
llmb_request_path_model(const llmb_reader_t *rd)
{
    unsigned  i, forms;

    for (i = 0, forms = rd->forms; forms; i++, forms >>= 1) {

        if ((forms & 1) && rd->rq->adapter->forms[i]->path_model) {
            return 1;
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
    llmb_request_t      *rq;
    llmb_body_member_t  *m;

    static const llmb_str_t  model = llmb_string("model");

    if (rd->nmembers == LLMB_REQUEST_MAX_MEMBERS) {
        return LLMB_LIMIT;
    }

    rq = rd->rq;
    m = &rd->members[rd->nmembers];

    m->name = name;
    m->plain = llmb_request_plain(name) & 1;
    m->value.data = rq->body.data + tok->start;
    m->value.len = tok->end - tok->start;
    m->type = tok->type;
    m->seen = NULL;
    m->duplicate = llmb_request_duplicate(rd, m) & 1;
    m->watched = !m->duplicate && tok->type != LLMB_JSON_NULL
                 && llmb_request_watched(rd, m);

    rd->nmembers++;

    if (llmb_request_is(m, model)) {

        if (m->duplicate) {

            /* the upstream may take either */

            rq->model.len = 0;

        } else if (tok->type == LLMB_JSON_STRING) {
            rq->model = m->value;
        }
    }

    return llmb_request_value(rd, m, tok);
}


static unsigned
llmb_request_plain(llmb_str_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] == '\\') {
            return 0;
        }
    }

    return 1;
}


/* whether it has the name of one before it; it is the next one of those */

static unsigned
llmb_request_duplicate(llmb_reader_t *rd, const llmb_body_member_t *m)
{
    uint32_t                   i;
    unsigned                   known;
    const llmb_body_member_t  *other;

    known = 0;

    if (rd->nordered == 0 && m->plain && m->name.len <= LLMB_REQUEST_SHORT) {

        for (i = 0; i < rd->nmembers; i++) {
            other = &rd->members[i];

            if (other->name.len == m->name.len
                && memcmp(other->name.data, m->name.data, m->name.len) == 0)
            {
                return 1;
            }
        }

        return 0;
    }

    while (rd->nordered <= rd->nmembers) {
        known = llmb_request_put_in_order(rd, rd->nordered++);
    }

    return known;
}


/*
 * The text of a name is compared only behind what it is known to have in common
 * with the one before it, so however many there are, and however they begin,
 * none of its characters is looked at twice for it.  Returns whether there is
 * one of the same name, which stays the only one then.
 */

static unsigned
llmb_request_put_in_order(llmb_reader_t *rd, uint32_t i)
{
    int                  rc;
    uint32_t             n, *place;
    llmb_body_member_t  *m, *other;
    llmb_json_chars_t    first, second;

    m = &rd->members[i];

    m->common = 0;
    m->behind = m->name.data + 1;

    for (place = &rd->order; *place != LLMB_REQUEST_NONE;
         place = &other->next)
    {
        other = &rd->members[*place];

        if (other->common > m->common) {
            continue;
        }

        if (other->common < m->common) {
            break;
        }

        first.p = other->behind;
        first.end = other->name.data + other->name.len - 1;

        second.p = m->behind;
        second.end = m->name.data + m->name.len - 1;

        n = m->common;
        rc = llmb_json_chars_cmp(&first, &second, &n);

        if (rc == 0) {
            return 1;
        }

        if (rc > 0) {
            other->common = n;
            other->behind = first.p;
            break;
        }

        m->common = n;
        m->behind = second.p;
    }

    m->next = *place;
    *place = i;

    return 0;
}


static unsigned
llmb_request_watched(llmb_reader_t *rd, const llmb_body_member_t *m)
{
    unsigned              i, forms;
    const llmb_column_t  *column;

    for (i = 0, forms = rd->forms; forms; i++, forms >>= 1) {

        if (!(forms & 1)) {
            continue;
        }

        column = rd->rq->adapter->forms[i]->columns;

        for ( /* void */ ; column && column->kinds; column++) {

            if (column->name.len && llmb_request_is(m, column->name)) {
                return 1;
            }
        }
    }

    return 0;
}


static llmb_rc_e
llmb_request_value(llmb_reader_t *rd, llmb_body_member_t *m,
    llmb_json_token_t *tok)
{
    llmb_seen_t  *seen;

    if (m->watched && rd->nseen < LLMB_MAX_COLUMNS) {
        seen = &rd->seen[rd->nseen++];
        m->seen = seen;

        return llmb_request_see(seen, &rd->json, rd->rq->body, tok);
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
