
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_json_each.h"
#include "llmb_json_skip.h"


static const uint8_t *llmb_json_each_value(const uint8_t *p,
    const uint8_t *end);


void
llmb_json_each(llmb_json_each_t *each, llmb_str_t value)
{
    const uint8_t  *p, *end;

    end = value.data + value.len;
    p = llmb_json_skip_spaces(value.data, end);

    if (p == end || (*p != '{' && *p != '[')) {
        llmb_json_each_from(each, end, end);
        return;
    }

    while (*--end <= ' ') { /* void */ }

    llmb_json_each_from(each, llmb_json_skip_spaces(p + 1, end), end);

    each->members = (*p == '{');
}


void
llmb_json_each_from(llmb_json_each_t *each, const uint8_t *p,
    const uint8_t *end)
{
    each->name.len = 0;
    each->name.data = p;
    each->value = each->name;
    each->next = p;
    each->end = end;
    each->members = 0;
}


unsigned
llmb_json_each_next(llmb_json_each_t *each)
{
    const uint8_t  *p, *end;

    p = each->next;
    end = each->end;

    if (p == end) {
        return 0;
    }

    if (each->members) {
        each->name.data = p;
        p = llmb_json_each_string(p, end);
        each->name.len = (size_t) (p - each->name.data);

        p = llmb_json_skip_spaces(p, end);
        p = llmb_json_skip_spaces(p + 1, end);
    }

    each->value.data = p;
    p = llmb_json_each_value(p, end);
    each->value.len = (size_t) (p - each->value.data);

    p = llmb_json_skip_spaces(p, end);

    if (p < end && *p == ',') {
        p = llmb_json_skip_spaces(p + 1, end);
    }

    each->next = p;

    return 1;
}


/* behind the value at p */

static const uint8_t *
llmb_json_each_value(const uint8_t *p, const uint8_t *end)
{
    size_t  depth;

    depth = 0;

    while (p < end) {

        switch (*p) {

        case '"':
            p = llmb_json_each_string(p, end);
            break;

        case '[':
            depth++;
            p = llmb_json_skip_numbers(p + 1, end);
            continue;

        case '{':
            depth++;
            p++;
            continue;

        case ']': case '}':
            depth--;
            p++;
            break;

        default:
            if (depth) {
                p++;
                continue;
            }

            while (p < end && *p > ' ' && *p != ',') {
                p++;
            }
        }

        if (depth == 0) {
            break;
        }
    }

    return p;
}


const uint8_t *
llmb_json_each_string(const uint8_t *p, const uint8_t *end)
{
    for (p++; p < end; p++) {
        p = llmb_json_skip_plain(p, end);

        if (p == end) {
            break;
        }

        if (*p == '"') {
            return p + 1;
        }

        if (*p == '\\' && p + 1 < end) {
            p++;
        }
    }

    return end;
}
