
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Does a text of the upstream hold words of a client?  What it writes about a
 * call as a whole goes to several clients only if it does not.
 *
 * Texts and items are compared as words: of both only letters (small ones),
 * digits and whatever is not ASCII are looked at, and all between is one
 * space.  So it does not matter how an upstream quotes, spaces and escapes; a
 * text that is escaped is looked at with up to three of its escapings undone,
 * too.
 *
 *   16 bytes of words in a row, as they are in an item, are a quote of it,
 *   wherever they are: servers shorten what they quote;
 *   of an item that has less, all of it is.
 *
 * What everybody who gets the text has sent can be told beforehand and is no
 * quote: the model, the path.
 */


#ifndef _LLMB_QUOTE_H_INCLUDED_
#define _LLMB_QUOTE_H_INCLUDED_


#include "llmb_adapter.h"


#pragma GCC visibility push(hidden)


/* so many bytes in a row are a quote */

#define LLMB_QUOTE_WINDOW    16

/* items of less may be in any text by chance: nobody can tell */

#define LLMB_QUOTE_SHORTEST  4

/*
 * Longer texts are not looked at: the caller has to take them for quotes.  Nor
 * are items looked at to the end that take more work: so much for each byte,
 * which is 1 MB in all, and for a short item, which is looked for in the whole
 * text, the bytes of that.
 */

#define LLMB_QUOTE_MAX_TEXT  16384
#define LLMB_QUOTE_MAX_WORK  (16 * 1024 * 1024)
#define LLMB_QUOTE_BYTE      16

/* whose words they are, if not those of a single member */

#define LLMB_QUOTE_NOBODY    UINT32_MAX
#define LLMB_QUOTE_UNKNOWN   (UINT32_MAX - 1)    /* of several, or who knows */


/* those who get a text, if it holds nothing of one that others must not see */

typedef struct {
    const llmb_form_t     *form;
    const llmb_str_t      *payloads;  /* what they have sent, but */
    uint32_t               n;
    llmb_str_t             known[2];  /* what all of them have: the model, the
                                         path; or empty */
} llmb_senders_t;


typedef struct {
    unsigned               unsure:1;  /* nothing can be told of the text */

    /* private */
    unsigned               words:1;
    uint8_t               *scratch;
    uint8_t               *text;      /* normalized */
    size_t                 len;
    size_t                 known;     /* bytes of it that everybody sent */
    size_t                 left;      /* bytes of texts to come */
    uint32_t              *table;     /* of windows: where in the text + 1 */
    uint32_t               mask;
    unsigned               shift;
    uint64_t               work;
} llmb_quote_t;


/*
 * The memory, aligned for a pointer, for texts of so many bytes in all (what
 * is known included), or 0 if these are too many; and its start.
 *
 * "words" tells that short items count only as whole words, but then all of
 * them: for texts that are mostly names of the API.  Otherwise they count
 * within words, too, and the shortest make everything unsure.
 */
size_t llmb_quote_room(size_t len);
void llmb_quote_init(llmb_quote_t *q, size_t len, unsigned words,
    void *memory);

/* what is no quote; before any text */
void llmb_quote_know(llmb_quote_t *q, llmb_str_t text);

/* a text: JSON, or anything else */
void llmb_quote_add(llmb_quote_t *q, llmb_str_t text);

/*
 * Whether the texts hold words of these items, which are valid JSON, as they
 * stand in an array, without the brackets; 1 also if that cannot be told.
 */
unsigned llmb_quote_items(llmb_quote_t *q, llmb_str_t items);

/*
 * Whose words the texts hold: LLMB_QUOTE_NOBODY, which is the only answer
 * with which they may go to everybody; a number of 0 .. n - 1, if all are of
 * this one; or LLMB_QUOTE_UNKNOWN.
 */
uint32_t llmb_quote_whose(llmb_quote_t *q, const llmb_senders_t *senders);


#pragma GCC visibility pop


#endif /* _LLMB_QUOTE_H_INCLUDED_ */
