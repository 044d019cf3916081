
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * jansson as the judge of the scanner.  It reads a text; the tokens of the
 * scanner are put together to a value of jansson's; the two have to be equal.
 */


#ifndef _JSON_ORACLE_H_INCLUDED_
#define _JSON_ORACLE_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "llmb_json.h"
#include "llmb_json_text.h"


/*
 * NULL if jansson finds no JSON.  *silent is set if it refuses what is JSON:
 * numbers that do not fit into its types and names that contain NUL.  A NUL
 * as such is never JSON, but jansson overlooks one behind a number.
 */

static inline json_t *
oracle_read(llmb_str_t text, unsigned *silent)
{
    json_t        *value;
    json_error_t   error;

    *silent = 0;

    if (text.len && memchr(text.data, '\0', text.len)) {
        return NULL;
    }

    value = json_loadb((const char *) text.data, text.len,
                       JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    *silent = (value == NULL
               && (json_error_code(&error) == json_error_numeric_overflow
                   || json_error_code(&error)
                      == json_error_null_byte_in_key));

    return value;
}


/* a value that is being put together */

typedef struct {
    json_t    *open[LLMB_JSON_MAX_DEPTH];   /* borrowed */
    char      *key;
    json_t    *root;
    unsigned   silent;
} oracle_t;


static inline void
oracle_init(oracle_t *o)
{
    memset(o, 0, sizeof(oracle_t));
}


static inline void
oracle_destroy(oracle_t *o)
{
    json_decref(o->root);
    free(o->key);
}


static inline char *
oracle_decode(llmb_str_t token, size_t *len)
{
    char  *s = malloc(token.len);

    if (s == NULL) {
        abort();
    }

    *len = llmb_json_decode(token, (uint8_t *) s);
    s[*len] = '\0';

    return s;
}


static inline json_t *
oracle_number(llmb_str_t token)
{
    char    *s;
    json_t  *value;

    s = strndup((const char *) token.data, token.len);

    if (s == NULL) {
        abort();
    }

    value = strpbrk(s, ".eE") ? json_real(strtod(s, NULL))
                              : json_integer(strtoll(s, NULL, 10));
    free(s);

    return value;
}


static inline void
oracle_put(oracle_t *o, unsigned depth, json_t *value)
{
    int      rc;
    json_t  *parent;

    if (value == NULL) {

        /* a number that is none of jansson's */

        o->silent = 1;
        value = json_null();
    }

    if (depth == 0) {
        o->root = value;
        return;
    }

    parent = o->open[depth - 1];

    if (json_is_array(parent)) {
        rc = json_array_append_new(parent, value);

    } else {
        rc = json_object_set_new_nocheck(parent, o->key, value);
    }

    if (rc != 0) {
        abort();
    }
}


static inline void
oracle_token(oracle_t *o, const llmb_json_token_t *tok, const uint8_t *base)
{
    char        *s;
    size_t       len;
    json_t      *value;
    llmb_str_t   text;

    text.data = base + tok->start;
    text.len = tok->end - tok->start;

    switch (tok->type) {

    case LLMB_JSON_OBJECT:
    case LLMB_JSON_ARRAY:
        value = (tok->type == LLMB_JSON_OBJECT) ? json_object() : json_array();
        oracle_put(o, tok->depth, value);
        o->open[tok->depth] = value;
        break;

    case LLMB_JSON_KEY:
        free(o->key);
        o->key = oracle_decode(text, &len);
        o->silent |= (strlen(o->key) != len);
        break;

    case LLMB_JSON_STRING:
        s = oracle_decode(text, &len);
        oracle_put(o, tok->depth, json_stringn(s, len));
        free(s);
        break;

    case LLMB_JSON_NUMBER:
        oracle_put(o, tok->depth, oracle_number(text));
        break;

    case LLMB_JSON_TRUE:
    case LLMB_JSON_FALSE:
        oracle_put(o, tok->depth, json_boolean(tok->type == LLMB_JSON_TRUE));
        break;

    case LLMB_JSON_NULL:
        oracle_put(o, tok->depth, json_null());
        break;

    default:
        break;
    }
}


#endif /* _JSON_ORACLE_H_INCLUDED_ */
