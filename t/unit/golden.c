
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Reads the golden cases.  Texts are put in memory of their exact size, so
 * that the address sanitizer sees who reads on behind the end.
 */


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"


static void golden_case(golden_t *gc, const char *adapter, const char *name);
static void golden_file(golden_t *gc, const char *dir, const char *name);
static llmb_str_t golden_text(const char *dir, const char *name);
static void golden_options(golden_t *gc, llmb_str_t text);
static unsigned golden_number(golden_t *gc, const llmb_str_t *names,
    unsigned n, llmb_str_t text);
static int golden_visible(const struct dirent *entry);
static void golden_check(golden_t *gc);
static void golden_die(const char *where, const char *what);


golden_t *
golden_load(const llmb_adapter_t *adapter, unsigned *n)
{
    int              i, found;
    char             dir[4096];
    golden_t        *cases;
    struct dirent  **entries;

    *n = 0;

    snprintf(dir, sizeof(dir), "%s/%.*s", TEST_DATA, (int) adapter->name.len,
             (const char *) adapter->name.data);

    found = scandir(dir, &entries, golden_visible, alphasort);

    if (found <= 0) {
        return NULL;
    }

    cases = calloc((size_t) found, sizeof(golden_t));

    for (i = 0; i < found; i++) {
        cases[i].adapter = adapter;
        golden_case(&cases[i], dir, entries[i]->d_name);
        free(entries[i]);
    }

    free(entries);

    *n = (unsigned) found;

    return cases;
}


void
golden_free(golden_t *cases, unsigned n)
{
    unsigned  i, k;

    for (i = 0; i < n; i++) {

        for (k = 0; k < GOLDEN_MAX_MEMBERS; k++) {
            free((void *) cases[i].in[k].data);
            free((void *) cases[i].out[k].data);
        }

        free((void *) cases[i].path.data);
        free((void *) cases[i].call_path.data);
        free((void *) cases[i].merged.data);
        free((void *) cases[i].answer.data);
        free(cases[i].name);
    }

    free(cases);
}


llmb_str_t
golden_path(llmb_str_t ending)
{
    size_t       i;
    uint8_t     *data;
    llmb_str_t   path;

    data = malloc(ending.len);
    memcpy(data, ending.data, ending.len);

    for (i = 0; i < ending.len; i++) {
        if (data[i] == '*') {
            data[i] = 'm';
        }
    }

    path.len = ending.len;
    path.data = data;

    return path;
}


static void
golden_case(golden_t *gc, const char *adapter, const char *name)
{
    int              i, found;
    char             dir[8192];
    struct dirent  **entries;

    snprintf(dir, sizeof(dir), "%s/%s", adapter, name);

    gc->name = strdup(strrchr(adapter, '/') + 1);
    gc->name = realloc(gc->name, strlen(gc->name) + strlen(name) + 2);

    strcat(strcat(gc->name, "/"), name);

    found = scandir(dir, &entries, golden_visible, alphasort);

    if (found < 0) {
        golden_die(gc->name, "not a directory");
    }

    for (i = 0; i < found; i++) {
        golden_file(gc, dir, entries[i]->d_name);
        free(entries[i]);
    }

    free(entries);

    if (gc->path.data == NULL) {
        gc->path = golden_path(gc->adapter->forms[0]->paths[0]);
    }

    golden_check(gc);
}


