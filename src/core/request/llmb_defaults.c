
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_defaults.h"
#include "llmb_json_skip.h"


static unsigned llmb_defaults_has(const llmb_form_t *form,
    const llmb_body_member_t *m, llmb_str_t body);
static unsigned llmb_defaults_same(const uint8_t *p, const uint8_t *end,
    llmb_str_t text);


void
llmb_defaults_find(llmb_members_t *members, const llmb_form_t *form,
    llmb_str_t body)
{
    uint32_t             i;
    llmb_body_member_t  *m;

    for (i = 0; i < members->n; i++) {
        m = &members->elems[i];

        m->left = llmb_defaults_has(form, m, body) & 1;

        if (!m->left) {
            members->kept = i;
        }
    }
}


static unsigned
llmb_defaults_has(const llmb_form_t *form, const llmb_body_member_t *m,
    llmb_str_t body)
{
    const llmb_default_t  *row;

    for (row = form->defaults; row && row->member.len; row++) {

        if (!m->watched && llmb_member_is(m, row->member)
            && llmb_defaults_same(m->value.data, body.data + m->end,
                                  row->value))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * White space between tokens does not matter; a string with escapes is another
 * one, which is only less than could be known.
 */

static unsigned
llmb_defaults_same(const uint8_t *p, const uint8_t *end, llmb_str_t text)
{
    size_t    i;
    unsigned  quoted;

    quoted = 0;

    for (i = 0; i < text.len; i++) {

        if (!quoted) {
            p = llmb_json_skip_spaces(p, end);
        }

        if (p == end || *p != text.data[i]) {
            return 0;
        }

        quoted ^= (text.data[i] == '"');
        p++;
    }

    return p == end;
}


llmb_str_t
llmb_defaults_text(const llmb_members_t *members, uint32_t i,
    llmb_str_t body)
{
    llmb_str_t                 text;
    const uint8_t             *end;
    const llmb_body_member_t  *m;

    m = &members->elems[i];
    text.data = m->name.data;

    if (i < members->kept) {
        end = m[1].name.data;

    } else {
        end = body.data + m->end;

        do {
            text.data--;
        } while (*text.data != ',');
    }

    text.len = (size_t) (end - text.data);

    return text;
}
