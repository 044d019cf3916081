
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Texts are put in memory of their exact size, so that the address sanitizer
 * sees who reads on behind the end.
 */


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat_data.h"


static void chat_case(const llmb_generate_t *format, const char *dir,
    void (*see)(const chat_file_t *file));
static llmb_str_t chat_text(const char *name);
static int chat_visible(const struct dirent *entry);


void
chat_files(void (*see)(const chat_file_t *file))
{
    int              i, n;
    char             dir[256], name[512];
    unsigned         k;
    struct dirent  **entries;

    for (k = 0; k < llmb_ngenerate; k++) {
        snprintf(dir, sizeof(dir), "%s/%.*s", TEST_DATA,
                 (int) llmb_generate[k].name.len,
                 (const char *) llmb_generate[k].name.data);

        n = scandir(dir, &entries, chat_visible, alphasort);

        if (n <= 0) {
            fprintf(stderr, "%s: no cases\n", dir);
            exit(1);
        }

        for (i = 0; i < n; i++) {
            snprintf(name, sizeof(name), "%s/%.200s", dir,
                     entries[i]->d_name);
            chat_case(&llmb_generate[k], name, see);
            free(entries[i]);
        }

        free(entries);
    }
}


static void
chat_case(const llmb_generate_t *format, const char *dir,
    void (*see)(const chat_file_t *file))
{
    int              i, n;
    chat_file_t      file;
    struct dirent  **entries;

    n = scandir(dir, &entries, chat_visible, alphasort);

    file.format = format;
    snprintf(file.dir, sizeof(file.dir), "%s", dir);

    for (i = 0; i < n; i++) {
        snprintf(file.name, sizeof(file.name), "%.255s/%.200s", dir,
                 entries[i]->d_name);

        file.file = entries[i]->d_name;
        file.text = chat_text(file.name);

        see(&file);

        free((void *) file.text.data);
        free(entries[i]);
    }

    free(entries);
}


llmb_str_t
chat_other(const chat_file_t *file, const char *name)
{
    char  path[1024];

    snprintf(path, sizeof(path), "%s/%s", file->dir, name);

    return chat_text(path);
}


static llmb_str_t
chat_text(const char *name)
{
    long         size;
    FILE        *f;
    uint8_t     *p;
    llmb_str_t   text;

    text.data = NULL;
    text.len = 0;

    f = fopen(name, "rb");

    if (f == NULL) {
        return text;
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    p = malloc(size ? (size_t) size : 1);
    text.len = fread(p, 1, (size_t) size, f);
    text.data = p;

    fclose(f);

    return text;
}


static int
chat_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}
