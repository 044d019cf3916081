
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 */


#include "llmb_out.h"


void
llmb_out_init(llmb_out_t *out, llmb_sink_t *sink)
{
    out->sink = sink;
    out->rc = LLMB_OK;
}


void
llmb_out_fail(llmb_out_t *out, llmb_rc_e rc)
{
    if (out->rc == LLMB_OK) {
        out->rc = rc;
    }
}


void
llmb_out_char(llmb_out_t *out, char c)
{
    llmb_out_bytes(out, &c, 1);
}


void
llmb_out_text(llmb_out_t *out, llmb_str_t text)
{
    llmb_out_bytes(out, text.data, text.len);
}


void
llmb_out_number(llmb_out_t *out, uint64_t n)
{
    size_t   at;
    uint8_t  digits[LLMB_OUT_DIGITS];

    at = LLMB_OUT_DIGITS;

    do {
        digits[--at] = (uint8_t) ('0' + n % 10);
        n /= 10;
    } while (n);

    llmb_out_bytes(out, digits + at, LLMB_OUT_DIGITS - at);
}
