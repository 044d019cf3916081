
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Ways through the scanner.  A document goes through it at once, cut in two at
 * every place, and byte by byte, always at the edge of a page and with all that
 * it has consumed wiped out; the tokens have to be the same, and those that
 * jansson reads.  Needs cmocka.
 */


#ifndef _JSON_SCAN_H_INCLUDED_
#define _JSON_SCAN_H_INCLUDED_


#include "guard.h"
#include "json_oracle.h"
#include "llmb_json.h"


#define MAX_TOKENS  4096

#define count(a)  (sizeof(a) / sizeof((a)[0]))


typedef struct {
    llmb_json_t         js;
    unsigned            report;
    llmb_rc_e           rc;
    size_t              n;
    llmb_json_token_t   tokens[MAX_TOKENS];
} scan_t;


static inline void
scan_start(void *data)
{
    scan_t  *scan = data;

    scan->n = 0;
    scan->rc = LLMB_AGAIN;
    llmb_json_init(&scan->js, scan->report);
}


static inline void
scan_feed(void *data, const uint8_t *base, size_t len, unsigned last)
{
    scan_t  *scan = data;

    if (scan->rc != LLMB_AGAIN) {
        return;
    }

    do {
        assert_true(scan->n < MAX_TOKENS);

        scan->rc = llmb_json_next(&scan->js, base, len, last,
                                  &scan->tokens[scan->n]);

        assert_true(scan->js.pos <= len);
        assert_true(scan->rc != LLMB_AGAIN || scan->js.pos == len);
        assert_true(scan->rc != LLMB_AGAIN || !last);

    } while (scan->rc == LLMB_OK
             && scan->tokens[scan->n++].type != LLMB_JSON_END);
}


static inline size_t
scan_pos(void *data)
{
    scan_t  *scan = data;

    return scan->js.pos;
}


static inline void
scan_whole(scan_t *scan, llmb_str_t text, unsigned report)
{
    scan->report = report;
    scan_start(scan);
    scan_feed(scan, guard(3, text.data, text.len), text.len, 1);
}


/* what is the same however the text was cut */

static scan_t  whole, parts;


static inline void
scan_compare(void *data)
{
    size_t                    i;
    const llmb_json_token_t  *a, *b;

    (void) data;

    assert_int_equal(parts.rc, whole.rc);

    /* a fault may be found later, when more tokens have been told */

    if (whole.rc == LLMB_OK) {
        assert_int_equal(parts.n, whole.n);
    }

    for (i = 0; i < llmb_min(parts.n, whole.n); i++) {
        a = &parts.tokens[i];
        b = &whole.tokens[i];

        assert_int_equal(a->type, b->type);
        assert_int_equal(a->depth, b->depth);
        assert_int_equal(a->start, b->start);
        assert_int_equal(a->end, b->end);
    }
}


static const feeder_t  scanner = {
    &parts, scan_start, scan_feed, scan_pos, scan_compare
};


/* the same tokens from all partitions; those at report depth of all */

static inline void
check_splits(llmb_str_t text)
{
    unsigned  report;

    for (report = 0; report < 5; report++) {
        scan_whole(&whole, text, report);
        parts.report = report;
        EVERY_SPLIT(text, &scanner);
    }
}


static inline void
check_against_oracle(llmb_str_t text)
{
    size_t     i;
    json_t    *value;
    unsigned   silent;
    oracle_t   o;

    scan_whole(&whole, text, LLMB_JSON_MAX_DEPTH);

    value = oracle_read(text, &silent);

    if (silent) {
        return;
    }

    if ((value != NULL) != (whole.rc == LLMB_OK)) {
        fail_msg("jansson differs about \"%.*s\"", (int) text.len,
                 (const char *) text.data);
    }

    if (value) {
        oracle_init(&o);

        for (i = 0; i < whole.n; i++) {
            oracle_token(&o, &whole.tokens[i], text.data);
        }

        if (!o.silent && !json_equal(value, o.root)) {
            fail_msg("jansson reads \"%.*s\" otherwise", (int) text.len,
                     (const char *) text.data);
        }

        oracle_destroy(&o);
        json_decref(value);
    }
}


#endif /* _JSON_SCAN_H_INCLUDED_ */
