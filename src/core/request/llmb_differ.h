
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The key of a group as a sequence of parts, and in which of them two keys
 * differ: names only, for whoever wonders why nothing is merged.
 *
 * A part is its head, that is, type and sizes, then a name, then a value.  So
 * no two different sequences have the same bytes.  Parts are in the order of
 * their types; headers, and they alone, are in that of their names.
 */


#ifndef _LLMB_DIFFER_H_INCLUDED_
#define _LLMB_DIFFER_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* types, and the word for those without a name of their own */

#define LLMB_PART_LIST(x)                                                     \
    x(LOCATION,     "location")                                               \
    x(SCHEME,       "scheme")                                                 \
    x(REDIRECT,     "redirect")                                               \
    x(METHOD,       "method")                                                 \
    x(URI,          "uri")                                                    \
    x(REQUEST_URI,  "uri")                                                    \
    x(ARGUMENTS,    "arguments")                                              \
    x(HOST,         "host")                                                   \
    x(CAPTURES,     "captures")                                               \
    x(TENANT,       "tenant")                                                 \
    x(GROUP,        "group")                                                  \
    x(VARY,         "vary")                                                   \
    x(VARIABLE,     "")                                                       \
    x(CERTIFICATE,  "certificate")                                            \
    x(IDENTITY,     "")           /* a variable that tells who it is */       \
    x(HEADER,       "")                                                       \
    x(FORMAT,       "format")                                                 \
    x(ITEMS,        "items")      /* of which kind and shape they are */      \
    x(BODY,         "")           /* its members have names */

#define llmb_part_enum(name, text)  LLMB_PART_##name,

typedef enum {
    LLMB_PART_LIST(llmb_part_enum)
    LLMB_PART_N
} llmb_part_e;

#undef llmb_part_enum


#define LLMB_PART_HEAD  9


typedef struct {
    llmb_part_e      type;
    llmb_str_t       name;
    llmb_str_t       value;
} llmb_key_part_t;


/* what a difference is in */

typedef enum {
    LLMB_DIFFER_WORD = 0,         /* of ours, as above */
    LLMB_DIFFER_VARIABLE,
    LLMB_DIFFER_HEADER,
    LLMB_DIFFER_MEMBER            /* of the body: decoded */
} llmb_differ_e;


/* names of clients may be long, and there may be many of them */

#define LLMB_DIFFER_NAME  42
#define LLMB_DIFFER_MAX   16


typedef struct {
    uint8_t          kind;        /* llmb_differ_e */
    uint8_t          len;
    uint8_t          name[LLMB_DIFFER_NAME];  /* the beginning of a longer */
} llmb_difference_t;


/* writes a head, LLMB_PART_HEAD bytes; sizes are below 4 GB */
void llmb_part_write(uint8_t *head, llmb_part_e type, size_t name,
    size_t value);

/*
 * The first part of what is left of a key, which it is then taken off: 1, or 0
 * if there is none, or what is there is no part.
 */
unsigned llmb_part_next(llmb_str_t *key, llmb_key_part_t *part);

/*
 * Fills in where two keys differ: the first LLMB_DIFFER_MAX, each once; returns
 * how many.  0: they are equal, or not keys.  The value of a BODY is that of
 * llmb_key_canonical().  Takes time in proportion to the keys.
 */
unsigned llmb_differ(llmb_str_t a, llmb_str_t b, llmb_difference_t *out);


#pragma GCC visibility pop


#endif /* _LLMB_DIFFER_H_INCLUDED_ */
