
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_patch.h"


void
llmb_patch_init(llmb_patches_t *patches)
{
    patches->n = 0;
    patches->full = 0;
}


void
llmb_patch_add(llmb_patches_t *patches, llmb_span_t span, llmb_patch_pt write,
    unsigned i)
{
    unsigned       n;
    llmb_patch_t  *patch;

    if (patches->n == LLMB_PATCHES) {
        patches->full = 1;
        return;
    }

    patch = patches->elems;

    for (n = patches->n++; n && patch[n - 1].span.start > span.start; n--) {
        patch[n] = patch[n - 1];
    }

    patch[n].span = span;
    patch[n].write = write;
    patch[n].i = i;
}


void
llmb_patch_write(const llmb_patches_t *patches, llmb_out_t *out,
    const uint8_t *base, llmb_span_t text, void *data)
{
    size_t               pos;
    unsigned             i, overlap;
    const llmb_patch_t  *patch;

    patch = patches->elems;
    overlap = patches->full;

    for (i = 1; i < patches->n; i++) {
        overlap |= (patch[i].span.start < patch[i - 1].span.end);
    }

    if (overlap) {
        llmb_out_fail(out, LLMB_INVALID);
        return;
    }

    pos = text.start;

    for (i = 0; i < patches->n; i++) {
        llmb_out_bytes(out, base + pos, patch[i].span.start - pos);

        if (patch[i].write) {
            patch[i].write(out, data, patch[i].i);
        }

        pos = patch[i].span.end;
    }

    llmb_out_bytes(out, base + pos, text.end - pos);
}
