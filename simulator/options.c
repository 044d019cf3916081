
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * The command line.
 */


#include <stdlib.h>
#include <string.h>

#include "suggest.h"


typedef struct {
    const char  *name;
    unsigned   (*set)(sim_options_t *options, const char *value);
    const char  *wanted;          /* NULL: there is no value */
} sim_option_t;


static const char  sim_help[] =
"usage: llm-batch-sim [option ...] [file]\n"
"       llm-batch-sim [option ...] --generate kind --rate n[,n...]\n"
"       llm-batch-sim [option ...] --clients n[,n...]\n"
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
"  --max-size 32\n"
"  --max-tokens 0\n"
"  --patience 10%                or off, or '10% budget'; 10%,budget\n"
"  --max-wait 500ms\n"
"  --split 'on max=64'           or off: arrays too large for a call\n"
"  --eligible-tasks any          or names with commas in between\n"
"  --latency-budget 0            of requests that have none; 0 is none\n"
"  --latency-threshold 200ms\n"
"  --latency-tolerance high      of requests that have none (--tolerance)\n"
"  --zone 64m\n"
"  --nodes 1                     servers with nginx, each with its own zone\n"
"  --by random                   how requests come to them: random, or key\n"
"  --compare setting ...         several runs side by side, such as\n"
"                                none slot 'window=fixed max_wait=10';\n"
"                                what is not said is as above\n"
"\n"
"the upstream:\n"
"  --cost 3.15+0.62n             ms of a call of n items; with t tokens, too;\n"
"                                several with commas: of models, in turn\n"
"  --parallel 1                  calls at a time, or \"unlimited\"\n"
"  --jitter 0%                   by which times differ, up and down\n"
"  --reject 0%                   calls that are answered 429\n"
"  --most-items 2048             that a call may have; 0: any number\n"
"  --limit n r/s                 calls beyond this rate are answered 429\n"
"  --retry-after time            of answers of 429\n"
"\n"
"a trace by chance:\n"
"  --generate kind               poisson, bursts or heavy\n"
"  --rate n[,n...]               requests per second; a run for each\n"
"  --clients n[,n...]            in place of both: clients that ask again\n"
"                                when they have their answer, and have\n"
"  --think 0                     thought for so long, in the mean\n"
"  --seconds 10\n"
"  --burst 40                    requests of a burst\n"
"  --tokens 64                   mean of an item\n"
"  --items 1                     mean of a request: arrays of up to 2048\n"
"  --models 1\n"
"  --keys n                      only requests of one key share calls;\n"
"                                n,zipf or n,zipf=1.2: some are popular;\n"
"                                unique: each request has its own\n"
"  --budgets min-max             latency budgets, ms\n"
"  --seed 1                      of this, and of the upstream's chance\n"
"  --seeds 1                     so many, from that one on: the mean of each\n"
"                                figure, its least, and its most\n"
"\n"
"  --interval 0                  between the texts of a list\n"
"  --bound                       the least calls that any policy could have\n"
"                                made, with nobody slower than the slowest,\n"
"  --slower time                 or by more than so long\n"
"  --suggest                     tries settings, and says which to choose;\n"
"                                with --slower p99 may be so much above the\n"
"                                lowest, instead of 20 %\n"
"  --brief                       no batches, only the summary\n"
"  --json                        the report as JSON\n"
"  --plot file.svg               latency and calls, as a picture\n"
"  --frontier file.svg           calls against added latency: by patience, by\n"
"                                fixed windows, and the least of any policy\n"
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
static unsigned sim_option_keys(sim_options_t *o, const char *value);
static unsigned sim_option_items(sim_options_t *o, const char *value);
static unsigned sim_option_clients(sim_options_t *o, const char *value);
static unsigned sim_option_think(sim_options_t *o, const char *value);
static unsigned sim_option_seeds(sim_options_t *o, const char *value);
static unsigned sim_option_most(sim_options_t *o, const char *value);
static unsigned sim_option_budgets(sim_options_t *o, const char *value);
static unsigned sim_option_seed(sim_options_t *o, const char *value);
static unsigned sim_option_interval(sim_options_t *o, const char *value);
static unsigned sim_option_plot(sim_options_t *o, const char *value);
static unsigned sim_option_bound(sim_options_t *o, const char *value);
static unsigned sim_option_slower(sim_options_t *o, const char *value);
static unsigned sim_option_suggest(sim_options_t *o, const char *value);
static unsigned sim_option_frontier(sim_options_t *o, const char *value);
static unsigned sim_option_brief(sim_options_t *o, const char *value);
static unsigned sim_option_json(sim_options_t *o, const char *value);
static unsigned sim_option_help(sim_options_t *o, const char *value);


