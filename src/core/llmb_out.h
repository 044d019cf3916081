
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * A text that is being written.  The first error of the sink stays: nothing is
 * written after it, and whoever writes looks at it once, at the end.
 *
 *     llmb_out_init(&out, sink);
 *     llmb_out_char(&out, '[');
 *     llmb_out_text(&out, items);
 *     llmb_out_char(&out, ']');
 *
 *     return out.rc;
 */


#ifndef _LLMB_OUT_H_INCLUDED_
#define _LLMB_OUT_H_INCLUDED_


#include "llmb.h"


#pragma GCC visibility push(hidden)


/* no number has more digits */

#define LLMB_OUT_DIGITS  (sizeof("18446744073709551615") - 1)


typedef struct {
    llmb_sink_t           *sink;
    llmb_rc_e              rc;        /* the first error */
} llmb_out_t;


void llmb_out_init(llmb_out_t *out, llmb_sink_t *sink);

/* an error that is not the sink's; the first one stays */
void llmb_out_fail(llmb_out_t *out, llmb_rc_e rc);


/* the sink sees no empty texts */

static inline void
llmb_out_bytes(llmb_out_t *out, const void *p, size_t len)
{
    if (len && out->rc == LLMB_OK) {
        out->rc = out->sink->write(out->sink->data, p, len);
    }
}


void llmb_out_char(llmb_out_t *out, char c);
void llmb_out_text(llmb_out_t *out, llmb_str_t text);
void llmb_out_number(llmb_out_t *out, uint64_t n);


#pragma GCC visibility pop


#endif /* _LLMB_OUT_H_INCLUDED_ */
