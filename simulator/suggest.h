
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Settings that are worth a try, and what is made of the runs with them.
 */


#ifndef _SUGGEST_H_INCLUDED_
#define _SUGGEST_H_INCLUDED_


#include "sim.h"


/* in the order in which they are told */

typedef enum {
    SIM_CHOICE_FEWEST = 0,        /* calls, with p99 within the limit */
    SIM_CHOICE_BALANCED,          /* calls times latency is the least */
    SIM_CHOICE_FASTEST,           /* latency is the lowest */
    SIM_CHOICES
} sim_choice_e;


/* candidates.c: adds them to those that are compared */
void sim_candidates_suggest(sim_options_t *options);
void sim_candidates_frontier(sim_options_t *options);

/* ms of a call of one request, if nobody is in its way */
double sim_lone(const sim_options_t *options);

/* suggest.c: "limit" becomes the highest p99 of SIM_CHOICE_FEWEST */
uint32_t sim_choose(const sim_options_t *options, const sim_runs_t *runs,
    uint32_t load, sim_choice_e choice, double *limit);
const char *sim_choice_name(sim_choice_e choice);
void sim_suggest(const sim_options_t *options, const sim_runs_t *runs);

/* frontier.c: the bound with nobody slower by each of several times */
void sim_frontier_bound(const sim_options_t *options, const sim_runs_t *runs,
    uint32_t load, const sim_run_t *run, const sim_backend_t *backend);
/* a picture of calls for each request against added latency */
void sim_frontier(const sim_options_t *options, const sim_runs_t *runs);


#endif /* _SUGGEST_H_INCLUDED_ */
