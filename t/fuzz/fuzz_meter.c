
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Answers of any kind, cut anywhere, tell the same as in one piece; bodies of
 * any kind have the prefix that they have with white space around.
 */


#include <stdlib.h>
#include <string.h>

#include "llmb_meter.h"
#include "llmb_prefix.h"


static void
meter_in_pieces(const llmb_generate_t *format, unsigned events,
    const uint8_t *p, size_t len, size_t step, llmb_spent_t *spent)
{
    size_t         i, n;
    llmb_meter_t   meter;

    llmb_meter_init(&meter, format, events);

    for (i = 0; i < len; i += n) {
        n = llmb_min(step, len - i);
        llmb_meter_read(&meter, p + i, n);
    }

    llmb_meter_spent(&meter, spent);
}


static llmb_rc_e
prefix_of(const llmb_generate_t *format, const uint8_t *p, size_t len,
    llmb_prefix_t *prefix)
{
    llmb_rc_e              rc;
    llmb_str_t             body;
    llmb_chat_t            chat;

    static llmb_secret_t   secret;

    body.data = p;
    body.len = len;

    rc = llmb_generate_read(&chat, format, body, body);

    return rc == LLMB_OK ? llmb_prefix_find(prefix, &chat, body, &secret)
                         : rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t                *copy;
    size_t                  step;
    unsigned                events;
    llmb_rc_e               rc;
    llmb_spent_t            whole, cut;
    llmb_prefix_t           prefix, other;
    const llmb_generate_t  *format;

    if (size < 2) {
        return 0;
    }

    format = &llmb_generate[data[0] % llmb_ngenerate];
    events = data[0] / 16 % 2;
    step = 1 + data[1] % 16;

    data += 2;
    size -= 2;

    meter_in_pieces(format, events, data, size, size + 1, &whole);
    meter_in_pieces(format, events, data, size, step, &cut);

    if (memcmp(&whole, &cut, sizeof(llmb_spent_t)) != 0) {
        abort();
    }

    /* of the exact size */

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);

    rc = prefix_of(format, copy, size, &prefix);

    if (rc == LLMB_OK && (prefix_of(format, data, size, &other) != LLMB_OK
                          || other.hash != prefix.hash))
    {
        abort();
    }

    free(copy);

    return 0;
}
