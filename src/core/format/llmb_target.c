
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_target.h"


llmb_str_t
llmb_target_path(const llmb_form_t *form, llmb_target_e target)
{
    static const llmb_str_t  id = llmb_string("id");

    switch (target) {

    case LLMB_TARGET_LIST:
        return form->list;

    case LLMB_TARGET_OR_LIST:
        return form->or_list;

    case LLMB_TARGET_ALSO:
        return form->also;

    case LLMB_TARGET_SHAPE:
        return form->shape;

    case LLMB_TARGET_COMMON:
        return form->common;

    case LLMB_TARGET_USAGE:
        return form->usage[0];

    case LLMB_TARGET_USAGE_2:
        return form->usage[1];

    default: /* LLMB_TARGET_ID */
        return form->echo.len ? form->echo : id;
    }
}


llmb_str_t
llmb_target_name(llmb_str_t path, unsigned n)
{
    size_t      i;
    llmb_str_t  name;

    name = path;

    for (i = 0; i < path.len; i++) {

        if (path.data[i] != '.') {
            continue;
        }

        if (--n == 0) {
            break;
        }

        name.data = path.data + i + 1;
    }

    name.len = (n <= 1 && path.len) ? (size_t) (path.data + i - name.data) : 0;

    return name;
}


unsigned
llmb_target_names(llmb_str_t path)
{
    size_t    i;
    unsigned  n;

    n = path.len ? 1 : 0;

    for (i = 0; i < path.len; i++) {
        n += (path.data[i] == '.');
    }

    return n;
}


unsigned
llmb_target_every(const llmb_form_t *form)
{
    const llmb_str_t  *list;

    list = &form->list;

    return list->len
           && list->data[list->len - 1] == '*'
           && (list->len == 1 || list->data[list->len - 2] == '.');
}


unsigned
llmb_target_nlists(const llmb_form_t *form)
{
    if (form->read_answer || llmb_target_every(form)) {
        return LLMB_MAX_LISTS;
    }

    return form->also.len ? 1 : 0;
}
