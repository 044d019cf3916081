
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads what an answer says of its tokens while it passes: one JSON text, or
 * server-sent events with a JSON text each.  Nothing of it is kept but where
 * the reader is, so its memory is the same whatever comes, and an answer may
 * be cut anywhere.
 *
 * It follows the names on the way to the counts only, and judges nothing: of
 * what is not JSON it finds nothing.  Names with escapes are other names.
 */


#ifndef _LLMB_METER_H_INCLUDED_
#define _LLMB_METER_H_INCLUDED_


#include "llmb_generate.h"


#pragma GCC visibility push(hidden)


/* the longest name, number or tier that means anything to us */

#define LLMB_METER_TEXT  32


/* what a request has cost, in tokens */

typedef struct {
    uint64_t               input;     /* all of it, with those below */
    uint64_t               cached;
    uint64_t               written;
    uint64_t               output;
    uint8_t                tier[LLMB_METER_TEXT];
    unsigned               tier_len;  /* 0: none was told */
    unsigned               counted:1; /* there were counts */
} llmb_spent_t;


typedef struct {
    const llmb_generate_t *format;

    uint64_t               counts[LLMB_SPENT_N];
    uint8_t                tier[LLMB_METER_TEXT];
    unsigned               tier_len;

    uint8_t                text[LLMB_METER_TEXT];    /* name or value */
    unsigned               len;       /* above that: it is too long */

    /* rows of "counts" that the names so far fit, of each object in turn */
    uint16_t               rows[LLMB_GENERATE_DEPTH];
    uint16_t               named;     /* those of the member being read */

    size_t                 depth;     /* containers around */
    unsigned               open;      /* the outermost of them, objects, whose
                                         names are followed */
    uint8_t                line;      /* where in a line of events */
    uint8_t                state;     /* where in a text */

    unsigned               events:1;
    unsigned               array:1;   /* the text is an array of answers */
    unsigned               within:1;  /* the object in "within" is read */
    unsigned               enters:1;  /* it is the member being read */
    unsigned               name:1;    /* a name has to come */
    unsigned               counted:1;
} llmb_meter_t;


/* "events": the answer is a stream of them */
void llmb_meter_init(llmb_meter_t *meter, const llmb_generate_t *format,
    unsigned events);

/* what comes next of the answer */
void llmb_meter_read(llmb_meter_t *meter, const uint8_t *p, size_t len);

/*
 * What has been told so far.  Counts may be told again in a stream, and grow:
 * the largest one is taken; of several tiers, the last.
 */
void llmb_meter_spent(const llmb_meter_t *meter, llmb_spent_t *spent);


#pragma GCC visibility pop


#endif /* _LLMB_METER_H_INCLUDED_ */
