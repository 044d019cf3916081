
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * llm-batch-sim --help tells what it does.
 */


#include <stdlib.h>

#include "sim.h"


int
main(int argc, char **argv)
{
    uint32_t         i, j, n, rates, settings;
    sim_run_t       *runs;
    sim_trace_t     *traces;

    static sim_options_t  options;

    sim_options(&options, argc, argv);

    rates = llmb_max(options.generator.nrates, 1);
    settings = llmb_max(options.ncompared, 1);

    traces = sim_realloc(NULL, rates, sizeof(sim_trace_t));
    runs = sim_realloc(NULL, rates * settings, sizeof(sim_run_t));
    n = 0;

    for (i = 0; i < rates; i++) {

        if (options.generator.kind == SIM_GENERATE_NONE) {
            sim_trace_read(&traces[i], options.file, options.interval);

        } else {
            sim_generate(&traces[i], &options.generator,
                         options.generator.rates[i]);
        }

        for (j = 0; j < settings; j++, n++) {
            sim_run(&runs[n], &traces[i],
                    options.ncompared ? &options.compared[j]
                                      : &options.settings,
                    &options.backend);
            sim_summarize(&runs[n]);
        }
    }

    if (options.json) {
        sim_report_json(&options, runs, n);

    } else {
        sim_report(&options, runs, n);
    }

    if (options.plot) {
        sim_plot(&options, runs, n);
    }

    for (i = 0; i < n; i++) {
        sim_run_free(&runs[i]);
    }

    for (i = 0; i < rates; i++) {
        free(traces[i].requests);
    }

    free(runs);
    free(traces);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        sim_die(1, "the report could not be written");
    }

    return 0;
}
