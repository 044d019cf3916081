
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Bodies of requests, read, packed and merged as the module does it.
 */


#ifndef _TEST_REQUEST_H_INCLUDED_
#define _TEST_REQUEST_H_INCLUDED_


#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapters/llmb_adapters.h"
#include "buffer.h"
#include "llmb_merge.h"
#include "llmb_path.h"
#include "llmb_payload.h"
#include "llmb_piece.h"
#include "llmb_request.h"
#include "llmb_tokens.h"


#define BUNDLE_MAX  512


/* members of a call; the first lends its body */

typedef struct {
    uint32_t         n;
    uint32_t         items;
    uint64_t         tokens;
    llmb_request_t   rq[BUNDLE_MAX];
    llmb_str_t       payloads[BUNDLE_MAX];
    uint32_t         nbodies;
    uint8_t         *bodies[BUNDLE_MAX];
} bundle_t;


static inline llmb_str_t
text_of(const char *s)
{
    llmb_str_t  text;

    text.len = strlen(s);
    text.data = (const uint8_t *) s;

    return text;
}


static inline void
assert_str(llmb_str_t got, const char *expected)
{
    if (got.len != strlen(expected)
        || (got.len && memcmp(got.data, expected, got.len) != 0))
    {
        fail_msg("\"%.*s\" is not \"%s\"", (int) got.len,
                 (const char *) got.data, expected);
    }
}


/* reads a copy that ends where its memory ends; the copy is in rq->body */

static inline llmb_rc_e
read_text(llmb_request_t *rq, const llmb_adapter_t *adapter,
    const char *path, const char *text, size_t len, llmb_reason_e *reason)
{
    uint8_t     *copy = malloc(len ? len : 1);
    llmb_rc_e    rc;
    llmb_str_t   body;

    if (copy == NULL) {
        abort();
    }

    memcpy(copy, text, len);

    body.len = len;
    body.data = copy;

    rc = llmb_request_read(rq, adapter, text_of(path), body, reason);

    if (rc == LLMB_OK) {
        llmb_request_count(rq);
    }

    return rc;
}


static inline void
free_body(llmb_request_t *rq)
{
    free((void *) rq->body.data);
}


/* why the body is not for a call; LLMB_REASON_NONE if it is */

static inline llmb_reason_e
reason_of(const llmb_adapter_t *adapter, const char *path, const char *body)
{
    llmb_rc_e       rc;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    rc = read_text(&rq, adapter, path, body, strlen(body), &reason);

    assert_int_equal(rc, reason ? LLMB_DECLINED : LLMB_OK);
    free_body(&rq);

    return reason;
}


static inline bundle_t *
bundle_create(void)
{
    bundle_t  *b = calloc(1, sizeof(bundle_t));

    if (b == NULL) {
        abort();
    }

    return b;
}


static inline void
bundle_destroy(bundle_t *b)
{
    uint32_t  i;

    for (i = 0; i < b->n; i++) {
        free((void *) b->payloads[i].data);
    }

    for (i = 0; i < b->nbodies; i++) {
        free(b->bodies[i]);
    }

    free(b);
}


static inline void
bundle_add_piece(bundle_t *b, const llmb_request_t *rq,
    const llmb_piece_t *piece)
{
    buffer_t     out;
    llmb_sink_t  sink = buffer_sink(&out);

    assert_true(b->n < BUNDLE_MAX);
    assert_int_equal(llmb_piece_pack(rq, piece, &sink), LLMB_OK);
    assert_int_equal(out.len, piece->size);

    b->rq[b->n] = *rq;
    b->payloads[b->n].data = out.data;
    b->payloads[b->n].len = out.len;
    b->n++;

    b->items += piece->items;
    b->tokens += piece->tokens;
}


static inline const llmb_request_t *
bundle_add(bundle_t *b, const llmb_adapter_t *adapter, const char *path,
    const char *body)
{
    llmb_piece_t    piece;
    llmb_reason_e   reason;
    llmb_request_t  rq;

    if (read_text(&rq, adapter, path, body, strlen(body), &reason) != LLMB_OK)
    {
        fail_msg("%s: %s", llmb_reason_names[reason].data, body);
    }

    b->bodies[b->nbodies++] = (uint8_t *) rq.body.data;

    llmb_piece_all(&rq, &piece);
    bundle_add_piece(b, &rq, &piece);

    return &b->rq[b->n - 1];
}


static inline void
bundle_merge(const bundle_t *b, llmb_merge_t *merge, buffer_t *out)
{
    llmb_sink_t  sink = buffer_sink(out);

    merge->payloads = b->payloads;
    merge->members = b->n;

    if (merge->unique == NULL) {
        merge->items = b->items;
        merge->n = b->items;
    }

    assert_int_equal(llmb_merge_write(&b->rq[0], merge, &sink), LLMB_OK);
    assert_true(out->len <= llmb_merge_bound(&b->rq[0], merge));
}


static inline void
assert_merged(const bundle_t *b, const char *expected)
{
    buffer_t      out;
    llmb_str_t    text;
    llmb_merge_t  merge;

    memset(&merge, 0, sizeof(llmb_merge_t));
    bundle_merge(b, &merge, &out);

    text.data = out.data;
    text.len = out.len;

    assert_str(text, expected);
    free(out.data);
}


#endif /* _TEST_REQUEST_H_INCLUDED_ */
