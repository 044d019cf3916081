
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The command line.
 */


#include <stdlib.h>
#include <string.h>

#include "sim.h"


typedef struct {
    const char  *name;
    unsigned   (*set)(sim_options_t *options, const char *value);
    const char  *wanted;          /* NULL: there is no value */
} sim_option_t;


static const char  sim_help[] =
"usage: llm-batch-sim [option ...] [file]\n"
"       llm-batch-sim [option ...] --generate kind --rate n[,n...]\n"
"\n"
"What ngx_http_llm_batch_module would do with the requests of a trace: the\n"
"batches, and how long everybody waits.  The file, or \"-\" for the standard\n"
"input, is a JSON list of texts, a JSON list of objects with \"request_id\",\n"
"\"created_at_ms\" and \"prompt\", or a log of nginx; docs/simulator.md\n"
"has the details.  A time is in ms, or has a unit: 500, 500ms, 2s.\n"
"\n"
"the directives, with their defaults:\n"
"  --window slot                 slot, fixed, rate=50r/s or none\n"
"  --concurrency 'auto max=16'\n"
"  --min-size 2\n"
"  --max-size 10\n"
"  --max-tokens 0\n"
"  --max-wait 500ms\n"
"  --eligible-tasks any          or names with commas in between\n"
"  --latency-budget 0            of requests that have none; 0 is none\n"
"  --latency-threshold 200ms\n"
"  --latency-tolerance high      of requests that have none (--tolerance)\n"
"  --zone 64m\n"
"  --compare setting ...         several runs side by side, such as\n"
"                                none slot 'window=fixed max_wait=10';\n"
"                                what is not said is as above\n"
"\n"
"the upstream:\n"
"  --cost 3.15+0.62n             ms of a call of n items; with t tokens, too\n"
"  --parallel 1                  calls at a time, or \"unlimited\"\n"
"  --jitter 0%                   by which times differ, up and down\n"
"  --reject 0%                   calls that are answered 429\n"
"  --limit n r/s                 calls beyond this rate are answered 429\n"
"  --retry-after time            of answers of 429\n"
"\n"
"a trace by chance:\n"
"  --generate kind               poisson, bursts or heavy\n"
"  --rate n[,n...]               requests per second; a run for each\n"
"  --seconds 10\n"
"  --burst 40                    requests of a burst\n"
"  --tokens 64                   mean of a request\n"
"  --models 1\n"
"  --budgets min-max             latency budgets, ms\n"
"  --seed 1                      of this, and of the upstream's chance\n"
"\n"
"  --interval 0                  between the texts of a list\n"
"  --brief                       no batches, only the summary\n"
"  --json                        the report as JSON\n"
"  --plot file.svg               latency and calls, as a picture\n"
"  --help\n";


static unsigned sim_option_cost(sim_options_t *o, const char *value);
static unsigned sim_option_parallel(sim_options_t *o, const char *value);
static unsigned sim_option_jitter(sim_options_t *o, const char *value);
static unsigned sim_option_reject(sim_options_t *o, const char *value);
static unsigned sim_option_limit(sim_options_t *o, const char *value);
static unsigned sim_option_retry(sim_options_t *o, const char *value);
static unsigned sim_option_generate(sim_options_t *o, const char *value);
static unsigned sim_option_rate(sim_options_t *o, const char *value);
static unsigned sim_option_seconds(sim_options_t *o, const char *value);
static unsigned sim_option_burst(sim_options_t *o, const char *value);
static unsigned sim_option_tokens(sim_options_t *o, const char *value);
static unsigned sim_option_models(sim_options_t *o, const char *value);
static unsigned sim_option_budgets(sim_options_t *o, const char *value);
static unsigned sim_option_seed(sim_options_t *o, const char *value);
static unsigned sim_option_interval(sim_options_t *o, const char *value);
static unsigned sim_option_plot(sim_options_t *o, const char *value);
static unsigned sim_option_brief(sim_options_t *o, const char *value);
static unsigned sim_option_json(sim_options_t *o, const char *value);
static unsigned sim_option_help(sim_options_t *o, const char *value);


