
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * llm-batch-sim: what the scheduler that ships would have done with the
 * requests of a trace.  Times are in microseconds from the first request, if
 * nothing else is said.  Those that include engine.h alone know the
 * scheduler.
 */


#ifndef _SIM_H_INCLUDED_
#define _SIM_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "load.h"


#define SIM_NIL       UINT32_MAX
#define SIM_COMPARED  64
#define SIM_TASKS     64
#define SIM_SEEDS     1000
#define SIM_COSTS     16
#define SIM_NODES     1000


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
    uint32_t          split;      /* calls that a request may become; 0: it is
                                     not cut */
    uint64_t          max_tokens;
    uint64_t          max_wait;
    uint32_t          patience;   /* percent */
    unsigned          spend;      /* budgets, on that */
    uint64_t          latency_budget;
    uint64_t          latency_threshold;
    sim_tolerance_e   tolerance;
    const char       *tasks[SIM_TASKS];
    uint32_t          ntasks;     /* 0: any */
    uint64_t          zone;       /* bytes, of each node; 0: enough */
    uint32_t          nodes;
    unsigned          by_key;     /* a request comes to the node of its key */
} sim_settings_t;


/* a call takes fixed + each * items + token * tokens; us */

typedef struct {
    double            fixed;
    double            each;
    double            token;
} sim_cost_t;


/* what calls go to */

typedef struct {
    sim_cost_t        costs[SIM_COSTS];   /* of models, in turn */
    uint32_t          ncosts;
    uint32_t          parallel;   /* calls at a time; 0: any number */
    double            jitter;     /* share by which a time may differ */
    double            reject;     /* share of calls that are answered 429 */
    double            limit;      /* calls per second above which all are */
    uint32_t          most;       /* items that it takes in a call; 0: any */
    uint64_t          retry;      /* ms of their Retry-After; 0: none */
    uint64_t          seed;
} sim_backend_t;


#define sim_cost_of(backend, kind)                                            \
    (&(backend)->costs[(kind) % (backend)->ncosts])


/* one call, or one request that went by itself */

typedef struct {
    uint64_t          sent;
    uint64_t          done;
    uint64_t          tokens;
    uint32_t          first;      /* of its requests, in members[] */
    uint32_t          size;       /* how many these are */
    uint32_t          items;
    uint32_t          node;
    unsigned          status;     /* of HTTP */
    llmb_status_e     how;        /* of its requests */
    llmb_close_e      close;
    llmb_reason_e     reason;
} sim_batch_t;


typedef struct {
    uint64_t          sent;       /* the last of it */
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
    uint64_t          items;      /* of calls */
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
    uint32_t          least;      /* calls, of any policy, if nobody */
    double            worst;      /* is slower by more; ms */
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
    sim_trace_t           *own;         /* that clients have made, of which
                                           "trace" is then the same */
    const sim_settings_t  *settings;
    sim_served_t          *served;      /* for each request of the trace */
    sim_batch_t           *batches;     /* in the order of their sending */
    uint32_t               nbatches;
    uint32_t               room;
    uint32_t              *members;     /* requests */
    uint32_t               nmembers;
    uint32_t               member_room;
    uint32_t               served_room;
    sim_learned_t          learned;
    sim_summary_t          summary;
} sim_run_t;


/* all of them: of each load, those of each setting, of which those of seeds */

typedef struct {
    sim_run_t             *all;
    uint32_t               loads;
    uint32_t               settings;
    uint32_t               seeds;
} sim_runs_t;

#define sim_run_of(runs, load, setting, i)                                    \
    (&(runs)->all[((load) * (runs)->settings + (setting)) * (runs)->seeds     \
                  + (i)])


/* a figure of a summary, over the seeds */

typedef double (*sim_figure_pt)(const sim_summary_t *s);

typedef struct {
    double                 mean;
    double                 min;
    double                 max;
} sim_range_t;


typedef struct {
    const char            *file;
    sim_settings_t         settings;
    sim_settings_t         compared[SIM_COMPARED];
    uint32_t               ncompared;
    sim_backend_t          backend;
    sim_generator_t        generator;
    uint32_t               seeds;
    unsigned               bound;       /* is to be told, */
    unsigned               limited;     /* with nobody slower */
    uint64_t               slower;      /* than by that; ms */
    unsigned               rated;       /* what was said: --rate, */
    unsigned               generated;   /* --generate, */
    unsigned               thinks;      /* and --think */
    uint64_t               interval;    /* between texts without a time */
    const char            *plot;
    const char            *frontier;
    unsigned               suggest;
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
unsigned sim_cost(const char *s, sim_cost_t *cost);
unsigned sim_tolerance(const char *s, sim_tolerance_e *tolerance);

/* options.c, settings.c */
void sim_options(sim_options_t *options, int argc, char **argv);
void sim_settings_init(sim_settings_t *settings);
unsigned sim_setting(sim_settings_t *settings, const char *name,
    const char *value, const char **problem);
void sim_settings_words(sim_settings_t *settings, const char *words);
const char *sim_window_text(const sim_settings_t *settings, char *buf,
    size_t size);

/* engine.c: runs the trace until everybody has an answer */
void sim_run(sim_run_t *run, const sim_trace_t *trace,
    const sim_settings_t *settings, const sim_backend_t *backend);
/* forget() leaves the summary, and what was learned */
void sim_run_forget(sim_run_t *run);
void sim_run_free(sim_run_t *run);

/*
 * bound.c: the most us by which anybody was slower because of others; and the
 * least calls of any policy with which nobody is slower by more than "worst"
 */
double sim_bound_worst(const sim_run_t *run, const sim_backend_t *backend);
uint32_t sim_bound(const sim_run_t *run, const sim_backend_t *backend,
    double worst);

/* summary.c */
void sim_summarize(sim_run_t *run);
sim_range_t sim_range(const sim_runs_t *runs, uint32_t load, uint32_t setting,
    sim_figure_pt figure);

/* report.c, report_json.c, plot.c: of all runs */
void sim_report(const sim_options_t *options, const sim_runs_t *runs);
void sim_report_json(const sim_options_t *options, const sim_runs_t *runs);
void sim_plot(const sim_options_t *options, const sim_runs_t *runs);


#endif /* _SIM_H_INCLUDED_ */
