
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The formats known, and which of them a request is in.
 */


#include "adapters/llmb_adapters.h"

#include <string.h>


static const llmb_adapter_t *llmb_adapter_at(unsigned i,
    const llmb_adapter_t *const *extra);
static unsigned llmb_adapter_names(const llmb_adapter_t *adapter,
    llmb_str_t name);
static unsigned llmb_form_names(const llmb_form_t *form, llmb_str_t name);
static unsigned llmb_names_have(const llmb_str_t *names, llmb_str_t name);
static unsigned llmb_name_is(llmb_str_t name, llmb_str_t other);
static size_t llmb_adapter_literals(const llmb_adapter_t *adapter,
    llmb_str_t path);
static size_t llmb_form_literals(const llmb_form_t *form, llmb_str_t path);
static size_t llmb_ending_literals(llmb_str_t ending);
static unsigned llmb_ending_matches(llmb_str_t ending, llmb_str_t path);


#define llmb_adapter_row(name)    &llmb_adapter_##name,
#define llmb_adapter_count(name)  + 1

const llmb_adapter_t *const  llmb_adapters[] = {
    LLMB_ADAPTER_LIST(llmb_adapter_row)
};

const unsigned  llmb_nadapters = 0 LLMB_ADAPTER_LIST(llmb_adapter_count);


const llmb_adapter_t *
llmb_adapter_find(llmb_str_t path, uint64_t enabled,
    const llmb_adapter_t *const *extra, unsigned nextra)
{
    size_t                 most, literals;
    unsigned               i, n;
    const llmb_adapter_t  *adapter, *found;

    found = NULL;
    most = 0;
    n = llmb_min(llmb_nadapters + nextra, 64);

    for (i = 0; i < n; i++) {

        if (!(enabled & ((uint64_t) 1 << i))) {
            continue;
        }

        adapter = llmb_adapter_at(i, extra);
        literals = llmb_adapter_literals(adapter, path);

        if (literals > most) {
            most = literals;
            found = adapter;
        }
    }

    return found;
}


const llmb_adapter_t *
llmb_adapter_next(llmb_str_t path, uint64_t enabled,
    const llmb_adapter_t *const *extra, unsigned nextra,
    const llmb_adapter_t *adapter)
{
    size_t                 literals;
    unsigned               i, n, behind;
    const llmb_adapter_t  *next;

    literals = llmb_adapter_literals(adapter, path);
    behind = 0;
    n = llmb_min(llmb_nadapters + nextra, 64);

    for (i = 0; i < n; i++) {
        next = llmb_adapter_at(i, extra);

        if (next == adapter) {
            behind = 1;

        } else if (behind && (enabled & ((uint64_t) 1 << i))
                   && llmb_adapter_literals(next, path) == literals)
        {
            return next;
        }
    }

    return NULL;
}


unsigned
llmb_adapter_is_told(const llmb_adapter_t *adapter, llmb_str_t path)
{
    unsigned            i, told;
    const llmb_form_t  *form;

    told = 1;

    for (i = 0; i < LLMB_MAX_FORMS && adapter->forms[i]; i++) {
        form = adapter->forms[i];

        if (!llmb_form_matches(form, path)) {
            continue;
        }

        if (form->only == NULL) {
            return 1;
        }

        told = 0;
    }

    return told;
}


unsigned
llmb_adapter_needs(llmb_str_t name, const llmb_adapter_t *const *extra,
    unsigned nextra)
{
    unsigned                 i;

    static const llmb_str_t  always[] = {
        llmb_string("model"),
        llmb_string("stream"),
        llmb_null_string
    };

    if (llmb_names_have(always, name)) {
        return 1;
    }

    for (i = 0; i < llmb_nadapters + nextra; i++) {

        if (llmb_adapter_names(llmb_adapter_at(i, extra), name)) {
            return 1;
        }
    }

    return 0;
}


unsigned
llmb_paths_match(const llmb_str_t *paths, llmb_str_t path)
{
    for ( /* void */ ; paths->len; paths++) {

        if (llmb_ending_matches(*paths, path)) {
            return 1;
        }
    }

    return 0;
}


unsigned
llmb_form_matches(const llmb_form_t *form, llmb_str_t path)
{
    return llmb_form_literals(form, path) != 0;
}


unsigned
llmb_adapter_id(const llmb_adapter_t *adapter)
{
    unsigned  i;

    for (i = 0; i < llmb_nadapters; i++) {

        if (llmb_adapters[i] == adapter) {
            break;
        }
    }

    return i;
}


