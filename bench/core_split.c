
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * How fast an answer of 16 MB is checked and cut for all members, against
 * jansson, which reads and writes it once, and against memcpy().
 * Instructions are counted by callgrind, if valgrind is there; without those
 * of memcpy(), of which it counts one for each byte.
 */


#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/llmb_adapters.h"
#include "llmb_counts.h"
#include "llmb_split.h"
#include "llmb_split_write.h"


#define SIZE     (16 * 1024 * 1024)
#define NUMBERS  1024
#define EACH     8                /* items of a member */
#define RUNS     5


typedef struct {
    const char            *name;
    const llmb_adapter_t  *adapter;
    const char            *format;    /* of a number; NULL: base64 */
    const char            *comma;
    unsigned               repair;
} shape_t;


typedef struct {
    char                  *text;
    size_t                 len;
    uint32_t               items;
    uint32_t               members;
    llmb_split_conf_t      conf;
    llmb_share_t          *shares;
    void                  *room;
    uint8_t               *out;
    size_t                 size;
    size_t                 pos;
    unsigned               counting;  /* instructions, not time */
} job_t;


static const shape_t  shapes[] = {
    { "base64", &llmb_adapter_openai_embeddings, NULL, ",", 0 },
    { "floats, compact", &llmb_adapter_openai_embeddings, "%.9g", ",", 0 },
    { "floats, 17 digits", &llmb_adapter_openai_embeddings, "%.17g", ",", 0 },
    { "floats, spaced", &llmb_adapter_openai_embeddings, "%.9g", ", ", 0 },
    { "floats, bare array", &llmb_adapter_tei_embed, "%.8f", ",", 0 },
    { "floats to base64", &llmb_adapter_openai_embeddings, "%.9g", ",", 1 }
};


int split_once(job_t *job);


static size_t
write_vector(char *p, const shape_t *shape)
{
    char         *start = p;
    double        value;
    unsigned      i;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    if (shape->format == NULL) {
        *p++ = '"';

        for (i = 0; i < (NUMBERS * 4 + 2) / 3 * 4; i++) {
            *p++ = alphabet[rand() % 64];
        }

        *p++ = '"';

        return (size_t) (p - start);
    }

    *p++ = '[';

    for (i = 0; i < NUMBERS; i++) {
        value = ((double) rand() / RAND_MAX - 0.5) / 8;

        /* a float is what servers begin with */

        p += sprintf(p, shape->format, (double) (float) value);

        if (i + 1 < NUMBERS) {
            p += sprintf(p, "%s", shape->comma);
        }
    }

    *p++ = ']';

    return (size_t) (p - start);
}


static void
make_answer(job_t *job, const shape_t *shape)
{
    char      *p;
    unsigned   bare = (shape->adapter == &llmb_adapter_tei_embed);

    job->text = malloc(SIZE + 65536);
    p = job->text;

    p += sprintf(p, bare ? "[" : "{\"object\":\"list\",\"data\":[");

    for (job->items = 0; p - job->text < SIZE; job->items++) {

        if (job->items) {
            *p++ = ',';
        }

        if (!bare) {
            p += sprintf(p, "{\"object\":\"embedding\",\"index\":%u,"
                            "\"embedding\":", job->items);
        }

        p += write_vector(p, shape);

        if (!bare) {
            *p++ = '}';
        }
    }

    p += sprintf(p, bare ? "]" : "],\"model\":\"m\",\"usage\":"
                                 "{\"prompt_tokens\":9999,"
                                 "\"total_tokens\":9999}}");

    job->len = (size_t) (p - job->text);
}


static void
make_job(job_t *job, const shape_t *shape)
{
    uint32_t       i;
    llmb_share_t  *share;

    memset(job, 0, sizeof(job_t));
    srand(1);

    make_answer(job, shape);

    job->shares = calloc(job->items, sizeof(llmb_share_t));

    for (i = 0; i < job->items; i += EACH) {
        share = &job->shares[job->members++];

        share->first = i;
        share->items = (job->items - i < EACH) ? job->items - i : EACH;
        share->tokens = share->items * 10;
    }

    job->conf.form = shape->adapter->forms[0];
    job->conf.items = job->items;
    job->conf.per = 1;
    job->conf.base64 = shape->repair;
    job->conf.repair = shape->repair;

    job->room = malloc(llmb_split_room(&job->conf));

    job->size = 2 * job->len;
    job->out = malloc(job->size);

    memset(job->out, 0, job->size);
}


