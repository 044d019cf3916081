
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * An incremental JSON scanner (RFC 8259) that reports where values lie and
 * copies nothing.  Input is one contiguous buffer that may grow, and move,
 * between calls; everything is therefore told in offsets.
 */


#ifndef _LLMB_JSON_H_INCLUDED_
#define _LLMB_JSON_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


#define LLMB_JSON_MAX_DEPTH  64


typedef enum {
    LLMB_JSON_OBJECT = 0,         /* "{" */
    LLMB_JSON_OBJECT_END,
    LLMB_JSON_ARRAY,              /* "[" */
    LLMB_JSON_ARRAY_END,
    LLMB_JSON_KEY,                /* the string before a ":" */
    LLMB_JSON_STRING,
    LLMB_JSON_NUMBER,
    LLMB_JSON_TRUE,
    LLMB_JSON_FALSE,
    LLMB_JSON_NULL,
    LLMB_JSON_END                 /* the document is over, and was valid */
} llmb_json_type_e;


typedef struct {
    llmb_json_type_e  type;
    unsigned          depth;      /* containers around it; "{" and its "}"
                                     have the same depth, the outermost is 0 */
    size_t            start;      /* offset of the first byte, quotes and
                                     brackets included */
    size_t            end;        /* offset behind the last byte */
} llmb_json_token_t;


/* whether it ends an object or array */

#define llmb_json_closes(tok)                                                 \
    ((tok)->type == LLMB_JSON_OBJECT_END || (tok)->type == LLMB_JSON_ARRAY_END)


typedef struct {
    /* public */
    size_t            pos;        /* the first byte not consumed */
    unsigned          report;     /* may be changed between two calls */

    /* private */
    size_t            start;      /* of the token being read */
    uint64_t          objects;    /* bit i: the container at depth i is "{" */
    unsigned          depth;
    uint32_t          code;       /* UTF-8 or \u sequence being read */
    uint8_t           state;
    uint8_t           need;
    uint8_t           low;        /* a low surrogate has to follow */
    uint8_t           key;
} llmb_json_t;


/*
 * Tokens at a depth greater than "report" are checked but not returned, so
 * a caller that needs the span of a large value pays no call per element.
 */
void llmb_json_init(llmb_json_t *js, unsigned report);

/*
 * Returns the next token of the buffer base[0 .. len).  "last" tells that no
 * more bytes will come.
 *
 *   LLMB_OK       *tok is set; after LLMB_JSON_END there is nothing more
 *   LLMB_AGAIN    the buffer ends within a token; call again with more of it,
 *                 nothing is scanned twice; never returned if "last" is set
 *   LLMB_INVALID  not JSON: grammar, control characters, malformed UTF-8 or
 *                 escape, a lone surrogate, text behind the end, or, if
 *                 "last" is set, truncated; js->pos is near the fault
 *   LLMB_LIMIT    nested deeper than LLMB_JSON_MAX_DEPTH
 *
 * An error is final: each further call returns it again.
 */
llmb_rc_e llmb_json_next(llmb_json_t *js, const uint8_t *base, size_t len,
    unsigned last, llmb_json_token_t *tok);


/*
 * The functions below take the text of a STRING, KEY or NUMBER token that
 * llmb_json_next() has returned, quotes included.
 */

/*
 * The same in steps, so that what two strings are known to have in common is
 * not looked at again: goes on from where a and b are, past all characters that
 * are equal, and adds how many there were to *n.
 */

typedef struct {
    const uint8_t  *p;            /* the next character */
    const uint8_t  *end;          /* the quote behind the last one */
} llmb_json_chars_t;


#pragma GCC visibility pop


#endif /* _LLMB_JSON_H_INCLUDED_ */
