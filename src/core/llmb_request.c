
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads a request body once, from end to end, and finds the items in it.
 *
 * Every value is read to its end by the function that is in charge of its
 * member, so the reader always stands between two members.  A reason not to
 * batch the request does not stop the reading: the model, which decides where
 * the request goes, may come later.  The first reason is the one that is
 * told, except that text that is not JSON has no other.
 */


#include "llmb_request.h"
#include "llmb_tokens.h"

#include <string.h>


/* how deep tokens are read: the body, the input, an item, its numbers */

#define LLMB_REQUEST_DEPTH  3


/* what is in the input array; it is the same all through */

typedef enum {
    LLMB_FORM_NONE = 0,
    LLMB_FORM_TEXT,
    LLMB_FORM_TOKENS,             /* arrays of tokens, an item each */
    LLMB_FORM_BARE                /* tokens: the input array is the item */
} llmb_form_e;


typedef struct {
    llmb_request_t  *rq;
    llmb_json_t      json;
    llmb_reason_e    reason;
    uint32_t         nnames;
    llmb_str_t       names[LLMB_REQUEST_MAX_MEMBERS];
} llmb_reader_t;


static llmb_rc_e llmb_request_object(llmb_reader_t *rd);
static llmb_rc_e llmb_request_member(llmb_reader_t *rd, llmb_str_t name,
    llmb_json_token_t *tok);
static unsigned llmb_request_known(llmb_reader_t *rd, llmb_str_t name);
static llmb_rc_e llmb_request_other(llmb_reader_t *rd, llmb_str_t name,
    llmb_json_token_t *tok);
static unsigned llmb_request_equal(llmb_str_t value, llmb_str_t refused);
static llmb_rc_e llmb_request_input(llmb_reader_t *rd,
    llmb_json_token_t *tok);
static llmb_rc_e llmb_request_array(llmb_reader_t *rd,
    llmb_json_token_t *tok);
static llmb_rc_e llmb_request_element(llmb_reader_t *rd,
    llmb_json_token_t *tok, llmb_form_e *form);
static llmb_rc_e llmb_request_tokens(llmb_reader_t *rd,
    llmb_json_token_t *tok);
static void llmb_request_text(llmb_reader_t *rd, llmb_json_token_t *tok);
static void llmb_request_number(llmb_reader_t *rd, llmb_json_token_t *tok);
static llmb_rc_e llmb_request_next(llmb_reader_t *rd, llmb_json_token_t *tok);
static llmb_rc_e llmb_request_skip(llmb_reader_t *rd, llmb_json_token_t *tok);
static llmb_str_t llmb_request_slice(llmb_reader_t *rd, size_t start,
    size_t end);
static void llmb_request_decline(llmb_reader_t *rd, llmb_reason_e reason);


llmb_rc_e
llmb_request_read(llmb_request_t *rq, const llmb_adapter_t *adapter,
    llmb_str_t body, llmb_reason_e *reason)
{
    llmb_rc_e      rc;
    llmb_reader_t  rd;

    memset(rq, 0, sizeof(llmb_request_t));
    rq->adapter = adapter;
    rq->body = body;

    rd.rq = rq;
    rd.reason = LLMB_REASON_NONE;
    rd.nnames = 0;

    llmb_json_init(&rd.json, LLMB_REQUEST_DEPTH);

    rc = llmb_request_object(&rd);

    if (adapter == NULL) {
        rd.reason = LLMB_REASON_ADAPTER;

    } else if (rc != LLMB_OK) {
        rd.reason = LLMB_REASON_JSON;

    } else if (rq->items == 0) {
        llmb_request_decline(&rd, LLMB_REASON_ITEM);
    }

    *reason = rd.reason;

    return (rd.reason == LLMB_REASON_NONE) ? LLMB_OK : LLMB_DECLINED;
}


llmb_rc_e
llmb_request_merge(const llmb_request_t *rq, uint32_t members,
    llmb_source_t *items, llmb_sink_t *out)
{
    uint32_t        i;
    llmb_rc_e       rc;
    const uint8_t  *body;

    body = rq->body.data;

    rc = out->write(out->data, body, rq->value_start);

    for (i = 0; i < members && rc == LLMB_OK; i++) {
        rc = out->write(out->data, (const uint8_t *) (i ? "," : "["), 1);

        if (rc == LLMB_OK) {
            rc = items->copy(items->data, i, out);
        }
    }

    if (rc == LLMB_OK) {
        rc = out->write(out->data, (const uint8_t *) "]", 1);
    }

    if (rc == LLMB_OK) {
        rc = out->write(out->data, body + rq->value_end,
                        rq->body.len - rq->value_end);
    }

    return rc;
}


