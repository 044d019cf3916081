
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Golden cases of APIs that generate text, t/data/<format>/<case>/:
 *
 *   answer.json or answer.sse   what an upstream answers, and
 *   spent                       "input=1 cached=0 written=0 output=2 tier=x",
 *                               or "none" if it tells nothing
 *
 * or bodies, whose prefixes
 *
 *   same.1.json ...             are equal
 *   other.1.json ...            differ from these and from each other
 *   none.1.json ...             are not there
 */


#ifndef _CHAT_DATA_H_INCLUDED_
#define _CHAT_DATA_H_INCLUDED_


#include "llmb_generate.h"


typedef struct {
    const llmb_generate_t  *format;
    char                    name[512];    /* of the file */
    char                    dir[512];
    const char             *file;         /* within it */
    llmb_str_t              text;
} chat_file_t;


/* calls a function for each file, in the order of their names */
void chat_files(void (*see)(const chat_file_t *file));

/* of the case of a file, another one; data is NULL if it is not there */
llmb_str_t chat_other(const chat_file_t *file, const char *name);


#endif /* _CHAT_DATA_H_INCLUDED_ */