static const sim_option_t  sim_option_list[] = {
    { "cost", sim_option_cost,
      "ms such as \"3.15+0.62n\", or up to 16 of them with commas in between" },
    { "parallel", sim_option_parallel, "1 to 4096, or \"unlimited\"" },
    { "jitter", sim_option_jitter, "0% to 100%" },
    { "reject", sim_option_reject, "0% to 100%" },
    { "most-items", sim_option_most, "0 to 100000" },
    { "limit", sim_option_limit, "a rate such as 50r/s" },
    { "retry-after", sim_option_retry, "a time up to an hour" },
    { "generate", sim_option_generate,
      "\"poisson\", \"bursts\" or \"heavy\"" },
    { "rate", sim_option_rate,
      "up to 32 numbers above 0 with commas in between" },
    { "clients", sim_option_clients,
      "up to 32 numbers up to 100000 with commas in between" },
    { "think", sim_option_think, "a time up to an hour" },
    { "seconds", sim_option_seconds, "a number up to 86400" },
    { "burst", sim_option_burst, "1 to 100000" },
    { "tokens", sim_option_tokens, "1 to 1000000" },
    { "models", sim_option_models, "1 to 1000" },
    { "items", sim_option_items, "1 to 2048" },
    { "keys", sim_option_keys,
      "1 to 10000000, with \",zipf\" or \",zipf=exponent\", or \"unique\"" },
    { "budgets", sim_option_budgets, "two numbers of ms: min-max" },
    { "seed", sim_option_seed, "a number" },
    { "seeds", sim_option_seeds, "1 to 1000" },
    { "interval", sim_option_interval, "a time up to an hour" },
    { "plot", sim_option_plot, "a file" },
    { "bound", sim_option_bound, NULL },
    { "slower", sim_option_slower, "a time up to an hour" },
    { "suggest", sim_option_suggest, NULL },
    { "frontier", sim_option_frontier, "a file" },
    { "brief", sim_option_brief, NULL },
    { "json", sim_option_json, NULL },
    { "help", sim_option_help, NULL }
};

#define SIM_NOPTIONS  (sizeof(sim_option_list) / sizeof(sim_option_list[0]))


static void sim_option(sim_options_t *o, const char *name, const char *value,
    unsigned given, unsigned *taken);
static void sim_options_check(const sim_options_t *o);


static void
sim_options_init(sim_options_t *o)
{
    memset(o, 0, sizeof(sim_options_t));
    sim_settings_init(&o->settings);

    (void) sim_option_cost(o, "3.15+0.62n");
    o->backend.parallel = 1;
    o->backend.seed = 1;
    o->backend.most = 2048;
    o->seeds = 1;
    o->generator.seconds = 10;
    o->generator.burst = 40;
    o->generator.tokens = 64;
    o->generator.items = 1;
    o->generator.models = 1;
    o->generator.seed = 1;
}


void
sim_options(sim_options_t *o, int argc, char **argv)
{
    int        i, words;
    char      *eq;
    char      *compared[SIM_COMPARED];
    uint32_t   j, n;
    unsigned   taken;

    static char  window[32];

    sim_options_init(o);

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
    sim_options_check(o);

    if (o->suggest) {
        sim_candidates_suggest(o);

    } else if (o->frontier) {
        sim_candidates_frontier(o);
    }

    o->brief |= o->ncompared > 1 || o->generator.nloads > 1 || o->seeds > 1;
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
    const sim_generator_t  *g;

    g = &o->generator;

    if (g->kind == SIM_GENERATE_NONE) {

        if (o->rated) {
            sim_die(2, "\"--rate\" is for --generate");
        }

        if (o->file == NULL) {
            sim_die(2, "no file, no --generate and no --clients; --help tells "
                    "more");
        }

        if (g->keys || g->unique) {
            sim_die(2, "\"--keys\" is for --generate and --clients; a file "
                    "has its own, as \"key\"");
        }

        if (g->items != 1) {
            sim_die(2, "\"--items\" is for --generate and --clients; a file "
                    "has its own, as \"items\"");
        }

    } else if (o->file) {
        sim_die(2, "\"%s\": a file and --%s do not go together", o->file,
                g->kind == SIM_GENERATE_CLIENTS ? "clients" : "generate");
    }

    if (g->kind == SIM_GENERATE_CLIENTS && (o->rated || o->generated)) {
        sim_die(2, "\"--clients\" and \"--%s\" do not go together: a client "
                "asks again when it has its answer",
                o->generated ? "generate" : "rate");
    }

    if (o->backend.ncosts > g->models) {
        sim_die(2, "\"--cost\": there are %u of them, for \"--models %u\"",
                o->backend.ncosts, g->models);
    }

    if (o->limited && !o->bound && !o->suggest) {
        sim_die(2, "\"--slower\" is for --bound and --suggest");
    }

    if (o->ncompared && (o->suggest || o->frontier)) {
        sim_die(2, "\"--compare\" and \"--%s\" do not go together: that "
                "has settings of its own", o->suggest ? "suggest"
                                                      : "frontier");
    }

    if (o->suggest && o->frontier) {
        sim_die(2, "\"--suggest\" and \"--frontier\" do not go together: "
                "they have other settings");
    }

    if (o->thinks && g->kind != SIM_GENERATE_CLIENTS) {
        sim_die(2, "\"--think\" is for --clients");
    }

    if (o->generated && !o->rated) {
        sim_die(2, "\"--generate\" needs --rate");
    }
}


