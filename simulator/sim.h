
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * llm-batch-sim: what the scheduler that ships would have done with the
 * requests of a trace.  Times are in microseconds from the first request, if
 * nothing else is said.  engine.c and flight.c alone know the
 * scheduler.
 */


#ifndef _SIM_H_INCLUDED_
#define _SIM_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "llmb_reasons.h"


#define SIM_NIL       UINT32_MAX
#define SIM_RATES     32          /* of one sweep */
#define SIM_COMPARED  64
#define SIM_TASKS     64


typedef enum {
    SIM_TOLERANCE_UNSET = 0,
    SIM_TOLERANCE_LOW,
    SIM_TOLERANCE_MEDIUM,
    SIM_TOLERANCE_HIGH
} sim_tolerance_e;


typedef struct {
    uint32_t          order;      /* in which they were read */
    const char       *id;
    const char       *model;      /* "" if it has none, as the task */
    const char       *task;
    uint64_t          at;
    uint64_t          tokens;
    uint64_t          bytes;      /* of its item */
    uint64_t          budget;     /* ms; 0: none */
    sim_tolerance_e   tolerance;
    unsigned          priority;
    llmb_reason_e     reason;     /* for which no settings would hold it */
} sim_request_t;


typedef struct {
    const char       *source;
    sim_request_t    *requests;   /* in the order of their coming */
    uint32_t          n;
    uint32_t          room;
    uint32_t          skipped;    /* lines of a log that are not about us */
    double            rate;       /* of a generator; 0: there is none */
} sim_trace_t;


typedef enum {
    SIM_WINDOW_NONE = 0,          /* nothing is held */
    SIM_WINDOW_SLOT,
    SIM_WINDOW_FIXED,
    SIM_WINDOW_RATE
} sim_window_e;


/* the directives; ms for times */

typedef struct {
    const char       *name;
    sim_window_e      window;
    double            rate;       /* calls per second */
    unsigned          automatic;  /* concurrency is the most there may be */
    uint32_t          concurrency;
    uint32_t          min_size;
    uint32_t          max_size;
    uint64_t          max_tokens;
    uint64_t          max_wait;
    uint64_t          latency_budget;
    uint64_t          latency_threshold;
    sim_tolerance_e   tolerance;
    const char       *tasks[SIM_TASKS];
    uint32_t          ntasks;     /* 0: any */
    uint64_t          zone;       /* bytes */
} sim_settings_t;


/* what calls go to; a call takes fixed + each * items + token * tokens */

typedef struct {
    double            fixed;      /* us, as all three */
    double            each;
    double            token;
    uint32_t          parallel;   /* calls at a time; 0: any number */
    double            jitter;     /* share by which a time may differ */
    double            reject;     /* share of calls that are answered 429 */
    double            limit;      /* calls per second above which all are */
    uint64_t          retry;      /* ms of their Retry-After; 0: none */
    uint64_t          seed;
} sim_backend_t;


typedef enum {
    SIM_GENERATE_NONE = 0,
    SIM_GENERATE_POISSON,
    SIM_GENERATE_BURSTS,
    SIM_GENERATE_HEAVY
} sim_generate_e;


typedef struct {
    sim_generate_e    kind;
    double            rates[SIM_RATES];
    uint32_t          nrates;
    double            seconds;
    double            burst;      /* mean size */
    double            tokens;     /* mean of a request */
    uint32_t          models;
    uint64_t          budget_min; /* ms; 0: none */
    uint64_t          budget_max;
    uint64_t          seed;
} sim_generator_t;


/* one call, or one request that went by itself */

typedef struct {
    uint64_t          sent;
    uint64_t          done;
    uint64_t          tokens;
    uint32_t          first;      /* of its requests, in members[] */
    uint32_t          size;
    unsigned          status;     /* of HTTP */
    llmb_status_e     how;        /* of its requests */
    llmb_close_e      close;
    llmb_reason_e     reason;
} sim_batch_t;


typedef struct {
    uint64_t          sent;
    uint64_t          done;
    uint32_t          batch;      /* the last one, if there were several */
    unsigned          served;
    unsigned          status;     /* of HTTP */
    llmb_status_e     how;
    llmb_reason_e     reason;
} sim_served_t;


typedef struct {
    double            p50;        /* ms */
    double            p95;
    double            p99;
    double            max;
} sim_spread_t;