static const sim_option_t  sim_option_list[] = {
    { "cost", sim_option_cost, "ms such as \"3.15+0.62n\"" },
    { "parallel", sim_option_parallel, "1 to 4096, or \"unlimited\"" },
    { "jitter", sim_option_jitter, "0% to 100%" },
    { "reject", sim_option_reject, "0% to 100%" },
    { "limit", sim_option_limit, "a rate such as 50r/s" },
    { "retry-after", sim_option_retry, "a time up to an hour" },
    { "generate", sim_option_generate,
      "\"poisson\", \"bursts\" or \"heavy\"" },
    { "rate", sim_option_rate,
      "up to 32 numbers above 0 with commas in between" },
    { "seconds", sim_option_seconds, "a number up to 86400" },
    { "burst", sim_option_burst, "1 to 100000" },
    { "tokens", sim_option_tokens, "1 to 1000000" },
    { "models", sim_option_models, "1 to 1000" },
    { "budgets", sim_option_budgets, "two numbers of ms: min-max" },
    { "seed", sim_option_seed, "a number" },
    { "interval", sim_option_interval, "a time up to an hour" },
    { "plot", sim_option_plot, "a file" },
    { "brief", sim_option_brief, NULL },
    { "json", sim_option_json, NULL },
    { "help", sim_option_help, NULL }
};

#define SIM_NOPTIONS  (sizeof(sim_option_list) / sizeof(sim_option_list[0]))


static void sim_option(sim_options_t *o, const char *name, const char *value,
    unsigned given, unsigned *taken);
static void sim_options_check(const sim_options_t *o);


void
sim_options(sim_options_t *o, int argc, char **argv)
{
    int        i, words;
    char      *eq;
    char      *compared[SIM_COMPARED];
    uint32_t   j, n;
    unsigned   taken;

    static char  window[32];

    memset(o, 0, sizeof(sim_options_t));
    sim_settings_init(&o->settings);

    (void) sim_cost("3.15+0.62n", &o->backend);
    o->backend.parallel = 1;
    o->backend.seed = 1;
    o->generator.seconds = 10;
    o->generator.burst = 40;
    o->generator.tokens = 64;
    o->generator.models = 1;
    o->generator.seed = 1;

    n = 0;
    words = 0;

    for (i = 1; i < argc; i++) {

        if (strcmp(argv[i], "--") == 0) {
            words = 0;
            continue;
        }

        if (strcmp(argv[i], "--compare") == 0) {
            words = 1;
            continue;
        }

        if (strncmp(argv[i], "--", 2) == 0) {
            words = 0;
            eq = strchr(argv[i], '=');

            if (eq) {
                *eq = '\0';
            }

            sim_option(o, argv[i] + 2, eq ? eq + 1 : argv[i + 1],
                       eq || i + 1 < argc, &taken);
            i += taken && eq == NULL;
            continue;
        }

        if (words) {

            if (n == SIM_COMPARED) {
                sim_die(2, "--compare takes %d settings", SIM_COMPARED);
            }

            compared[n++] = argv[i];
            continue;
        }

        if (o->file) {
            sim_die(2, "\"%s\": there is a file already, \"%s\"", argv[i],
                    o->file);
        }

        o->file = argv[i];
    }

    /* settings that are compared start from all options, wherever they are */

    for (j = 0; j < n; j++) {
        o->compared[j] = o->settings;
        sim_settings_words(&o->compared[j], compared[j]);
    }

    o->ncompared = n;
    o->settings.name = sim_window_text(&o->settings, window, sizeof(window));
    o->brief |= n > 1 || o->generator.nrates > 1;

    sim_options_check(o);
}


static void
sim_option(sim_options_t *o, const char *name, const char *value,
    unsigned given, unsigned *taken)
{
    size_t       i;
    const char  *problem;

    *taken = 1;
    problem = NULL;

    for (i = 0; i < SIM_NOPTIONS; i++) {
        if (strcmp(sim_option_list[i].name, name) == 0) {
            break;
        }
    }

    if (i < SIM_NOPTIONS && sim_option_list[i].wanted == NULL) {
        *taken = 0;
        (void) sim_option_list[i].set(o, NULL);
        return;
    }

    if (i < SIM_NOPTIONS) {

        if (given && !sim_option_list[i].set(o, value)) {
            problem = sim_option_list[i].wanted;
        }

    } else if (strcmp(name, "max") == 0
               || !sim_setting(&o->settings, name, given ? value : "",
                               &problem))
    {
        sim_die(2, "unknown option \"--%s\"; --help lists them", name);
    }

    if (!given) {
        sim_die(2, "\"--%s\" needs a value", name);
    }

    if (problem) {
        sim_die(2, "\"--%s\" must be %s, not \"%s\"", name, problem, value);
    }
}


static void
sim_options_check(const sim_options_t *o)
{
    if (o->generator.kind == SIM_GENERATE_NONE) {

        if (o->file == NULL) {
            sim_die(2, "no file, and no --generate; --help tells more");
        }

        if (o->generator.nrates) {
            sim_die(2, "\"--rate\" is for --generate");
        }

        return;
    }

    if (o->file) {
        sim_die(2, "\"%s\": a file and --generate do not go together",
                o->file);
    }

    if (o->generator.nrates == 0) {
        sim_die(2, "\"--generate\" needs --rate");
    }
}


