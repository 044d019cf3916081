
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The other reading of the same text, by jansson.
 */


#ifndef _ORACLE_H_INCLUDED_
#define _ORACLE_H_INCLUDED_


#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>


#define require(what)                                                         \
    if (!(what)) {                                                            \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);            \
        abort();                                                              \
    }


/*
 * NULL only for what jansson cannot represent: numbers out of range, names
 * with a NUL.  Anything else it does not read is not JSON, and should not
 * have come here.
 */

static inline json_t *
oracle_read(const uint8_t *data, size_t len)
{
    json_t                *root;
    json_error_t           error;
    enum json_error_code   code;

    root = json_loadb((const char *) data, len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    if (root == NULL) {
        code = json_error_code(&error);

        if (code != json_error_numeric_overflow
            && code != json_error_null_byte_in_key)
        {
            fprintf(stderr, "%.*s\n%s\n", (int) len, (const char *) data,
                    error.text);
            abort();
        }
    }

    return root;
}


#endif /* _ORACLE_H_INCLUDED_ */
