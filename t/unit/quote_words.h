
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The words of a text, and a text with one escaping undone, in the plainest
 * way.
 */


#ifndef _QUOTE_WORDS_H_INCLUDED_
#define _QUOTE_WORDS_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmb_json.h"
#include "llmb_json_text.h"


/* words with a space between, one before and one behind; to be freed */

static inline char *
oracle_words(llmb_str_t text)
{
    char    *words = malloc(text.len * 2 + 3), *p = words;
    size_t   i;

    *p++ = ' ';

    for (i = 0; i < text.len; i++) {
        uint8_t  c = text.data[i];

        if (c >= 'A' && c <= 'Z') {
            c = (uint8_t) (c - 'A' + 'a');
        }

        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789", c) ? c : c > 127) {
            *p++ = (char) c;

        } else if (p[-1] != ' ') {
            *p++ = ' ';
        }
    }

    if (p[-1] != ' ') {
        *p++ = ' ';
    }

    *p = '\0';

    return words;
}


/* how many of the next bytes are hexadecimal digits, of "n" */

static inline unsigned
oracle_hex(llmb_str_t text, size_t i, size_t n, unsigned *value)
{
    char    digits[5];
    size_t  k;

    if (n > text.len || i > text.len - n) {
        return 0;
    }

    memcpy(digits, text.data + i, n);
    digits[n] = '\0';

    for (k = 0; k < n; k++) {
        if (digits[k] == '\0'
            || strchr("0123456789abcdefABCDEF", digits[k]) == NULL)
        {
            return 0;
        }
    }

    *value = (unsigned) strtoul(digits, NULL, 16);

    return 1;
}


/* one escaping undone; to be freed */

static inline llmb_str_t
oracle_unescape(llmb_str_t text)
{
    size_t      i, n = 0;
    uint8_t    *out = malloc(text.len + 8);
    unsigned    code, low;
    llmb_str_t  result;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] != '\\' || i + 1 == text.len) {
            out[n++] = text.data[i];
            continue;
        }

        i++;

        if (memchr("bfnrtv", text.data[i], 6)) {
            out[n++] = ' ';

        } else if (text.data[i] == 'x'
                   && oracle_hex(text, i + 1, 2, &code))
        {
            out[n++] = (uint8_t) code;
            i += 2;

        } else if (text.data[i] == 'u'
                   && oracle_hex(text, i + 1, 4, &code))
        {
            i += 4;

            if (code >= 0xd800 && code < 0xdc00 && i + 2 < text.len
                && text.data[i + 1] == '\\' && text.data[i + 2] == 'u'
                && oracle_hex(text, i + 3, 4, &low)
                && low >= 0xdc00 && low < 0xe000)
            {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                i += 6;

            } else if (code >= 0xd800 && code < 0xe000) {
                code = ' ';
            }

            n += llmb_json_encode(code, out + n);

        } else {
            out[n++] = text.data[i];
        }
    }

    result.data = out;
    result.len = n;

    return result;
}


#endif /* _QUOTE_WORDS_H_INCLUDED_ */
