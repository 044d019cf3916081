
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Whether a text quotes items is told as the plainest way tells it.
 *
 * The input: the options; what is known; the text; the items, which are made
 * JSON if they are none.  A newline ends each.
 */


#include "quote_oracle.h"
#include "tokens.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static llmb_str_t
line(const uint8_t **data, size_t *size)
{
    llmb_str_t      text;
    const uint8_t  *end;

    end = *size ? memchr(*data, '\n', *size) : NULL;

    text.data = *data;
    text.len = end ? (size_t) (end - *data) : *size;

    *data += text.len;
    *size -= text.len;

    if (end) {
        (*data)++;
        (*size)--;
    }

    return text;
}


/* the text as an array, of what it says or of itself */

static llmb_str_t
array_of(llmb_str_t text, unsigned string)
{
    size_t      i, n = 0;
    uint8_t    *p = malloc(6 * text.len + 8);
    llmb_str_t  list;

    p[n++] = '[';

    if (string) {
        p[n++] = '"';
    }

    for (i = 0; i < text.len; i++) {

        if (string && (text.data[i] < ' ' || text.data[i] > '~'
                       || text.data[i] == '"' || text.data[i] == '\\'))
        {
            n += (size_t) sprintf((char *) p + n, "\\u%04x", text.data[i]);

        } else {
            p[n++] = text.data[i];
        }
    }

    if (string) {
        p[n++] = '"';
    }

    p[n++] = ']';

    list.data = p;
    list.len = n;

    return list;
}


static void
check_quote(llmb_str_t known, llmb_str_t text, llmb_str_t list,
    unsigned words)
{
    int              expected;
    void            *room;
    llmb_str_t       items;
    llmb_quote_t     q;
    quote_oracle_t   o;

    oracle_start(&o, known, text, words);
    expected = oracle_items(&o, list);
    oracle_end(&o);

    if (expected < 0) {
        return;
    }

    room = malloc(llmb_quote_room(known.len + text.len));

    llmb_quote_init(&q, known.len + text.len, words, room);
    llmb_quote_know(&q, known);
    llmb_quote_add(&q, text);

    items.data = list.data + 1;
    items.len = list.len - 2;

    check(llmb_quote_items(&q, items) == (unsigned) expected);

    free(room);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned    options;
    llmb_str_t  known, text, items, list;

    if (size == 0 || size > 8192) {
        return 0;
    }

    options = *data++;
    size--;

    known = line(&data, &size);
    text = line(&data, &size);
    items = line(&data, &size);

    list = array_of(items, 0);
    check_quote(known, text, list, options & 1);
    free((void *) list.data);

    list = array_of(items, 1);
    check_quote(known, text, list, options & 1);
    free((void *) list.data);

    return 0;
}