static unsigned
sim_option_cost(sim_options_t *o, const char *value)
{
    return sim_cost(value, &o->backend);
}


static unsigned
sim_option_parallel(sim_options_t *o, const char *value)
{
    uint64_t  n;

    if (strcmp(value, "unlimited") == 0) {
        o->backend.parallel = 0;
        return 1;
    }

    if (!sim_integer(value, 1, 4096, &n)) {
        return 0;
    }

    o->backend.parallel = (uint32_t) n;

    return 1;
}


static unsigned
sim_option_jitter(sim_options_t *o, const char *value)
{
    return sim_share(value, &o->backend.jitter);
}


static unsigned
sim_option_reject(sim_options_t *o, const char *value)
{
    return sim_share(value, &o->backend.reject);
}


static unsigned
sim_option_limit(sim_options_t *o, const char *value)
{
    return sim_rate(value, &o->backend.limit);
}


static unsigned
sim_option_retry(sim_options_t *o, const char *value)
{
    return sim_time(value, 3600000, &o->backend.retry);
}


static unsigned
sim_option_generate(sim_options_t *o, const char *value)
{
    o->generator.kind = strcmp(value, "poisson") == 0 ? SIM_GENERATE_POISSON
                        : strcmp(value, "bursts") == 0 ? SIM_GENERATE_BURSTS
                        : strcmp(value, "heavy") == 0 ? SIM_GENERATE_HEAVY
                        : SIM_GENERATE_NONE;

    return o->generator.kind != SIM_GENERATE_NONE;
}


static unsigned
sim_option_rate(sim_options_t *o, const char *value)
{
    char    *word;
    size_t   len;
    double   rate;

    o->generator.nrates = 0;

    for ( ;; ) {
        len = strcspn(value, ",");
        word = sim_strdup(value, len);

        if (!sim_number(word, 0.001, 1000000, &rate)
            || o->generator.nrates == SIM_RATES)
        {
            return 0;
        }

        free(word);
        o->generator.rates[o->generator.nrates++] = rate;
        value += len;

        if (*value++ == '\0') {
            return 1;
        }
    }
}


static unsigned
sim_option_seconds(sim_options_t *o, const char *value)
{
    return sim_number(value, 0.001, 86400, &o->generator.seconds);
}


static unsigned
sim_option_burst(sim_options_t *o, const char *value)
{
    return sim_number(value, 1, 100000, &o->generator.burst);
}


static unsigned
sim_option_tokens(sim_options_t *o, const char *value)
{
    return sim_number(value, 1, 1000000, &o->generator.tokens);
}


static unsigned
sim_option_models(sim_options_t *o, const char *value)
{
    uint64_t  n;

    if (!sim_integer(value, 1, 1000, &n)) {
        return 0;
    }

    o->generator.models = (uint32_t) n;

    return 1;
}


static unsigned
sim_option_budgets(sim_options_t *o, const char *value)
{
    const char  *dash;

    dash = strchr(value, '-');

    return dash
           && sim_integer(sim_strdup(value, (size_t) (dash - value)), 1,
                          3600000, &o->generator.budget_min)
           && sim_integer(dash + 1, o->generator.budget_min, 3600000,
                          &o->generator.budget_max);
}


static unsigned
sim_option_seed(sim_options_t *o, const char *value)
{
    o->generator.seed = 1;

    if (!sim_integer(value, 0, UINT32_MAX, &o->generator.seed)) {
        return 0;
    }

    o->backend.seed = o->generator.seed;

    return 1;
}


static unsigned
sim_option_interval(sim_options_t *o, const char *value)
{
    uint64_t  ms;

    if (!sim_time(value, 3600000, &ms)) {
        return 0;
    }

    o->interval = ms * 1000;

    return 1;
}


static unsigned
sim_option_plot(sim_options_t *o, const char *value)
{
    o->plot = value;

    return *value != '\0';
}


static unsigned
sim_option_brief(sim_options_t *o, const char *value)
{
    (void) value;
    o->brief = 1;

    return 1;
}


static unsigned
sim_option_json(sim_options_t *o, const char *value)
{
    (void) value;
    o->json = 1;

    return 1;
}


static unsigned
sim_option_help(sim_options_t *o, const char *value)
{
    (void) o;
    (void) value;
    fputs(sim_help, stdout);
    exit(0);
}
