
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Guards that counts are found in answers of each format, whole, cut at every
 * byte, and byte by byte; and that no answer does anything else.
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
#include "llmb_meter.h"


static unsigned  answers[8];


static const char *
told(const llmb_meter_t *meter)
{
    llmb_spent_t  spent;

    static char   text[256];

    llmb_meter_spent(meter, &spent);

    if (!spent.counted) {
        return "none";
    }

    snprintf(text, sizeof(text),
             "input=%lu cached=%lu written=%lu output=%lu tier=%.*s",
             (unsigned long) spent.input, (unsigned long) spent.cached,
             (unsigned long) spent.written, (unsigned long) spent.output,
             (int) spent.tier_len, (const char *) spent.tier);

    return text;
}


static void
read_cut(const chat_file_t *file, size_t cut, const char *expected)
{
    unsigned       events;
    llmb_meter_t   meter;

    events = (strcmp(file->file, "answer.sse") == 0);

    llmb_meter_init(&meter, file->format, events);

    llmb_meter_read(&meter, guard(0, file->text.data, cut), cut);
    llmb_meter_read(&meter, guard(1, file->text.data + cut,
                                  file->text.len - cut),
                    file->text.len - cut);

    if (strcmp(told(&meter), expected) != 0) {
        print_error("%s, cut at %lu\n", file->name, (unsigned long) cut);
        assert_string_equal(told(&meter), expected);
    }
}


static void
see_answer(const chat_file_t *file)
{
    char           expected[256];
    size_t         i;
    llmb_str_t     spent;
    llmb_meter_t   meter;

    if (strncmp(file->file, "answer.", 7) != 0) {
        return;
    }

    spent = chat_other(file, "spent");

    if (spent.data == NULL) {
        fail_msg("%s: no \"spent\"", file->dir);
    }

    snprintf(expected, sizeof(expected), "%.*s", (int) spent.len - 1,
             (const char *) spent.data);

    free((void *) spent.data);

    for (i = 0; i <= file->text.len; i++) {
        read_cut(file, i, expected);
    }

    llmb_meter_init(&meter, file->format,
                    strcmp(file->file, "answer.sse") == 0);

    for (i = 0; i < file->text.len; i++) {
        llmb_meter_read(&meter, file->text.data + i, 1);
    }

    assert_string_equal(told(&meter), expected);

    answers[file->format - llmb_generate]++;
}


static void
answers_tell_what_they_cost(void **state)
{
    unsigned  i;

    (void) state;

    chat_files(see_answer);

    for (i = 0; i < llmb_ngenerate; i++) {
        assert_true(answers[i] >= 2);
    }
}


/* a stream of several answers, as long as one likes, with long lines */

static void
lines_may_be_of_any_length(void **state)
{
    char          *text;
    size_t         i, n;
    llmb_meter_t   meter;

    static const char  end[] =
        "\ndata: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";

    (void) state;

    n = 1024 * 1024;
    text = malloc(n);

    memset(text, 'x', n);
    memcpy(text, "data: {\"a\":\"", 12);

    llmb_meter_init(&meter, &llmb_generate[0], 1);

    for (i = 0; i < 10; i++) {
        llmb_meter_read(&meter, (uint8_t *) text, n);
        llmb_meter_read(&meter, (uint8_t *) "\"}\n", 3);
    }

    llmb_meter_read(&meter, (const uint8_t *) end, sizeof(end) - 1);

    assert_string_equal(told(&meter),
                        "input=3 cached=0 written=0 output=4 tier=");

    /* nothing of a line that never ends */

    memset(text, '[', n);

    for (i = 0; i < 10; i++) {
        llmb_meter_read(&meter, (uint8_t *) text, n);
    }

    memset(text, ']', n);

    for (i = 0; i < 20; i++) {
        llmb_meter_read(&meter, (uint8_t *) text, n);
    }

    assert_string_equal(told(&meter),
                        "input=3 cached=0 written=0 output=4 tier=");

    free(text);
}


static void
what_is_no_json_tells_nothing(void **state)
{
    size_t         i;
    unsigned       k, format;
    uint8_t        text[512];
    llmb_meter_t   meter;
    llmb_spent_t   spent;

    static const char  letters[] = "{}[]\":,\\ \n\r0e.-natusgedi_kpromt\xc3";

    (void) state;

    srand(1);

    for (k = 0; k < 20000; k++) {
        format = k % llmb_ngenerate;

        for (i = 0; i < sizeof(text); i++) {
            text[i] = (uint8_t) letters[(unsigned) rand()
                                        % (sizeof(letters) - 1)];
        }

        llmb_meter_init(&meter, &llmb_generate[format], k / 4 % 2);
        llmb_meter_read(&meter, guard(0, text, sizeof(text)), sizeof(text));
        llmb_meter_spent(&meter, &spent);

        assert_false(spent.counted);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(answers_tell_what_they_cost),
        cmocka_unit_test(lines_may_be_of_any_length),
        cmocka_unit_test(what_is_no_json_tells_nothing)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
