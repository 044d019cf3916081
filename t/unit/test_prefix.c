
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Guards which conversations have one prefix and which have not, and that
 * formats are known by their paths.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chat_data.h"
#include "guard.h"
#include "llmb_prefix.h"


#define MAX_HASHES  64


typedef struct {
    const char  *path;
    const char  *name;
} path_case_t;


static char            last[512];
static uint64_t        same, hashes[MAX_HASHES];
static unsigned        nhashes, found[8];

static llmb_secret_t   secret = { "0123456789abcde" };


static llmb_str_t
text(const char *s)
{
    llmb_str_t  t;

    t.len = strlen(s);
    t.data = (const uint8_t *) s;

    return t;
}


static llmb_rc_e
prefix_of(const llmb_generate_t *format, llmb_str_t body, const char *model,
    const llmb_secret_t *key, llmb_prefix_t *prefix)
{
    llmb_rc_e    rc;
    llmb_chat_t  chat;

    body.data = guard(0, body.data, body.len);

    rc = llmb_generate_read(&chat, format, text("/"), body);

    return rc == LLMB_OK ? llmb_prefix_find(prefix, &chat, text(model), key)
                         : rc;
}


static void
see_body(const chat_file_t *file)
{
    unsigned        i;
    llmb_rc_e       rc;
    llmb_prefix_t   prefix, other;
    llmb_secret_t   key;

    if (strcmp(file->dir, last) != 0) {
        strcpy(last, file->dir);
        same = 0;
        nhashes = 0;
    }

    if (strncmp(file->file, "none.", 5) != 0
        && strncmp(file->file, "other.", 6) != 0
        && strncmp(file->file, "same.", 5) != 0)
    {
        return;
    }

    rc = prefix_of(file->format, file->text, "m", &secret, &prefix);

    if (file->file[0] == 'n') {

        if (rc == LLMB_OK) {
            fail_msg("%s has a prefix", file->name);
        }

        return;
    }

    if (rc != LLMB_OK) {
        fail_msg("%s has no prefix", file->name);
    }

    if (file->file[0] == 's' && same) {

        if (prefix.hash != same) {
            fail_msg("%s has another prefix", file->name);
        }

    } else {

        for (i = 0; i < nhashes; i++) {

            if (prefix.hash == hashes[i]) {
                fail_msg("%s has the prefix of another", file->name);
            }
        }

        assert_true(nhashes < MAX_HASHES);
        hashes[nhashes++] = prefix.hash;
    }

    if (file->file[0] == 's') {
        same = prefix.hash;
    }

    if (file->file[0] == 's'
        && prefix.marked != (strstr(file->dir, "/prefix_") != NULL
                             && strstr(file->dir, "_unmarked") == NULL))
    {
        fail_msg("%s: marked is %u", file->name, prefix.marked);
    }

    /* another model, another secret */

    key = secret;
    key.key[15] ^= 1;

    assert_int_equal(prefix_of(file->format, file->text, "n", &secret,
                               &other), LLMB_OK);
    assert_true(other.hash != prefix.hash);

    assert_int_equal(prefix_of(file->format, file->text, "m", &key, &other),
                     LLMB_OK);
    assert_true(other.hash != prefix.hash);

    found[file->format - llmb_generate]++;
}


static void
bodies_have_the_prefix_they_mean(void **state)
{
    unsigned  i;

    (void) state;

    /* the files of a case come in the order of their names: "same" last */

    chat_files(see_body);

    for (i = 0; i < llmb_ngenerate; i++) {
        assert_true(found[i] >= 3);
    }
}


/* the same on every node: whatever its version, its compiler and its bytes */

static void
a_hash_is_forever(void **state)
{
    llmb_prefix_t  prefix;

    (void) state;

    assert_int_equal(prefix_of(&llmb_generate[0],
                         text("{\"messages\":[{\"role\":\"system\","
                              "\"content\":\"a\\u00e9\\n\"},"
                              "{\"role\":\"user\",\"content\":\"b\"}],"
                              "\"tools\":[{\"a\":1.0,\"b\":[null,true]}]}"),
                         "m", &secret, &prefix), LLMB_OK);

    assert_int_equal(prefix.hash, 0x4c39e3609545ded5);
    assert_int_equal(prefix.bytes, 66);
}


