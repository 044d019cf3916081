
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Does a text quote items?  As llmb_quote.h says it, in the plainest way.
 */


#ifndef _QUOTE_ORACLE_H_INCLUDED_
#define _QUOTE_ORACLE_H_INCLUDED_


#include "llmb_quote.h"
#include "llmb_quote_names.h"
#include "quote_words.h"
#include "llmb_json_text.h"


#define ORACLE_TEXTS  5


typedef struct {
    char                  *texts[ORACLE_TEXTS];
    unsigned               ntexts;
    char                  *known;
    unsigned               words;     /* as the argument of init() */
} quote_oracle_t;


static inline void
oracle_start(quote_oracle_t *o, llmb_str_t known, llmb_str_t text,
    unsigned words)
{
    unsigned    level;
    llmb_str_t  next;

    o->known = oracle_words(known);
    o->texts[0] = oracle_words(text);
    o->words = words;

    text = oracle_unescape(text);

    for (level = 1; level < 4; level++) {
        o->texts[level] = oracle_words(text);
        next = oracle_unescape(text);

        free((void *) text.data);
        text = next;
    }

    free((void *) text.data);

    o->ntexts = level;
}


static inline void
oracle_end(quote_oracle_t *o)
{
    while (o->ntexts) {
        free(o->texts[--o->ntexts]);
    }

    free(o->known);
}


static inline unsigned
oracle_in(const char *text, const char *word, unsigned whole)
{
    size_t       n = strlen(word);
    const char  *p;

    for (p = strstr(text, word); p; p = strstr(p + 1, word)) {

        if (!whole
            || ((p[-1] == ' ' || (uint8_t) word[0] > 127)
                && (p[n] == ' ' || (uint8_t) word[n - 1] > 127)))
        {
            return 1;
        }
    }

    return 0;
}


/* a window, without the spaces before the first word and behind the last */

static inline unsigned
oracle_has(const char *text, const char *window)
{
    size_t       n = strlen(window), len = strlen(text);
    const char  *p;

    for (p = text + 1; (size_t) (p - text) + n < len; p++) {

        if (memcmp(p, window, n) == 0) {
            return 1;
        }
    }

    return 0;
}


/* a row of words of an item, as oracle_words() gives it */

static inline unsigned
oracle_row(const quote_oracle_t *o, char *row, size_t *longest)
{
    char      window[LLMB_QUOTE_WINDOW + 1];
    size_t    i, n = strlen(row);
    unsigned  t;

    if (n < 3) {
        return 0;
    }

    row[n - 1] = '\0';
    row++;
    n -= 2;

    *longest = llmb_max(*longest, n);

    for (t = 0; t < o->ntexts; t++) {

        if (n < LLMB_QUOTE_WINDOW) {

            if ((n >= LLMB_QUOTE_SHORTEST || o->words)
                && oracle_in(o->texts[t], row, o->words)
                && !oracle_in(o->known, row, o->words))
            {
                return 1;
            }

            continue;
        }

        for (i = 0; i + LLMB_QUOTE_WINDOW <= n; i++) {
            memcpy(window, row + i, LLMB_QUOTE_WINDOW);
            window[LLMB_QUOTE_WINDOW] = '\0';

            if (oracle_has(o->texts[t], window)
                && !oracle_has(o->known, window))
            {
                return 1;
            }
        }
    }

    return 0;
}


static inline unsigned
oracle_text_row(const quote_oracle_t *o, llmb_str_t text, size_t *longest)
{
    char      *row = oracle_words(text);
    unsigned   found = oracle_row(o, row, longest);

    free(row);

    return found;
}


/* "list" is valid JSON, an array of the items; -1: it is not */

static inline int
oracle_items(const quote_oracle_t *o, llmb_str_t list)
{
    size_t              longest = 0;
    uint8_t            *numbers = malloc(2 * list.len + 1), *decoded;
    unsigned            found = 0, unsure = 0, ended;
    llmb_rc_e           rc;
    llmb_str_t          row, text;
    llmb_json_t         js;
    llmb_json_token_t   tok;

    llmb_json_init(&js, LLMB_JSON_MAX_DEPTH);

    row.data = numbers;
    row.len = 0;

    while ((rc = llmb_json_next(&js, list.data, list.len, 1, &tok)) == LLMB_OK
           && tok.type != LLMB_JSON_END)
    {
        text.data = list.data + tok.start;
        text.len = tok.end - tok.start;

        if (tok.type == LLMB_JSON_NUMBER) {
            memcpy(numbers + row.len, text.data, text.len);
            row.len += text.len;
            numbers[row.len++] = ',';
        }

        ended = (tok.depth == 1 && tok.type != LLMB_JSON_ARRAY
                 && tok.type != LLMB_JSON_OBJECT);

        if (ended || tok.type == LLMB_JSON_STRING || tok.type == LLMB_JSON_KEY)
        {
            found |= oracle_text_row(o, row, &longest);
            row.len = 0;
        }

        if (tok.type == LLMB_JSON_STRING
            || (tok.type == LLMB_JSON_KEY && !llmb_quote_names_has(text, 0)))
        {
            decoded = malloc(text.len);
            text.len = llmb_json_decode(text, decoded);
            text.data = decoded;

            found |= oracle_text_row(o, text, &longest);

            free(decoded);
        }

        if (ended) {
            unsure |= (longest < LLMB_QUOTE_SHORTEST && !o->words);
            longest = 0;
        }
    }

    free(numbers);

    return rc == LLMB_OK ? (int) (found | unsure) : -1;
}


#endif /* _QUOTE_ORACLE_H_INCLUDED_ */
