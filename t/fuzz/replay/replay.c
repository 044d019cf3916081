
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Runs the inputs in files and directories through a fuzz target, without
 * libFuzzer, so that any compiler and valgrind can do it:
 *
 *     replay path ...
 */


#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static unsigned  runs;


static int
replay_file(const char *path, size_t size)
{
    int       rc;
    FILE     *file;
    uint8_t  *data;

    file = fopen(path, "rb");
    data = malloc(size + !size);

    rc = (file == NULL || data == NULL || fread(data, 1, size, file) != size);

    if (rc) {
        perror(path);

    } else {
        LLVMFuzzerTestOneInput(data, size);
        runs++;
    }

    if (file) {
        fclose(file);
    }

    free(data);

    return rc;
}


static int
replay(const char *path)
{
    int             rc;
    DIR            *dir;
    char            name[4096];
    struct stat     st;
    struct dirent  *entry;

    if (stat(path, &st) != 0) {
        perror(path);
        return 1;
    }

    if (!S_ISDIR(st.st_mode)) {
        return replay_file(path, (size_t) st.st_size);
    }

    dir = opendir(path);

    if (dir == NULL) {
        perror(path);
        return 1;
    }

    rc = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            rc |= replay(name);
        }
    }

    closedir(dir);

    return rc;
}


int
main(int argc, char **argv)
{
    int  i, rc;

    for (rc = 0, i = 1; i < argc; i++) {
        rc |= replay(argv[i]);
    }

    printf("%u inputs\n", runs);

    return rc;
}
