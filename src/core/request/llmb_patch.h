
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A text that is copied but for some spans of it, each of which is written
 * anew.  So bodies of calls are made, and answers are cut and joined.
 */


#ifndef _LLMB_PATCH_H_INCLUDED_
#define _LLMB_PATCH_H_INCLUDED_


#include "llmb_out.h"


#pragma GCC visibility push(hidden)


/* no text has more of them */

#define LLMB_PATCHES  32


/* writes what is in the place of a span; "i" is what came with the patch */

typedef void (*llmb_patch_pt)(llmb_out_t *out, void *data, unsigned i);


typedef struct {
    llmb_span_t            span;
    llmb_patch_pt          write;
    unsigned               i;
} llmb_patch_t;


typedef struct {
    unsigned               n;
    unsigned               full:1;    /* there were more */
    llmb_patch_t           elems[LLMB_PATCHES];      /* by their start */
} llmb_patches_t;


void llmb_patch_init(llmb_patches_t *patches);

/*
 * They come in any order.  A span may be empty: then something is inserted;
 * without "write" what is there is left out.
 */
void llmb_patch_add(llmb_patches_t *patches, llmb_span_t span,
    llmb_patch_pt write, unsigned i);

/*
 * Writes base[text.start .. text.end), which is where all patches are.  If two
 * overlap, or there are too many, nothing is written: LLMB_INVALID.
 */
void llmb_patch_write(const llmb_patches_t *patches, llmb_out_t *out,
    const uint8_t *base, llmb_span_t text, void *data);


#pragma GCC visibility pop


#endif /* _LLMB_PATCH_H_INCLUDED_ */