static void
what_a_body_says(void **state)
{
    llmb_chat_t             chat;
    const llmb_generate_t  *f;

    (void) state;

    f = llmb_generate_find(text("/v1/chat/completions"));

    assert_int_equal(llmb_generate_read(&chat, f, text("/"),
                         text("{\"stream\":true,\"service_tier\":\"flex\"}")),
                     LLMB_OK);
    assert_int_equal(chat.stream, 1);
    assert_int_equal(chat.tier.len, 6);
    assert_memory_equal(chat.tier.data, "\"flex\"", 6);

    assert_int_equal(llmb_generate_read(&chat, f, text("/"),
                         text("{\"stream\":null,\"service_tier\":null}")),
                     LLMB_OK);
    assert_int_equal(chat.stream, 0);
    assert_int_equal(chat.tier.len, 0);

    assert_int_equal(llmb_generate_read(&chat, f, text("/"), text("[]")),
                     LLMB_INVALID);
    assert_int_equal(llmb_generate_read(&chat, f, text("/"), text("{} x")),
                     LLMB_INVALID);
    assert_int_equal(llmb_generate_read(&chat, f, text("/"), text("")),
                     LLMB_INVALID);
    assert_int_equal(llmb_generate_read(&chat, f, text("/"),
                         text("{\"tools\":1,\"functions\":2}")),
                     LLMB_DECLINED);

    f = llmb_generate_find(text("/v1beta/models/m:streamGenerateContent"));

    assert_int_equal(llmb_generate_read(&chat, f,
                         text("/v1beta/models/m:streamGenerateContent"),
                         text("{\"serviceTier\":\"flex\"}")),
                     LLMB_OK);
    assert_int_equal(chat.stream, 1);
    assert_int_equal(chat.tier.len, 6);

    assert_int_equal(llmb_generate_read(&chat, f,
                         text("/v1beta/models/m:generateContent"),
                         text("{}")),
                     LLMB_OK);
    assert_int_equal(chat.stream, 0);
}


static void
formats_have_paths(void **state)
{
    unsigned                i;
    const llmb_generate_t  *f;

    static const path_case_t  cases[] = {
        { "/v1/chat/completions", "openai_chat" },
        { "/openai/deployments/d/chat/completions", "openai_chat" },
        { "/v1/chat/completions/batch", NULL },
        { "/v1/completions", NULL },
        { "/v1/responses", "openai_responses" },
        { "/v1/responses/resp_1", NULL },
        { "/v1/messages", "anthropic_messages" },
        { "/anthropic/v1/messages", "anthropic_messages" },
        { "/v1/messages/count_tokens", NULL },
        { "/v1/messages/batches", NULL },
        { "/v1/threads/1/messages", NULL },
        { "/v1beta/models/gemini:generateContent", "gemini_generate" },
        { "/v1beta/models/gemini:streamGenerateContent", "gemini_generate" },
        { "/v1beta/models/gemini:embedContent", NULL },
        { "/v1beta/models/:generateContent", NULL },
        { "/", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        f = llmb_generate_find(text(cases[i].path));

        if (cases[i].name == NULL) {
            assert_null(f);
            continue;
        }

        assert_non_null(f);
        assert_int_equal(f->name.len, strlen(cases[i].name));
        assert_memory_equal(f->name.data, cases[i].name, f->name.len);
    }
}


/* ten times what a body of the default size may hold */

static void
large_bodies_are_read(void **state)
{
    char           *body, *p;
    size_t          i, n;
    llmb_prefix_t   one, two;

    (void) state;

    n = 2621440;
    body = malloc(n + 256);

    p = body + sprintf(body, "{\"messages\":[{\"role\":\"system\",\"a\":[");

    for (i = 0; i < n / 2; i++) {
        *p++ = '1';
        *p++ = ',';
    }

    strcpy(p, "1]},{\"role\":\"user\",\"content\":\"x\"}]}");

    assert_int_equal(prefix_of(&llmb_generate[0], text(body), "m", &secret,
                               &one), LLMB_OK);

    p[-2] = '2';

    assert_int_equal(prefix_of(&llmb_generate[0], text(body), "m", &secret,
                               &two), LLMB_OK);
    assert_true(one.hash != two.hash);

    /* deeper than any */

    memset(body, '[', n);
    memcpy(body, "{\"tools\":", 9);
    body[n] = '\0';

    assert_int_equal(prefix_of(&llmb_generate[0], text(body), "m", &secret,
                               &one), LLMB_INVALID);

    free(body);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(formats_have_paths),
        cmocka_unit_test(what_a_body_says),
        cmocka_unit_test(bodies_have_the_prefix_they_mean),
        cmocka_unit_test(a_hash_is_forever),
        cmocka_unit_test(large_bodies_are_read)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
