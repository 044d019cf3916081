
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * Those of the settings that were tried that an operator would choose.
 */


#include <math.h>
#include <string.h>

#include "suggest.h"


/* by which p99 may be above the lowest, if nobody says by how much */

#define SIM_ABOVE    0.2

/* what is so close is as good; and so many requests may get 429, or be late */

#define SIM_CLOSE    1.005
#define SIM_FEW      0.001
#define SIM_MANY     0.01

/* calls for each request above which there is nothing to be saved */

#define SIM_NOTHING  0.95


/* what was measured, in the mean of all seeds */

typedef struct {
    double    calls;
    double    p50;
    double    p99;
    double    failed;             /* the share that was refused, or late */
} sim_measured_t;


static sim_measured_t sim_measured(const sim_runs_t *runs, uint32_t load,
    uint32_t setting);
static double sim_choice_cost(const sim_measured_t *m, sim_choice_e choice);
static void sim_suggest_load(const sim_options_t *options,
    const sim_runs_t *runs, uint32_t load);
static void sim_suggest_why(const sim_options_t *options, sim_choice_e choice,
    double limit);
static void sim_suggest_lines(const char *words);


static double
sim_figure_calls(const sim_summary_t *s)
{
    return s->calls_per_request;
}


static double
sim_figure_p50(const sim_summary_t *s)
{
    return s->latency.p50;
}


static double
sim_figure_p99(const sim_summary_t *s)
{
    return s->latency.p99;
}


static double
sim_figure_failed(const sim_summary_t *s)
{
    return (double) (s->rejected + s->missed) / s->requests;
}


static sim_measured_t
sim_measured(const sim_runs_t *runs, uint32_t load, uint32_t setting)
{
    sim_measured_t  m;

    m.calls = sim_range(runs, load, setting, sim_figure_calls).mean;
    m.p50 = sim_range(runs, load, setting, sim_figure_p50).mean;
    m.p99 = sim_range(runs, load, setting, sim_figure_p99).mean;
    m.failed = sim_range(runs, load, setting, sim_figure_failed).mean;

    return m;
}


const char *
sim_choice_name(sim_choice_e choice)
{
    static const char *const  names[] = { "fewest", "balanced", "fastest" };

    return names[choice];
}


uint32_t
sim_choose(const sim_options_t *options, const sim_runs_t *runs, uint32_t load,
    sim_choice_e choice, double *limit)
{
    double          failed, lowest, cost, least, calls;
    uint32_t        j, best;
    sim_measured_t  m;

    failed = 1;
    lowest = INFINITY;

    for (j = 1; j < runs->settings; j++) {
        failed = fmin(failed, sim_measured(runs, load, j).failed);
    }

    for (j = 1; j < runs->settings; j++) {
        m = sim_measured(runs, load, j);

        if (m.failed <= failed + SIM_FEW) {
            lowest = fmin(lowest, m.p99);
        }
    }

    *limit = lowest + (options->limited ? (double) options->slower
                                        : lowest * SIM_ABOVE);
    best = 1;
    least = INFINITY;
    calls = INFINITY;

    for (j = 1; j < runs->settings; j++) {
        m = sim_measured(runs, load, j);

        if (m.failed > failed + SIM_FEW
            || (choice == SIM_CHOICE_FEWEST && m.p99 > *limit))
        {
            continue;
        }

        cost = sim_choice_cost(&m, choice);

        if (cost * SIM_CLOSE < least
            || (cost < least * SIM_CLOSE && m.calls * SIM_CLOSE < calls))
        {
            best = j;
            least = cost;
            calls = m.calls;
        }
    }

    return best;
}


static double
sim_choice_cost(const sim_measured_t *m, sim_choice_e choice)
{
    switch (choice) {

    case SIM_CHOICE_FEWEST:
        return m->calls;

    case SIM_CHOICE_BALANCED:
        return m->calls * (m->p50 + m->p99);

    default: /* SIM_CHOICE_FASTEST */
        return m->p50 + m->p99;
    }
}


void
sim_suggest(const sim_options_t *options, const sim_runs_t *runs)
{
    uint32_t  i;

    for (i = 0; i < runs->loads; i++) {
        sim_suggest_load(options, runs, i);
    }
}


static void
sim_suggest_load(const sim_options_t *options, const sim_runs_t *runs,
    uint32_t load)
{
    double          limit, rate, least, failed;
    uint32_t        best, before[SIM_CHOICES];
    sim_choice_e    choice, same;
    sim_measured_t  m, none;

    none = sim_measured(runs, load, 0);
    rate = sim_run_of(runs, load, 0, 0)->trace->load;

    if (rate > 0) {
        printf("%s%g %s: ", load ? "\n" : "", rate,
               options->generator.kind == SIM_GENERATE_CLIENTS
               ? "clients" : "requests/s");
    }

    printf("%u settings were tried\n\n%38s  %9s %9s %9s\n%-38s  %9.3f %9.1f "
           "%9.1f\n", runs->settings - 1, "", "calls", "p50, ms", "p99, ms",
           "without batching", none.calls, none.p50, none.p99);

    least = INFINITY;
    failed = 1;

    for (choice = 0; choice < SIM_CHOICES; choice++) {
        best = sim_choose(options, runs, load, choice, &limit);
        before[choice] = best;

        m = sim_measured(runs, load, best);
        least = fmin(least, m.calls);
        failed = fmin(failed, m.failed);

        printf("\n");
        sim_suggest_why(options, choice, limit);
        printf("%-38s  %9.3f %9.1f %9.1f\n",
               sim_run_of(runs, load, best, 0)->settings->name, m.calls, m.p50,
               m.p99);

        for (same = 0; before[same] != best; same++) { /* void */ }

        if (same == choice) {
            sim_suggest_lines(sim_run_of(runs, load, best, 0)->settings->name);
        }
    }

    if (failed > SIM_MANY) {
        printf("\nWhatever the setting, %.0f %% of requests are refused or "
               "late.\n", failed * 100);
    }

    if (least > SIM_NOTHING) {
        printf("\nHardly anything can be saved: requests that may share a call "
               "are too few, or too\nfar apart.\n");
    }
}


static void
sim_suggest_why(const sim_options_t *options, sim_choice_e choice,
    double limit)
{
    switch (choice) {

    case SIM_CHOICE_FEWEST:
        printf("The fewest calls with p99 up to %.1f ms, which is ", limit);

        if (options->limited) {
            printf("%u ms above the lowest:\n", (unsigned) options->slower);

        } else {
            printf("%g %% above the lowest:\n", SIM_ABOVE * 100);
        }

        break;

    case SIM_CHOICE_BALANCED:
        printf("Balanced, as calls times latency is the least: to save one "
               "percent more of calls\nwould cost more than one percent of "
               "latency:\n");
        break;

    default: /* SIM_CHOICE_FASTEST */
        printf("The lowest latency, as the sum of p50 and p99; the fewest "
               "calls with that:\n");
    }
}


/* a word of a setting is a directive */

static void
sim_suggest_lines(const char *words)
{
    char         name[64];
    size_t       len, n;
    const char  *s, *value;

    for (s = words; *s; s += len) {
        s += strspn(s, " ");
        len = strcspn(s, " ");

        value = memchr(s, '=', len);

        if (value) {
            snprintf(name, sizeof(name), "llm_batch_%.*s", (int) (value - s),
                     s);
            value++;

        } else {
            /* of a window the value is enough */
            snprintf(name, sizeof(name), "llm_batch_window");
            value = s;
        }

        n = len - (size_t) (value - s);

        printf("    %-19s %.*s;\n", name, (int) n, value);
    }
}
