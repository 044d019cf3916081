
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_json.h"
#include "llmb_json_text.h"
#include "llmb_out.h"
#include "llmb_strip.h"


static llmb_rc_e llmb_strip_member(llmb_json_t *js, llmb_str_t body,
    llmb_str_t *name, llmb_str_t *member);
static unsigned llmb_strip_has(const llmb_str_t *names, unsigned n,
    llmb_str_t name);


llmb_rc_e
llmb_strip_write(llmb_str_t body, const llmb_str_t *names, unsigned n,
    llmb_sink_t *sink)
{
    unsigned           kept, left;
    llmb_rc_e          rc;
    llmb_out_t         out;
    llmb_str_t         name, member;
    llmb_json_t        js;
    llmb_json_token_t  tok;

    kept = 0;
    left = 0;

    llmb_json_init(&js, 1);
    llmb_out_init(&out, sink);

    rc = llmb_json_next(&js, body.data, body.len, 1, &tok);

    if (rc != LLMB_OK || tok.type != LLMB_JSON_OBJECT) {
        return LLMB_DECLINED;
    }

    while ((rc = llmb_strip_member(&js, body, &name, &member)) == LLMB_OK) {

        if (llmb_strip_has(names, n, name)) {
            left = 1;
            continue;
        }

        llmb_out_char(&out, kept ? ',' : '{');
        llmb_out_text(&out, member);
        kept = 1;
    }

    if (rc != LLMB_DECLINED || !left || !kept) {
        return LLMB_DECLINED;
    }

    llmb_out_char(&out, '}');

    return out.rc;
}


/* the next one, with name and value; LLMB_DECLINED: there is none */

static llmb_rc_e
llmb_strip_member(llmb_json_t *js, llmb_str_t body, llmb_str_t *name,
    llmb_str_t *member)
{
    llmb_rc_e          rc;
    llmb_json_token_t  tok;

    rc = llmb_json_next(js, body.data, body.len, 1, &tok);

    if (rc != LLMB_OK) {
        return rc;
    }

    if (tok.type == LLMB_JSON_OBJECT_END) {

        /* nothing but white space may follow */

        rc = llmb_json_next(js, body.data, body.len, 1, &tok);

        return rc == LLMB_OK ? LLMB_DECLINED : rc;
    }

    name->data = body.data + tok.start;
    name->len = tok.end - tok.start;

    rc = llmb_json_next(js, body.data, body.len, 1, &tok);

    if (rc == LLMB_OK
        && (tok.type == LLMB_JSON_OBJECT || tok.type == LLMB_JSON_ARRAY))
    {
        /* nothing of what is in it is told, so this is its end */

        rc = llmb_json_next(js, body.data, body.len, 1, &tok);
    }

    if (rc == LLMB_OK) {
        member->data = name->data;
        member->len = (size_t) (body.data + tok.end - name->data);
    }

    return rc;
}


static unsigned
llmb_strip_has(const llmb_str_t *names, unsigned n, llmb_str_t name)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (llmb_json_is(name, names[i])) {
            return 1;
        }
    }

    return 0;
}