static unsigned
sim_option_cost(sim_options_t *o, const char *value)
{
    char    *word;
    size_t   len;

    o->backend.ncosts = 0;

    for ( ;; ) {
        len = strcspn(value, ",");
        word = sim_strdup(value, len);

        if (o->backend.ncosts == SIM_COSTS
            || !sim_cost(word, &o->backend.costs[o->backend.ncosts++]))
        {
            return 0;
        }

        free(word);
        value += len;

        if (*value++ == '\0') {
            return 1;
        }
    }
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
sim_option_most(sim_options_t *o, const char *value)
{
    uint64_t  n;

    if (!sim_integer(value, 0, 100000, &n)) {
        return 0;
    }

    o->backend.most = (uint32_t) n;

    return 1;
}


static unsigned
sim_option_generate(sim_options_t *o, const char *value)
{
    sim_generate_e  kind;

    kind = strcmp(value, "poisson") == 0 ? SIM_GENERATE_POISSON
           : strcmp(value, "bursts") == 0 ? SIM_GENERATE_BURSTS
           : strcmp(value, "heavy") == 0 ? SIM_GENERATE_HEAVY
           : SIM_GENERATE_NONE;

    o->generated = 1;

    if (o->generator.kind != SIM_GENERATE_CLIENTS) {
        o->generator.kind = kind;
    }

    return kind != SIM_GENERATE_NONE;
}


/* a run for each of them */

static unsigned
sim_option_loads(sim_options_t *o, const char *value, double min, double max)
{
    char    *word;
    size_t   len;
    double   load;

    o->generator.nloads = 0;

    for ( ;; ) {
        len = strcspn(value, ",");
        word = sim_strdup(value, len);

        if (!sim_number(word, min, max, &load)
            || o->generator.nloads == SIM_LOADS)
        {
            return 0;
        }

        free(word);
        o->generator.loads[o->generator.nloads++] = load;
        value += len;

        if (*value++ == '\0') {
            return 1;
        }
    }
}


static unsigned
sim_option_rate(sim_options_t *o, const char *value)
{
    o->rated = 1;

    return sim_option_loads(o, value, 0.001, 1000000);
}


static unsigned
sim_option_clients(sim_options_t *o, const char *value)
{
    o->generator.kind = SIM_GENERATE_CLIENTS;

    return strspn(value, "0123456789,") == strlen(value)
           && sim_option_loads(o, value, 1, 100000);
}


static unsigned
sim_option_think(sim_options_t *o, const char *value)
{
    uint64_t  ms;

    if (!sim_time(value, 3600000, &ms)) {
        return 0;
    }

    o->thinks = 1;
    o->generator.think = (double) ms * 1000;

    return 1;
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
sim_option_items(sim_options_t *o, const char *value)
{
    return sim_number(value, 1, 2048, &o->generator.items);
}


static unsigned
sim_option_keys(sim_options_t *o, const char *value)
{
    size_t       len;
    uint64_t     n;
    const char  *more;

    o->generator.keys = 0;
    o->generator.zipf = 0;
    o->generator.unique = strcmp(value, "unique") == 0;

    if (o->generator.unique) {
        return 1;
    }

    len = strcspn(value, ",");

    if (!sim_integer(sim_strdup(value, len), 1, 10000000, &n)) {
        return 0;
    }

    o->generator.keys = (uint32_t) n;
    more = value + len;

    if (strcmp(more, ",zipf") == 0) {
        o->generator.zipf = 1;
        return 1;
    }

    return *more == '\0'
           || (strncmp(more, ",zipf=", 6) == 0
               && sim_number(more + 6, 0.01, 10, &o->generator.zipf));
}


static unsigned
sim_option_seeds(sim_options_t *o, const char *value)
{
    uint64_t  n;

    if (!sim_integer(value, 1, SIM_SEEDS, &n)) {
        return 0;
    }

    o->seeds = (uint32_t) n;

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
sim_option_bound(sim_options_t *o, const char *value)
{
    (void) value;
    o->bound = 1;

    return 1;
}


static unsigned
sim_option_slower(sim_options_t *o, const char *value)
{
    o->limited = 1;

    return sim_time(value, 3600000, &o->slower);
}


static unsigned
sim_option_suggest(sim_options_t *o, const char *value)
{
    (void) value;
    o->suggest = 1;

    return 1;
}


static unsigned
sim_option_frontier(sim_options_t *o, const char *value)
{
    o->frontier = value;

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