const llmb_adapter_t *
llmb_adapter_by_name(llmb_str_t name)
{
    unsigned  i;

    for (i = 0; i < llmb_nadapters; i++) {

        if (llmb_name_is(llmb_adapters[i]->name, name)) {
            return llmb_adapters[i];
        }
    }

    return NULL;
}


static const llmb_adapter_t *
llmb_adapter_at(unsigned i, const llmb_adapter_t *const *extra)
{
    return (i < llmb_nadapters) ? llmb_adapters[i]
                                : extra[i - llmb_nadapters];
}


static unsigned
llmb_adapter_names(const llmb_adapter_t *adapter, llmb_str_t name)
{
    unsigned               i;
    const llmb_refusal_t  *refusal;

    refusal = adapter->refusals;

    for ( /* void */ ; refusal && refusal->member.len; refusal++) {

        if (llmb_name_is(refusal->member, name)) {
            return 1;
        }
    }

    for (i = 0; i < LLMB_MAX_FORMS && adapter->forms[i]; i++) {

        if (llmb_form_names(adapter->forms[i], name)) {
            return 1;
        }
    }

    return llmb_names_have(adapter->matter, name);
}


static unsigned
llmb_form_names(const llmb_form_t *form, llmb_str_t name)
{
    const llmb_column_t      *column;
    const llmb_default_t     *row;

    static const llmb_str_t   encoding = llmb_string("encoding_format");
    static const llmb_str_t   ids = llmb_string("return_token_ids");

    for (column = form->columns; column->kinds; column++) {

        if (llmb_name_is(column->name, name)) {
            return 1;
        }
    }

    for (row = form->defaults; row && row->member.len; row++) {

        if (llmb_name_is(row->member, name)) {
            return 1;
        }
    }

    return llmb_name_is(form->per, name)
           || llmb_name_is(form->top, name)
           || llmb_name_is(form->echo, name)
           || (form->vector.len && llmb_name_is(encoding, name))
           || (form->token_ids.len && llmb_name_is(ids, name))
           || llmb_names_have(form->ids_not_with, name)
           || llmb_names_have(form->only, name);
}


static unsigned
llmb_names_have(const llmb_str_t *names, llmb_str_t name)
{
    for ( /* void */ ; names && names->len; names++) {

        if (llmb_name_is(*names, name)) {
            return 1;
        }
    }

    return 0;
}


static unsigned
llmb_name_is(llmb_str_t name, llmb_str_t other)
{
    return name.len == other.len && other.len
           && memcmp(name.data, other.data, name.len) == 0;
}


/* of the best ending that fits; 0: none */

static size_t
llmb_adapter_literals(const llmb_adapter_t *adapter, llmb_str_t path)
{
    size_t    most, literals;
    unsigned  i;

    most = 0;

    for (i = 0; i < LLMB_MAX_FORMS && adapter->forms[i]; i++) {
        literals = llmb_form_literals(adapter->forms[i], path);
        most = llmb_max(most, literals);
    }

    return most;
}


static size_t
llmb_form_literals(const llmb_form_t *form, llmb_str_t path)
{
    size_t             most, literals;
    const llmb_str_t  *ending;

    most = 0;

    for (ending = form->paths; ending->len; ending++) {

        if (llmb_ending_matches(*ending, path)) {
            literals = llmb_ending_literals(*ending);
            most = llmb_max(most, literals);
        }
    }

    return most;
}


static size_t
llmb_ending_literals(llmb_str_t ending)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < ending.len; i++) {
        n += (ending.data[i] != '*');
    }

    return n;
}


/*
 * Both are read from their ends.  A "*" takes as little as possible, and more
 * if what is before it does not fit then.  Only the last "*" that was met can
 * be wrong in this: had an earlier one taken more, there would be less left.
 */

static unsigned
llmb_ending_matches(llmb_str_t ending, llmb_str_t path)
{
    size_t    i, j, star, taken;
    unsigned  stars;

    if (ending.len == 1 && path.len != 1) {
        return 0;
    }

    i = path.len;
    j = ending.len;
    star = 0;
    taken = 0;
    stars = 0;

    while (j) {

        if (ending.data[j - 1] == '*') {
            star = --j;
            taken = i;
            stars = 1;

        } else if (i && path.data[i - 1] == ending.data[j - 1]) {
            i--;
            j--;
            continue;
        }

        if (!stars || taken == 0 || path.data[taken - 1] == '/') {
            return 0;
        }

        i = --taken;
        j = star;
    }

    return 1;
}
