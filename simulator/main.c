
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * llm-batch-sim --help tells what it does.
 */


#include <stdlib.h>

#include "suggest.h"


static void sim_run_all(const sim_options_t *options, sim_runs_t *runs,
    sim_trace_t *traces);
static void sim_run_trace(const sim_options_t *options, sim_runs_t *runs,
    sim_trace_t *trace, uint32_t load, uint32_t seed);


int
main(int argc, char **argv)
{
    uint32_t      i, n;
    sim_runs_t    runs;
    sim_trace_t  *traces;

    static sim_options_t  options;

    sim_options(&options, argc, argv);

    runs.loads = llmb_max(options.generator.nloads, 1);
    runs.settings = llmb_max(options.ncompared, 1);
    runs.seeds = options.seeds;

    n = runs.loads * runs.seeds;

    traces = sim_realloc(NULL, n, sizeof(sim_trace_t));
    runs.all = sim_realloc(NULL, n * runs.settings, sizeof(sim_run_t));

    sim_run_all(&options, &runs, traces);

    if (options.json) {
        sim_report_json(&options, &runs);

    } else {
        sim_report(&options, &runs);
    }

    if (options.plot) {
        sim_plot(&options, &runs);
    }

    if (options.frontier) {
        sim_frontier(&options, &runs);
    }

    for (i = 0; i < n * runs.settings; i++) {
        sim_run_free(&runs.all[i]);
    }

    for (i = 0; i < n; i++) {
        if (i == 0 || traces[i].load > 0) {
            free(traces[i].requests);
        }
    }

    free(runs.all);
    free(traces);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        sim_die(1, "the report could not be written");
    }

    return 0;
}


static void
sim_run_all(const sim_options_t *options, sim_runs_t *runs,
    sim_trace_t *traces)
{
    uint32_t      i, k;
    sim_trace_t  *trace;
    sim_maker_t  *maker;

    maker = sim_maker_create(&options->generator);

    for (i = 0; i < runs->loads; i++) {

        for (k = 0; k < runs->seeds; k++) {
            trace = &traces[i * runs->seeds + k];

            if (options->generator.kind != SIM_GENERATE_NONE) {
                sim_generate(trace, maker, options->generator.loads[i],
                             options->generator.seed + k);

            } else if (k == 0) {
                sim_trace_read(trace, options->file, options->interval);

            } else {
                *trace = traces[0];
            }

            trace->seed = options->generator.seed + k;

            sim_run_trace(options, runs, trace, i, k);
        }
    }

    sim_maker_free(maker);
}


/* with all settings; what no report asks for is not kept */

static void
sim_run_trace(const sim_options_t *options, sim_runs_t *runs,
    sim_trace_t *trace, uint32_t load, uint32_t seed)
{
    double          worst;
    uint32_t        j;
    sim_run_t      *run;
    sim_backend_t   backend;

    backend = options->backend;
    backend.seed += seed;

    for (j = 0; j < runs->settings; j++) {
        run = sim_run_of(runs, load, j, seed);

        sim_run(run, trace, options->ncompared ? &options->compared[j]
                                               : &options->settings, &backend);
        sim_summarize(run);

        if (options->bound) {
            worst = options->limited ? (double) options->slower * 1000
                                     : sim_bound_worst(run, &backend);
            run->summary.worst = worst / 1000;
            run->summary.least = sim_bound(run, &backend, worst);
        }

        if (options->frontier && j == 0 && trace->maker == NULL) {
            sim_frontier_bound(options, runs, load, run, &backend);
        }

        if (options->brief) {
            sim_run_forget(run);
        }
    }

    if (options->brief && trace->load > 0) {
        free(trace->requests);
        trace->requests = NULL;
    }
}
