
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * APIs that generate text.  Their requests are one conversation each, and so
 * are never merged; they are read, for what they have in common with others
 * and for what their answers say they have cost.
 */


#ifndef _LLMB_GENERATE_H_INCLUDED_
#define _LLMB_GENERATE_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* members that stand before the messages in what a model reads */

#define LLMB_GENERATE_HEADS  3

/* what a row of counts has, and names on the way to it */

#define LLMB_GENERATE_COUNTS  16
#define LLMB_GENERATE_DEPTH   3


/* what an answer says of its tokens */

typedef enum {
    LLMB_SPENT_INPUT = 0,
    LLMB_SPENT_CACHED,            /* read from the cache of prompts */
    LLMB_SPENT_WRITTEN,           /* written to it */
    LLMB_SPENT_OUTPUT,
    LLMB_SPENT_THOUGHTS,          /* output that is counted apart */
    LLMB_SPENT_TOOLS,             /* input that is counted apart */
    LLMB_SPENT_N,
    LLMB_SPENT_TIER = LLMB_SPENT_N    /* no number: a word */
} llmb_spent_e;


/* names from the outermost object on, up to an empty one */

typedef struct {
    llmb_str_t             names[LLMB_GENERATE_DEPTH];
    llmb_spent_e           count;
} llmb_spent_row_t;


/* a member, and another name that it may have */

typedef struct {
    llmb_str_t             name;
    llmb_str_t             other;
} llmb_head_t;


typedef struct {
    llmb_str_t             name;
    llmb_str_t             operation; /* as "gen_ai.operation.name" has it */

    /* as those of llmb_form_t */
    const llmb_str_t      *paths;
    /* the path that asks for a stream, whatever the body says; or empty */
    const llmb_str_t      *stream;

    /* in the order in which a model reads them; up to an empty one */
    llmb_head_t            heads[LLMB_GENERATE_HEADS];
    llmb_str_t             messages;
    /* in a message: the blocks that may be marked; or empty */
    llmb_str_t             blocks;
    llmb_head_t            tier;

    /*
     * Where an answer has them, up to an empty name.  In a stream they are
     * also in the member "within" of an event; or that is empty.
     */
    const llmb_spent_row_t *counts;
    llmb_str_t             within;
    /* the input counted is what was neither read from a cache nor written */
    unsigned               apart:1;
} llmb_generate_t;


/*
 * What a body says.  Values are JSON text and point into it; what is not there
 * is empty.
 */

typedef struct {
    const llmb_generate_t *format;
    llmb_str_t             heads[LLMB_GENERATE_HEADS];
    llmb_str_t             messages;
    llmb_str_t             tier;      /* a string, quotes included */
    unsigned               stream:1;
} llmb_chat_t;


extern const llmb_generate_t  llmb_generate[];
extern const unsigned         llmb_ngenerate;


/* by the path of the URI; NULL: it is none of these */
const llmb_generate_t *llmb_generate_find(llmb_str_t path);

/*
 * Reads a body that came for this path, once.
 *
 *   LLMB_OK       chat is complete
 *   LLMB_INVALID  not an object in JSON, or nested too deep
 *   LLMB_DECLINED a member that is looked for is there twice: it is not known
 *                 which one an upstream takes
 */
llmb_rc_e llmb_generate_read(llmb_chat_t *chat, const llmb_generate_t *format,
    llmb_str_t path, llmb_str_t body);


#pragma GCC visibility pop


#endif /* _LLMB_GENERATE_H_INCLUDED_ */