static void
golden_file(golden_t *gc, const char *dir, const char *name)
{
    char        tail;
    unsigned    k;
    llmb_str_t  text;

    text = golden_text(dir, name);

    if (sscanf(name, "in.%u.jso%c", &k, &tail) == 2 && tail == 'n'
        && k >= 1 && k <= GOLDEN_MAX_MEMBERS)
    {
        gc->members++;
        gc->in[k - 1] = text;

    } else if (sscanf(name, "out.%u.jso%c", &k, &tail) == 2 && tail == 'n'
               && k >= 1 && k <= GOLDEN_MAX_MEMBERS)
    {
        gc->outs++;
        gc->out[k - 1] = text;

    } else if (strcmp(name, "path") == 0) {
        gc->path = text;

    } else if (strcmp(name, "call_path") == 0) {
        gc->call_path = text;

    } else if (strcmp(name, "options") == 0) {
        golden_options(gc, text);

    } else if (strcmp(name, "merged.json") == 0) {
        gc->merged = text;

    } else if (strcmp(name, "answer.json") == 0) {
        gc->answer = text;

    } else if (strcmp(name, "reason") == 0) {
        gc->reason = golden_number(gc, llmb_reason_names, LLMB_REASON_N, text);

    } else if (strcmp(name, "mismatch") == 0) {
        gc->mismatch = golden_number(gc, llmb_mismatch_names, LLMB_MISMATCH_N,
                                     text);

    } else {
        golden_die(gc->name, name);
    }
}


static llmb_str_t
golden_text(const char *dir, const char *name)
{
    char        path[16384];
    FILE       *file;
    size_t      len;
    uint8_t    *data, *copy;
    llmb_str_t  text;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    file = fopen(path, "r");

    if (file == NULL) {
        golden_die(path, "cannot be read");
    }

    data = malloc(1 << 20);
    len = fread(data, 1, 1 << 20, file);
    fclose(file);

    if (len && data[len - 1] == '\n') {
        len--;
    }

    copy = malloc(len ? len : 1);
    memcpy(copy, data, len);
    free(data);

    text.len = len;
    text.data = copy;

    return text;
}


static void
golden_options(golden_t *gc, llmb_str_t text)
{
    char  *words, *word, *last;

    words = strndup((const char *) text.data, text.len);

    for (word = strtok_r(words, " \n", &last);
         word;
         word = strtok_r(NULL, " \n", &last))
    {
        if (strcmp(word, "dedup") == 0) {
            gc->dedup = 1;

        } else if (strcmp(word, "repair") == 0) {
            gc->repair = 1;

        } else if (strcmp(word, "token_ids") == 0) {
            gc->token_ids = 1;

        } else if (strcmp(word, "key") == 0) {
            gc->key = 1;

        } else {
            golden_die(gc->name, word);
        }
    }

    free(words);
    free((void *) text.data);
}


static unsigned
golden_number(golden_t *gc, const llmb_str_t *names, unsigned n,
    llmb_str_t text)
{
    unsigned  i;

    for (i = 1; i < n; i++) {

        if (names[i].len == text.len
            && memcmp(names[i].data, text.data, text.len) == 0)
        {
            break;
        }
    }

    if (i == n) {
        golden_die(gc->name, "reason or mismatch is an unknown word");
    }

    free((void *) text.data);

    return i;
}


static int
golden_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}


static void
golden_check(golden_t *gc)
{
    unsigned  k;

    for (k = 0; k < gc->members; k++) {
        if (gc->in[k].data == NULL) {
            golden_die(gc->name, "in.*.json are not numbered from 1");
        }
    }

    for (k = 0; k < gc->outs; k++) {
        if (gc->out[k].data == NULL) {
            golden_die(gc->name, "out.*.json are not numbered from 1");
        }
    }

    if (gc->reason) {

        if (gc->members != 1 || gc->outs || gc->mismatch
            || gc->merged.data || gc->answer.data || gc->call_path.data)
        {
            golden_die(gc->name, "a reason takes one in.1.json");
        }

        return;
    }

    if (gc->members == 0 || gc->answer.data == NULL
        || gc->outs != (gc->mismatch ? 0 : gc->members)
        || (gc->outs && gc->merged.data == NULL))
    {
        golden_die(gc->name, "is not complete");
    }
}


static void
golden_die(const char *where, const char *what)
{
    fprintf(stderr, "golden case %s: %s\n", where, what);
    exit(2);
}
