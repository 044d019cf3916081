
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Requests: those of a trace, and those that are made by chance.  Times are in
 * microseconds from the first one, if nothing else is said.
 */


#ifndef _LOAD_H_INCLUDED_
#define _LOAD_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "llmb_reasons.h"


#define SIM_LOADS     32          /* of one sweep */
#define SIM_KEY_SIZE  4096


typedef enum {
    SIM_TOLERANCE_UNSET = 0,
    SIM_TOLERANCE_LOW,
    SIM_TOLERANCE_MEDIUM,
    SIM_TOLERANCE_HIGH
} sim_tolerance_e;


typedef struct {
    uint32_t          order;      /* in which they were read */
    const char       *id;         /* NULL: its order, from 1 on */
    const char       *model;      /* "" if it has none, as the task */
    const char       *task;
    const char       *key;        /* of who may share a call; or NULL */
    uint64_t          number;     /* of a key by chance; 0: there is none */
    uint32_t          client;     /* of those that wait for their answers */
    uint32_t          kind;       /* of model, by chance, from 0 on */
    uint32_t          items;
    uint64_t          at;
    uint64_t          tokens;     /* of all items */
    uint64_t          bytes;      /* as they are */
    uint64_t          budget;     /* ms; 0: none */
    sim_tolerance_e   tolerance;
    unsigned          priority;
    llmb_reason_e     reason;     /* for which no settings would hold it */
} sim_request_t;


typedef struct sim_maker_s  sim_maker_t;


typedef struct {
    const char       *source;
    sim_request_t    *requests;   /* in the order of their coming */
    uint32_t          n;
    uint32_t          room;
    uint32_t          skipped;    /* lines of a log that are not about us */
    uint32_t          unkeyed;    /* requests that could be held, of which it
                                     is not known who may share their calls */
    uint64_t          span;       /* from the first to the last */
    double            load;       /* of a generator: requests per second, or
                                     clients; 0: it was read */
    uint64_t          seed;
    sim_maker_t      *maker;      /* clients that wait for their answers make
                                     it while it runs; or NULL */
} sim_trace_t;


typedef enum {
    SIM_GENERATE_NONE = 0,
    SIM_GENERATE_POISSON,
    SIM_GENERATE_BURSTS,
    SIM_GENERATE_HEAVY,
    SIM_GENERATE_CLIENTS          /* that wait for their answers */
} sim_generate_e;


typedef struct {
    sim_generate_e    kind;
    double            loads[SIM_LOADS];   /* requests per second, or clients */
    uint32_t          nloads;
    double            seconds;
    double            burst;      /* mean size */
    double            tokens;     /* mean of an item */
    double            items;      /* mean of a request */
    uint32_t          models;
    uint32_t          keys;       /* 0: no key but the model */
    unsigned          unique;     /* each request has its own */
    double            zipf;       /* of keys: the exponent; 0: all alike */
    double            think;      /* of a client: mean us from an answer to
                                     its next request */
    uint64_t          budget_min; /* ms; 0: none */
    uint64_t          budget_max;
    uint64_t          seed;
} sim_generator_t;


/* random.c: the same seed gives the same numbers */
double sim_uniform(uint64_t *state);
double sim_exponential(uint64_t *state, double mean);
double sim_pareto(uint64_t *state, double mean);

/* trace.c, fields.c */
void sim_trace_read(sim_trace_t *trace, const char *file, uint64_t interval);
sim_request_t *sim_trace_add(sim_trace_t *trace);
void sim_trace_sort(sim_trace_t *trace);
/* what a request is called; those by chance have numbers */
const char *sim_request_id(const sim_request_t *rq, char *buf, size_t size);

/* key.c: who may share its call, as a text, which may be in "buf"; its hash */
llmb_str_t sim_key(const sim_request_t *rq, char *buf, size_t size);
uint64_t sim_key_hash(const sim_request_t *rq);

/* of its model, by which the costs of calls differ */
uint64_t sim_model_hash(const sim_request_t *rq);

/* generate.c: the trace of clients is empty, they make one in each run */
sim_maker_t *sim_maker_create(const sim_generator_t *generator);
void sim_maker_free(sim_maker_t *maker);
const sim_generator_t *sim_maker_of(const sim_maker_t *maker);
sim_request_t *sim_make(sim_trace_t *trace, const sim_maker_t *maker,
    uint64_t *seed);
void sim_generate(sim_trace_t *trace, sim_maker_t *maker, double load,
    uint64_t seed);


#endif /* _LOAD_H_INCLUDED_ */