static void
free_job(job_t *job)
{
    free(job->text);
    free(job->shares);
    free(job->room);
    free(job->out);
}


static llmb_rc_e
append(void *data, const uint8_t *p, size_t len)
{
    job_t  *job = data;

    if (len > job->size - job->pos) {
        return LLMB_NOMEM;
    }

    if (!job->counting) {
        memcpy(job->out + job->pos, p, len);
    }

    job->pos += len;

    return LLMB_OK;
}


__attribute__((noinline)) int
split_once(job_t *job)
{
    uint32_t       k;
    llmb_sink_t    sink;
    llmb_split_t   split;
    const uint8_t *base = (const uint8_t *) job->text;

    sink.write = append;
    sink.data = job;

    job->pos = 0;

    llmb_split_init(&split, &job->conf, job->room);

    if (llmb_split_read(&split, base, job->len, 1) != LLMB_OK) {
        return -1;
    }

    llmb_counts_weigh(&split, base, job->shares, job->members);

    for (k = 0; k < job->members; k++) {

        if (llmb_split_write(&split, base, job->shares, job->members, k,
                             &sink)
            != LLMB_OK)
        {
            return -1;
        }
    }

    return 0;
}


static int
jansson_append(const char *p, size_t len, void *data)
{
    return append(data, (const uint8_t *) p, len) == LLMB_OK ? 0 : -1;
}


static int
jansson_once(job_t *job)
{
    int      rc;
    json_t  *root;

    job->pos = 0;

    root = json_loadb(job->text, job->len, 0, NULL);
    rc = json_dump_callback(root, jansson_append, job, JSON_COMPACT);
    json_decref(root);

    return rc;
}


static int
memcpy_once(job_t *job)
{
    memcpy(job->out, job->text, job->len);

    /* or it would not be done */

    __asm__ volatile ("" : : "r" (job->out) : "memory");

    return 0;
}


/* the shortest time of several, in seconds of this process */

static double
measure(int (*once)(job_t *job), job_t *job, unsigned runs)
{
    double           took, best;
    struct timespec  start, end;

    best = 0;

    while (runs--) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);

        if (once(job) != 0) {
            fprintf(stderr, "bench: the answer was not taken\n");
            exit(1);
        }

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);

        took = (double) (end.tv_sec - start.tv_sec)
               + (double) (end.tv_nsec - start.tv_nsec) / 1e9;

        if (best == 0 || took < best) {
            best = took;
        }
    }

    return best;
}


/* instructions for each byte, in user space; 0 if nobody can tell */

static double
instructions(const char *self, unsigned i, size_t len)
{
    char     command[512], line[256], *p;
    FILE    *pipe;
    double   n;

    snprintf(command, sizeof(command),
             "valgrind --tool=callgrind --callgrind-out-file=/dev/null "
             "--toggle-collect=split_once '%s' once %u 2>&1", self, i);

    pipe = popen(command, "r");
    if (pipe == NULL) {
        return 0;
    }

    n = 0;

    while (fgets(line, sizeof(line), pipe)) {
        p = strstr(line, "Collected :");

        if (p) {
            n = atof(p + sizeof("Collected :") - 1);
        }
    }

    pclose(pipe);

    return n / (double) len;
}


int
main(int argc, char **argv)
{
    job_t     job;
    double    split, jansson, copy, count;
    unsigned  i;

    if (argc == 3 && strcmp(argv[1], "once") == 0) {
        make_job(&job, &shapes[atoi(argv[2])]);
        job.counting = 1;
        i = (split_once(&job) != 0);
        free_job(&job);
        return (int) i;
    }

    printf("%-20s %6s %8s %8s %9s %8s %9s\n", "answer of 16 MB", "items",
           "split", "GB/s", "jansson", "memcpy", "insn/byte");

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        make_job(&job, &shapes[i]);

        split = measure(split_once, &job, RUNS);
        jansson = measure(jansson_once, &job, 2);
        copy = measure(memcpy_once, &job, RUNS);
        count = instructions(argv[0], i, job.len);

        printf("%-20s %6u %5.1f ms %8.2f %7.1f x %6.2f x", shapes[i].name,
               job.items, split * 1e3, (double) job.len / split / 1e9,
               jansson / split, copy / split);

        if (count > 0) {
            printf(" %9.2f\n", count);

        } else {
            printf(" %9s\n", "-");
        }

        fflush(stdout);
        free_job(&job);
    }

    return 0;
}