static llmb_rc_e
llmb_request_object(llmb_reader_t *rd)
{
    llmb_rc_e          rc;
    llmb_str_t         name;
    llmb_json_token_t  tok;

    rc = llmb_request_next(rd, &tok);

    if (rc != LLMB_OK || tok.type != LLMB_JSON_OBJECT) {
        return LLMB_INVALID;
    }

    for ( ;; ) {
        rc = llmb_request_next(rd, &tok);

        if (rc != LLMB_OK) {
            return rc;
        }

        if (tok.type == LLMB_JSON_OBJECT_END) {
            break;
        }

        name = llmb_request_slice(rd, tok.start, tok.end);

        rc = llmb_request_next(rd, &tok);

        if (rc == LLMB_OK) {
            rc = llmb_request_member(rd, name, &tok);
        }

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    /* nothing but white space may follow */

    return llmb_request_next(rd, &tok);
}


static llmb_rc_e
llmb_request_member(llmb_reader_t *rd, llmb_str_t name,
    llmb_json_token_t *tok)
{
    llmb_request_t  *rq;

    static const llmb_str_t  model = llmb_string("model");

    rq = rd->rq;

    if (rd->nnames == LLMB_REQUEST_MAX_MEMBERS) {
        return LLMB_LIMIT;
    }

    if (llmb_request_known(rd, name)) {
        llmb_request_decline(rd, LLMB_REASON_DUPLICATE_KEY);

        if (llmb_json_is(name, model)) {

            /* the upstream may take either */

            rq->model.len = 0;
        }

        return llmb_request_skip(rd, tok);
    }

    rd->names[rd->nnames++] = name;

    if (llmb_json_is(name, model) && tok->type == LLMB_JSON_STRING) {
        rq->model = llmb_request_slice(rd, tok->start, tok->end);
    }

    if (rq->adapter == NULL) {
        return llmb_request_skip(rd, tok);
    }

    if (llmb_json_is(name, rq->adapter->input)) {
        return llmb_request_input(rd, tok);
    }

    return llmb_request_other(rd, name, tok);
}


static unsigned
llmb_request_known(llmb_reader_t *rd, llmb_str_t name)
{
    uint32_t  i;

    for (i = 0; i < rd->nnames; i++) {

        if (llmb_json_cmp(rd->names[i], name) == 0) {
            return 1;
        }
    }

    return 0;
}


static llmb_rc_e
llmb_request_other(llmb_reader_t *rd, llmb_str_t name, llmb_json_token_t *tok)
{
    llmb_rc_e              rc;
    llmb_str_t             value;
    const llmb_refusal_t  *refusal;

    static const llmb_str_t  stream = llmb_string("stream");

    if (llmb_json_is(name, stream)
        && tok->type != LLMB_JSON_FALSE
        && tok->type != LLMB_JSON_NULL)
    {
        llmb_request_decline(rd, LLMB_REASON_STREAM);
    }

    value = llmb_request_slice(rd, tok->start, tok->end);

    rc = llmb_request_skip(rd, tok);

    refusal = rd->rq->adapter->refusals;

    for ( /* void */ ; refusal && refusal->member.len; refusal++) {

        if (llmb_json_is(name, refusal->member)
            && llmb_request_equal(value, refusal->value))
        {
            llmb_request_decline(rd, LLMB_REASON_ADAPTER);
        }
    }

    return rc;
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


static llmb_rc_e
llmb_request_input(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    llmb_rc_e        rc;
    llmb_request_t  *rq;

    rq = rd->rq;
    rc = LLMB_OK;

    rq->value_start = tok->start;

    if (tok->type == LLMB_JSON_STRING) {
        rq->kind = LLMB_KIND_TEXT;
        rq->scalar = 1;
        rq->span = llmb_request_slice(rd, tok->start, tok->end);

        llmb_request_text(rd, tok);

    } else if (tok->type == LLMB_JSON_ARRAY) {
        rc = llmb_request_array(rd, tok);

    } else {
        llmb_request_decline(rd, LLMB_REASON_ITEM);
        rc = llmb_request_skip(rd, tok);
    }

    rq->value_end = tok->end;

    if ((rq->kind & rq->adapter->kinds) == 0) {
        llmb_request_decline(rd, LLMB_REASON_ITEM);
    }

    return rc;
}


static llmb_rc_e
llmb_request_array(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    size_t           start, end;
    llmb_rc_e        rc;
    llmb_form_e      form, first;
    llmb_request_t  *rq;

    rq = rd->rq;
    first = LLMB_FORM_NONE;
    start = 0;
    end = 0;

    for ( ;; ) {
        rc = llmb_request_next(rd, tok);

        if (rc != LLMB_OK) {
            return rc;
        }

        if (tok->type == LLMB_JSON_ARRAY_END) {
            break;
        }

        if (start == 0) {
            start = tok->start;
        }

        rc = llmb_request_element(rd, tok, &form);

        if (rc != LLMB_OK) {
            return rc;
        }

        end = tok->end;

        if (first == LLMB_FORM_NONE) {
            first = form;
        }

        if (form != first) {
            llmb_request_decline(rd, LLMB_REASON_ITEM);
        }
    }

    if (first == LLMB_FORM_TEXT) {
        rq->kind = LLMB_KIND_TEXT;

    } else if (first != LLMB_FORM_NONE) {
        rq->kind = LLMB_KIND_TOKENS;
    }

    if (first == LLMB_FORM_BARE) {
        rq->scalar = 1;
        rq->items = 1;
        start = rq->value_start;
        end = tok->end;
    }

    rq->span = llmb_request_slice(rd, start, end);

    return LLMB_OK;
}


static llmb_rc_e
llmb_request_element(llmb_reader_t *rd, llmb_json_token_t *tok,
    llmb_form_e *form)
{
    switch (tok->type) {

    case LLMB_JSON_STRING:
        *form = LLMB_FORM_TEXT;
        llmb_request_text(rd, tok);
        return LLMB_OK;

    case LLMB_JSON_NUMBER:
        *form = LLMB_FORM_BARE;
        llmb_request_number(rd, tok);
        return LLMB_OK;

    case LLMB_JSON_ARRAY:
        *form = LLMB_FORM_TOKENS;
        return llmb_request_tokens(rd, tok);

    default:
        *form = LLMB_FORM_NONE;
        llmb_request_decline(rd, LLMB_REASON_ITEM);
        return llmb_request_skip(rd, tok);
    }
}


static llmb_rc_e
llmb_request_tokens(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    uint64_t   before;
    llmb_rc_e  rc;

    before = rd->rq->tokens;

    for ( ;; ) {
        rc = llmb_request_next(rd, tok);

        if (rc != LLMB_OK) {
            return rc;
        }

        if (tok->type == LLMB_JSON_ARRAY_END) {
            break;
        }

        llmb_request_number(rd, tok);

        rc = llmb_request_skip(rd, tok);

        if (rc != LLMB_OK) {
            return rc;
        }
    }

    rd->rq->items++;

    if (rd->rq->tokens == before) {
        llmb_request_decline(rd, LLMB_REASON_ITEM);
    }

    return LLMB_OK;
}


static void
llmb_request_text(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    rd->rq->items++;

    if (tok->end - tok->start == sizeof("\"\"") - 1) {
        llmb_request_decline(rd, LLMB_REASON_ITEM);
        return;
    }

    rd->rq->tokens += llmb_tokens_estimate(llmb_request_slice(rd, tok->start,
                                                              tok->end));
}


static void
llmb_request_number(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    uint64_t  value;

    rd->rq->tokens++;

    if (tok->type != LLMB_JSON_NUMBER
        || llmb_json_uint(llmb_request_slice(rd, tok->start, tok->end), &value)
           != LLMB_OK)
    {
        llmb_request_decline(rd, LLMB_REASON_ITEM);
    }
}


static llmb_rc_e
llmb_request_next(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    return llmb_json_next(&rd->json, rd->rq->body.data, rd->rq->body.len, 1,
                          tok);
}


/* reads on to the end of the value that begins with the token */

static llmb_rc_e
llmb_request_skip(llmb_reader_t *rd, llmb_json_token_t *tok)
{
    unsigned   depth;
    llmb_rc_e  rc;

    if (tok->type != LLMB_JSON_OBJECT && tok->type != LLMB_JSON_ARRAY) {
        return LLMB_OK;
    }

    depth = tok->depth;

    do {
        rc = llmb_request_next(rd, tok);

    } while (rc == LLMB_OK && tok->depth > depth);

    return rc;
}


static llmb_str_t
llmb_request_slice(llmb_reader_t *rd, size_t start, size_t end)
{
    llmb_str_t  text;

    text.len = end - start;
    text.data = rd->rq->body.data + start;

    return text;
}


static void
llmb_request_decline(llmb_reader_t *rd, llmb_reason_e reason)
{
    if (rd->reason == LLMB_REASON_NONE) {
        rd->reason = reason;
    }
}