typedef struct {
    uint32_t          requests;
    uint32_t          calls;
    uint32_t          rejected;   /* requests that were answered 429 */
    uint32_t          busy;       /* calls that were */
    uint64_t          tokens;
    double            calls_per_request;
    double            items_per_call;
    double            calls_per_second;
    uint32_t          close[LLMB_CLOSE_N];      /* calls */
    uint32_t          how[LLMB_STATUS_N];       /* requests */
    uint32_t          reason[LLMB_REASON_N];    /* requests not held */
    sim_spread_t      wait;
    sim_spread_t      latency;
    uint32_t          budgets;    /* requests that had one */
    uint32_t          missed;
    uint32_t          held;       /* of these, only since they were held */
} sim_summary_t;


/* by the group that made the last call, at the end */

typedef struct {
    uint32_t          concurrency;    /* 0: there was none */
    unsigned          cost;           /* it is known */
    double            fixed;          /* us */
    double            each;
} sim_learned_t;


typedef struct {
    const sim_trace_t     *trace;
    const sim_settings_t  *settings;
    sim_served_t          *served;      /* for each request of the trace */
    sim_batch_t           *batches;     /* in the order of their sending */
    uint32_t               nbatches;
    uint32_t               room;
    uint32_t              *members;     /* requests */
    uint32_t               nmembers;
    uint32_t               member_room;
    sim_learned_t          learned;
    sim_summary_t          summary;
} sim_run_t;


typedef struct {
    const char            *file;
    sim_settings_t         settings;
    sim_settings_t         compared[SIM_COMPARED];
    uint32_t               ncompared;
    sim_backend_t          backend;
    sim_generator_t        generator;
    uint64_t               interval;    /* between texts without a time */
    const char            *plot;
    unsigned               json;
    unsigned               brief;       /* no batches */
} sim_options_t;


/* prints a message and ends the command: 1 for what it reads, 2 for its use */
void sim_die(int code, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/*
 * Prints what may come from anybody, with control characters, which terminals
 * obey, as "\x1b"; padded to the width.
 */
void sim_print(FILE *out, const char *text, int width);

void *sim_realloc(void *p, size_t n, size_t size);
char *sim_strdup(const char *s, size_t len);

/* values.c: each tells whether the text is one, within its bounds */
unsigned sim_number(const char *s, double min, double max, double *value);
unsigned sim_integer(const char *s, uint64_t min, uint64_t max,
    uint64_t *value);
unsigned sim_time(const char *s, uint64_t max, uint64_t *ms);
unsigned sim_size(const char *s, uint64_t min, uint64_t max, uint64_t *bytes);
unsigned sim_share(const char *s, double *share);
unsigned sim_rate(const char *s, double *per_second);
unsigned sim_cost(const char *s, sim_backend_t *backend);
unsigned sim_tolerance(const char *s, sim_tolerance_e *tolerance);

/* random.c: the same seed gives the same numbers */
double sim_uniform(uint64_t *state);
double sim_exponential(uint64_t *state, double mean);
double sim_pareto(uint64_t *state, double mean);

/* options.c, settings.c */
void sim_options(sim_options_t *options, int argc, char **argv);
void sim_settings_init(sim_settings_t *settings);
unsigned sim_setting(sim_settings_t *settings, const char *name,
    const char *value, const char **problem);
void sim_settings_words(sim_settings_t *settings, const char *words);
const char *sim_window_text(const sim_settings_t *settings, char *buf,
    size_t size);

/* trace.c, fields.c, generate.c */
void sim_trace_read(sim_trace_t *trace, const char *file, uint64_t interval);
sim_request_t *sim_trace_add(sim_trace_t *trace);
void sim_trace_sort(sim_trace_t *trace);
void sim_generate(sim_trace_t *trace, const sim_generator_t *generator,
    double rate);

/* engine.c: runs the trace until everybody has an answer */
void sim_run(sim_run_t *run, const sim_trace_t *trace,
    const sim_settings_t *settings, const sim_backend_t *backend);
void sim_run_free(sim_run_t *run);

/* summary.c */
void sim_summarize(sim_run_t *run);

/* report.c, report_json.c, plot.c: of all runs */
void sim_report(const sim_options_t *options, const sim_run_t *runs,
    uint32_t n);
void sim_report_json(const sim_options_t *options, const sim_run_t *runs,
    uint32_t n);
void sim_plot(const sim_options_t *options, const sim_run_t *runs, uint32_t n);


#endif /* _SIM_H_INCLUDED_ */
